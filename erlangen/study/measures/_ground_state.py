"""Fill a record from a variational answer: fresh energy, V-score, honest error bars, symmetry, other couplings,
solvers.

    error = |E - E_0| / |E_0|          E: fresh Metropolis estimate,  E_0: reference energy
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from ...assess import cost, symmetry
from ...assess.rows import CoverageRow, Estimate, ShiftRow, SolverRow
from ...contract import Method, Samples, Variational
from ...core.systems import SpinLattice
from ...learn import variational
from ...numerics.precision import double
from ..finished import Finished, Say
from ..panels import Sheet
from ..record import Record

LEVEL, QUANTILE = 0.9, 1.6449
REPETITIONS = 40
MAX_SUMMED_SITES = 20
DISAGREEMENT = 6.0  # standard errors
LONGEST, LONGEST_SHIFT = 300.0, 60.0  # seconds of sampling; states of many costly amplitudes keep a larger error bar
SAMPLES_OF_SHIFT = 1024, 16384  # at least and at most


def measure(fit: Finished) -> dict[str, np.ndarray]:
    """Write all rows into the record; returns the arrays for plots."""
    task, fitted, record, say = fit.task, fit.answer, fit.record, fit.say
    keys = jax.random.split(fit.key, 4)
    problem = variational.spin_problem(task.law)
    is_small = problem.size <= MAX_SUMMED_SITES
    state = variational.tabulated(fitted, problem) if is_small else fitted
    sampled = variational.evaluate(state, problem, samples=_samples(fit.seconds), longest=LONGEST, key=keys[0])
    found = _summed(sampled, fitted, problem, say) if is_small else sampled
    reference = task.reference()
    record.data["reference"] = dict(reference) if reference else None
    record.data["evaluation"] = {k: float(v) for k, v in vars(sampled).items()}
    record.scores = _scores(found, reference, problem.size)
    record.data["bracket"] = _bracket(found, fitted, reference, task, say)
    if is_small:
        record.coverage = [_coverage(state, problem, found.energy, key=keys[1])]
    record.symmetry = certificate(task, fit.method, fitted, problem, key=keys[2])
    symmetry.tell(record.symmetry, say)
    affordable = int(LONGEST_SHIFT * sampled.n_samples / sampled.seconds)
    record.shifts = _shifts(task, state, record, samples=int(np.clip(affordable, *SAMPLES_OF_SHIFT)), key=keys[3])
    record.solvers = _solvers(task, reference)
    record.cost = cost.cost(
        record.scores,
        record.solvers,
        parameters=cost.count_parameters(fitted),
        fit_seconds=fit.seconds,
        truth_seconds=0.0,
        # another Hamiltonian needs another fit, so every query costs one
        query_seconds=fit.seconds + sampled.seconds,
    )
    energy_panels(fit.sheet, fit.history, (reference or {}).get("energy"))
    return {}


def _samples(fit_seconds: float) -> int:
    """65,536, twice as many for every doubling of the fit beyond a minute, 16 times as many at most: what a long fit
    has gained, error bars have to show.
    """
    return 65536 * 2 ** min(max(int(math.log2(max(fit_seconds, 1.0) / 60)), 0), 4)


def _summed(sampled: Any, fitted: Any, problem: Any, say: Say) -> Any:
    """`sampled` with energy and variance summed over all states, unless the two disagree: then the samples count."""
    energy, variance = variational.full_sum(fitted, problem)
    if not abs(energy - sampled.energy) <= DISAGREEMENT * max(sampled.error, 1e-12 * abs(energy)):
        say(f"the sum over all states gives {energy:.8g}, samples give {sampled.energy:.8g}: the samples are shown")
        return sampled
    v_score = problem.size * variance / energy**2 if energy else float("inf")
    return dataclasses.replace(sampled, energy=energy, error=0.0, variance=variance, v_score=v_score)


def _scores(found: Any, reference: Any, sites: int) -> list[Estimate]:
    by = f"autocorrelation of {found.n_samples} fresh samples" if found.error else "sum over all states"
    per_site = Estimate("energy", found.energy / sites, found.error / sites, "J", "energy per site", by)
    v_score = Estimate(
        "v_score", found.v_score, found.v_score * (2 / found.n_samples) ** 0.5 * (found.error > 0), "1", "V-score", by
    )
    if not reference:
        return [per_site, v_score]
    size = abs(reference["energy"])
    gap = abs(found.energy - reference["energy"]) / size
    return [Estimate("energy_error", gap, found.error / size, "1", "relative energy error", by), per_site, v_score]


def _bracket(found: Any, fitted: Any, reference: Any, task: Variational, say: Say) -> dict[str, Any]:
    """Both sides of the energy; what contradicts itself is said."""
    excited = (reference or {}).get("excited")
    permutations, flip = fitted.invariance
    whole = permutations is not None and len(permutations) == len(task.law.lattice.space_group)
    if reference and reference.get("is_symmetric") and not (whole and (flip or not task.law.is_flip_symmetric)):
        excited = None  # the state may hold others than those of the symmetry sector
    bounds = variational.bracket(found, excited)
    for contradiction in variational.contradictions(found, bounds, reference, excited):
        say(contradiction)
    return dataclasses.asdict(bounds)


def _coverage(fitted: Any, problem: Any, exact: float, *, key: PRNGKeyArray) -> CoverageRow:
    """How often E +- 1.645 error of short independent evaluations holds the energy of the state, summed exactly."""
    hits, widths = [], []
    for one in jax.random.split(key, REPETITIONS):
        short = variational.evaluate(fitted, problem, samples=4096, chains=256, key=one)
        hits.append(abs(short.energy - exact) <= max(QUANTILE * short.error, variational.bounds.ROUNDING * abs(exact)))
        widths.append(2 * QUANTILE * short.error)
    rate = float(np.mean(hits))
    error = (LEVEL * (1 - LEVEL) / REPETITIONS) ** 0.5
    kind = f"{REPETITIONS} fresh evaluations against the full sum"
    return CoverageRow("test", "energy", LEVEL, rate, error, float(np.mean(widths)), "J", kind)


def certificate(task: Variational, method: Method, fitted: Any, problem: Any, *, key: PRNGKeyArray) -> list[Any]:
    """The state under every group of the task, and the law itself."""
    with double():
        inputs, ask = _drawn(problem, key), eqx.filter_jit(fitted)
        samples = Samples(inputs, {"log_psi": [np.asarray(ask(x)["log_psi"]) for x in inputs]})
        rows = symmetry.audit_method(fitted, method, task, samples, key=key)
    return rows + audit_law(task, problem, key=key)


def audit_law(task: Variational, problem: Any, *, key: PRNGKeyArray) -> list[Any]:
    """H phi must be invariant where phi is: phi(s) = exp(H_ss / |H_ss|_max) is as symmetric as the diagonal of H.

    If H commutes with g, so is (H phi)(s) / phi(s).
    """
    with double():
        inputs = _drawn(problem, key)
        spins = np.stack([x.spins for x in inputs])
        diagonal = lambda s: task.law.connected(s)[1][0]  # noqa: E731
        scale = 1 / max(float(jnp.max(jnp.abs(jax.vmap(diagonal)(spins)))), 1.0)
        local = jax.jit(lambda s: problem.local_energies(lambda t: scale * diagonal(t), s[None])[0])
        name = task.outputs[0].name
        law = lambda x: {name: local(x.spins)}  # noqa: E731
        samples = Samples(inputs, {name: [np.asarray(local(s)) for s in spins]})
        declared = {group.name: True for group in task.symmetry}
        audited = symmetry.audit("solver", law, task, samples, declared, symmetry.SOLVER_TOLERANCE, key=key)
    for row in audited:
        row.output = "local energy"
    return audited


def _drawn(problem: Any, key: PRNGKeyArray) -> list[SpinLattice]:
    return [SpinLattice(row) for row in np.asarray(problem.draw(16, key), np.int8)]


def _shifts(task: Variational, fitted: Any, record: Record, *, samples: int, key: PRNGKeyArray) -> list[ShiftRow]:
    """The state trained here, judged as a trial state for other couplings."""
    rows = []
    own = record.scores[0].value if record.scores[0].name == "energy_error" else np.nan
    for axis in task.shifts:
        for i, value in enumerate(axis.values):
            moved = task.shifted(axis.axis, value)
            reference = moved.reference()
            if not reference:
                continue
            problem = variational.spin_problem(moved.law)
            one = jax.random.fold_in(key, i)
            found = variational.evaluate(
                fitted, problem, samples=samples, chains=samples // 32, longest=LONGEST_SHIFT, key=one
            )
            scores = _scores(found, reference, problem.size)[:1]
            rows.append(ShiftRow(axis.axis, value, axis.unit, scores, scores[0].value / own if own else np.nan))
    return rows


def _solvers(task: Variational, reference: Any) -> list[SolverRow]:
    """Energy error and seconds of every classical solver."""

    def judge(answer: Any) -> dict[str, float]:
        return {"energy_error": abs(float(answer["energy"]) / reference["energy"] - 1) if reference else math.nan}

    return cost.solvers_of_laws(task.solvers, judge)


def energy_panels(sheet: Sheet, history: Sequence[Mapping[str, float]], exact: float | None) -> None:
    """Energy and variance on the way down; the relative error of the energy where the exact one is known."""
    rows = [row for row in history if "energy" in row]
    x, energy, variance = ([row.get(name, math.nan) for row in rows] for name in ("step", "energy", "variance"))
    known, step = exact is not None, ("step of the minimisation", "1")
    y = np.abs((np.asarray(energy) - exact) / exact) if exact else energy
    label = ("|E - E_0| / |E_0|", "1") if known else ("energy E", "J")
    for name, title, axis, values, look, scale in (
        ("energy", "Energy on the way down", label, y, "noisy" if known else "answer", "log" if known else "linear"),
        ("variance", "Variance on the way down", ("variance of E", "J^2"), variance, "noisy", "log"),
    ):
        caption = "Of the samples of each step; the variance of the energy vanishes for an exact eigenstate."
        series = ("each step", look, {"x": x, "y": values})
        sheet.add("curve", name, title, [step, axis], series, scales=["linear", scale], caption=caption)  # type: ignore[arg-type,list-item]
