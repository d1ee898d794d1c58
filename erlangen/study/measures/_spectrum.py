"""Fill a record from an answer to a task of levels: energies and gaps from fresh samples, sectors audited.

gap_error = |(E_1 - E_0) - exact|      in J, with the standard error of the measured gap
energy_error = max_n |E_n - exact_n| / |exact_0|
"""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from ...assess import cost, symmetry
from ...assess.rows import Estimate, SolverRow, SymmetryRow
from ...contract import Levels, Spectrum, Variational
from ...learn import variational
from ...numerics.precision import double
from ..finished import Finished, Say
from ._ground_state import audit_law, energy_panels

SAMPLES = 65536
SECTOR_TOLERANCE = 1e-10


def measure(fit: Finished) -> dict[str, np.ndarray]:
    """Write all rows into the record; returns the arrays for plots."""
    task, fitted, record, say = fit.task, fit.answer, fit.record, fit.say
    keys = jax.random.split(fit.key, 3)
    found = fitted.levels(task.law, samples=SAMPLES, key=keys[0])
    reference = task.reference()
    record.data["reference"] = dict(reference) if reference else None
    record.data["levels"] = _levels(found, reference)
    record.scores = _scores(found, reference)
    _doubt(found, reference, say)
    problem = variational.spin_problem(task.law)
    record.symmetry = _sectors(task, fitted, key=keys[1]) + audit_law(task, problem, key=keys[2])
    symmetry.tell(record.symmetry, say)
    record.solvers = _solvers(task, reference)
    record.cost = cost.cost(
        record.scores,
        record.solvers,
        parameters=cost.count_parameters(fitted.states),
        fit_seconds=fit.seconds,
        truth_seconds=0.0,
        query_seconds=fit.seconds + found.seconds,
    )
    energy_panels(fit.sheet, fit.history, (reference or {}).get("energy"))
    _panels(fit)
    return {}


def _levels(found: Levels, reference: Any) -> list[dict[str, float | None]]:
    """One row per level: energy and gap with standard errors, beside the exact ones where these are known."""
    exact = list(reference["energies"]) if reference else [None] * len(found.energies)
    gaps, gap_errors = (0.0, *found.gaps), (0.0, *found.gap_errors)
    columns = (found.energies, found.errors, exact, gaps, gap_errors)
    return [
        {
            "energy": energy,
            "error": error,
            "exact": true,
            "gap": gap,
            "gap_error": gap_error,
            "exact_gap": None if true is None else true - exact[0],
        }
        for energy, error, true, gap, gap_error in zip(*columns)
    ]


def _scores(found: Levels, reference: Any) -> list[Estimate]:
    by = f"{found.n_samples} fresh samples of every state"
    gap = Estimate("gap", found.gaps[0], found.gap_errors[0], "J", "gap", by)
    energies = [
        Estimate(f"energy_{n}", energy, error, "J", f"energy of level {n}", by)
        for n, (energy, error) in enumerate(zip(found.energies, found.errors))
    ]
    if not reference:
        return [gap, *energies]
    exact = reference["energies"]
    wrong = abs(found.gaps[0] - (exact[1] - exact[0]))
    errors = [abs(e - true) / abs(exact[0]) for e, true in zip(found.energies, exact)]
    worst = int(np.argmax(errors))
    bar = found.errors[worst] / abs(exact[0])
    return [
        Estimate("gap_error", wrong, found.gap_errors[0], "J", "error of the gap", by),
        Estimate("energy_error", errors[worst], bar, "1", "largest relative energy error", by),
        gap,
        *energies,
    ]


def _doubt(found: Levels, reference: Any, say: Say) -> None:
    """Say what cannot be, or should not be trusted."""
    if found.r_hat > variational.bounds.AGREEMENT:
        say(f"the chains disagree (R-hat {found.r_hat:.3f}): the levels are not to be trusted; sample longer")
    if found.singular:
        say(f"{found.singular} samples had no local energy (the states are dependent there) and were left out")
    for n, (energy, error) in enumerate(zip(found.energies, found.errors)):
        margin = max(variational.bounds.SIGNIFICANT * error, variational.bounds.ROUNDING * abs(energy))
        if reference and energy + margin < reference["energies"][n]:
            say(f"level {n} at {energy:.8g} lies below the exact one by more than 5 error bars: an estimator is wrong")


def _sectors(task: Variational[Spectrum], fitted: Any, *, key: PRNGKeyArray) -> list[SymmetryRow]:
    """psi(g s) = chi(g) psi(s) for every state that claims a sector, under all of its elements."""
    if not isinstance(fitted, variational.InSectors):
        return []
    rows = []
    for n, (psi, character) in enumerate(zip(fitted.states, fitted.characters)):
        problem = variational.spin_problem(variational.in_sector(task.law, character))
        with double():
            spins = problem.draw(8, key)
        error = variational.character_defect(psi, character, spins)
        rows.append(
            SymmetryRow("method", character.title, f"state {n}", error, declared=True, tolerance=SECTOR_TOLERANCE)
        )
    return rows


def _solvers(task: Variational[Spectrum], reference: Any) -> list[SolverRow]:
    """Error of the gap and seconds of every classical solver."""
    exact = reference["energies"] if reference else (math.nan, math.nan)

    def judge(answer: Any) -> dict[str, float]:
        energies = answer["energies"]
        return {"gap_error": abs(float((energies[1] - energies[0]) - (exact[1] - exact[0])))}

    return cost.solvers_of_laws(task.solvers, judge)


def _panels(fit: Finished) -> None:
    """The levels beside the exact ones."""
    rows = fit.record.data["levels"]
    roles = {"y": [row["energy"] for row in rows], "error": [row["error"] for row in rows]}
    roles["exact"] = [math.nan if row["exact"] is None else row["exact"] for row in rows]
    caption = "Levels with one standard error, and the exact ones (grey) where they are known."
    fit.sheet.add(
        "spectrum",
        "levels",
        "Levels",
        [("level", "1"), ("energy E", "J")],
        ("levels", "answer", roles),
        caption=caption,
    )
