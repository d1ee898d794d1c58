"""What is certain about the ground-state energy, from mean E and variance v of the local energy alone.

    E_0 <= E                                                        variational principle
    some eigenvalue lies in [E - sqrt(v), E + sqrt(v)]              Weinstein 1934, doi:10.1073/pnas.20.9.529
    E_0 >= E - v / (E_1 - E)        where E < E_1                   Temple 1928, doi:10.1098/rspa.1928.0059

E_1: the first excited energy, or a lower bound of it, among states of the symmetry that the trial state has exactly.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from .evaluation import ROUNDING, Evaluation

SIGNIFICANT = 5.0  # standard errors
AGREEMENT = 1.05  # of the chains: R-hat above it means that they have not met


@dataclasses.dataclass(frozen=True)
class Bracket:
    """E with its standard error, Weinstein's interval, Temple's bound with its standard error (None without E_1)."""

    upper: float
    error: float
    weinstein: tuple[float, float]
    temple: float | None
    temple_error: float | None


def bracket(found: Evaluation, excited: float | None = None) -> Bracket:
    """Both sides of an evaluated energy; excited: E_1. The variance is taken with its own error of sqrt(2 / n)."""
    energy, variance, error = found.energy, max(found.variance, 0.0), found.error
    width = math.sqrt(variance)
    interval = energy - width, energy + width
    gap = None if excited is None else excited - energy
    if gap is None or gap <= SIGNIFICANT * error:
        return Bracket(energy, error, interval, None, None)
    effective = max(found.n_samples / max(2 * found.tau, 1.0), 1.0)
    spread = variance * math.sqrt(2 / effective) / gap
    return Bracket(
        energy, error, interval, energy - variance / gap, math.hypot(error * (1 + variance / gap**2), spread)
    )


def contradictions(
    found: Evaluation,
    bounds: Bracket,
    reference: Mapping[str, Any] | None,
    excited: float | None = None,
    *,
    magnitude: float = 0.0,
) -> list[str]:
    """What cannot be: bounds that the reference violates, chains that disagree. Empty where nothing is suspicious.

    magnitude: of the terms that add up to the energy, which may cancel.
    """
    exact = None if reference is None else float(reference["energy"])
    said = doubts("the energy", found.r_hat, bounds.upper, bounds.error, exact, magnitude=magnitude)
    if exact is None:
        return said
    margin = max(SIGNIFICANT * bounds.error, ROUNDING * max(abs(exact), magnitude))
    if bounds.temple is not None and bounds.temple - max(SIGNIFICANT * (bounds.temple_error or 0.0), margin) > exact:
        said.append(
            f"the exact energy {exact:.8g} lies below Temple's bound {bounds.temple:.8g} by more than 5 error bars: "
            "the variance is underestimated, or the state is not in the symmetry sector of the excited energy"
        )
    low, high = bounds.weinstein
    if excited is not None and exact < low - margin and high + margin < excited:
        said.append("no eigenvalue lies within Weinstein's interval: the variance is underestimated")
    return said


def doubts(
    name: str, r_hat: float, energy: float, error: float, exact: float | None, *, magnitude: float = 0.0
) -> list[str]:
    """What is said where chains disagree, or where an energy lies below what is possible."""
    said, rounding = [], ROUNDING * max(abs(exact or energy), magnitude)
    if not math.isfinite(energy):
        said.append(f"{name} is {energy}: the state has amplitudes that are no numbers")
    if r_hat > AGREEMENT:
        said.append(f"the chains disagree (R-hat {r_hat:.3f}): {name} is not to be trusted; sample longer")
    if exact is not None and energy + max(SIGNIFICANT * error, rounding) < exact:
        said.append(
            f"{name}, {energy:.8g}, lies below the exact one {exact:.8g} by more than 5 error bars: "
            "the estimator or the reference is wrong"
        )
    return said
