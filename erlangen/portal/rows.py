"""Lines of lists and boards: a run of the index, a record, a solver, a published value."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ..assess.rows import Estimate, SolverRow, written
from ..study.notation import duration, method_name, plus_minus
from ..study.record import Record
from ..study.store import ListedRun
from .answers.figures import Figure, ScoreRow
from .answers.maps import BoardRow
from .answers.records import RunRow
from .five import figure, five, of_score
from .library import Library
from .links import href, link


def run_row(library: Library, row: ListedRun) -> RunRow:
    """One line of the list of runs, from the index."""
    absent = "" if row.state == "done" else f"the run is {row.state}"
    return {
        "name": row.name,
        "href": href("run", row.name),
        "task": row.task,
        "leaf": href("leaf", row.task),
        "scale": library.chart().scale(row.task.split("/")[0]),
        "method": row.method,
        "seed": row.seed,
        "created": row.created,
        "state": row.state,
        "budget": row.budget,
        "score": row.score or "",
        "figure": figure(row.value, row.error, row.unit or "1", absent=absent),
        "fit_seconds": row.fit_seconds,
        "query_seconds": row.query_seconds,
        "shipped": library.is_shipped(row.name),
    }


def score_row(one: Estimate) -> ScoreRow:
    """What a score is called, from the record."""
    return {
        "name": one.name,
        "label": one.label or one.name,
        "unit": one.unit,
        "lower_is_better": one.lower_is_better,
    }


def ours(name: str, record: Record, *, shipped: bool, asked: str = "") -> BoardRow:
    """A record on a board, with its five. asked: in which settings its question is another than that of others."""
    cost = record.cost
    source = f"{'reference record' if shipped else 'run'}, seed {record.seed}"
    row = _row(
        "ours",
        method_name(record),
        {one.name: of_score(one) for one in record.scores},
        run=name,
        href=href("run", name),
        detail=", ".join(filter(None, (asked, f"seed {record.seed}, budget {record.budget}"))),
        seconds=cost.query_seconds if cost else None,
        source=source,
        shipped=shipped,
        state=record.state,
    )
    row["five"] = five(record)
    return row


def from_index(library: Library, row: ListedRun) -> BoardRow:
    """A record on a board of which only its line in the index was read."""
    shipped = library.is_shipped(row.name)
    return _row(
        "ours",
        row.method,
        {row.score: figure(row.value, row.error, row.unit or "1")} if row.score else {},
        run=row.name,
        href=href("run", row.name),
        detail=f"seed {row.seed}, budget {row.budget}",
        seconds=row.query_seconds,
        source=f"run, seed {row.seed}",
        shipped=shipped,
        state=row.state,
    )


def opponent(row: SolverRow, units: Mapping[str, str]) -> BoardRow:
    """A setting of a classical solver."""
    figures = {
        name: figure(
            value, row.errors.get(name), units.get(name, "1"), absent="" if math.isfinite(value) else "blew up"
        )
        for name, value in row.scores.items()
    }
    detail = f"{row.knob} = {written(row.setting)}"
    return _row(
        "opponent", row.name, figures, detail=detail, seconds=row.seconds, source="solver, timed beside the run"
    )


def published(one: Mapping[str, Any]) -> BoardRow:
    """A value published elsewhere."""
    return _row(
        "published",
        one["name"],
        {one["score"]: figure(one["value"], None, one["unit"])},
        href=link(one["source"]),
        detail="published",
        source=one["source"],
    )


def _row(kind, name: str, figures: dict[str, Figure], **others: Any) -> BoardRow:
    seconds = others.get("seconds")
    row: BoardRow = {
        "kind": kind,
        "name": name,
        "detail": "",
        "run": "",
        "href": "",
        "figures": figures,
        "seconds": seconds,
        "seconds_text": duration(seconds) if seconds is not None else "–",
        "group": "",
        "source": "",
        "shipped": False,
        "state": "",
    }
    row.update(others)  # type: ignore[typeddict-item]
    return row


def in_order(rows: Iterable[BoardRow], score: ScoreRow | None) -> list[BoardRow]:
    """By a score, the best first; those without it last."""

    def place(row: BoardRow) -> float:
        shown = row["figures"].get(score["name"]) if score else None
        if shown is None or shown["value"] is None:
            return math.inf
        return shown["value"] if score and score["lower_is_better"] else -shown["value"]

    return sorted(rows, key=place)


def floor_text(record: Record, one: Estimate) -> str:
    """The error of the labels of a score, as text."""
    value = record.floor.get(one.name, math.nan)
    return plus_minus(value, 0, one.unit) if math.isfinite(value) else ""
