"""Answers and requests of jobs, events, uploads and predictions."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from .figures import Column, Json, Measure, Problem
from .reading import Limits


class JobRequest(TypedDict):
    """Body of POST api/jobs. wraps: outermost first. Settings that name files hold the id of an upload."""

    task: str
    task_fields: dict[str, Json]
    method: str
    method_fields: dict[str, Json]
    wraps: list[WrapRequest]
    budget: str
    seed: int


class WrapRequest(TypedDict):
    """A wrapper with its settings, as a record has it."""

    name: str
    settings: dict[str, Json]


class Job(TypedDict):
    """One job. place: how many are before it in the queue. run: the record, once there is one."""

    job: str
    kind: Literal["run", "predict"]
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    title: str
    task: str
    method: str
    budget: str
    seed: int
    created: float
    started: float | None
    ended: float | None
    place: int
    step: int
    total: int
    figures: dict[str, float]
    rate: float | None
    left: float | None
    run: str
    problem: Problem | None


class JobsAnswer(TypedDict):
    """api/jobs.json, newest first."""

    jobs: list[Job]
    limits: Limits


class Started(TypedDict):
    """202 of POST api/jobs and of POST api/predictions (then `prediction` is its id as well)."""

    job: str
    place: int


class Event(TypedDict):
    """Data of every server-sent event; its name is `event`, its number the id of the stream.

    hello: jobs as they stand. step: step, total, figures, rate, left. said: text. done: run (and five), or prediction.
    """

    event: Literal["hello", "queued", "started", "step", "said", "judging", "judged", "done", "failed", "cancelled"]
    job: str
    at: float
    step: NotRequired[int]
    total: NotRequired[int]
    figures: NotRequired[dict[str, float]]
    rate: NotRequired[float | None]
    left: NotRequired[float | None]
    text: NotRequired[str]
    run: NotRequired[str]
    five: NotRequired[list[Measure]]
    problem: NotRequired[Problem]
    jobs: NotRequired[list[Job]]


class UploadAnswer(TypedDict):
    """201 of PUT api/uploads/<name>, and api/uploads/<id>.json. state: parsing goes on in a worker. fits: records that
    can answer it; unfit: why others of the same container cannot.
    """

    upload: str
    name: str
    bytes: int
    state: Literal["parsing", "ready", "refused"]
    kind: str
    count: int
    elements: list[int]
    grid: Json
    preview: dict[str, Column]
    fits: list[str]
    unfit: dict[str, str]
    problem: Problem | None


class PredictionRequest(TypedDict):
    """Body of POST api/predictions."""

    run: str
    upload: str


class PredictedSample(TypedDict):
    """One sample of a prediction. outputs: predicted, lower, upper by output."""

    inputs: dict[str, Column]
    outputs: dict[str, dict[str, Column]]


class PredictionAnswer(TypedDict):
    """api/predictions/<id>.json. samples: the first ones; file: to download, in the format that came.

    warnings: what the library warned of, in its words; notes: what is to know of any answer of the record.
    """

    prediction: str
    run: str
    upload: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    count: int
    level: float | None
    errors: dict[str, float]
    units: dict[str, str]
    warnings: list[str]
    notes: list[str]
    samples: list[PredictedSample]
    file: str
    problem: Problem | None
