"""Whether two sets of draws come from one distribution.

    D^2(X, Y) = 2 E|X - Y| - E|X - X'| - E|Y - Y'|  >= 0,      0 only for equal distributions   (energy distance)

Szekely and Rizzo 2013, doi:10.1016/j.jspi.2013.03.018. Whether D^2 is more than chance is told by permutations of the
pooled draws, which needs no assumption on the distributions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.spatial.distance import cdist

PERMUTATIONS = 199


def energy_distance(x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"]) -> float:
    """D^2 in the unit of the values, unbiased: pairs of a draw with itself are left out, so it may be below zero."""
    joint = _distances(x, y)
    return _of_distances(joint, np.arange(len(x) + len(y)) < len(x))


def excess(
    x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"], *, rng: np.random.Generator, level: float = 0.01
) -> float:
    """D^2 in units of what pure chance exceeds with probability `level`: above 1 the two differ."""
    joint = _distances(x, y)
    first = np.arange(len(x) + len(y)) < len(x)
    chance = [_of_distances(joint, rng.permutation(first)) for _ in range(PERMUTATIONS)]
    limit = float(np.quantile(chance, 1 - level))
    return _of_distances(joint, first) / limit if limit > 0 else 0.0


def columns(draws: Sequence[np.ndarray]) -> Float[np.ndarray, "n d"]:
    """Draws of equal shape as rows of numbers."""
    return np.stack([np.ravel(np.asarray(one, np.float64)) for one in draws])


def _distances(x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "n_m n_m"]:
    """Of all pairs of the pooled draws."""
    both = np.concatenate([x, y])
    return cdist(both, both)


def _of_distances(joint: Float[np.ndarray, "n_m n_m"], first: np.ndarray) -> float:
    n, m = int(first.sum()), int((~first).sum())
    across = joint[np.ix_(first, ~first)].mean()
    within = joint[np.ix_(first, first)].sum() / max(n * (n - 1), 1)
    return float(2 * across - within - joint[np.ix_(~first, ~first)].sum() / max(m * (m - 1), 1))
