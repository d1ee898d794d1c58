"""Panels of an answer to input-output pairs, and the arrays of test samples that they draw.

test/<output>/{true, predicted, lower, upper}   [samples, ...], or all end to end beside test/<output>/shapes
test/<output>/rows                              which of the test samples these are
samples/rows                                    a few of them in whole: the best, the typical and the worst one
samples/<i>/input/<name>                        what was asked (positions, atomic_numbers, u, ...)
samples/<i>/<output>/{true, predicted, ...}     what was answered
rollout/<output>/{true, predicted}              [steps, ...] of the typical trajectory
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...assess import calibration, metrics
from ...contract import Samples, Score, Supervised
from ...core.quantity import Quantity
from ..notation import pretty
from ..panels import Drawn, Sheet
from ..record import Record

MAX_PLOTTED = 20_000  # numbers of one output
WIDEST = 3.0  # of the ratios |error| / half-width in a histogram
Bounds = Mapping[str, Sequence[tuple[np.ndarray, np.ndarray]]]


def of_outputs(
    sheet: Sheet, record: Record, test: Samples, predictions: Mapping[str, Any], bounds: Bounds, *, level: float
) -> None:
    """Parity, fields, structures, and how intervals (of this level, where there are any) go with errors."""
    judged = [q for q in record.outputs if q.name in predictions and q.name in test.outputs]
    columns = {q.name: _columns(test, predictions, bounds, q.name) for q in judged}
    for q in judged:
        _keep(sheet, q.name, columns[q.name])
        roles = {role: f"test/{q.name}/{role}" for role in columns[q.name]}
        words = q.name.replace("_", " ")
        kept = len(sheet.arrays[f"test/{q.name}/rows"])
        caption = f"Held-out test samples, {kept:,} of {len(test):,}, all values of {words}."
        sheet.add("parity", f"parity of {words}", "Parity", [_axis(q)], (words, "answer", roles), caption=caption)
    if judged:
        shown = _best_typical_worst(test, predictions, judged[0].name)
        _keep_samples(sheet, test, list(shown.values()), columns)
        for q in judged:
            _examples(sheet, test, q, shown)
        _intervals(sheet, record, columns, level)


def _axis(q: Quantity) -> tuple[str, str]:
    words = q.label or q.name.replace("_", " ")
    return words if words == q.symbol else f"{words} {q.symbol}", q.unit


def _columns(test: Samples, predictions: Mapping[str, Any], bounds: Bounds, name: str) -> dict[str, Sequence[Any]]:
    found: dict[str, Sequence[Any]] = {"true": test.outputs[name], "predicted": predictions[name]}
    if name in bounds:
        found |= {"lower": [ends[0] for ends in bounds[name]], "upper": [ends[1] for ends in bounds[name]]}
    return found


def _keep(sheet: Sheet, name: str, columns: Mapping[str, Sequence[Any]]) -> None:
    """Truth, prediction and interval with their shapes; whole samples are left out evenly beyond MAX_PLOTTED."""
    numbers = sum(np.size(v) for v in columns["true"])
    rows = range(0, len(columns["true"]), max(1, -(-numbers // MAX_PLOTTED)))
    shapes = [np.shape(columns["true"][i]) for i in rows]
    sheet.arrays[f"test/{name}/rows"] = np.asarray(rows)
    if len(set(shapes)) > 1:
        sheet.arrays[f"test/{name}/shapes"] = np.asarray(shapes)
    for role, column in columns.items():
        values = [np.asarray(column[i]) for i in rows]
        alike = len(set(shapes)) == 1
        sheet.arrays[f"test/{name}/{role}"] = np.stack(values) if alike else np.concatenate([v.ravel() for v in values])


def _best_typical_worst(test: Samples, predictions: Mapping[str, Any], name: str) -> dict[str, int]:
    """Rows of the samples of smallest, median and largest root-mean-square error (NaN counts as largest)."""
    pairs = zip(predictions[name], test.outputs[name])
    errors = np.asarray([np.sqrt(np.mean(np.square(np.asarray(p) - np.asarray(t)))) for p, t in pairs])
    order = np.argsort(errors)
    chosen = {"best sample": order[0], "typical sample": order[len(order) // 2], "worst sample": order[-1]}
    return {name: int(row) for name, row in chosen.items()}


def _keep_samples(
    sheet: Sheet, test: Samples, rows: Sequence[int], columns: Mapping[str, Mapping[str, Sequence[Any]]]
) -> None:
    sheet.arrays["samples/rows"] = np.asarray(rows)
    for i, row in enumerate(rows):
        x = test.inputs[row]
        sheet.arrays |= {f"samples/{i}/input/{name}": value for name, value in x.numbers.items()}
        for name, roles in columns.items():
            sheet.arrays |= {f"samples/{i}/{name}/{role}": np.asarray(v[row]) for role, v in roles.items()}
        coordinates = zip("xyz", x.coordinates(x.sizes.get("grid", ())))
        sheet.arrays |= {f"samples/{i}/coordinates/{name}": values for name, values in coordinates}


def _examples(sheet: Sheet, test: Samples, q: Quantity, shown: Mapping[str, int]) -> None:
    """The typical and the worst sample as pictures, where a picture of their container is known."""
    x, words = test.inputs[shown["typical sample"]], q.name.replace("_", " ")
    places = [(i, name) for i, name in enumerate(shown) if name != "best sample"]

    def roles(i: int, *inputs: str) -> dict[str, str]:
        every = [*(f"samples/{i}/input/{name}" for name in inputs), *(f"samples/{i}/coordinates/{n}" for n in "xyz")]
        every += [f"samples/{i}/{q.name}/{role}" for role in ("true", "predicted", "lower", "upper")]
        return {name.rsplit("/", 1)[-1]: name for name in every if name in sheet.arrays}

    if q.axes == "grid" and len(x.sizes["grid"]) < 3:
        axes = [*x.axes, _axis(q)]
        series: list[Drawn] = [(name, "answer", roles(i)) for i, name in places]
        caption = (
            "Test samples with the median and with the largest root-mean-square error; differences on their own scale."
        )
        sheet.add("field", f"examples of {words}", "Examples", axes, *series, caption=caption)
    if q.axes == "atoms" and q.rep.rank == 1:
        inputs = ("positions", "atomic_numbers", "cell", "pbc")
        series: list[Drawn] = [(name, "answer", roles(i, *inputs)) for i, name in places]
        axes = [("position", "A"), ("position", "A"), _axis(q)]
        caption = f"Test samples with the median and with the largest error; arrows: {words}, true (grey) and answered."
        sheet.add("structure", f"structures with {words}", "Structures", axes, *series, caption=caption)


def _intervals(sheet: Sheet, record: Record, columns: Mapping[str, Mapping[str, Sequence[Any]]], level: float) -> None:
    """Whether wide intervals go with large errors, and how large errors are in units of the interval."""
    single = {row.output: row for row in record.coverage if row.where == "test" and row.kind == "per component"}
    curves: list[Drawn] = []
    units, ends = set(), []
    for name in (name for name in single if "lower" in columns.get(name, {})):
        flat = {role: np.concatenate([np.ravel(v) for v in column]) for role, column in columns[name].items()}
        width, error = (flat["upper"] - flat["lower"]) / 2, np.abs(flat["predicted"] - flat["true"])
        good = np.isfinite(error) & np.isfinite(width) & (width > 0)
        x, y, spread = calibration.binned_quantile(width[good], error[good], level)
        words = name.replace("_", " ")
        curves.append((f"{words} [{pretty(single[name].unit)}]", "answer", {"x": x, "y": y, "error": spread}))
        units.add(single[name].unit)
        ends += [*x, *y]
        ratio = error[good] / width[good]
        values, edge = {"values": ratio[ratio < WIDEST]}, {"y": 1.0}
        axes, title = [("|error| / half-width", "1"), ("values", "1")], f"Errors in units of the interval: {words}"
        caption = f"Left of the line the interval holds the truth, as promised in {100 * level:g} % of all cases."
        sheet.add(
            "histogram",
            f"errors in intervals of {words}",
            title,
            axes,
            ("answer", "answer", values),
            ("interval", "level", edge),
            caption=caption,
        )
    if ends:
        low, high = 0.7 * max(min(ends), 1e-300), 1.4 * max(ends)
        unit = units.pop() if len(units) == 1 else "unit of the output"
        sheet.add(
            "curve",
            "reliability",
            "Reliability",
            [("half-width of the interval", unit), (f"{100 * level:g} % quantile of |error|", unit)],
            *curves,
            ("as promised", "truth", {"x": [low, high], "y": [low, high]}),
            scales=["log", "log"] if high > 6 * low else [],
            caption="Test samples in groups of equal interval width: on the diagonal, the intervals know their errors.",
        )


def of_rollouts(sheet: Sheet, task: Supervised, true: Samples, predicted: metrics.Predictions) -> None:
    """How the error grows from step to step, and in one dimension a trajectory in space and time."""
    curves: list[Drawn] = []
    units: list[str] = []
    for score in (s for s in task.scores if s.steps > 1 and not s.whole and s.quantity in predicted):
        steps = range(1, min(score.steps, *(len(path) for path in true.outputs[score.quantity])) + 1)
        values = np.stack([_judged(score, true, predicted, k) for k in steps])  # [steps, trajectories]
        mean = np.asarray([metrics.summarise(score, row) for row in values])
        error = score.factor * values.std(1) / max(values.shape[1], 1) ** 0.5
        roles = {"x": np.asarray(steps), "y": mean} | ({"error": error} if score.aggregate == "mean" else {})
        curves.append((score.label or score.name, "answer", roles))
        units.append(score.unit)
    positive = all(np.all(roles["y"] > 0) for _, _, roles in curves)
    sheet.add(
        "curve",
        "growth of the error",
        "Growth of the error",
        [("step", "1"), ("error", units[0] if units else "1")],
        *(one for one, unit in zip(curves, units) if unit == units[0]),
        scales=["linear", "log" if positive else "linear"],
        caption="The answer applied to itself again and again, against true trajectories of the test split.",
    )
    _trajectory(sheet, task, true, predicted)


def _judged(score: Score, true: Samples, predicted: metrics.Predictions, step: int) -> np.ndarray:
    pairs = zip(predicted[score.quantity], true.outputs[score.quantity])
    return np.asarray([float(score.measure(p[step - 1], t[step - 1])) for p, t in pairs])


def _trajectory(sheet: Sheet, task: Supervised, true: Samples, predicted: metrics.Predictions) -> None:
    for q in task.outputs:
        if q.axes != "grid" or q.name not in predicted or len(true.inputs[0].sizes["grid"]) != 1:
            continue
        row = _best_typical_worst(true, predicted, q.name)["typical sample"]
        x, steps = true.inputs[row], min(len(predicted[q.name][row]), len(true.outputs[q.name][row]))
        own = {"true": true.outputs[q.name][row], "predicted": predicted[q.name][row]}
        sheet.arrays |= {f"rollout/{q.name}/{role}": np.asarray(v[:steps]) for role, v in own.items()}
        sheet.arrays[f"rollout/{q.name}/x"] = x.coordinates(x.sizes["grid"])[0]
        sheet.arrays[f"rollout/{q.name}/y"] = np.arange(1, steps + 1)
        roles = {role: f"rollout/{q.name}/{role}" for role in ("true", "predicted", "x", "y")}
        words = q.name.replace("_", " ")
        sheet.add(
            "image",
            f"trajectory of {words}",
            "A trajectory",
            [*x.axes, ("step", "1"), _axis(q)],
            ("typical trajectory", "answer", roles),
            caption="The answer applied to itself, for the test trajectory of median error.",
        )
