"""An answer beside the classical solvers of its task, as text: who is faster at equal accuracy, and when training pays.

Work against precision, of a single query, and for evolutions of a whole trajectory too.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import NamedTuple

from ..assess.rows import Cost, Estimate, SolverRow
from .notation import duration, estimate, method_name, number, plus_minus, title
from .record import Record


class WorkPrecision(NamedTuple):
    """An answer beside the solvers where a query is one step, or a whole trajectory."""

    query: str  # what is asked: "one step", "20 steps", or "per query" where there are no steps
    cost: Cost
    score: Estimate | None  # the one that equal accuracy is judged by
    rows: list[SolverRow]


def comparisons(record: Record) -> list[WorkPrecision]:
    """That of a query, and that of a whole trajectory where there is one."""
    found = []
    for cost in (record.cost, record.rollout_cost):
        if cost is not None:
            rows = [row for row in record.solvers if row.steps == cost.steps]
            known = [_on_equal_samples(one, cost) for one in record.scores]
            shared = [one for one in known if any(one.name in row.scores for row in rows)]
            single = "one step" if record.rollout_cost else "per query"
            query = f"{cost.steps} steps" if cost.steps > 1 else single
            found.append(WorkPrecision(query, cost, shared[0] if shared else None, rows))
    return found


def _on_equal_samples(score: Estimate, cost: Cost) -> Estimate:
    """The score on the samples that the solvers were judged on, where those are not all."""
    if score.name not in cost.scores:
        return score
    return dataclasses.replace(score, value=cost.scores[score.name], error=cost.errors.get(score.name, math.nan))


def break_even(work: WorkPrecision) -> str:
    """N*, the number of queries after which training has paid for itself, or why there is none."""
    if not work.rows:
        return "-"
    if work.cost.solver_seconds is None:
        return "no solver as accurate"
    if work.cost.break_even is None:
        return "never: solver faster"
    return f"{number(work.cost.break_even)} {'trajectories' if work.cost.steps > 1 else 'queries'}"


def speed(work: WorkPrecision) -> str:
    """The solver's time at equal accuracy against the answer's: "40 x faster"; empty where none is as accurate."""
    if not work.cost.solver_seconds:
        return ""
    ratio = work.cost.solver_seconds / work.cost.query_seconds
    return f"{number(max(ratio, 1 / ratio), 2)} x {'slower' if ratio > 1 else 'faster'}"


def asked(record: Record) -> tuple[str, ...]:
    """The columns of the cost where more than one thing is asked."""
    return ("", *(work.query for work in comparisons(record))) if record.rollout_cost else ()


def costs(record: Record) -> list[tuple[str, ...]]:
    """What an answer to each query takes, what the solver takes at equal accuracy, N*, and what was spent once."""
    found = comparisons(record)
    if not found:
        return []
    rows = [("per query", *(duration(work.cost.query_seconds) for work in found))]
    if record.solvers:
        rows += [
            ("solver at equal accuracy", *(work.cost.solver or "none measured" for work in found)),
            ("its time", *(its_time(work) for work in found)),
            ("break-even N*", *(break_even(work) for work in found)),
        ]
    cost = found[0].cost
    once = [
        ("once", f"fit {duration(cost.fit_seconds)}, labels {duration(cost.truth_seconds)}"),
        ("parameters", f"{cost.parameters:,}"),
        ("peak memory", f"{number(cost.peak_memory_mb)} MB"),
    ]
    once += [
        ("labels of its own", f"{one['count']:,} by {one['by']}, within the fit")
        for one in record.data.get("further_labels", ())
    ]
    return rows + [row + ("",) * (len(found) - 1) for row in once]


def its_time(work: WorkPrecision) -> str:
    """The solver's time at equal accuracy, and how it compares."""
    return f"{duration(work.cost.solver_seconds)}, {speed(work)}" if work.cost.solver_seconds else "-"


def solvers(record: Record) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and rows: every setting of the solvers, then the answer itself, then the labels."""
    known = {one.name: one for one in record.scores}
    settings = list(dict.fromkeys((row.name, _setting(row)) for row in record.solvers))
    header, rows = ["solver", "setting"], [list(names) for names in settings]
    own, labels = [method_name(record), ""], ["labels", ""]
    for work in (work for work in comparisons(record) if work.rows):
        measured = {(row.name, _setting(row)): row for row in work.rows}
        names = list(dict.fromkeys(name for row in work.rows for name in row.scores))
        header += [work.query, *(title(known[name]) if name in known else name for name in names)]
        for line, place in zip(rows, settings):
            row = measured.get(place)
            line += [duration(row.seconds if row else None), *(_error(row, name, known) for name in names)]
        own += [duration(work.cost.query_seconds)]
        own += [estimate(_on_equal_samples(known[name], work.cost)) if name in known else "-" for name in names]
        own[1] = own[1] or _part(record, work.cost)
        labels += ["", *(floor(record, name, known) for name in names)]
    rows += [own] if len(own) > 2 else []
    rows += [labels] if any(cell not in ("", "-") for cell in labels[1:]) else []
    return tuple(header), [tuple(row) for row in rows]


def _part(record: Record, cost: Cost) -> str:
    """How many test samples the solvers and, beside them, the answer are judged on, where those are not all."""
    total = record.data.get("samples", {}).get("test", 0)
    return f"{cost.samples} of {total} samples" if cost.steps == 1 and 0 < cost.samples < total else ""


def _setting(row: SolverRow) -> str:
    return f"{row.knob} = {row.setting}"


def _error(row: SolverRow | None, name: str, known: Mapping[str, Estimate]) -> str:
    if row is None or name not in row.scores:
        return "-"
    unit, value = known[name].unit if name in known else "1", row.scores[name]
    return plus_minus(value, row.errors.get(name, 0), unit) if math.isfinite(value) else "blew up"


def floor(record: Record, name: str, known: Mapping[str, Estimate]) -> str:
    """The error of the labels themselves, where it is known."""
    value = record.floor.get(name, math.nan)
    return plus_minus(value, 0, known[name].unit) if math.isfinite(value) and name in known else "-"


def whole(work: WorkPrecision) -> str:
    """A whole trajectory in three lines: our time, the solver's, N*."""
    lines = [f"{work.query} in {duration(work.cost.query_seconds)}"]
    if work.cost.solver:
        lines += [f"{work.cost.solver}: {its_time(work)}"]
    return "\n".join([*lines, f"N*: {break_even(work)}"] if work.rows else lines)
