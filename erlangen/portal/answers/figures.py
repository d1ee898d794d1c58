"""Parts of many answers: figures with their bars, marks, the five measures, columns."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

FORMAT = "erlangen-portal-1"

Json = Any
"""Any JSON value: a setting, a field of a record."""
Scale = Literal["quantum", "atomistic", "continuum", "across"]
State = Literal["planned", "broken", "runs", "open"]
Mode = Literal["served", "public", "export"]
"""Of `<body data-mode>`: with jobs and predictions, read-only, or files."""
Page = Literal[
    "map",
    "area",
    "leaf",
    "runs",
    "run",
    "compare",
    "methods",
    "method",
    "predict",
    "lessons",
    "lesson",
    "resources",
    "about",
]
"""Of `<body data-page>`; the data of a page is the answer of that name below."""


class Figure(TypedDict):
    """A number as it was measured: value, one standard error, how the bar was made, and as text."""

    value: float | None
    error: float | None
    unit: str
    text: str
    by: str
    absent: str


class Mark(TypedDict):
    """One thing on the axis of a measure. `limit` and `promise` are lines, `floor` the error of the labels."""

    kind: Literal["ours", "opponent", "published", "floor", "limit", "promise", "shifted", "float64", "unclaimed"]
    value: float
    error: float | None
    label: str
    text: str
    source: str


class Measure(TypedDict):
    """One of the five. figure.text, what, note: the lines around its plot (figure.absent: why there is no figure).

    sentence: for speech. axis: of its marks, all in the unit of the figure (ours comes first where there is one).
    good: whether a promise is kept (declared symmetries hold, intervals hold as often as promised), null where nothing
    was promised.
    """

    key: Literal["error", "price", "symmetry", "intervals", "shift"]
    title: str
    figure: Figure
    what: str
    note: str
    sentence: str
    good: bool | None
    axis: Literal["linear", "log"]
    marks: list[Mark]


class Reference(TypedDict):
    """A paper, a page, a code, a data set."""

    title: str
    href: str


class Column(TypedDict):
    """An array, flat, in C order."""

    shape: list[int]
    values: list[Json]


class ScoreRow(TypedDict):
    """A score: what it is called and which way is better."""

    name: str
    label: str
    unit: str
    lower_is_better: bool


class QuantityRow(TypedDict):
    """A declared input or output."""

    name: str
    label: str
    symbol: str
    unit: str
    axes: str


class Problem(TypedDict):
    """Why something was refused (status 4xx): what must hold, what came, what to do; field: of the form."""

    must: str
    came: str
    do: str
    field: str
