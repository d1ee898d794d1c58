"""Answers about records: lists, one record with its parts, comparisons."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from .figures import Column, Figure, Json, Measure, Reference, Scale, ScoreRow


class RunRow(TypedDict):
    """One record in a list. shipped: a reference record of the package."""

    name: str
    href: str
    task: str
    leaf: str
    scale: Scale
    method: str
    seed: int
    created: str
    state: str
    budget: str
    score: str
    figure: Figure
    fit_seconds: float | None
    query_seconds: float | None
    shipped: bool


class RunsAnswer(TypedDict):
    """api/runs.json. count: of all that were asked for; the page /runs/ carries the newest 1,000 of them, the rest is
    fetched. left_out: folders whose record cannot be read, and why.
    """

    runs: list[RunRow]
    count: int
    tasks: list[str]
    methods: list[str]
    states: list[str]
    left_out: list[str]


class FileRow(TypedDict):
    """A file of a run folder, to download."""

    name: str
    href: str
    bytes: int


class Section(TypedDict):
    """A table of the record as text."""

    title: str
    header: list[str]
    rows: list[list[str]]


class ScoreFigure(TypedDict):
    """A score of a record with its figure and the error of the labels."""

    score: ScoreRow
    figure: Figure
    floor: str


class CertificateRow(TypedDict):
    """An audited symmetry; verdict: holds, VIOLATED, not claimed, broken by the problem."""

    subject: str
    group: str
    output: str
    error: float | None
    tolerance: float
    text: str
    verdict: str


class RunAnswer(TypedDict):
    """api/run/<name>.json. record: as it is on disk without panels; null figures have their reason in record.absent."""

    run: str
    href: str
    title: str
    row: RunRow
    leaf: Reference
    five: list[Measure]
    scores: list[ScoreFigure]
    certificate: list[CertificateRow]
    sections: list[Section]
    settings: list[SettingRow]
    command: str
    python: str
    messages: list[str]
    files: list[FileRow]
    same: list[str]
    parts: list[str]
    samples: int
    record: dict[str, Json]


class SettingRow(TypedDict):
    """One setting that a run was made with; default: whether it is that of its task or method."""

    owner: str
    name: str
    text: str


class HistoryAnswer(TypedDict):
    """api/run/<name>/history.json: at most 500 points of every column, of `steps` that were reported."""

    steps: int
    columns: dict[str, list[float | None]]


class Bins(TypedDict):
    """A histogram: edges (one more than counts)."""

    edges: list[float]
    counts: list[int]


class Grid(TypedDict):
    """A histogram in two dimensions over the square [low, high]^2: those cells (column, row) that hold something.

    offset: a constant taken off both axes, because it is much larger than the spread.
    """

    low: float
    high: float
    offset: float
    cells: int
    counts: list[list[int]]
    mae: float
    rmse: float
    r2: float | None
    total: int


class SeriesPart(TypedDict):
    """One thing that is drawn. columns: by role (`study.panels`); bins and grid in place of many values."""

    label: str
    look: str
    columns: dict[str, Column]
    bins: NotRequired[Bins]
    grid: NotRequired[Grid]


class PanelAnswer(TypedDict):
    """One plot as data. axes: label and unit; sentence: for speech."""

    name: str
    kind: Literal["parity", "curve", "field", "structure", "spectrum", "histogram", "image"]
    title: str
    axes: list[list[str]]
    scales: list[str]
    notes: list[str]
    caption: str
    sentence: str
    series: list[SeriesPart]


class PlotsAnswer(TypedDict):
    """api/run/<name>/plots.json"""

    panels: list[PanelAnswer]


class SampleAnswer(TypedDict):
    """api/run/<name>/samples/<i>.json: a test sample. inputs, outputs: by quantity (and true, predicted, ...)."""

    index: int
    count: int
    container: str
    row: int | None
    inputs: dict[str, Column]
    outputs: dict[str, dict[str, Column]]
    units: dict[str, str]


class ComparedRun(TypedDict):
    """One column of a comparison."""

    run: str
    href: str
    title: str
    task: str
    five: list[Measure]


class ComparedScore(TypedDict):
    """One score of all runs, in their order; letters: who shares one cannot be told apart (empty: not computed)."""

    score: ScoreRow
    figures: list[Figure]
    letters: list[str]


class Difference(TypedDict):
    """Paired difference of two runs (first minus second) over the test samples that both judged."""

    score: str
    first: str
    second: str
    figure: Figure
    p: float | None
    significant: bool


class SettingLine(TypedDict):
    """One setting of all runs, in their order."""

    owner: str
    name: str
    values: list[str]
    differs: bool


class CompareAnswer(TypedDict):
    """api/compare.json?runs=a,b,c"""

    runs: list[ComparedRun]
    scores: list[ComparedScore]
    differences: list[Difference]
    settings: list[SettingLine]
    notes: list[str]
