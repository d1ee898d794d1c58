"""Fill a record from a variational answer: fresh energy, V-score, honest error bars, symmetry, other couplings,
solvers.

    error = |E - E_0| / |E_0|          E: fresh Metropolis estimate,  E_0: reference energy

(|E - E_0| alone where E_0 is nearly 0, which is said.)
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from ...assess.rows import CoverageRow, Estimate
from ...contract import GroundState, Outputs, QuantumState, Variational
from ...learn import variational
from ...learn.variational import Evaluation, Problem, Wavefunction
from ...physics.characters import sectors_of
from ...physics.spins import Hamiltonian
from ..finished import Finished, Say
from ..panels import Sheet
from ._law import Reference, certificate, conclude, error_measure, known, shift_rows

LEVEL, QUANTILE = 0.9, 1.6449
REPETITIONS = 40
MAX_SUMMED_SITES = 20
MOST_SUMMED_STATES = 200_000  # without symmetry, at every other coupling
MOST_ISOMETRIES = 512  # of a lattice whose symmetry sectors are listed
DISAGREEMENT = 6.0  # standard errors
LONGEST, LONGEST_SHIFT = 300.0, 60.0  # seconds of sampling; states of many costly amplitudes keep a larger error bar
SAMPLES_OF_SHIFT = 1024, 16384  # at least and at most


def measure(fit: Finished) -> dict[str, np.ndarray]:
    """Write all rows into the record; returns the arrays for plots."""
    task: Variational[GroundState] = fit.task
    fitted = variational.wavefunction(fit.answer)
    record, say = fit.record, fit.say
    keys = jax.random.split(fit.key, 4)
    problem = variational.spin_problem(task.law)
    is_small = problem.size <= MAX_SUMMED_SITES
    state = variational.tabulated(fitted, problem) if is_small else fitted
    sampled = variational.evaluate(state, problem, samples=_samples(fit.seconds), longest=LONGEST, key=keys[0])
    found = _summed(sampled, fitted, problem, say) if is_small else sampled
    reference = known(fit)
    record.data["evaluation"] = {k: float(v) for k, v in vars(sampled).items()}
    record.data["sectors"] = sectors(task.law, fitted, say)
    record.data["bracket"] = _bracket(found, fitted, reference, task, say)
    scores = _scores(found, reference, problem)
    if is_small:
        record.data["error_bars"] = dataclasses.asdict(_error_bars(state, problem, found.energy, key=keys[1]))
    affordable = int(np.clip(int(LONGEST_SHIFT * sampled.n_samples / sampled.seconds), *SAMPLES_OF_SHIFT))

    def elsewhere(moved: Variational, key: PRNGKeyArray) -> Estimate | None:
        """The state found here as a trial state for other couplings."""
        known, law = moved.reference(), variational.spin_problem(moved.law)
        if not known:
            return None
        if is_small and moved.law.n_states <= MOST_SUMMED_STATES:
            energy, variance = variational.full_sum(state, law)
            summed = dataclasses.replace(sampled, energy=energy, error=0.0, variance=variance)
            return _scores(summed, known, law)[0]
        how = {"samples": affordable, "chains": affordable // 32, "longest": LONGEST_SHIFT}
        return _scores(variational.evaluate(state, law, key=key, **how), known, law)[0]

    record.shifts = shift_rows(task, scores[0], elsewhere, key=keys[3])

    exact = reference["energy"] if reference else math.nan
    size, unit, called = error_measure(exact, problem.zero)
    if reference and unit != "1":
        say(f"the ground energy is nearly zero ({exact:.3g} J): errors of the energy are {called}, in {unit}")

    def judge(answer: Outputs) -> dict[str, float]:
        return {"energy_error": abs(float(answer["energy"]) - exact) / size}

    audited = certificate(task, fit.method, fit.answer, problem, key=keys[2])
    # another Hamiltonian needs another fit, so every query costs one
    conclude(fit, scores, audited, judge, state=fit.answer, query_seconds=fit.seconds + sampled.seconds)
    energy_panels(fit.sheet, fit.history, (reference or {}).get("energy"), problem.zero)
    return {}


def _samples(fit_seconds: float) -> int:
    """65,536, twice as many for every doubling of the fit beyond a minute, 16 times as many at most: what a long fit
    has gained, error bars have to show.
    """
    return 65536 * 2 ** min(max(int(math.log2(max(fit_seconds, 1.0) / 60)), 0), 4)


def _summed(sampled: Evaluation, fitted: Wavefunction, problem: Problem, say: Say) -> Evaluation:
    """`sampled` with energy and variance summed over all states, unless the two disagree: then the samples count."""
    energy, variance = variational.full_sum(fitted, problem)
    if not abs(energy - sampled.energy) <= DISAGREEMENT * max(
        sampled.error, 1e-12 * max(abs(energy), problem.magnitude)
    ):
        say(f"the sum over all states gives {energy:.8g}, samples give {sampled.energy:.8g}: the samples are shown")
        return sampled
    v_score = problem.v_score(energy, variance)
    return dataclasses.replace(sampled, energy=energy, error=0.0, variance=variance, v_score=v_score)


def _scores(found: Evaluation, reference: Reference | None, problem: Problem) -> list[Estimate]:
    by = f"autocorrelation of {found.n_samples} fresh samples" if found.error else "sum over all states"
    per_site = Estimate("energy", found.energy / problem.size, found.error / problem.size, "J", "energy per site", by)
    v_score = Estimate(
        "v_score", found.v_score, found.v_score * (2 / found.n_samples) ** 0.5 * (found.error > 0), "1", "V-score", by
    )
    if not reference:
        return [per_site, v_score]
    size, unit, called = error_measure(reference["energy"], problem.zero)
    gap = abs(found.energy - reference["energy"]) / size
    return [Estimate("energy_error", gap, found.error / size, unit, f"{called} energy error", by), per_site, v_score]


def _bracket(
    found: Evaluation, fitted: QuantumState, reference: Reference | None, task: Variational, say: Say
) -> dict[str, Any]:
    """Both sides of the energy; what contradicts itself is said."""
    excited = (reference or {}).get("excited")
    permutations, flip = fitted.invariance
    whole = permutations is not None and len(permutations) == len(task.law.lattice.space_group)
    if reference and reference.get("is_symmetric") and not (whole and (flip or not task.law.is_flip_symmetric)):
        excited = None  # the state may hold others than those of the symmetry sector
    bounds = variational.bracket(found, excited)
    for contradiction in variational.contradictions(found, bounds, reference, excited, magnitude=task.law.magnitude):
        say(contradiction)
    return dataclasses.asdict(bounds)


def sectors(law: Hamiltonian, fitted: Wavefunction, say: Say) -> dict[str, Any] | None:
    """Titles of the symmetry sectors that were looked at and of those that were not, which is said; None where the
    ground state is known to be symmetric (Perron-Frobenius), or the state is bound to no sector.
    """
    permutations, flip = fitted.invariance
    group = np.arange(law.n_sites)[None] if permutations is None else permutations
    is_bound = len(fitted.sectors) > 0 or len(group) > 1 or flip
    if law.is_stoquastic or not is_bound:
        return None
    if len(law.lattice.space_group) > MOST_ISOMETRIES:
        say(
            "symmetry sectors other than that of this state were not looked at: the ground state may lie in one of them"
        )
        return {"looked_at": list(fitted.sectors) or ["k = 0, symmetric"], "not_looked_at": "all others"}
    every = sectors_of(law)
    within = [one.title for one in every if not fitted.sectors and one.is_one_on(group, flip=flip)]
    looked = [one.title for one in every if one.title in fitted.sectors or one.title in within]
    left = [one.title for one in every if one.title not in looked]
    if left:
        named = "; ".join(left[:6]) + "; ..." * (len(left) > 6)
        say(
            f"{len(left)} of {len(every)} symmetry sectors were not looked at: the ground state may lie in one of them "
            f"({named})"
        )
    return {"looked_at": looked, "not_looked_at": left}


def _error_bars(fitted: Wavefunction, problem: Problem, exact: float, *, key: PRNGKeyArray) -> CoverageRow:
    """How often E +- 1.645 error of short independent evaluations holds the energy of the state, summed exactly."""
    hits, widths = [], []
    for one in jax.random.split(key, REPETITIONS):
        short = variational.evaluate(fitted, problem, samples=4096, chains=256, key=one)
        rounding = variational.bounds.ROUNDING * max(abs(exact), problem.magnitude)
        hits.append(abs(short.energy - exact) <= max(QUANTILE * short.error, rounding))
        widths.append(2 * QUANTILE * short.error)
    rate = float(np.mean(hits))
    error = (LEVEL * (1 - LEVEL) / REPETITIONS) ** 0.5
    kind = f"{REPETITIONS} fresh evaluations against the full sum"
    return CoverageRow("test", "energy", LEVEL, rate, error, float(np.mean(widths)), "J", kind)


def energy_panels(
    sheet: Sheet, history: Sequence[Mapping[str, float]], exact: float | None, constant: float = 0.0
) -> None:
    """Energy and variance on the way down; the error of the energy where the exact one is known."""
    rows = [row for row in history if "energy" in row]
    x, energy, variance = ([row.get(name, math.nan) for row in rows] for name in ("step", "energy", "variance"))
    again = np.diff(x, prepend=0.0) <= 0  # fits that follow each other count their steps from the start
    x = np.asarray(x, float) + np.cumsum(np.where(again, np.concatenate([[0.0], x[:-1]]), 0.0))
    known, step = exact is not None, ("step of the minimisation", "1")
    y, label = np.asarray(energy), ("energy E", "J")
    if exact is not None:
        size, unit, _ = error_measure(exact, constant)
        y, label = np.abs(y - exact) / size, ("|E - E_0| / |E_0|" if unit == "1" else "|E - E_0|", unit)
    for name, title, axis, values, look, scale in (
        ("energy", "Energy on the way down", label, y, "noisy" if known else "answer", "log" if known else "linear"),
        ("variance", "Variance on the way down", ("variance of E", "J^2"), variance, "noisy", "log"),
    ):
        caption = "Of the samples of each step; the variance of the energy vanishes for an exact eigenstate."
        series = ("each step", look, {"x": x, "y": values})
        sheet.add("curve", name, title, [step, axis], series, scales=["linear", scale], caption=caption)
