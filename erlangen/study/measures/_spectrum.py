"""Fill a record from an answer to a task of levels: energies and gaps from fresh samples, sectors audited.

gap_error = |(E_1 - E_0) - exact|      in J, with the standard error of the measured gap
energy_error = max_n |E_n - exact_n| / |exact_0|      (without |exact_0| where that is nearly 0)
"""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from ...assess.rows import Estimate, SymmetryRow
from ...contract import Eigenstates, Levels, Outputs, Spectrum, Variational
from ...learn import variational
from ...numerics.precision import double
from ..finished import Finished
from ._ground_state import energy_panels
from ._law import Reference, audit_law, conclude, error_measure, known

SAMPLES = 65536
SECTOR_TOLERANCE = 1e-10


def measure(fit: Finished) -> dict[str, np.ndarray]:
    """Write all rows into the record; returns the arrays for plots."""
    task: Variational[Spectrum] = fit.task
    fitted: Eigenstates = fit.answer
    record, say = fit.record, fit.say
    keys = jax.random.split(fit.key, 3)
    found = fitted.levels(task.law, samples=SAMPLES, key=keys[0])
    reference = known(fit)
    record.data["levels"] = rows = _levels(found, reference)
    if found.singular:
        say(f"{found.singular} samples had no local energy (the states are dependent there) and were left out")
    for n, row in enumerate(rows):
        r_hat = 0.0 if n else found.r_hat  # all levels come from the same chains
        measured = row["energy"], row["error"], row["exact"]
        for doubt in variational.doubts(f"level {n}", r_hat, *measured, magnitude=task.law.magnitude):
            say(doubt)
    audited = _sectors(task, fitted, key=keys[1])
    audited += audit_law(task, variational.spin_problem(task.law), key=keys[2])
    exact = reference["energies"] if reference else (math.nan, math.nan)

    def judge(answer: Outputs) -> dict[str, float]:
        energies = answer["energies"]
        return {"gap_error": abs(float((energies[1] - energies[0]) - (exact[1] - exact[0])))}

    seconds = fit.seconds + found.seconds
    conclude(
        fit, _scores(found, reference, task.law.constant), audited, judge, state=fitted.states, query_seconds=seconds
    )
    energy_panels(fit.sheet, fit.history, (reference or {}).get("energy"), task.law.constant)
    _panels(fit)
    return {}


def _levels(found: Levels, reference: Reference | None) -> list[dict[str, Any]]:
    """One row per level: energy and gap with standard errors, beside the exact ones where these are known."""
    exact = list(reference["energies"]) if reference else [None] * len(found.energies)
    gaps = [None if e is None else e - exact[0] for e in exact]
    columns = (found.energies, found.errors, exact, (0.0, *found.gaps), (0.0, *found.gap_errors), gaps)
    return [dict(zip(("energy", "error", "exact", "gap", "gap_error", "exact_gap"), row)) for row in zip(*columns)]


def _scores(found: Levels, reference: Reference | None, constant: float) -> list[Estimate]:
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
    size, unit, called = error_measure(exact[0], constant)
    errors = [abs(e - true) / size for e, true in zip(found.energies, exact)]
    worst = int(np.argmax(errors))
    bar = found.errors[worst] / size
    return [
        Estimate("gap_error", wrong, found.gap_errors[0], "J", "error of the gap", by),
        Estimate("energy_error", errors[worst], bar, unit, f"largest {called} energy error", by),
        gap,
        *energies,
    ]


def _sectors(task: Variational[Spectrum], fitted: Eigenstates, *, key: PRNGKeyArray) -> list[SymmetryRow]:
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
