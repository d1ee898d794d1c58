"""Answers about what there is to read, and about this server."""

from __future__ import annotations

from typing import Literal, TypedDict

from .figures import Json, Measure, Mode, QuantityRow, Reference, Scale
from .maps import Resource


class SearchEntry(TypedDict):
    """One thing that can be found."""

    kind: Literal["area", "leaf", "method", "run", "resource", "lesson", "page"]
    title: str
    text: str
    href: str


class SearchAnswer(TypedDict):
    """api/search.json"""

    entries: list[SearchEntry]


class ResourcesAnswer(TypedDict):
    """api/resources.json"""

    resources: list[Resource]
    kinds: list[str]
    areas: list[Reference]


class LessonRow(TypedDict):
    """One lesson in the list."""

    path: str
    href: str
    title: str
    scale: Scale
    line: str


class LessonsAnswer(TypedDict):
    """api/lessons.json"""

    lessons: list[LessonRow]


class Block(TypedDict):
    """A part of a lesson. text: prose, TeX, Python, what was printed, or a list, an item on each line; caption: above
    it. exercise: prose of its question; solution: code, folded.
    """

    kind: Literal["heading", "text", "list", "equation", "code", "output", "exercise", "solution"]
    text: str
    caption: str


class LessonAnswer(TypedDict):
    """api/lesson/<area>/<task>.json. ran: when and where it printed what is shown; file: the notebook."""

    lesson: LessonRow
    leaf: Reference | None
    blocks: list[Block]
    ran: str
    file: str
    next: Reference | None


class Can(TypedDict):
    """What this server lets one do."""

    run: bool
    predict: bool


class Limits(TypedDict):
    """What a job may take here, and how many may wait."""

    upload_mb: int
    minutes: float
    jobs: int
    queue: int
    memory_gb: float


class AboutAnswer(TypedDict):
    """api/about.json"""

    format: str
    versions: dict[str, str]
    device: str
    mode: Mode
    can: Can
    limits: Limits
    record_format: str
    endings: list[str]
    catalogue: Literal["known", "asking", "unknown"]


class PredictAnswer(TypedDict):
    """The data of the page /predict/: records that can answer a file."""

    runs: list[PredictorRow]
    endings: list[str]
    upload_mb: int
    can: Can


class PredictorRow(TypedDict):
    """A record that answers files. elements, grid: what it was made for."""

    run: str
    href: str
    title: str
    task: str
    leaf: str
    container: str
    outputs: list[QuantityRow]
    elements: list[int]
    grid: Json
    intervals: float | None
    five: list[Measure]
