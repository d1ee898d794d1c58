"""Is one run better than another, and which runs cannot be told apart?

    paired(a, b, group, *, key) -> Comparison                               two runs on the same test samples
    letters(scores, group, *, level, lower_is_better, key) -> {name: "a"}   significance groups of many runs

a, b, scores[name]: per-sample values of one score (`metrics.per_sample`) on the same samples in the same order.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from ..core.errors import Invalid
from .metrics import bootstrap_means, resampling_units

RESAMPLES = 4000


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Mean of a - b with one standard error; p: how often a difference of no sign would look like this (two-sided)."""

    difference: float
    error: float
    p: float


def paired(a: np.ndarray, b: np.ndarray, group: np.ndarray | None = None, *, key: PRNGKeyArray) -> Comparison:
    """Paired bootstrap of the mean difference: both runs are resampled together, whole groups at a time.

    p = 2 min(share of resampled differences <= 0, share >= 0), at least 1/resamples; 1 where only one sample is
    independent. Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 16, doi:10.1201/9780429246593.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise Invalid(
            must="paired runs are judged on the same test samples",
            came=f"{a.shape} and {b.shape} values",
            do="Compare runs of the same task with the same settings.",
        )
    gap = a - b
    units, _ = resampling_units(len(gap), group)
    if units.max(initial=0) == 0:
        return Comparison(float(gap.mean()), float("nan"), 1.0)
    drawn = bootstrap_means(gap[:, None], units, key=key, resamples=RESAMPLES)[:, 0]
    p = 2 * min(float(np.mean(drawn <= 0)), float(np.mean(drawn >= 0)))
    return Comparison(float(gap.mean()), float(np.std(drawn, ddof=1)), min(1.0, max(p, 1 / RESAMPLES)))


def holm(p: Mapping[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """Holm's adjusted p-values: the family-wise error is held. Scand. J. Statist. 6, 65 (1979), jstor:4615733."""
    order = sorted(p, key=lambda pair: p[pair])
    adjusted, running = {}, 0.0
    for i, pair in enumerate(order):
        running = max(running, min(1.0, (len(order) - i) * p[pair]))
        adjusted[pair] = running
    return adjusted


def letters(
    scores: Mapping[str, np.ndarray],
    group: np.ndarray | None = None,
    *,
    level: float = 0.05,
    lower_is_better: bool = True,
    key: PRNGKeyArray,
) -> dict[str, str]:
    """Compact letter display: runs that share a letter cannot be told apart at `level` (Holm-adjusted); "a" is best.

    Insert and absorb: Piepho, J. Comput. Graph. Statist. 13, 456 (2004), doi:10.1198/1061860043515.
    """
    sign = 1 if lower_is_better else -1
    names = sorted(scores, key=lambda name: sign * float(np.mean(scores[name])))
    p = {}
    for i, pair in enumerate(itertools.combinations(names, 2)):
        p[pair] = paired(scores[pair[0]], scores[pair[1]], group, key=jax.random.fold_in(key, i)).p
    different = {frozenset(pair) for pair, value in holm(p).items() if value < level}
    columns = [frozenset(names)] if names else []
    for pair in different:
        split = [c - {one} for c in columns if pair <= c for one in pair]
        kept = [c for c in columns if not pair <= c] + split
        columns = [c for c in kept if not any(c < other for other in kept)]
        columns = list(dict.fromkeys(columns))
    columns.sort(key=lambda column: sorted(names.index(n) for n in column))
    return {name: "".join(_letter(i) for i, column in enumerate(columns) if name in column) for name in names}


def _letter(i: int) -> str:
    """a ... z, then a', b', ..."""
    return "abcdefghijklmnopqrstuvwxyz"[i % 26] + "'" * (i // 26)
