"""Is one method better than another, and which cannot be told apart?

    paired(a, b, group) -> Comparison                                  two methods on the same test samples
    letters(scores, group, *, level, lower_is_better) -> {name: "a"}   significance groups of many methods

a, b, scores[name]: values [n] of one score (`metrics.per_sample`) on the same samples in the same order, or
[seeds, n] of several fits of one method.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Int
from scipy.special import stdtr

from ..core.errors import Invalid
from .letters import holm
from .letters import letters as displayed
from .metrics import resampling_units

ROUNDING = 1e-12  # of the values: a smaller difference is none


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Mean of a - b with one standard error; p: how often a difference of no sign would look like this (two-sided)."""

    difference: float
    error: float
    p: float


def paired(
    a: Float[np.ndarray, "*seeds n"], b: Float[np.ndarray, "*seeds n"], group: Int[np.ndarray, " n"] | None = None
) -> Comparison:
    """Student's test of the difference d of two methods, on the means d_g over groups and, of several fits, over seeds.

        t = mean d_g / s,      s^2 = var(d_g) / G  +  var(a_k) / K_a  +  var(b_k) / K_b

    a_k, b_k: means over samples of single fits; with one fit of either their terms are missing, and what is found holds
    for these fits, not for the methods. Group means, whatever their sizes and variances, keep the level with two groups
    already: Ibragimov, Müller, J. Bus. Econ. Stat. 28, 453 (2010), doi:10.1198/jbes.2009.08046. Degrees of freedom:
    Satterthwaite, Biometrics Bull. 2, 110 (1946), doi:10.2307/3002019, and no more than the seeds have where theirs is
    the larger part. p = 1 where only one sample is independent, where the difference is one of rounding, or where the
    mean over samples has another sign than that over groups. An answer that blew up is worse than any finite one.
    """
    a, b = np.atleast_2d(np.asarray(a, np.float64)), np.atleast_2d(np.asarray(b, np.float64))
    if a.shape[1:] != b.shape[1:] or a.ndim != 2:
        raise Invalid(
            must="methods are compared on the same test samples",
            came=f"{a.shape[1:]} and {b.shape[1:]} values",
            do="Compare runs of the same task with the same settings.",
        )
    gap = a.mean(0) - b.mean(0)
    difference, units = float(gap.mean()), resampling_units(len(gap), group)[0]
    if not np.isfinite(difference):
        return Comparison(difference, float("nan"), float(np.isfinite(a.mean()) == np.isfinite(b.mean())))
    means = np.bincount(units, gap) / np.bincount(units)
    if len(means) < 2:
        return Comparison(difference, float("nan"), 1.0)
    parts = [(float(np.var(means, ddof=1)) / len(means), len(means) - 1)]
    if min(len(a), len(b)) > 1:
        parts += [(float(np.var(one.mean(1), ddof=1)) / len(one), len(one) - 1) for one in (a, b)]
    error = sum(part for part, _ in parts) ** 0.5
    size = ROUNDING * float(np.mean(np.abs(a)) + np.mean(np.abs(b)))
    if abs(difference) <= size or np.mean(means) * difference <= 0:
        return Comparison(difference, error, 1.0)
    if error <= size / len(means) ** 0.5:
        return Comparison(difference, error, 0.0)
    t = abs(float(np.mean(means))) / error
    return Comparison(difference, error, float(2 * stdtr(_freedom(parts), -t)))


def _freedom(parts: list[tuple[float, int]]) -> float:
    """Degrees of freedom of a sum of variances (value, degrees of each)."""
    total = sum(value for value, _ in parts)
    found = total**2 / sum(value**2 / degrees for value, degrees in parts)
    fits = parts[1:]
    if sum(value for value, _ in fits) > total / 2:
        found = min(found, sum(degrees for _, degrees in fits))
    return found


def letters(
    scores: Mapping[str, Float[np.ndarray, "*seeds n"]],
    group: Int[np.ndarray, " n"] | None = None,
    *,
    level: float = 0.05,
    lower_is_better: bool = True,
) -> dict[str, str]:
    """Letters of methods, "a" the best: those that share one cannot be told apart at `level` (Holm-adjusted)."""
    sign = 1 if lower_is_better else -1
    means = {name: sign * float(np.mean(values)) for name, values in scores.items()}
    names = sorted(means, key=lambda name: np.inf if np.isnan(means[name]) else means[name])
    p = {(a, b): paired(scores[a], scores[b], group).p for a, b in itertools.combinations(names, 2)}
    return displayed(names, holm(p), level)
