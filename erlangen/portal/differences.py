"""Paired differences of records over the samples that both judged: the test of `assess.comparison`, without arrays.

    paired(a, b, group) -> Paired              a, b: one score of every sample; group: which belong together

The server holds no NumPy; a test compares both on drawn samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

BLOCKS = 10  # of one long group (`assess.metrics`)
ROUNDING = 1e-12  # of the values: a smaller difference is none


class Paired(NamedTuple):
    """Mean of a - b with one standard error (NaN: it has none); p: two-sided; n_groups: how many are independent."""

    difference: float
    error: float
    p: float
    n_groups: int


def paired(a: Sequence[float], b: Sequence[float], group: Sequence[int] | None) -> Paired:
    """Student's test on the means over groups of the differences of one fit of each method; see `assess.comparison`."""
    gap = [x - y for x, y in zip(a, b, strict=True)]
    units = _units(len(gap), group)
    difference = _mean(gap)
    if not math.isfinite(difference):
        alike = math.isfinite(_mean(a)) == math.isfinite(_mean(b))
        return Paired(difference, math.nan, float(alike), len(set(units)))
    sums: dict[int, list[float]] = {}
    for unit, one in zip(units, gap):
        sums.setdefault(unit, []).append(one)
    means = [_mean(one) for one in sums.values()]
    n = len(means)
    if n < 2:
        return Paired(difference, math.nan, 1.0, n)
    middle = _mean(means)
    error = math.sqrt(math.fsum((one - middle) ** 2 for one in means) / (n - 1) / n)
    size = ROUNDING * (_mean([abs(x) for x in a]) + _mean([abs(x) for x in b]))
    if abs(difference) <= size or middle * difference <= 0:
        return Paired(difference, error, 1.0, n)
    if error <= size / math.sqrt(n):
        return Paired(difference, error, 0.0, n)
    return Paired(difference, error, two_sided(abs(middle) / error, n - 1), n)


def two_sided(t: float, degrees: int) -> float:
    """P(|T| > t) of Student's distribution with a whole number of degrees of freedom: the finite sums of Abramowitz
    and Stegun 26.7.3 and 26.7.4, exact to rounding (1e-16, which is also the least p that they resolve).
    """
    angle = math.atan(t / math.sqrt(degrees))
    sine, square = math.sin(angle), math.cos(angle) ** 2
    is_odd = degrees % 2
    term = math.cos(angle) if is_odd else 1.0
    total = term if degrees > 1 else 0.0
    for k in range(2 + is_odd, degrees - 1, 2):
        term *= square * (k - 1) / k
        total += term
    within = 2 / math.pi * (angle + sine * total) if is_odd else sine * total
    return min(max(1.0 - within, 0.0), 1.0)


def _units(n: int, group: Sequence[int] | None) -> Sequence[int]:
    """Which independent unit each sample belongs to (`assess.metrics.resampling_units`)."""
    if group is None:
        return range(n)
    if len(set(group)) > 1:
        return group
    return group if n < 2 * BLOCKS else [i * BLOCKS // n for i in range(n)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan
