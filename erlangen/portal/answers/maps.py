"""Answers about the map: areas, leaves with their boards, methods."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from .figures import Figure, Json, Measure, QuantityRow, Reference, Scale, ScoreRow, State
from .records import RunRow


class MapLeaf(TypedDict):
    """One leaf of the map. `charted` false: a plug-in's leaf without an entry in the map. five: of the best record."""

    path: str
    href: str
    title: str
    short: str
    line: str
    symmetry: str
    survey: list[int]
    chapter: str
    state: State
    problem: str
    charted: bool
    methods: int
    records: int
    at: list[int]
    length_m: list[float]
    time_s: list[float]
    five: NotRequired[list[Measure]]
    best: NotRequired[str]


class MapArea(TypedDict):
    """A branch of the map."""

    name: str
    href: str
    title: str
    scale: Scale
    leaves: list[MapLeaf]


class ScaleRow(TypedDict):
    """A continent of the map, and the lengths [m] that it spans."""

    name: Scale
    title: str
    lengths: list[float]


class MapAnswer(TypedDict):
    """api/map.json"""

    format: str
    scales: list[ScaleRow]
    areas: list[MapArea]
    count: dict[str, int]


class AreaAnswer(TypedDict):
    """api/area/<area>.json. methods: which method has how many records on which leaf."""

    area: MapArea
    text: str
    methods: list[MethodRow]
    resources: list[Resource]


class Setting(TypedDict):
    """One setting of a task, a method or a wrapper, as a form needs it. `file`: takes an upload, never a path."""

    name: str
    kind: Literal["int", "float", "bool", "choice", "text", "list", "file", "nested"]
    choices: list[str]
    default: Json
    required: bool
    optional: bool
    comment: str
    annotation: str


class ShiftAxis(TypedDict):
    """Where a task moves away from what was trained on."""

    axis: str
    label: str
    unit: str
    values: list[str]


class Published(TypedDict):
    """A value published elsewhere: another kind of mark, never ranked as ours."""

    name: str
    score: str
    value: float
    unit: str
    source: str
    href: str


class Resource(TypedDict):
    """One entry of the link list."""

    title: str
    href: str
    kind: str
    areas: list[str]
    line: str
    licence: str
    year: int | None
    alive: bool | None


class TaskInfo(TypedDict):
    """What a task says of itself. declared: it was asked (inputs to published), otherwise only its source was read."""

    name: str
    title: str
    doc: str
    source: str
    problem: str
    settings: list[Setting]
    declared: bool
    inputs: list[QuantityRow]
    outputs: list[QuantityRow]
    symmetry: list[str]
    scores: list[ScoreRow]
    shifts: list[ShiftAxis]
    solvers: list[str]
    published: list[Published]


class BoardRow(TypedDict):
    """One line of a board. figures: by score. group: letters, those who share one cannot be told apart."""

    kind: Literal["ours", "opponent", "published"]
    name: str
    detail: str
    run: str
    href: str
    figures: dict[str, Figure]
    seconds: float | None
    seconds_text: str
    five: NotRequired[list[Measure]]
    group: str
    source: str
    shipped: bool
    state: str


class Board(TypedDict):
    """Everyone who answers a leaf, in the order of its first score (`score`)."""

    score: str
    scores: list[ScoreRow]
    rows: list[BoardRow]
    bars: str


class Bar(TypedDict):
    """What opens a leaf, and where the board stands against it."""

    text: str
    limit: float
    unit: str
    score: str
    source: str
    command: str
    standing: str
    met: bool


class MethodRow(TypedDict):
    """A method: what exists. leaves: path -> records of it there. fits: leaves that it accepts."""

    name: str
    href: str
    family: str
    title: str
    problem: str
    wrapper: bool
    records: int
    leaves: dict[str, int]
    fits: list[str]


class Best(TypedDict):
    """The best record of a leaf: the five, and where it is."""

    run: str
    href: str
    title: str
    line: str
    five: list[Measure]


class LeafAnswer(TypedDict):
    """api/leaf/<area>/<task>.json. unrun: methods that fit and have no record here."""

    leaf: MapLeaf
    area: str
    area_title: str
    area_href: str
    scale: Scale
    statement: str
    equation: str
    open: list[str]
    references: list[Reference]
    resources: list[Resource]
    bar: Bar | None
    task: TaskInfo | None
    board: Board
    best: Best | None
    answers: list[MethodRow]
    unrun: list[str]
    wrappers: list[MethodRow]
    neighbours: list[Reference]
    lesson: str
    command: str


class MethodInfo(TypedDict):
    """What a method says of itself."""

    name: str
    family: str
    title: str
    doc: str
    source: str
    problem: str
    wrapper: bool
    settings: list[Setting]
    presets: list[str]
    keeps: list[str]
    declared: bool


class MethodPlace(TypedDict):
    """Where a method stands on one leaf: its best record relative to the best of all and to the solver as accurate."""

    leaf: Reference
    scale: Scale
    run: str
    href: str
    score: str
    figure: Figure
    rank: int
    of: int
    to_best: float | None
    to_solver: float | None
    five: list[Measure]


class MethodAnswer(TypedDict):
    """api/method/<name>.json"""

    method: MethodInfo
    places: list[MethodPlace]
    fits: list[Reference]
    runs: list[RunRow]


class MethodsAnswer(TypedDict):
    """api/methods.json"""

    methods: list[MethodRow]
    families: list[str]
    known: bool
