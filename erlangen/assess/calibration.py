"""How honest an uncertainty is: coverage of intervals, proper scores of predictive distributions, ranking of errors.

    coverage(task, intervals, samples, level, *, where, key) -> list[CoverageRow]
    crps_gaussian, crps_ensemble, nll_gaussian, interval_score         proper scores, lower is better, per component
    binned_quantile(width, error, level)                               quantile of errors in bins of widths
    miscalibration_area, sparsification_error, rank_correlation        of a set of errors and their claimed sizes

`intervals` is what `learn.batching.predict_interval` returns: output name -> one (lower, upper) per sample.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import jax
import numpy as np
from jaxtyping import Float, PRNGKeyArray

from erlangen.core.arrays import AnyArray

from ..contract import Samples, Task
from .metrics import bar, bootstrap_means, resampling_units
from .rows import CoverageRow

BINS = 10


def coverage(
    task: Task,
    intervals: Mapping[str, Sequence[tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]]],
    samples: Samples,
    level: float,
    *,
    where: str = "test",
    key: PRNGKeyArray,
) -> list[CoverageRow]:
    """How often the intervals hold the truth, per output: components, whole fields for outputs on a grid, all classes
    of an atom.

    The error is that of `metrics.bar`, by bootstrap over samples (whole groups where samples.group is given).
    """
    rows = []
    for i, q in enumerate(task.outputs):
        if q.name not in intervals or q.name not in samples.outputs:
            continue
        whole, by_atom = q.is_joint and q.axes != "atoms", bool(q.classes) and q.axes == "atoms"
        held, count, width = [], [], []
        for (low, high), true in zip(intervals[q.name], samples.outputs[q.name]):
            low, high, true = np.asarray(low), np.asarray(high), np.asarray(true)
            inside = (low <= true) & (true <= high)
            inside = inside.all(-1) if by_atom else inside
            held.append(float(inside.all()) if whole else float(inside.sum()))
            count.append(1.0 if whole else float(inside.size))
            width.append(float(np.mean(high - low)))
        table = np.stack([held, count], 1)
        units, _ = resampling_units(len(held), samples.group)
        draws = bootstrap_means(table, units, key=jax.random.fold_in(key, i))
        error = bar(draws[:, 0] / draws[:, 1], int(units.max(initial=0)) + 1)
        share = float(table[:, 0].sum() / table[:, 1].sum())
        mean_width = float(np.average(width, weights=count))
        kind = "simultaneous band" if whole else "per component"
        rows.append(CoverageRow(where, q.name, level, share, error, mean_width, q.unit, kind))
    return rows


def binned_quantile(width: np.ndarray, error: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean half-width, `level` quantile of |error| and its standard error (binomial ranks) in bins of equal counts."""
    order = np.argsort(width, kind="stable")
    few = np.unique(np.round(width, 12))
    parts = [np.flatnonzero(np.isclose(width, w)) for w in few] if len(few) <= BINS else np.array_split(order, BINS)
    rows = []
    for part in (part for part in parts if len(part) >= 10):
        inside, n = np.sort(error[part]), len(part)
        slack = math.sqrt(level * (1 - level) / n)
        low, high = np.quantile(inside, [max(level - slack, 0), min(level + slack, 1)])
        rows.append((float(width[part].mean()), float(np.quantile(inside, level)), float(high - low) / 2))
    found = np.asarray(rows).reshape(-1, 3)
    return found[:, 0], found[:, 1], found[:, 2]


def crps_gaussian(
    mean: Float[AnyArray, "..."], sigma: Float[AnyArray, "..."], true: Float[AnyArray, "..."]
) -> Float[np.ndarray, "..."]:
    """Continuous ranked probability score of N(mean, sigma^2), in the unit of y; zero for a sharp and right answer.

        sigma [ z (2 Phi(z) - 1) + 2 phi(z) - 1/sqrt(pi) ],   z = (y - mean) / sigma

    Gneiting and Raftery, J. Am. Stat. Assoc. 102, 359 (2007), doi:10.1198/016214506000001437.
    """
    from scipy.special import ndtr

    mean, sigma, true = (np.asarray(v, np.float64) for v in (mean, sigma, true))
    z = (true - mean) / sigma
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return sigma * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi))


