"""Fill a record from a state that takes the coupling as an input: fresh energies at couplings it was not fitted at.

energy error = mean over tested g of |E(g) - E_0(g)| / |E_0(g)|        beyond the range: one row of the shift each
"""

from __future__ import annotations

import math
import time
from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from ...assess import cost, symmetry
from ...assess.rows import Estimate, ShiftRow, SolverRow
from ...contract import Couplings, Method, Samples, Variational
from ...core.systems import SpinLattice
from ...learn import variational
from ...numerics.precision import double
from ..finished import Finished
from ..record import Record

SAMPLES = 32768


def measure(fit: Finished) -> dict[str, np.ndarray]:
    """Write all rows into the record; returns the arrays for plots."""
    task, fitted, record, say = fit.task, fit.answer, fit.record, fit.say
    keys = jax.random.split(fit.key, 3)
    tick = time.perf_counter()
    inside = [_member(task, fitted, g, key=jax.random.fold_in(keys[0], i)) for i, g in enumerate(task.asked.tested)]
    per_query = (time.perf_counter() - tick) / len(inside)
    record.data["couplings"] = inside
    record.scores = _scores(inside)
    record.symmetry = _certificate(task, fit.method, fitted, key=keys[1])
    symmetry.tell(record.symmetry, say)
    record.shifts = _shifts(task, fitted, record, key=keys[2])
    for row in inside:
        if row["r_hat"] > variational.bounds.AGREEMENT:
            say(f"the chains disagree at coupling {row['coupling']:g} (R-hat {row['r_hat']:.3f})")
        if row["energy"] + variational.bounds.SIGNIFICANT * row["error"] < row["exact"]:
            say(f"the energy at coupling {row['coupling']:g} lies below the exact one by more than 5 error bars")
    record.solvers = _solvers(task, inside)
    record.cost = cost.cost(
        record.scores,
        record.solvers,
        parameters=cost.count_parameters(fitted),
        fit_seconds=fit.seconds,
        truth_seconds=0.0,
        query_seconds=per_query,
    )
    _panels(fit)
    return {}


def _member(task: Variational[Couplings], fitted: Any, coupling: float, *, key: PRNGKeyArray) -> dict[str, float]:
    """Energy of the state at one coupling, with its error bar, beside the exact one (NaN where that is not known)."""
    member = task.asked.member(coupling)
    with double():
        psi = fitted.at(coupling)
    found = variational.evaluate(psi, variational.spin_problem(member.law), samples=SAMPLES, key=key)
    reference = member.reference()
    exact = float(reference["energy"]) if reference else math.nan
    return {"coupling": coupling, "exact": exact, **{k: float(v) for k, v in vars(found).items()}}


def _scores(rows: list[dict[str, float]]) -> list[Estimate]:
    """Means over couplings; error bars are those of the samples alone."""
    by = f"autocorrelation of {int(sum(r['n_samples'] for r in rows))} fresh samples"

    def mean(values: list[float], errors: list[float], name: str, label: str) -> Estimate:
        bar = math.sqrt(sum(e**2 for e in errors)) / len(errors)
        return Estimate(name, sum(values) / len(values), bar, "1", label, by)

    v_scores = [r["v_score"] for r in rows]
    spreads = [r["v_score"] * math.sqrt(2 / r["n_samples"]) for r in rows]
    scores = [mean(v_scores, spreads, "v_score", "V-score, mean over couplings")]
    if all(math.isfinite(r["exact"]) for r in rows):
        gaps = [abs(r["energy"] - r["exact"]) / abs(r["exact"]) for r in rows]
        bars = [r["error"] / abs(r["exact"]) for r in rows]
        worst = int(np.argmax(gaps))
        label = f"the same at the worst coupling, {rows[worst]['coupling']:g}"
        scores = [
            mean(gaps, bars, "energy_error", "relative energy error, mean over couplings"),
            Estimate("worst_error", gaps[worst], bars[worst], "1", label, by),
            *scores,
        ]
    return scores


def _shifts(task: Variational[Couplings], fitted: Any, record: Record, *, key: PRNGKeyArray) -> list[ShiftRow]:
    """The state at couplings beyond the range, where it was never fitted."""
    rows, own = [], record.scores[0]
    for axis in task.shifts:
        for i, value in enumerate(axis.values):
            moved = task.shifted(axis.axis, value)
            found = [_member(moved, fitted, g, key=jax.random.fold_in(key, i)) for g in moved.asked.tested]
            first = _scores(found)[0]
            if first.name == own.name:
                rows.append(ShiftRow(axis.axis, value, axis.unit, [first], first.value / own.value))
    return rows


def _certificate(task: Variational[Couplings], method: Method, fitted: Any, *, key: PRNGKeyArray) -> list[Any]:
    """The state under every group of the task, at couplings inside and at the ends of the range."""
    problem = variational.spin_problem(task.asked.member(task.asked.trained[0]).law)
    couplings = (task.asked.tested[0], task.asked.trained[-1])
    with double():
        spins = np.asarray(problem.draw(16, key), np.int8)
        inputs = [SpinLattice(s, {"coupling": np.float64(couplings[i % 2])}) for i, s in enumerate(spins)]
        samples = Samples(inputs, {"log_psi": [np.asarray(fitted(x)["log_psi"]) for x in inputs]})
        return symmetry.audit_method(fitted, method, task, samples, key=key)


def _solvers(task: Variational[Couplings], rows: list[dict[str, float]]) -> list[SolverRow]:
    """Energy error and seconds of every classical solver, per coupling."""
    inputs = [SpinLattice(np.zeros(0, np.int8), {"coupling": row["coupling"]}) for row in rows]
    exact = iter([row["exact"] for row in rows] * sum(len(o.settings) for o in task.solvers))
    return cost.solvers_of_laws(
        task.solvers, lambda answer: {"energy_error": abs(float(answer["energy"]) / next(exact) - 1)}, inputs
    )


def _panels(fit: Finished) -> None:
    """Energy error and V-score against the coupling."""
    rows = fit.record.data["couplings"]
    x = [row["coupling"] for row in rows]
    gaps = {"y": [abs(row["energy"] / row["exact"] - 1) for row in rows]}
    gaps["error"] = [row["error"] / abs(row["exact"]) for row in rows]
    for name, title, label, roles in (
        ("energy error", "Energy at couplings in between", "relative energy error", gaps),
        ("v-score", "V-score at couplings in between", "V-score", {"y": [row["v_score"] for row in rows]}),
    ):
        series = ("one state for all couplings", "answer", {"x": x, **roles})
        axes = [("coupling g", "J"), (label, "1")]
        caption = "The state at couplings that it was not fitted at; bars: one standard error of the samples."
        fit.sheet.add("curve", name, title, axes, series, scales=["linear", "log"], caption=caption)  # type: ignore[arg-type]
