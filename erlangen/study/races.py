"""An answer beside the classical solvers of its task, as text: who is faster at equal accuracy, and when training pays.

There is a race of a single query, and for evolutions one of a whole trajectory.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from ..assess.rows import Cost, Estimate, OpponentRow
from .notation import duration, estimate, method_name, number, plus_minus, title
from .record import Record


class Race(NamedTuple):
    """An answer beside the opponents where a query is one step, or a whole trajectory."""

    query: str  # what is asked: "one step", "20 steps", or "per query" where there are no steps
    cost: Cost
    score: Estimate | None  # the one that equal accuracy is judged by
    rows: list[OpponentRow]


def races(record: Record) -> list[Race]:
    """The race of a query, and that of a whole trajectory where there is one."""
    found = []
    for cost in (record.cost, record.rollout_cost):
        if cost is not None:
            rows = [row for row in record.opponents if row.steps == cost.steps]
            shared = [one for one in record.scores if any(one.name in row.scores for row in rows)]
            single = "one step" if record.rollout_cost else "per query"
            query = f"{cost.steps} steps" if cost.steps > 1 else single
            found.append(Race(query, cost, shared[0] if shared else None, rows))
    return found


def break_even(race: Race) -> str:
    """N*, the number of queries after which training has paid for itself, or why there is none."""
    if not race.rows:
        return "-"
    if race.cost.opponent_seconds is None:
        return "no opponent as accurate"
    if race.cost.break_even is None:
        return "never: opponent faster"
    return f"{number(race.cost.break_even)} {'trajectories' if race.cost.steps > 1 else 'queries'}"


def speed(race: Race) -> str:
    """The opponent's time at equal accuracy against the answer's: "40 x faster"; empty where none is as accurate."""
    if not race.cost.opponent_seconds:
        return ""
    ratio = race.cost.opponent_seconds / race.cost.query_seconds
    return f"{number(max(ratio, 1 / ratio), 2)} x {'slower' if ratio > 1 else 'faster'}"


def asked(record: Record) -> tuple[str, ...]:
    """The columns of the cost where more than one thing is asked."""
    return ("", *(race.query for race in races(record))) if record.rollout_cost else ()


def costs(record: Record) -> list[tuple[str, ...]]:
    """What an answer to each query takes, what the opponent takes at equal accuracy, N*, and what was spent once."""
    found = races(record)
    if not found:
        return []
    rows = [("per query", *(duration(race.cost.query_seconds) for race in found))]
    if record.opponents:
        rows += [
            ("opponent at equal accuracy", *(race.cost.opponent or "none measured" for race in found)),
            ("its time", *(its_time(race) for race in found)),
            ("break-even N*", *(break_even(race) for race in found)),
        ]
    cost = found[0].cost
    once = [
        ("once", f"fit {duration(cost.fit_seconds)}, labels {duration(cost.truth_seconds)}"),
        ("parameters", f"{cost.parameters:,}"),
        ("peak memory", f"{number(cost.peak_memory_mb)} MB"),
    ]
    return rows + [row + ("",) * (len(found) - 1) for row in once]


def its_time(race: Race) -> str:
    """The opponent's time at equal accuracy, and how it compares."""
    return f"{duration(race.cost.opponent_seconds)}, {speed(race)}" if race.cost.opponent_seconds else "-"


def opponents(record: Record) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and rows: every setting of the opponents, then the answer itself, then the labels."""
    known = {one.name: one for one in record.scores}
    settings = list(dict.fromkeys((row.name, _setting(row)) for row in record.opponents))
    header, rows = ["solver", "setting"], [list(names) for names in settings]
    own, labels = [method_name(record), ""], ["labels", ""]
    for race in (race for race in races(record) if race.rows):
        measured = {(row.name, _setting(row)): row for row in race.rows}
        names = list(dict.fromkeys(name for row in race.rows for name in row.scores))
        header += [race.query, *(title(known[name]) if name in known else name for name in names)]
        for line, place in zip(rows, settings):
            row = measured.get(place)
            line += [duration(row.seconds if row else None), *(_error(row, name, known) for name in names)]
        own += [duration(race.cost.query_seconds)]
        own += [estimate(known[name]) if name in known else "-" for name in names]
        labels += ["", *(floor(record, name, known) for name in names)]
    rows += [own] if len(own) > 2 else []
    rows += [labels] if any(cell not in ("", "-") for cell in labels[1:]) else []
    return tuple(header), [tuple(row) for row in rows]


def _setting(row: OpponentRow) -> str:
    return f"{row.knob} = {row.setting}"


def _error(row: OpponentRow | None, name: str, known: Mapping[str, Estimate]) -> str:
    if row is None or name not in row.scores:
        return "-"
    unit, value = known[name].unit if name in known else "1", row.scores[name]
    return plus_minus(value, row.errors.get(name, 0), unit) if math.isfinite(value) else "blew up"


def floor(record: Record, name: str, known: Mapping[str, Estimate]) -> str:
    """The error of the labels themselves, where it is known."""
    value = record.floor.get(name, math.nan)
    return plus_minus(value, 0, known[name].unit) if math.isfinite(value) and name in known else "-"


def whole(race: Race) -> str:
    """A whole trajectory in three lines: our time, the opponent's, N*."""
    lines = [f"{race.query} in {duration(race.cost.query_seconds)}"]
    if race.cost.opponent:
        lines += [f"{race.cost.opponent}: {its_time(race)}"]
    return "\n".join([*lines, f"N*: {break_even(race)}"] if race.rows else lines)
