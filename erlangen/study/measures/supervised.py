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
from ...assess.rows import CoverageRow, Estimate, SolverRow
from ...contract import SPLITS, Interval, Predictor, Samples, Score, Supervised
from ...contract.parts import Tell
from ...core.errors import Invalid
from ...data.leakage import Overlap, overlap
from ...data.partition import Partitioned
from ...learn.batching import pack, predict, predict_interval, predict_packed, prepared
from ...learn.rollout import Rollout, unroll
from ..finished import Finished, Say
from ..judging import ANSWERS, SCORES, TRAJECTORIES
from ..record import Record
from . import _consequences as consequences
from . import _supervised_panels as panels

LONGEST = 10.0  # seconds of timing one answer
ROLLED, ROLLING = 8, 60.0  # trajectories that solvers are judged on, seconds for all of their settings
SHARE = 0.25  # of the time for judging: answers, intervals, and all shifts together
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
    task, fitted, record, judging = fit.task, fit.answer, fit.record, fit.judging
    test, keys = task.truth("test"), jax.random.split(fit.key, 5)
    answered = _Answered(test)
    with judging.part(ANSWERS) as tell:
        test = judging.affordable(lambda xs: predict(fitted, xs, quantities=task.outputs), test, SHARE, "test")
        answered = _Answered(test, predict(fitted, test.inputs, quantities=task.outputs, tell=tell))
    with judging.part(TRAJECTORIES) as tell:
        answered.rolled = _rolled(task, fitted, tell)
    arrays = {"group": np.arange(len(test)) if test.group is None else np.asarray(test.group)}
    with judging.part(SCORES):
        record.scores, values = _scores(task, answered, key=keys[0])
        arrays |= {f"scores/{name}": value for name, value in values.items()}
    held, bounds = answered, {}
    if isinstance(fitted, Interval):
        with judging.part("intervals") as tell:
            inside = judging.affordable(lambda xs: _bounds(task, fitted, xs), test, SHARE, "intervals")
            bounds = _bounds(task, fitted, inside.inputs, tell)
            held = answered.part(len(inside))
            for level in fitted.levels:
                record.coverage += _coverage(task, fitted, inside, bounds, "test", level=level, key=keys[1])
    _symmetry(fit, test, key=keys[2])
    _shifts(fit, key=keys[3])
    with judging.part("error of the labels"):
        record.floor = dict(task.floor(min(len(test), 16)))
    _costs(fit, answered)
    arrays |= consequences.measure(fit)
    with judging.part("panels"):
        level = fitted.level if isinstance(fitted, Interval) else 0.0
        panels.of_outputs(fit.sheet, record, held.samples, held.predictions, bounds, level=level)
        if answered.rolled is not None:
            panels.of_rollouts(fit.sheet, task, *answered.rolled)
    return arrays


@dataclasses.dataclass
class _Answered:
    """Test samples, what was answered, and true and predicted trajectories where scores ask for them."""

    samples: Samples
    predictions: metrics.Predictions = dataclasses.field(default_factory=dict)
    rolled: tuple[Samples, metrics.Predictions] | None = None

    def part(self, count: int) -> _Answered:
        """The samples on which a part of that size is judged, and their answers."""
        rows = cost.places(len(self.samples), count)
        return _Answered(self.samples.take(rows), {n: [v[i] for i in rows] for n, v in self.predictions.items()})

    def of(self, score: Score) -> tuple[Samples, metrics.Predictions] | None:
        """What a score compares; None where that is not known."""
        if score.steps == 1:
            return (self.samples, self.predictions) if self.predictions else None
        if self.rolled is None:
            return None
        true, predicted = self.rolled
        true = dataclasses.replace(true, outputs=metrics.at_step(score, true.outputs))
        return true, metrics.at_step(score, predicted)


def _symmetry(fit: Finished, test: Samples, *, key: PRNGKeyArray) -> None:
    """The certificate: of the answer as it is, in float64, and of the reference solver."""
    task, fitted, record, judging = fit.task, fit.answer, fit.record, fit.judging
    with judging.part("symmetry"):
        record.symmetry = symmetry.audit_method(fitted, fit.method, task, test, key=key)
    if symmetry.is_single(fitted):
        with judging.part("symmetry in float64"):
            exact = symmetry.audit_in_double(fitted, fit.method, task, test, key=key)
            record.symmetry = symmetry.rounding_allowed(record.symmetry, exact, task, test) + exact
        with judging.part("Lie derivatives"):
            record.symmetry += lie_derivatives(fitted, fit.method, task, test, inputs=1, subject="method, float64")
    with judging.part("symmetry of the solver"):
        record.symmetry += symmetry.audit_solver(task, test, key=key)
    symmetry.tell(record.symmetry, fit.say)


