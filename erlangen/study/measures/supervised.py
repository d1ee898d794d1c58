"""Fill a record from a fitted answer: scores, intervals, symmetry certificate, shift curve, solvers, cost.

Everything is measured on held-out samples after the fit, and the same for every supervised task and method.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from ... import registry
from ...assess import calibration, cost, metrics, shift, symmetry
from ...assess.lie_derivative import lie_derivatives
from ...assess.rows import CoverageRow, Estimate
from ...contract import SPLITS, Interval, Predictor, Samples, Supervised
from ...core.errors import Invalid
from ...data.leakage import overlap
from ...data.partition import Partitioned
from ...learn.batching import pack, predict, predict_interval, predict_packed, prepared
from ...learn.rollout import Rollout, unroll
from ..finished import Finished, Say
from ..record import Record
from . import _supervised_panels as panels

LONGEST = 10.0  # seconds of timing one answer
ROLLED, ROLLING = 8, 60.0  # trajectories that solvers are judged on, seconds for all of their settings
Bounds = Mapping[str, Sequence[tuple[np.ndarray, np.ndarray]]]


def describe(task: Supervised, record: Record, say: Say) -> None:
    """Sizes of the splits, what the training data are like and what the labels cost, into record.data; of own files
    also how they were divided, and what test and training samples share.
    """
    splits = {name: task.truth(name) for name in SPLITS}
    _check_axes(task, splits["train"])
    record.data["label_seconds"] = task.label_seconds()
    record.data["samples"] = {name: len(s) for name, s in splits.items()}
    if task.sources:
        _describe_own(task, splits, record, say)
    adapter = registry.load_container(record.container)
    if adapter is not None:
        record.data |= adapter.describe(splits["train"].inputs)


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
    """Write all rows and panels into the record; returns the arrays for paired comparisons."""
    task, method, fitted, record, say = fit.task, fit.method, fit.answer, fit.record, fit.say
    test = task.truth("test")
    keys = jax.random.split(fit.key, 5)
    predictions = predict(fitted, test.inputs, quantities=task.outputs)
    bounds = _bounds(task, fitted, test)
    rolled = _rolled(task, fitted)
    record.scores, values = _scores(task, test, predictions, rolled, key=keys[0])
    arrays = {f"scores/{name}": value for name, value in values.items()}
    arrays["group"] = np.arange(len(test)) if test.group is None else np.asarray(test.group)
    if isinstance(fitted, Interval):
        for level in fitted.levels:
            record.coverage += _coverage(task, fitted, test, bounds, "test", level=level, key=keys[1])
    record.symmetry = symmetry.audit_method(fitted, method, task, test, key=keys[2])
    if symmetry.is_single(fitted):
        record.symmetry += symmetry.audit_in_double(fitted, method, task, test, key=keys[2])
        record.symmetry += lie_derivatives(fitted, method, task, test, inputs=1, subject="method, float64")
    record.symmetry += symmetry.audit_solver(task, test, key=keys[2])
    symmetry.tell(record.symmetry, say)
    _shifts(task, fitted, record, key=keys[3])
    record.floor = dict(task.floor(min(len(test), 16)))
    _costs(task, fitted, test, record, fit_seconds=fit.seconds, say=say)
    level = fitted.level if isinstance(fitted, Interval) else 0.0
    panels.of_outputs(fit.sheet, record, test, predictions, bounds, level=level)
    if rolled is not None:
        panels.of_rollouts(fit.sheet, task, *rolled)
    return arrays


def _costs(task: Supervised, fitted: Predictor, test: Samples, record: Record, *, fit_seconds: float, say: Say) -> None:
    """Reference solvers and cost of a query, and of a whole trajectory where a score asks for one."""
    spent = {
        "parameters": cost.count_parameters(fitted),
        "fit_seconds": fit_seconds,
        "truth_seconds": float(record.data.get("label_seconds", 0.0)),
    }
    record.solvers = cost.solver_rows(task, test, say=say)
    seconds = _query_seconds(fitted, test.inputs[:64])
    record.cost = cost.cost(record.scores, record.solvers, query_seconds=seconds, **spent)
    steps, moving = _horizon(task), task.evolution
    if steps > 1 and moving is not None:
        paths = cost.spread(moving.trajectories("test"), ROLLED)
        rows = cost.solver_rows(task, paths, inputs=ROLLED, steps=steps, limit=ROLLING, say=say)
        seconds = _query_seconds(Rollout(fitted, moving, steps), paths.inputs)
        record.rollout_cost = cost.cost(record.scores, rows, query_seconds=seconds, steps=steps, **spent)
        record.solvers += rows


def _horizon(task: Supervised) -> int:
    return max((s.steps for s in task.scores), default=1)


def _rolled(task: Supervised, fitted: Predictor) -> tuple[Samples, dict[str, list[np.ndarray]]] | None:
    """True and predicted trajectories of the test split, where a score asks for steps."""
    horizon, moving = _horizon(task), task.evolution
    if horizon == 1 or moving is None:
        return None
    trajectories = moving.trajectories("test")
    return trajectories, unroll(fitted, moving, trajectories.inputs, horizon)


def _scores(
    task: Supervised, test: Samples, predictions: metrics.Predictions, rolled: Any, *, key: PRNGKeyArray
) -> tuple[list[Estimate], dict[str, np.ndarray]]:
    """Scores with error bars, and the per-sample values behind them."""
    found, values = [], {}
    for i, score in enumerate(task.scores):
        one = jax.random.fold_in(key, i)
        if score.steps == 1:
            samples, answers = test, predictions
        elif rolled is not None:
            samples = dataclasses.replace(rolled[0], outputs=metrics.at_step(score, rolled[0].outputs))
            answers = metrics.at_step(score, rolled[1])
        else:
            continue
        if score.of_set:
            found.append(metrics.estimate(score, answers, samples, key=one))
            continue
        values[score.name] = metrics.per_sample(score, answers, samples)
        found.append(metrics.estimate_of(score, values[score.name], samples.group, key=one))
    return found, values


def _bounds(task: Supervised, fitted: Predictor, samples: Samples) -> Bounds:
    if not isinstance(fitted, Interval):
        return {}
    return predict_interval(fitted, samples.inputs, quantities=task.outputs)


def _coverage(
    task: Supervised,
    fitted: Interval,
    samples: Samples,
    bounds: Bounds,
    where: str,
    *,
    level: float,
    key: PRNGKeyArray,
) -> list[CoverageRow]:
    """Coverage at one of the levels that the answer was calibrated at; `bounds` are those at its own."""
    if level != fitted.level:
        factors = [fitted.widening(x, level) for x in samples.inputs]
        bounds = {n: [_widened(ends, f[n]) for ends, f in zip(pairs, factors)] for n, pairs in bounds.items()}
    return calibration.coverage(task, bounds, samples, level, where=where, key=key)


def _widened(ends: tuple[np.ndarray, np.ndarray], factor: Any) -> tuple[np.ndarray, np.ndarray]:
    low, high = ends
    middle, half = (low + high) / 2, (high - low) / 2
    return middle - factor * half, middle + factor * half


def _shifts(task: Supervised, fitted: Predictor, record: Record, *, key: PRNGKeyArray) -> None:
    for axis in task.shifts:
        for i, value in enumerate(axis.values):
            moved = task.shifted(axis.axis, value)
            samples = moved.truth("test")
            predictions = predict(fitted, samples.inputs, quantities=task.outputs)
            one = jax.random.fold_in(key, i)
            record.shifts.append(shift.shift_row(moved, axis, value, predictions, samples, record.scores, key=one))
            if isinstance(fitted, Interval):
                bounds, where = _bounds(task, fitted, samples), f"{axis.axis}={value}"
                record.coverage += _coverage(moved, fitted, samples, bounds, where, level=fitted.level, key=one)


def _query_seconds(f: Predictor | Rollout, inputs: Sequence[Any]) -> float:
    """Median wall time per input when all are answered at once, compilation excluded.

    Inputs are stacked before the clock starts, as they are for the solvers; neighbours of atoms are looked for after.
    """
    searched = "atoms" in inputs[0].sizes
    ask, asked = (predict, inputs) if searched else (predict_packed, pack(prepared(f, inputs)))
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
