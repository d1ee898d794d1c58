"""The map: leaves by area, the bar of each, and the board of reference records that shows which bars are met.

    map.toml                      areas, leaves, their bars: the only central list
    tasks/<area>/<task>.py        what makes a leaf run (found by `registry`)
    board/<area>/<task>/*.json    what makes a leaf open: records (`study.record`) that ship with the package

A bar is one figure, the command that earns it, and how many seeds it is averaged over. Nothing here needs JAX.
"""

from __future__ import annotations

import json
import math
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from . import registry
from .core.errors import Invalid

HERE = Path(__file__).parent
CHART, BOARD = HERE / "map.toml", HERE / "board"


@dataclass(frozen=True)
class Bar:
    """What opens a leaf: the mean of `score` over `seeds` runs of `run` is at most `limit` (at least, where higher is
    better), and every symmetry that the method claims holds. source: why that limit.
    """

    score: str
    limit: float
    unit: str
    run: str  # the words after `erlangen run`, without a seed
    source: str
    seeds: int = 1
    at_least: bool = False

    def __str__(self) -> str:
        return f"{self.score} {'>=' if self.at_least else '<='} {self.limit:g} {self.unit}".removesuffix(" 1")

    @property
    def command(self) -> str:
        """The command line that earns it again."""
        return f"erlangen run {self.run}" + (f" --seeds {self.seeds}" if self.seeds > 1 else "")

    def meets(self, value: float) -> bool:
        """Whether a figure is good enough; NaN never is."""
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Row:
    """One record on the board. `run`: the words of the command that made it; certified: claimed symmetries hold."""

    path: Path
    task: str
    method: str
    seed: int
    run: str
    scores: dict[str, tuple[float, float]]  # name -> value, one standard error
    seconds: float
    certified: bool
    record: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Standing:
    """Where a leaf stands against its bar: mean over seeds, its standard error, and what is missing for it to be open.

    error: over seeds where there are several, else that of the record.
    """

    value: float
    error: float
    seconds: float
    missing: str = ""


@dataclass(frozen=True)
class Leaf:
    """One place on the map; ``task`` is what was found for it. `survey`: numbers of the leaf in arXiv:2307.08423."""

    path: str
    title: str
    symmetry: str = ""
    line: str = ""
    survey: tuple[int, ...] = ()
    chapter: str = ""
    bar: Bar | None = None
    task: registry.Entry | None = None
    rows: tuple[Row, ...] = ()

    @property
    def state(self) -> str:
        """planned without a task, broken if its file cannot be read, running with one, open if its bar is met too."""
        if self.task is None:
            return "planned"
        if self.task.problem:
            return "broken"
        standing = self.standing
        return "open" if standing is not None and not standing.missing else "running"

    @property
    def standing(self) -> Standing | None:
        """What the board says about its bar; None where it has no bar or no row of the bar's command."""
        rows = [row for row in self.rows if self.bar and row.run == self.bar.run and self.bar.score in row.scores]
        if self.bar is None or not rows:
            return None
        values = [row.scores[self.bar.score][0] for row in rows]
        mean = sum(values) / len(values)
        spread = math.sqrt(sum((v - mean) ** 2 for v in values) / max(len(values) - 1, 1) / len(values))
        error = spread if len(values) > 1 else rows[0].scores[self.bar.score][1]
        guilty = [row.seed for row in rows if not row.certified]
        if not self.bar.meets(mean):
            missing = "bar missed"
        elif guilty:
            missing = f"symmetry violated, seed {guilty[0]}"
        else:
            missing = f"{len(rows)} of {self.bar.seeds} seeds" if len(rows) < self.bar.seeds else ""
        return Standing(mean, error, sum(row.seconds for row in rows) / len(rows), missing)


@dataclass(frozen=True)
class Area:
    """A branch of the map with its leaves, in the order of the survey."""

    name: str
    title: str
    leaves: tuple[Leaf, ...]


def areas(chart: Path = CHART, board: Path = BOARD) -> list[Area]:
    """The whole map: what is written in ``map.toml``, joined with the tasks found and the rows on the board; tasks
    without a leaf get one.
    """
    table = tomllib.loads(chart.read_text(encoding="utf-8"))
    tasks = registry.entries("task")
    by_name, rows = {e.name: e for e in reversed(tasks)}, rows_of(board)
    leaves = [_leaf(row) for row in table["leaf"]]
    leaves = [
        replace(leaf, task=by_name.get(leaf.path), rows=tuple(row for row in rows if row.task == leaf.path))
        for leaf in leaves
    ]
    charted = {id(leaf.task) for leaf in leaves}
    leaves += [Leaf(e.name, e.class_name, line=e.title, task=e) for e in tasks if id(e) not in charted]
    titles = {row["name"]: row["title"] for row in table["area"]}
    for leaf in leaves:
        titles.setdefault(leaf.path.split("/")[0], leaf.path.split("/")[0])
    return [Area(n, t, tuple(leaf for leaf in leaves if leaf.path.split("/")[0] == n)) for n, t in titles.items()]


def _leaf(row: dict[str, Any]) -> Leaf:
    bar = Bar(**row["bar"]) if "bar" in row else None
    return Leaf(**{**row, "survey": tuple(row.get("survey", ())), "bar": bar})


def rows_of(board: Path = BOARD) -> list[Row]:
    """Every record on the board, in the order of its name; a file that is none raises `Invalid`."""
    return [_row(path) for path in sorted(board.glob("*/*/*.json"))]


def _row(path: Path) -> Row:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        absent = raw["absent"]
        scores = {}
        for i, s in enumerate(raw["scores"]):
            value, error = (math.nan if f"scores.{i}.{k}" in absent else float(s[k]) for k in ("value", "error"))
            scores[s["name"]] = (value, error)
        audited = [r for r in raw["symmetry"] if r["declared"] and not r["broken"]]
        held = all(r["error"] is not None and r["error"] <= r["tolerance"] for r in audited)
        seconds = float((raw["cost"] or {}).get("fit_seconds", math.nan))
        method = " + ".join([raw["method"], *(wrap["name"] for wrap in reversed(raw["wraps"]))])
        return Row(path, raw["task"], method, raw["seed"], raw["data"]["board"], scores, seconds, held, raw)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Invalid(
            must="a row of the board is a record with the words that made it in data.board",
            came=f"{type(error).__name__}: {error} in {path}",
            do="Make it again: erlangen board --remake LEAF.",
        ) from None
