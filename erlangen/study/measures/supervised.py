"""Fill a record from a fitted answer: scores, intervals, symmetry certificate, shift curve, opponents, cost.

Everything is measured on held-out samples after the fit, and the same for every supervised task and method.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from ...assess import calibration, cost, metrics, shift, symmetry
from ...assess.lie_derivative import lie_derivatives
from ...assess.rows import CoverageRow, Estimate
from ...contract import SPLITS, Evolution, Interval, Predictor, Samples, Supervised
from ...core.errors import Invalid
from ...core.systems import Atoms, Field
from ...data.leakage import overlap
from ...data.partition import Partitioned
from ...learn.batching import pack, predict, predict_interval, predict_packed, prepared
from ...learn.rollout import Rollout, unroll
from ..finished import Finished, Say
from ..record import Record

MAX_PLOTTED = 20_000
LONGEST = 10.0  # seconds of timing one answer
ROLLED, ROLLING = 8, 60.0  # trajectories that opponents are judged on, seconds for all of their settings


def describe(task: Supervised, record: Record, say: Say) -> None:
    """Sizes of the splits, elements or grid of the training data and what the labels cost, into record.data; of own
    files also how they were divided, and what test and training samples share.
    """
    splits = {name: task.truth(name) for name in SPLITS}
    _check_axes(task, splits["train"])
    record.data["label_seconds"] = task.label_seconds()
    record.data["samples"] = {name: len(s) for name, s in splits.items()}
    if task.sources:
        _describe_own(task, splits, record, say)
    inputs = splits["train"].inputs
    if inputs and isinstance(inputs[0], Atoms):
        record.data["elements"] = sorted({int(z) for x in inputs for z in np.unique(x["atomic_numbers"]) if z > 0})
    if inputs and isinstance(inputs[0], Field):
        grid = _grid(inputs[0])
        sizes = {name: np.size(labels[0]) for name, labels in splits["train"].outputs.items()}
        record.data["grid"] = grid
        record.data["components"] = {name: max(1, size // math.prod(grid["points"])) for name, size in sizes.items()}


def _check_axes(task: Supervised, samples: Samples) -> None:
    """Values are shaped as their quantities say; batches rely on it."""
    for q in task.outputs:
        for x, y in list(zip(samples.inputs, samples.outputs.get(q.name, ())))[:1]:
            try:
                wanted = q.shape(x.sizes, x.dimension)
            except KeyError as axis:
                raise Invalid(
                    must=f"the axes of {q.name} are some that {type(x).__name__} has",
                    came=f"{axis.args[0]!r} of {q.axes!r}; there are {', '.join(map(repr, x.sizes))}",
                    do=f"Declare other axes in the task {task.name()}.",
                ) from None
            if np.shape(y) != wanted:
                raise Invalid(
                    must=f"{q.name} with the axes {q.axes!r} and rank {q.rep.rank} has the shape {wanted} here",
                    came=f"{np.shape(y)}",
                    do=f"Declare the axes that the values of {task.name()} have.",
                )


def measure(fit: Finished) -> dict[str, np.ndarray]:
    """Write all rows into the record; returns the arrays for plots and for paired comparisons."""
    task, method, fitted, record, say = fit.task, fit.method, fit.answer, fit.record, fit.say
    test = task.truth("test")
    keys = jax.random.split(fit.key, 5)
    predictions = predict(fitted, test.inputs, quantities=task.outputs)
    arrays = _plotted(task, test, predictions, _bounds(task, fitted, test))
    record.scores, values = _scores(task, fitted, test, predictions, key=keys[0])
    arrays |= {f"scores/{name}": value for name, value in values.items()}
    arrays["group"] = np.arange(len(test)) if test.group is None else np.asarray(test.group)
    if isinstance(fitted, Interval):
        record.coverage = _coverage(task, fitted, test, "test", key=keys[1])
    record.symmetry = symmetry.audit_method(fitted, method, task, test, key=keys[2])
    if symmetry.is_single(fitted):
        record.symmetry += symmetry.audit_in_double(fitted, method, task, test, key=keys[2])
        record.symmetry += lie_derivatives(fitted, method, task, test, inputs=1, subject="method, float64")
    record.symmetry += symmetry.audit_solver(task, test, key=keys[2])
    symmetry.tell(record.symmetry, say)
    _shifts(task, fitted, record, key=keys[3], say=say)
    record.floor = dict(task.floor(min(len(test), 16)))
    _costs(task, fitted, test, record, fit_seconds=fit.seconds, say=say)
    return arrays


def _costs(task: Supervised, fitted: Predictor, test: Samples, record: Record, *, fit_seconds: float, say: Say) -> None:
    """Opponents and cost of a query, and of a whole trajectory where a score asks for one."""
    spent = {
        "parameters": cost.count_parameters(fitted),
        "fit_seconds": fit_seconds,
        "truth_seconds": float(record.data.get("label_seconds", 0.0)),
    }
    record.opponents = cost.opponent_rows(task, test)
    seconds = _query_seconds(fitted, test.inputs[:64])
    record.cost = cost.cost(record.scores, record.opponents, query_seconds=seconds, **spent)
    steps = _horizon(task)
    if steps > 1 and isinstance(task, Evolution):
        paths = cost.spread(task.trajectories("test"), ROLLED)
        rows = cost.opponent_rows(task, paths, inputs=ROLLED, steps=steps, limit=ROLLING, say=say)
        seconds = _query_seconds(Rollout(fitted, task, steps), paths.inputs)
        record.rollout_cost = cost.cost(record.scores, rows, query_seconds=seconds, steps=steps, **spent)
        record.opponents += rows


def _horizon(task: Supervised) -> int:
    return max((s.steps for s in task.scores), default=1)


def _scores(
    task: Supervised, fitted: Predictor, test: Samples, predictions: Mapping[str, Sequence[Any]], *, key: PRNGKeyArray
) -> tuple[list[Estimate], dict[str, np.ndarray]]:
    """Scores with error bars, and the per-sample values behind them; roll-outs are run where a score asks for steps."""
    found, values = [], {}
    horizon = _horizon(task)
    trajectories = rolled = None
    if horizon > 1 and isinstance(task, Evolution):
        trajectories = task.trajectories("test")
        rolled = unroll(fitted, task, trajectories.inputs, horizon)
    for i, score in enumerate(task.scores):
        one = jax.random.fold_in(key, i)
        if score.steps == 1:
            samples, answers = test, predictions
        elif trajectories is not None and rolled is not None:
            samples = dataclasses.replace(trajectories, outputs=metrics.at_step(score, trajectories.outputs))
            answers = metrics.at_step(score, rolled)
        else:
            continue
        if score.of_set:
            found.append(metrics.estimate(score, answers, samples, key=one))
            continue
        values[score.name] = metrics.per_sample(score, answers, samples)
        found.append(metrics.estimate_of(score, values[score.name], samples.group, key=one))
    return found, values


def _bounds(task: Supervised, fitted: Predictor, samples: Samples) -> Mapping[str, list[tuple[np.ndarray, np.ndarray]]]:
    if not isinstance(fitted, Interval):
        return {}
    return predict_interval(fitted, samples.inputs, quantities=task.outputs)


def _coverage(
    task: Supervised, fitted: Interval, samples: Samples, where: str, *, key: PRNGKeyArray
) -> list[CoverageRow]:
    return calibration.coverage(task, _bounds(task, fitted, samples), samples, fitted.level, where=where, key=key)


def _shifts(task: Supervised, fitted: Predictor, record: Record, *, key: PRNGKeyArray, say: Say) -> None:
    for axis in task.shifts:
        for i, value in enumerate(axis.values):
            moved = task.shifted(axis.axis, value)
            samples = moved.truth("test")
            predictions = predict(fitted, samples.inputs, quantities=task.outputs)
            one = jax.random.fold_in(key, i)
            record.shifts.append(shift.shift_row(moved, axis, value, predictions, samples, record.scores, key=one))
            if isinstance(fitted, Interval):
                record.coverage += _coverage(moved, fitted, samples, f"{axis.axis}={value}", key=one)


def _plotted(
    task: Supervised, test: Samples, predictions: Mapping[str, Any], bounds: Mapping[str, Any]
) -> dict[str, np.ndarray]:
    """Truth, prediction and interval of each output, flattened; whole samples are left out evenly beyond MAX_PLOTTED
    numbers.
    """
    arrays = {}
    for q in task.outputs:
        if q.name not in predictions or q.name not in test.outputs:
            continue
        numbers = sum(np.size(v) for v in test.outputs[q.name])
        rows = range(0, len(test), max(1, -(-numbers // MAX_PLOTTED)))
        columns = {"true": test.outputs[q.name], "predicted": predictions[q.name]}
        if q.name in bounds:
            columns |= {"lower": [b[0] for b in bounds[q.name]], "upper": [b[1] for b in bounds[q.name]]}
        for name, column in columns.items():
            arrays[f"test/{q.name}/{name}"] = np.concatenate([np.ravel(column[i]) for i in rows])
    return arrays


def _query_seconds(f: Predictor | Rollout, inputs: Sequence[Any]) -> float:
    """Median wall time per input when all are answered at once, compilation excluded.

    Fields are stacked before the clock starts, as they are for the solvers; neighbours of atoms are looked for after.
    """
    ask, asked = (predict, inputs) if isinstance(inputs[0], Atoms) else (predict_packed, pack(prepared(f, inputs)))
    return cost.seconds_per_query(lambda x: ask(f, x), [asked], repeats=5, limit=LONGEST) / len(inputs)


def _describe_own(task: Supervised, splits: Mapping[str, Samples], record: Record, say: Say) -> None:
    partition = task.partition if isinstance(task, Partitioned) else None
    if partition is not None:
        record.data["partition"] = partition.how
        say(f"own samples divided: {partition.how}")
    found = overlap(splits["train"], splits["test"])
    record.data["overlap"] = found._asdict()
    if found.shared:
        say(str(found))


def _grid(x: Field) -> dict[str, Any]:
    """Points and lengths of the domain, boundary and parameters: what a field must have to be answered later."""
    points = next(iter(x.values.values())).shape[: len(x.spacing)]
    parameters = {name: float(value) for name, value in x.parameters.items() if np.ndim(value) == 0}
    return {
        "points": list(points),
        "lengths": list(x.lengths),
        "boundary": x.boundary,
        "axes": [name for name, _ in x.axes],
        "parameters": parameters,
    }
