"""Fill a record from a search: what its outputs are worth by the task's own solver, symmetry, reference solvers, cost.

gap = objective(x, y(x)) - objective(x, best known)        mean over problems; what an answer claims is not asked
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from ...assess import cost, metrics, shift, symmetry
from ...assess.rows import Estimate, ShiftRow, SymmetryRow
from ...contract import SPLITS, Minimiser, Optimisation, Outputs
from ...core.groups import act
from ...core.systems import System
from ...numerics.precision import double
from ..finished import Finished, Say
from ..record import Record

TOLERANCE = 1e-5  # of the spread of the objective over problems
AUDITED = 2  # problems


def describe(task: Optimisation, record: Record, say: Say) -> None:
    """How many problems there are, into record.data."""
    record.data["samples"] = {name: len(task.problems(name)) for name in SPLITS}


def measure(fit: Finished) -> dict[str, np.ndarray]:
    """Write all rows into the record; returns the arrays for plots and for paired comparisons."""
    task, record = fit.task, fit.record
    keys = jax.random.split(fit.key, 3)
    problems = task.problems("test")
    tick = time.perf_counter()
    found = _searched(fit.answer, problems, key=keys[0])
    seconds = (time.perf_counter() - tick) / len(problems)
    values = _worths(task, problems, found)
    record.scores = _scores(task, problems, values)
    with fit.judging.part("symmetry"):
        record.symmetry = _audit(task, fit, problems, values, key=keys[1])
        symmetry.tell(record.symmetry, fit.say)
    for axis in task.shifts:
        for value in axis.values:
            with fit.judging.part(f"{axis.axis}={value}"):
                moved = task.shifted(axis.axis, value)
                there = moved.problems("test")
                worth = _worths(moved, there, _searched(fit.answer, there, key=keys[2]))
                scores = _scores(moved, there, worth)
                record.shifts.append(ShiftRow(axis.axis, value, axis.unit, scores, shift.ratio(scores, record.scores)))
    with fit.judging.part("reference solvers"):
        asked = iter([x for o in task.solvers for _ in o.settings for x in problems])
        record.solvers = cost.solvers_of_laws(
            task.solvers, lambda y: {"objective": task.objective(next(asked), y)}, problems, say=fit.say
        )
    record.cost = cost.cost(
        record.scores,
        record.solvers,
        parameters=cost.count_parameters(fit.answer),
        fit_seconds=fit.seconds,
        truth_seconds=0.0,
        query_seconds=seconds,
    )
    allowed = values[np.isfinite(values)]
    axes = [("objective", task.unit), ("problems", "1")]
    caption = "Of the problems with an allowed answer, by the solver of the task."
    found = ("found", "answer", {"values": allowed})
    fit.sheet.add("histogram", "objective", "What was found is worth", axes, found, caption=caption)
    return {"scores/objective": values}


def _searched(answer: Minimiser, problems: Sequence[System], *, key: PRNGKeyArray) -> list[Outputs]:
    """The outputs found for every problem."""
    run = eqx.filter_jit(lambda a, x, k: a.minimise(x, key=k))
    with double():
        return [
            jax.device_get(run(answer, answer.prepare(x), jax.random.fold_in(key, i))) for i, x in enumerate(problems)
        ]


def _worths(task: Optimisation, problems: Sequence[System], found: Sequence[Outputs]) -> np.ndarray:
    """[problems] of the objective, by the task's solver."""
    with double():
        return np.array([task.objective(x, y) for x, y in zip(problems, found)])


def _scores(task: Optimisation, problems: Sequence[System], values: np.ndarray) -> list[Estimate]:
    """gap, where the best is known; objective of the problems with an allowed answer; share of these."""
    allowed = np.isfinite(values)
    best = [task.best(x) for x in problems]
    found = [_mean("objective", "objective", values[allowed], task.unit)] if allowed.any() else []
    if all(one is not None for one in best) and allowed.any():
        known = _worths(task, problems, [one or {} for one in best])
        found.insert(0, _mean("gap", "objective above the best known", (values - known)[allowed], task.unit))
    share = _mean("allowed", "problems with an allowed answer", 100.0 * allowed, "%")
    return [*found, dataclasses.replace(share, lower_is_better=False)]


def _mean(name: str, label: str, numbers: np.ndarray, unit: str) -> Estimate:
    """Over problems, which are independent."""
    n = len(numbers)
    error = metrics.few(n) * float(np.std(numbers, ddof=1)) / n**0.5 if n > 1 else float("nan")
    return Estimate(name, float(np.mean(numbers)), error, unit, label, "standard error over problems")


def _audit(
    task: Optimisation, fit: Finished, problems: Sequence[System], values: np.ndarray, *, key: PRNGKeyArray
) -> list[SymmetryRow]:
    """The worth of the answer to g x against that of the answer to x, drawn with one key, in units of the spread."""
    rows = []
    spread = float(np.std(values[np.isfinite(values)])) if np.isfinite(values).any() else 0.0
    for i, group in enumerate(task.symmetry):
        worst = 0.0
        for j, x in enumerate(problems[:AUDITED]):
            one, same = jax.random.split(jax.random.fold_in(key, 100 * i + j))
            with double():
                moved = act(group, group.sample(x, key=one), x, task.inputs)
            pair = _worths(task, [x, moved], [_searched(fit.answer, [at], key=same)[0] for at in (x, moved)])
            gap = 0.0 if pair[0] == pair[1] else abs(pair[1] - pair[0])  # both may be infinite
            worst = float(np.maximum(worst, gap / (spread or abs(pair[0]) or 1.0)))
        declared = symmetry.keeps(fit.method, group)
        rows.append(SymmetryRow("method", group.name, "objective", worst, declared, tolerance=TOLERANCE))
    return rows
