"""Peaks of a measured pattern: where lines are, how high, on what background.

background   SNIP: sqrt-log y is clipped at the mean of its neighbours at +-w, w falling (Ryan et al. 1988,
             doi:10.1016/0168-583X(88)90063-8)
noise        var y = g y, with the gain g from differences of neighbours: counts need not be given as such
peaks        maxima of the smoothed pattern that rise above `significance` of it; tops by a parabola
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

WIDEST = 2.5  # degrees: half the window of the background, wider than any peak


@dataclasses.dataclass(frozen=True)
class Peaks:
    """By rising angle: two_theta [n] in degrees, height [n] and area [n] above the background."""

    two_theta: Float[np.ndarray, " n"]
    height: Float[np.ndarray, " n"]
    area: Float[np.ndarray, " n"]


def smooth_background(y: Float[np.ndarray, " n"], step: float, widest: float = WIDEST) -> Float[np.ndarray, " n"]:
    """What is below all peaks of at most `widest` degrees."""
    z = np.log(np.log(np.sqrt(np.maximum(y, 0) + 1) + 1) + 1)
    for w in range(max(int(widest / step), 2), 0, -1):
        mean = z.copy()
        mean[w:-w] = 0.5 * (z[2 * w :] + z[: -2 * w])
        z = np.minimum(z, mean)
    return (np.exp(np.exp(z) - 1) - 1) ** 2 - 1


def gain(y: Float[np.ndarray, " n"]) -> float:
    """g of var y = g y, from second differences of neighbours; robust against peaks."""
    middle, rough = y[1:-1], y[:-2] - 2 * y[1:-1] + y[2:]
    kept = middle > 0
    if kept.sum() < 10:
        return 1.0
    return float(np.median(rough[kept] ** 2 / (6 * middle[kept])) / 0.455)  # 0.455: median of chi squared


def _bias(y: Float[np.ndarray, " n"], level: Float[np.ndarray, " n"]) -> float:
    """How far SNIP, which follows the lowest points, passes below the middle of the noise, in units of sqrt(level)."""
    kept = level > 0
    return float(np.median((y - level)[kept] / np.sqrt(level[kept]))) if kept.any() else 0.0


def smoothed(y: Float[np.ndarray, " n"], width: float) -> Float[np.ndarray, " n"]:
    """Convolved with a Gaussian of that standard deviation in points."""
    from scipy.ndimage import gaussian_filter1d

    return gaussian_filter1d(y, width, mode="nearest") if width > 0 else y


def find_peaks(
    two_theta: Float[np.ndarray, " n"],
    y: Float[np.ndarray, " n"],
    *,
    width: float = 0.1,
    significance: float = 5.0,
    weakest: float = 0.004,
) -> Peaks:
    """Peaks wider than about `width` [degree], above `weakest` of the highest one."""
    from scipy.signal import find_peaks as maxima

    step = float(np.median(np.diff(two_theta)))
    y = np.asarray(y, float)
    scale = max(float(np.max(y)), 1e-300)
    level = smooth_background(smoothed(1e4 * y / scale, 0.5 * width / step), step) * scale / 1e4
    points = max(0.42 * width / step, 0.7)
    soft = smoothed(y, points)
    quiet = 1 / np.sqrt(2 * np.sqrt(np.pi) * points)  # of white noise, after smoothing
    noise = quiet * np.sqrt(gain(y) * np.maximum(soft, 0)) + 1e-12 * scale
    level = level + _bias(soft, level) * np.sqrt(np.maximum(level, 0))
    clear = soft - level
    least = np.maximum(significance * noise, weakest * float(np.max(clear)))
    top, _ = maxima(clear, height=least, prominence=least, distance=max(int(0.7 * width / step), 1))
    top = top[(top > 0) & (top < len(y) - 1)]
    left, middle, right = clear[top - 1], clear[top], clear[top + 1]
    bend = np.minimum(left - 2 * middle + right, -1e-300)
    place = np.clip(0.5 * (left - right) / bend, -0.5, 0.5)
    reach = max(round(2 * width / step), 1)
    area = np.array([clear[max(i - reach, 0) : i + reach + 1].sum() * step for i in top])
    return Peaks(two_theta[top] + place * step, middle, area)
