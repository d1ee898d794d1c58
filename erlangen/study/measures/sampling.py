"""Fill a record from a sampler: scores of sets of draws, calibration, symmetry in law, shifts, reference solvers, cost.

A set is all draws for one input: as many as there are true ones, or as the task asks. A sampler keeps a symmetry where
draws for g x and moved draws for x have one distribution, which is tested with the energy distance (defect above 1:
told apart at the level of 1 %).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from ...assess import cost, metrics, shift, symmetry, two_samples
from ...assess.rows import CoverageRow, Estimate, ShiftRow, SolverRow, SymmetryRow
from ...contract import SPLITS, Sampler, Samples, Sampling
from ...core.groups import act
from ...core.systems import System
from ...learn.draws import draw
from ...numerics.precision import double
from ..finished import Finished, Say
from ..record import Record

LEVEL = 0.9
AUDITED = 200  # draws of each kind for the symmetry in law
Set = dict[str, list[np.ndarray]]


def describe(task: Sampling, record: Record, say: Say) -> None:
    """Sizes of the splits and what the draws cost, into record.data."""
    record.data["label_seconds"] = task.label_seconds()
    record.data["samples"] = {name: len(task.truth(name)) for name in SPLITS}


def measure(fit: Finished) -> dict[str, np.ndarray]:
    """Write all rows into the record; returns the arrays for plots and for paired comparisons."""
    task, sampler, record = fit.task, fit.answer, fit.record
    keys = jax.random.split(fit.key, 5)
    inputs, true = sets_of(task, task.truth("test"))
    tick = time.perf_counter()
    drawn = _draws(task, sampler, inputs, true, key=keys[0])
    seconds = (time.perf_counter() - tick) / sum(len(next(iter(one.values()))) for one in drawn)
    record.scores, values = _scores(task, drawn, true, key=keys[1])
    with fit.judging.part("intervals"):
        record.coverage = _coverage(task, drawn, true)
    with fit.judging.part("symmetry"):
        record.symmetry = _in_law(task, fit, inputs[0], key=keys[2])
        symmetry.tell(record.symmetry, fit.say)
    for axis in task.shifts:
        for value in axis.values:
            with fit.judging.part(f"{axis.axis}={value}"):
                moved = task.shifted(axis.axis, value)
                xs, ys = sets_of(moved, moved.truth("test"))
                scores, _ = _scores(moved, _draws(moved, sampler, xs, ys, key=keys[3]), ys, key=keys[3])
                there = shift.ratio(scores, record.scores)
                record.shifts.append(ShiftRow(axis.axis, value, axis.unit, scores, there))
    with fit.judging.part("reference solvers"):
        record.solvers = _solvers(task, inputs, true, fit.say)
    record.cost = cost.cost(
        record.scores,
        record.solvers,
        parameters=cost.count_parameters(sampler),
        fit_seconds=fit.seconds,
        truth_seconds=float(record.data.get("label_seconds", 0.0)),
        query_seconds=seconds,
    )
    _panels(fit, drawn, true)
    return {f"scores/{name}": value for name, value in values.items()}


def _panels(fit: Finished, drawn: Sequence[Set], true: Sequence[Set]) -> None:
    """How draws and true draws are spread, component by component."""
    for q in fit.task.outputs:
        series = []
        for label, look, sets in (("true draws", "truth", true), ("draws", "answer", drawn)):
            values = np.concatenate([np.ravel(v) for one in sets for v in one[q.name]]).astype(float)
            series.append((label, look, {"values": values}))
        axes = [(q.label or q.name, q.unit), ("components", "1")]
        caption = "All components of all draws for the test inputs."
        fit.sheet.add(
            "histogram", f"spread of {q.name}", f"Spread of {q.label or q.name}", axes, *series, caption=caption
        )


def sets_of(task: Sampling, samples: Samples) -> tuple[list[System], list[Set]]:
    """The different inputs of `samples`, and the true draws for each."""
    group = np.zeros(len(samples), int) if samples.group is None else np.asarray(samples.group)
    inputs, true = [], []
    for one in dict.fromkeys(group.tolist()):
        rows = np.flatnonzero(group == one).tolist()
        inputs.append(samples.inputs[rows[0]])
        true.append({q.name: [np.asarray(samples.outputs[q.name][i]) for i in rows] for q in task.outputs})
    return inputs, true


def _draws(
    task: Sampling, sampler: Sampler, inputs: Sequence[System], true: Sequence[Set], *, key: PRNGKeyArray
) -> list[Set]:
    counts = [task.draws or len(next(iter(one.values()))) for one in true]
    return draw(sampler, inputs, counts, task.outputs, key=key)


def _solvers(task: Sampling, inputs: Sequence[System], true: Sequence[Set], say: Say) -> list[SolverRow]:
    """Reference samplers: `solve` gives all draws for one input, along a leading axis."""
    theirs = iter([one for o in task.solvers for _ in o.settings for one in true])

    def judge(drawn: Mapping[str, Any]) -> dict[str, float]:
        sets = [{name: list(values) for name, values in drawn.items()}], [next(theirs)]
        return {score.name: metrics.summarise(score, _of_sets(score, *sets)) for score in task.scores}

    return cost.solvers_of_laws(task.solvers, judge, inputs, say=say)


def _of_sets(score: Any, drawn: Sequence[Set], true: Sequence[Set]) -> np.ndarray:
    """[sets] of score.measure."""
    return np.array([float(score.measure(a[score.quantity], b[score.quantity])) for a, b in zip(drawn, true)])


def _scores(
    task: Sampling, drawn: Sequence[Set], true: Sequence[Set], *, key: PRNGKeyArray
) -> tuple[list[Estimate], dict[str, np.ndarray]]:
    """Scores over all sets; their error bars resample sets, or the draws of the only one."""
    found, values = [], {}
    for i, score in enumerate(task.scores):
        one = jax.random.fold_in(key, i)
        values[score.name] = _of_sets(score, drawn, true)
        if len(drawn) > 1:
            found.append(metrics.estimate_of(score, values[score.name], key=one))
        else:
            pair = drawn[0][score.quantity], true[0][score.quantity]
            found.append(metrics.estimate_of_set(score, *pair, key=one))
    return found, values


def _coverage(task: Sampling, drawn: Sequence[Set], true: Sequence[Set]) -> list[CoverageRow]:
    """How often the middle `LEVEL` of the draws holds a true draw, component by component."""
    rows = []
    for q in task.outputs:
        held, widths = [], []
        for mine, theirs in zip(drawn, true):
            if len({v.shape for v in (*mine[q.name], *theirs[q.name])}) > 1:
                continue
            low, high = np.quantile(np.stack(mine[q.name]), [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
            held += [float(np.mean((low <= y) & (y <= high))) for y in theirs[q.name]]
            widths.append(float(np.mean(high - low)))
        if held:
            error = float(np.std(held, ddof=1) / len(held) ** 0.5) if len(held) > 1 else float("nan")
            kind = "middle of the draws"
            row = CoverageRow("test", q.name, LEVEL, float(np.mean(held)), error, float(np.mean(widths)), q.unit, kind)
            rows.append(row)
    return rows


def _in_law(task: Sampling, fit: Finished, x: System, *, key: PRNGKeyArray) -> list[SymmetryRow]:
    """Draws for g x against moved draws for x, for one element of every group of the task."""
    rows, rng = [], metrics.generator(key)
    for i, group in enumerate(task.symmetry):
        first, second, one = jax.random.split(jax.random.fold_in(key, i), 3)
        with double():
            g = group.sample(x, key=one)
            moved = act(group, g, x, task.inputs)
            (plain,), (there,) = (
                draw(fit.answer, [at], [AUDITED], task.outputs, key=k) for at, k in ((x, first), (moved, second))
            )
            for q in task.outputs:
                turned = [np.asarray(group.act(g, q, jnp.asarray(v))) for v in plain[q.name]]
                pair = two_samples.columns(turned), two_samples.columns(there[q.name])
                defect = max(two_samples.excess(*pair, rng=rng), 0.0)
                declared = symmetry.keeps(fit.method, group)
                rows.append(SymmetryRow("method", f"{group.name}, in law", q.name, defect, declared, tolerance=1.0))
    return rows
