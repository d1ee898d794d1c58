"""Statistics of correlated series: autocorrelation time, error bars that know it, and convergence between chains."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from jaxtyping import Float

_ENOUGH_BLOCKS = 32


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A mean of correlated samples.

    error: standard error of the mean; variance: of one sample; tau: integrated autocorrelation time in samples
    (0.5 = independent); r_hat: split potential scale reduction (1 = chains agree, below 1.01 is good).
    """

    mean: float
    error: float
    variance: float
    tau: float
    r_hat: float
    n_samples: int


def estimate(series: Float[np.ndarray, "chains samples"]) -> Estimate:
    """Mean of `series` with an error bar by blocking; complex series are judged by their real part.

    Blocks are whole chains where there are at least 32, otherwise equal pieces of chains that keep the number of blocks
    at 32 or more. The error is the larger of the spread of block means / sqrt(blocks) and sqrt(2 tau variance / n): the
    first knows every correlation inside a block, the second is less noisy.
    """
    series = np.real(np.asarray(series, np.complex128 if np.iscomplexobj(series) else np.float64))
    chains, n = series.shape
    variance, tau = float(series.var()), integrated_time(series)
    pieces = min(max(1, math.ceil(_ENOUGH_BLOCKS / chains)), n)
    blocks = series[:, : n // pieces * pieces].reshape(chains * pieces, -1).mean(axis=1)
    blocked = blocks.std(ddof=1) / math.sqrt(len(blocks)) if len(blocks) > 1 else math.inf
    # np.max keeps NaN, where max depends on the order
    error = np.max([blocked, math.sqrt(2 * tau * variance / series.size)]) if variance else 0.0
    return Estimate(float(series.mean()), float(error), variance, tau, split_r_hat(series), series.size)


def integrated_time(series: Float[np.ndarray, "chains samples"]) -> float:
    """tau = 1/2 + sum_t rho(t), with rho averaged over chains and summed up to the first t >= 5 tau.

    (Sokal 1997, doi:10.1007/978-1-4899-0319-8_6). 0.5 where the samples are independent or constant, NaN where one is.
    """
    series = np.asarray(series, np.float64)
    n = series.shape[1]
    centred = series - series.mean()
    spectrum = np.fft.rfft(centred, 2 * n, axis=1)
    covariance = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, :n].mean(axis=0) / np.arange(n, 0, -1)
    if not covariance[0] > 0:
        return math.nan if math.isnan(covariance[0]) else 0.5
    tau = np.cumsum(covariance / covariance[0]) - 0.5
    window = np.flatnonzero(np.arange(n) >= 5 * tau)
    return float(max(tau[window[0] if len(window) else n - 1], 0.5))


def split_r_hat(series: Float[np.ndarray, "chains samples"]) -> float:
    """Split R-hat: sqrt of total over within-chain variance, each chain cut in half so that a drift shows too.

    (Gelman et al., Bayesian Data Analysis, 3rd ed., section 11.4). inf for chains that are stuck at different values, 1
    where all samples are equal; NaN for fewer than 4 samples per chain, and where a sample is NaN or infinite.
    """
    series = np.asarray(series, np.float64)
    half = series.shape[1] // 2
    if half < 2 or not np.isfinite(series).all():
        return math.nan
    halves = np.concatenate([series[:, :half], series[:, half : 2 * half]])
    # measured from its first sample, a chain that is stuck varies by exactly 0
    moved = halves - halves[:, :1]
    within = moved.var(axis=1, ddof=1).mean()
    if within == 0:
        return 1.0 if np.all(halves == halves[0, 0]) else math.inf
    between = (halves[:, 0] - halves[0, 0] + moved.mean(axis=1)).var(ddof=1)
    return float(math.sqrt((half - 1) / half + between / within))