def _costs(fit: Finished, answered: _Answered) -> None:
    """Reference solvers and cost of a query, and of a whole trajectory where a score asks for one."""
    task, fitted, record, judging = fit.task, fit.answer, fit.record, fit.judging
    spent = {
        "parameters": cost.count_parameters(fitted),
        "fit_seconds": fit.seconds,
        "truth_seconds": float(record.data.get("label_seconds", 0.0)),
    }
    rows: list[SolverRow] = []
    with judging.part("reference solvers"):
        rows = cost.solver_rows(task, answered.samples, say=fit.say)
        record.solvers += rows
    with judging.part("cost"):
        seconds = _query_seconds(fitted, answered.samples.inputs[:64])
        record.cost = cost.cost(_on_equal(task, answered, record, rows), rows, query_seconds=seconds, **spent)
    steps, moving = _horizon(task), task.evolution
    if steps > 1 and moving is not None and answered.rolled is not None:
        true = answered.rolled[0]
        with judging.part("reference solvers on trajectories"):
            rows = cost.solver_rows(task, true, inputs=ROLLED, steps=steps, limit=ROLLING, say=fit.say)
            record.solvers += rows
            seconds = _query_seconds(Rollout(fitted, moving, steps), cost.spread(true, ROLLED).inputs)
            own = _on_equal(task, answered, record, rows)
            record.rollout_cost = cost.cost(own, rows, query_seconds=seconds, steps=steps, **spent)


def _on_equal(task: Supervised, answered: _Answered, record: Record, rows: Sequence[SolverRow]) -> list[Estimate]:
    """The scores of the answer on the samples that the solvers were judged on, resampled with them."""
    found = {one.name: one for one in record.scores}
    for score in task.scores:
        pair = answered.of(score)
        if pair is None or not rows or (score.steps > 1) != (rows[0].steps > 1):
            continue
        part = cost.places(len(pair[0]), rows[0].samples)
        if len(part) < len(pair[0]):
            answers = {name: [values[i] for i in part] for name, values in pair[1].items()}
            found[score.name] = metrics.estimate(score, answers, pair[0].take(part), key=jax.random.key(0))
    return list(found.values())


def _horizon(task: Supervised) -> int:
    return max((s.steps for s in task.scores), default=1)


def _rolled(task: Supervised, fitted: Predictor, tell: Tell) -> tuple[Samples, metrics.Predictions] | None:
    """True and predicted trajectories of the test split, where a score asks for steps."""
    horizon, moving = _horizon(task), task.evolution
    if horizon == 1 or moving is None:
        return None
    trajectories = moving.trajectories("test")
    return trajectories, unroll(fitted, moving, trajectories.inputs, horizon, tell=tell)


def _scores(
    task: Supervised, answered: _Answered, *, key: PRNGKeyArray
) -> tuple[list[Estimate], dict[str, np.ndarray]]:
    """Scores with error bars, and the per-sample values behind them."""
    found, values = [], {}
    for i, score in enumerate(task.scores):
        one, pair = jax.random.fold_in(key, i), answered.of(score)
        if pair is None:
            continue
        samples, answers = pair
        if score.of_set:
            found.append(metrics.estimate(score, answers, samples, key=one))
            continue
        values[score.name] = metrics.per_sample(score, answers, samples)
        found.append(metrics.estimate_of(score, values[score.name], samples.group, key=one))
    return found, values


def _bounds(task: Supervised, fitted: Interval, inputs: Sequence[Any], tell: Tell = lambda done, total: None) -> Bounds:
    return predict_interval(fitted, inputs, quantities=task.outputs, tell=tell)


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


def _shifts(fit: Finished, *, key: PRNGKeyArray) -> None:
    """Scores and, where there are intervals, coverage at every place of every shift."""
    task, fitted, record, judging = fit.task, fit.answer, fit.record, fit.judging
    share = SHARE / max(sum(len(axis.values) for axis in task.shifts), 1)
    for axis in task.shifts:
        for i, value in enumerate(axis.values):
            one, where = jax.random.fold_in(key, i), f"{axis.axis}={value}"
            with judging.part(where) as tell:
                moved = task.shifted(axis.axis, value)
                ask = lambda xs, q=moved.outputs: predict(fitted, xs, quantities=q)  # noqa: E731
                samples = judging.affordable(ask, moved.truth("test"), share, where)
                predictions = predict(fitted, samples.inputs, quantities=task.outputs, tell=tell)
                record.shifts.append(shift.shift_row(moved, axis, value, predictions, samples, record.scores, key=one))
                if task.sources:
                    _tell_overlap(task.truth("train"), samples, fit.say, f"samples of {value}")
                if isinstance(fitted, Interval):
                    ask = lambda xs: _bounds(task, fitted, xs)  # noqa: E731
                    samples = judging.affordable(ask, samples, share, f"intervals of {where}")
                    bounds = _bounds(task, fitted, samples.inputs, tell)
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
    record.data["overlap"] = _tell_overlap(splits["train"], splits["test"], say)._asdict()


def _tell_overlap(train: Samples, test: Samples, say: Say, which: str = "test samples") -> Overlap:
    """What they share, and a word where that is anything."""
    found = overlap(train, test)
    if found.shared:
        say(str(found).replace("test samples", which))
    return found
