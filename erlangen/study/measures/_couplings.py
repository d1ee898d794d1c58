"""Fill a record from a state that takes the coupling as an input: fresh energies at couplings it was not fitted at.

energy error = mean over tested g of |E(g) - E_0(g)| / |E_0(g)|        beyond the range: one row of the shift each
"""

from __future__ import annotations

import itertools
import math
import time

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from ...assess import symmetry
from ...assess.rows import Estimate, SymmetryRow
from ...contract import Couplings, Method, Outputs, Samples, StateFamily, Variational
from ...core.systems import SpinLattice
from ...learn import variational
from ...numerics.precision import double
from ..finished import Finished
from ._law import conclude, shift_rows

SAMPLES = 32768


def measure(fit: Finished) -> dict[str, np.ndarray]:
    """Write all rows into the record; returns the arrays for plots."""
    task: Variational[Couplings] = fit.task
    fitted: StateFamily = fit.answer
    record = fit.record
    keys = jax.random.split(fit.key, 3)
    tick = time.perf_counter()
    inside = [_member(task, fitted, g, key=jax.random.fold_in(keys[0], i)) for i, g in enumerate(task.asked.tested)]
    per_query = (time.perf_counter() - tick) / len(inside)
    record.data["couplings"] = inside
    scores = _scores(inside)

    def elsewhere(moved: Variational[Couplings], key: PRNGKeyArray) -> Estimate | None:
        """The state at couplings beyond the range, where it was never fitted."""
        first = _scores([_member(moved, fitted, g, key=key) for g in moved.asked.tested])[0]
        return first if first.name == scores[0].name else None

    record.shifts = shift_rows(task, scores[0], elsewhere, key=keys[2])
    for row in inside:
        name = f"the energy at coupling {row['coupling']:g}"
        for doubt in variational.doubts(name, row["r_hat"], row["energy"], row["error"], row["exact"]):
            fit.say(doubt)
    inputs = [SpinLattice(jnp.zeros(0, jnp.int8), {"coupling": row["coupling"]}) for row in inside]
    exact = itertools.cycle([row["exact"] for row in inside])  # answers come in the order of the inputs

    def judge(answer: Outputs) -> dict[str, float]:
        return {"energy_error": abs(float(answer["energy"]) / next(exact) - 1)}

    audited = _certificate(task, fit.method, fitted, key=keys[1])
    conclude(fit, scores, audited, judge, state=fitted, query_seconds=per_query, inputs=inputs)
    _panels(fit)
    return {}


def _member(
    task: Variational[Couplings], fitted: StateFamily, coupling: float, *, key: PRNGKeyArray
) -> dict[str, float]:
    """Energy of the state at one coupling, with its error bar, beside the exact one (NaN where that is not known)."""
    member = task.asked.member(coupling)
    with double():
        psi = variational.wavefunction(fitted.at(coupling))
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


def _certificate(
    task: Variational[Couplings], method: Method, fitted: StateFamily, *, key: PRNGKeyArray
) -> list[SymmetryRow]:
    """The state under every group of the task, at couplings inside and at the ends of the range."""
    problem = variational.spin_problem(task.asked.member(task.asked.trained[0]).law)
    couplings = (task.asked.tested[0], task.asked.trained[-1])
    with double():
        spins = np.asarray(problem.draw(16, key), np.int8)
        inputs = [SpinLattice(s, {"coupling": np.float64(couplings[i % 2])}) for i, s in enumerate(spins)]
        samples = Samples(inputs, {"log_psi": [np.asarray(fitted(x)["log_psi"]) for x in inputs]})
        return symmetry.audit_method(fitted, method, task, samples, key=key)


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
        fit.sheet.add("curve", name, title, axes, series, scales=["linear", "log"], caption=caption)
