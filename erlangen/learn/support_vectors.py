"""Support vector regression with a Gaussian kernel: fitted by scikit-learn, answered by a pure function.

    f(x) = b + sum_m beta_m exp(-gamma |x - x_m|^2),        |f(x_m) - y_m| <= epsilon up to a slack that costs C each

Drucker et al., NIPS 9, 155 (1996); libsvm: Chang and Lin 2011, doi:10.1145/1961189.1961199.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

from ..numerics.precision import double


class SupportVectors(eqx.Module):
    """A fitted machine: points of the training data with their weights."""

    points: Num[Array, "support length"]
    weights: Float[Array, " support"]
    offset: Float[Array, ""]
    gamma: float = eqx.field(static=True)

    def __call__(self, x: Num[Array, " length"]) -> Float[Array, ""]:
        """The value at one point."""
        x, points = jnp.asarray(x, jnp.float32), jnp.asarray(self.points, jnp.float32)
        distance = jnp.sum(x**2) + jnp.sum(points**2, 1) - 2 * points @ x  # counts: whole numbers, no rounding
        distance = distance.astype(self.weights.dtype)
        return self.offset + jnp.exp(-self.gamma * distance) @ self.weights


def squared_distances(x: Num[np.ndarray, "n length"]) -> Float[np.ndarray, "n n"]:
    """|x_i - x_j|^2 of all pairs."""
    x = np.asarray(x, float)
    norms = np.sum(x**2, 1)
    return np.maximum(norms[:, None] + norms - 2 * x @ x.T, 0)


def fit_support_vectors(
    x: Num[np.ndarray, "n length"], y: Float[np.ndarray, " n"], cost: float, gamma: float, epsilon: float = 0.1
) -> SupportVectors:
    """The machine for given C (`cost`), gamma and epsilon."""
    kernel = np.exp(-gamma * squared_distances(x))
    machine = _machine(cost, epsilon).fit(kernel, y)
    with double(), jax.ensure_compile_time_eval():  # numbers, even while JAX traces the answer
        points, weights = jnp.asarray(np.asarray(x)[machine.support_]), jnp.asarray(machine.dual_coef_[0])
        return SupportVectors(points, weights, jnp.asarray(float(machine.intercept_[0])), float(gamma))


def cross_validate(
    x: Num[np.ndarray, "n length"],
    y: Float[np.ndarray, " n"],
    costs: Sequence[float],
    gammas: Sequence[float],
    *,
    epsilon: float = 0.1,
    folds: int = 5,
    seed: int = 0,
    progress: Callable[[int, int, float], None] = lambda done, total, error: None,
) -> tuple[float, float]:
    """The pair (C, gamma) with the smallest mean squared error over `folds` random folds."""
    part = np.random.default_rng(seed).permutation(len(y)) % folds
    distances, best, grid = squared_distances(x), (np.inf, costs[0], gammas[0]), list(itertools.product(gammas, costs))
    for done, (gamma, cost) in enumerate(grid, 1):
        kernel, error = np.exp(-gamma * distances), 0.0
        for fold in range(folds):
            inside, outside = np.flatnonzero(part != fold), np.flatnonzero(part == fold)
            machine = _machine(cost, epsilon).fit(kernel[np.ix_(inside, inside)], y[inside])
            error += float(np.sum((machine.predict(kernel[np.ix_(outside, inside)]) - y[outside]) ** 2))
        best = min(best, (error, cost, gamma))
        progress(done, len(grid), float(np.sqrt(error / len(y))))
    return best[1], best[2]


def _machine(cost: float, epsilon: float):
    from sklearn.svm import SVR

    return SVR(kernel="precomputed", C=cost, epsilon=epsilon, cache_size=500)