def crps_ensemble(members: Float[AnyArray, "members ..."], true: Float[AnyArray, "..."]) -> Float[np.ndarray, "..."]:
    """The same score of an ensemble [members, ...]: unbiased ("fair") estimate for finitely many members.

        mean_i |x_i - y| - sum_ij |x_i - x_j| / (2 m (m - 1))

    Ferro, Q. J. R. Meteorol. Soc. 140, 1917 (2014), doi:10.1002/qj.2270.
    """
    members, true = np.sort(np.asarray(members, np.float64), 0), np.asarray(true, np.float64)
    m = len(members)
    # sum_{i<j} (x_j - x_i) of sorted members = sum_k (2 k - m + 1) x_k
    gaps = np.tensordot(2.0 * np.arange(m) - m + 1, members, 1)
    return np.mean(np.abs(members - true), 0) - gaps / (m * (m - 1))


def nll_gaussian(
    mean: Float[AnyArray, "..."], sigma: Float[AnyArray, "..."], true: Float[AnyArray, "..."]
) -> Float[np.ndarray, "..."]:
    """Negative log likelihood of y under N(mean, sigma^2):  z^2 / 2 + log sigma + log(2 pi) / 2."""
    mean, sigma, true = (np.asarray(v, np.float64) for v in (mean, sigma, true))
    return ((true - mean) / sigma) ** 2 / 2 + np.log(sigma) + np.log(2 * np.pi) / 2


def interval_score(
    lower: Float[AnyArray, "..."], upper: Float[AnyArray, "..."], true: Float[AnyArray, "..."], level: float
) -> Float[np.ndarray, "..."]:
    """Width plus a fine for misses:  (u - l) + 2/alpha (l - y)_+ + 2/alpha (y - u)_+,  alpha = 1 - level.

    Gneiting and Raftery (2007), section 6.2, doi:10.1198/016214506000001437.
    """
    lower, upper, true = (np.asarray(v, np.float64) for v in (lower, upper, true))
    fine = 2 / (1 - level)
    return upper - lower + fine * np.maximum(lower - true, 0) + fine * np.maximum(true - upper, 0)


def miscalibration_area(
    mean: Float[AnyArray, "..."], sigma: Float[AnyArray, "..."], true: Float[AnyArray, "..."]
) -> float:
    """Area between the reliability curve and the diagonal, in [0, 1/2]: 0 is calibrated, 1/2 is hopeless.

    The curve is the share of samples in the central interval of N(mean, sigma^2) of probability p, against p; the
    area is exact for the empirical step curve. Kuleshov, Fenner, Ermon (2018), arXiv:1807.00263; the area: Tran et al.,
    Mach. Learn.: Sci. Technol. 1, 025006 (2020), doi:10.1088/2632-2153/ab7e1a.
    """
    from scipy.special import erf

    z = np.abs(np.ravel(np.asarray(true, np.float64) - np.asarray(mean)) / np.ravel(sigma))
    # each sample enters the central interval of probability p at p = erf(z / sqrt 2)
    entered = np.concatenate([[0.0], np.sort(erf(z / np.sqrt(2))), [1.0]])
    share = np.arange(len(z) + 1) / len(z)
    low, high = entered[:-1], entered[1:]
    cross = np.clip(share, low, high)
    return float(np.sum((cross - low) * (share - (low + cross) / 2) + (high - cross) * ((cross + high) / 2 - share)))


def sparsification_error(error: Float[AnyArray, "..."], sigma: Float[AnyArray, "..."]) -> float:
    """How far ranking by sigma is from ranking by the error itself (AUSE), in units of the mean error; 0 is perfect.

    The samples of largest sigma are taken away one by one; the mean error of the rest is compared with that of the
    oracle, and the gap is averaged over the fraction taken away. Ilg et al. (2018), arXiv:1802.07095.
    """
    error, sigma = np.abs(np.ravel(np.asarray(error, np.float64))), np.ravel(np.asarray(sigma, np.float64))

    def curve(by: np.ndarray) -> np.ndarray:
        ordered = error[np.argsort(by, kind="stable")]
        return np.cumsum(ordered) / np.arange(1, len(ordered) + 1)

    mean = float(error.mean())
    return float(np.mean(curve(sigma) - curve(error)) / mean) if mean else 0.0


def rank_correlation(error: Float[AnyArray, "..."], sigma: Float[AnyArray, "..."]) -> float:
    """Spearman correlation of |error| with sigma, ties at their mean rank; 1: sigma ranks errors perfectly."""
    from scipy.stats import rankdata

    a, b = rankdata(np.abs(np.ravel(np.asarray(error)))), rankdata(np.ravel(np.asarray(sigma)))
    a, b = a - a.mean(), b - b.mean()
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b / size) if size else 0.0
