"""Panels that the record of any run can have: from the history of its fit and from its rows.

of_history(sheet, history)     loss and validation loss; all columns are kept as history/<name>
of_rows(sheet, record)         coverage against level, error against shift, error against time
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ..assess.rows import CoverageRow, Estimate, ShiftRow, SolverRow
from .notation import duration, number, plus_minus, title
from .panels import Drawn, Scale, Sheet
from .record import Record
from .table import place
from .work_precision import WorkPrecision, break_even, comparisons, speed

MANY_DECADES = 50.0  # a larger ratio of errors is drawn on a logarithmic axis
SPREAD = 3.0  # the same for places of a shift


def of_history(sheet: Sheet, history: Sequence[Mapping[str, float]]) -> None:
    """Columns over the steps that were reported, NaN where a step had no such figure; the learning curve of a loss."""
    names = dict.fromkeys(name for row in history for name in row)
    sheet.arrays |= {f"history/{n}": np.asarray([row.get(n, math.nan) for row in history]) for n in names}
    roles = {name: {"x": "history/step", "y": f"history/{name}"} for name in ("loss", "validation") if name in names}
    curves: list[Drawn] = [("training", "noisy", roles["loss"])] if "loss" in roles else []
    if "validation" in roles:
        curves.append(("validation", "answer", roles["validation"]))
    sheet.add(
        "curve",
        "learning",
        "Learning curve",
        [("step", "1"), ("loss", "1")],
        *curves,
        scales=[
            "linear",
            "log" if all(np.nanmin(sheet.arrays[r["y"]], initial=1) > 0 for r in roles.values()) else "linear",
        ],
        caption="Training loss, and validation loss of the averaged weights. The answer is the best validated one.",
    )


def of_rows(sheet: Sheet, record: Record) -> None:
    """What scores, intervals, shifts and costs say, as far as the record has them."""
    _reliability(sheet, [row for row in record.coverage if row.where == "test"])
    for axis in dict.fromkeys(row.axis for row in record.shifts):
        rows = [row for row in record.shifts if row.axis == axis and row.scores]
        if rows:
            _shift(sheet, record, rows)
    for work in comparisons(record):
        if work.score is not None:
            _cost(sheet, record, work, work.score)


def _reliability(sheet: Sheet, rows: Sequence[CoverageRow]) -> None:
    """Observed against promised coverage, where there are several levels."""
    if len({row.level for row in rows}) < 3:
        return
    curves: list[Drawn] = []
    for output in dict.fromkeys(row.output for row in rows):
        x, y, e = np.asarray([(100 * r.level, 100 * r.coverage, 100 * r.error) for r in rows if r.output == output]).T
        curves.append((output.replace("_", " "), "answer", {"x": x, "y": y, "error": e}))
    sheet.add(
        "curve",
        "coverage",
        "Coverage",
        [("promised coverage", "%"), ("observed coverage", "%")],
        *curves,
        ("as promised", "truth", {"x": np.array([0.0, 100.0]), "y": np.array([0.0, 100.0])}),
        caption="How often the intervals hold the truth that they were not calibrated on, with one standard error.",
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shift(sheet: Sheet, record: Record, rows: Sequence[ShiftRow]) -> None:
    """All scores in the unit of the first one along a shift, and whether the intervals still hold there."""
    axis, unit = rows[0].axis, rows[0].scores[0].unit
    trained = record.task_fields.get(axis)
    rows = _with_trained(rows, record.scores, trained)
    numeric = all(_is_number(row.value) for row in rows)
    x = np.asarray([row.value for row in rows] if numeric else range(len(rows)), float)
    ticks = np.asarray([f"{row.value:g}" if numeric else place(row) for row in rows])
    known = {one.name: one for one in record.scores}
    ratios = np.asarray([f"{number(row.ratio, 2)}×" if math.isfinite(row.ratio) else "" for row in rows])
    curves: list[Drawn] = []
    levels: list[Drawn] = []
    for i, name in enumerate(one.name for one in rows[-1].scores if one.unit == unit):
        found = [next(one for one in row.scores if one.name == name) for row in rows]
        roles = {"x": x, "y": [one.value for one in found], "error": [one.error for one in found], "ticks": ticks}
        curves.append((title(found[0]), "answer", roles | ({"names": ratios} if i == 0 else {})))
        if name in known:
            levels.append(("in distribution", "level", {"y": known[name].value}))
    falling = numeric and trained is not None and bool(x[-1] == trained)  # severity grows to the right
    spread = numeric and x.min() > 0 and x.max() / x.min() > SPREAD
    across: Scale = ("log falling" if falling else "log") if spread else ("falling" if falling else "linear")
    values = [one.value for row in rows for one in row.scores if one.unit == unit and math.isfinite(one.value)]
    steep = bool(values) and min(values) > 0 and max(values) > MANY_DECADES * min(values)
    words = axis.replace("_", " ")
    sheet.add(
        "curve",
        f"shift of {words}",
        f"Shift of {words}",
        [(words, rows[0].unit), ("error", unit)],
        *curves,
        *levels,
        scales=[across, "log" if steep else "from zero"],
        caption="The error away from what was trained on; factors are relative to the error in distribution (dotted).",
    )
    places = {f"{row.axis}={row.value}": at for row, at in zip(rows, x)}
    if any(inside := [math.isnan(row.ratio) for row in rows]):
        places["test"] = x[inside.index(True)]
    _held(sheet, record, rows[0], places, dict(zip(x.tolist(), ticks.tolist())), across)


def _with_trained(rows: Sequence[ShiftRow], scores: Sequence[Estimate], trained: object) -> list[ShiftRow]:
    """The rows and the place of training with the scores in distribution, in order, where these are numbers."""
    first, known = rows[0], {one.name: one for one in scores}
    if not all(map(_is_number, (trained, *(row.value for row in rows)))):
        return list(rows)
    if any(row.value == trained for row in rows) or not {one.name for one in first.scores} <= set(known):
        return sorted(rows, key=lambda row: row.value)
    start = [known[one.name] for one in first.scores]
    every = [ShiftRow(first.axis, trained, first.unit, start, math.nan), *rows]
    return sorted(every, key=lambda row: row.value)


def _held(
    sheet: Sheet, record: Record, row: ShiftRow, places: Mapping[str, float], ticks: Mapping[float, str], scale: Scale
) -> None:
    """Coverage at one level along a shift."""
    moved = [one for one in record.coverage if one.where in places and one.where != "test"]
    if not moved:
        return
    level = moved[0].level
    curves: list[Drawn] = []
    for output in dict.fromkeys(one.output for one in moved):
        own = [r for r in record.coverage if r.where in places and r.output == output and r.level == level]
        own.sort(key=lambda r: places[r.where])
        at = [places[r.where] for r in own]
        y, e = np.asarray([(100 * r.coverage, 100 * r.error) for r in own]).T
        roles = {"x": at, "y": y, "error": e, "ticks": np.asarray([ticks[x] for x in at])}
        curves.append((output.replace("_", " "), "answer", roles))
    words = row.axis.replace("_", " ")
    sheet.add(
        "curve",
        f"coverage, shift of {words}",
        "Do the intervals still hold?",
        [(words, row.unit), ("coverage", "%")],
        *curves,
        (f"promised: {100 * level:g} %", "level", {"y": 100 * level}),
        scales=[scale, "from zero"],
        caption="How often the intervals hold the truth away from what they were calibrated on.",
    )


def _cost(sheet: Sheet, record: Record, work: WorkPrecision, score: Estimate) -> None:
    """Error against seconds: the settings of the classical solvers, the answer, the one that is as accurate."""
    cost = work.cost
    series: list[Drawn] = []
    for name in dict.fromkeys(row.name for row in work.rows):
        rows = [row for row in work.rows if row.name == name and _is_drawn(row, score)]
        roles = {
            "x": [r.seconds for r in rows],
            "y": [r.scores[score.name] for r in rows],
            "error": [r.errors.get(score.name, 0.0) for r in rows],
            "names": np.asarray([str(r.setting) for r in rows]),
        }
        knob = next(row.knob for row in work.rows if row.name == name)
        series.append((f"{name}, by {knob}", "solver", roles))
    if cost.query_seconds > 0 and 0 < score.value < math.inf:
        at = {"x": [cost.query_seconds], "y": [score.value], "error": [score.error]}
        series.append((record.method, "answer", at | {"names": np.asarray([record.method])}))
        if cost.solver_seconds:
            same = [r for r in work.rows if r.title == cost.solver]
            error = same[0].scores[score.name] if same and _is_drawn(same[0], score) else score.value
            times, errors = [cost.query_seconds, cost.solver_seconds], [score.value, error]
            series.append(("as accurate", "match", {"x": times, "y": errors}))
    floor = record.floor.get(score.name, math.nan)
    if 0 < floor < math.inf:
        series.append((f"error of the labels: {plus_minus(floor, 0, score.unit)}", "level", {"y": floor}))
    single = work.query == "per query"
    sheet.add(
        "curve",
        "cost" if cost.steps == 1 else f"cost of {work.query}",
        "Cost and accuracy" + ("" if single else f": {work.query}"),
        [(f"time {'' if single else 'of '}{work.query}", "s"), (title(score), score.unit)],
        *series,
        scales=["log", "log"],
        notes=_facts(work),
        caption="Left is faster, down is better. Each curve is a classical solver, at the settings beside its points; "
        "the ring is its cheapest setting that is as accurate as the answer (star), of which the arrow compares the "
        "times. N*: queries after which labels and fit are paid for.",
    )


def _is_drawn(row: SolverRow, score: Estimate) -> bool:
    return 0 < row.scores.get(score.name, math.nan) < math.inf and row.seconds > 0


def _facts(work: WorkPrecision) -> list[str]:
    """Who is as accurate at which speed, and when training pays."""
    cost = work.cost
    if not cost.solver:
        return ["no measured setting is as accurate"]
    pays = "never pays" if cost.break_even is None else f"pays after N* = {break_even(work)}"
    return [
        f"as accurate: {cost.solver}, {duration(cost.solver_seconds)}",
        f"solver {speed(work).replace(' x', '×')}: training {pays}",
    ]
