"""One explicit Runge-Kutta step with an estimate of its error.

    k_i = f(y + dt sum_j a_ij k_j),      y' = y + dt sum_i b_i k_i,      error = dt sum_i (b_i - c_i) k_i

Kutta's method of third order (1901) holds the midpoint rule of second order inside: three evaluations, none of them
shared with the next step, so that f may be drawn anew (samples) between steps.
Source: Hairer, Noersett, Wanner, Solving Ordinary Differential Equations I, doi:10.1007/978-3-540-78862-1, section II.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from jaxtyping import Array, Float


@dataclasses.dataclass(frozen=True)
class Tableau:
    """stages: the rows a_i of the second stage on; weights b; embedded: the weights c of lower order; order: of b."""

    stages: tuple[tuple[float, ...], ...]
    weights: tuple[float, ...]
    embedded: tuple[float, ...]
    order: int


KUTTA = Tableau(stages=((1 / 2,), (-1.0, 2.0)), weights=(1 / 6, 2 / 3, 1 / 6), embedded=(0.0, 1.0, 0.0), order=3)


def step(
    f: Callable[[Float[Array, " n"]], Float[Array, " n"]],
    y: Float[Array, " n"],
    dt: float,
    *,
    first: Float[Array, " n"] | None = None,
    tableau: Tableau = KUTTA,
) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """(y after dt, its error) of y' = f(y); `first`: f(y) where it is known already."""
    slopes = [f(y) if first is None else first]
    for row in tableau.stages:
        slopes.append(f(y + dt * sum(a * k for a, k in zip(row, slopes, strict=True))))
    moved = y + dt * sum(b * k for b, k in zip(tableau.weights, slopes, strict=True))
    lower = y + dt * sum(c * k for c, k in zip(tableau.embedded, slopes, strict=True))
    return moved, moved - lower


def next_step(dt: float, error: float, tolerance: float, *, tableau: Tableau = KUTTA) -> float:
    """The step for which the error would be 0.8 of `tolerance`; it changes by no more than a factor of 5 down, 2 up."""
    if not error < float("inf"):  # NaN too: the step left the region where f is defined
        return dt / 5
    return dt * min(2.0, max(0.2, (0.8 * tolerance / max(error, 1e-300)) ** (1 / tableau.order)))
