"""Covariance of molecules by what their fragments share, and the evidence that chooses its parameters.

    T(x, x') = sum_b min(x_b, x'_b) / sum_b max(x_b, x'_b)          (MinMax, the Tanimoto similarity of counts)
    k(x, x') = sum_m w_m exp(-g_m (1 - T_m(x, x')))                 one term per kind m of fingerprint

T is positive semidefinite (Ralaivola et al. 2005, doi:10.1016/j.neunet.2005.07.009), hence so are exp(g T) and k.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8

NOISE, WEIGHT, RATE = 0.1, 0.3, 2.0  # centres of the priors, for labels of mean 0 and variance 1
SPREAD_OF_LOG = (2.0, 2.0, 1.0)  # widths of their normal priors in the logarithm: noise, weights, rates


def similarity(counts: UInt8[np.ndarray, "n length"]) -> Float[np.ndarray, "n n"]:
    """MinMax similarity of all pairs of rows.

    min(a, b) = sum_k [a >= k][b >= k] turns it into one product of matrices of zeros and ones, exact in float32.
    """
    highest = counts.max(0)
    steps = [counts[:, highest >= k] >= k for k in range(1, int(highest.max(initial=0)) + 1)]
    ones = np.concatenate([*steps, np.zeros((len(counts), 1), bool)], 1).astype(np.float32)
    shared = (ones @ ones.T).astype(np.float64)
    size = np.diag(shared)
    return shared / np.maximum(size[:, None] + size - shared, 1.0)


def evidence(
    theta: Float[np.ndarray, " parameters"], similarities: Sequence[np.ndarray], y: Float[np.ndarray, " n"]
) -> tuple[float, Float[np.ndarray, " parameters"]]:
    """Minus the logarithm of marginal likelihood times priors, and its gradient.

    theta = log (noise variance, w_1 ... w_M, g_1 ... g_M);
    -log p = y^T C^-1 y / 2 + log det C / 2 + sum (theta - prior)^2 / 2 width^2 + constant,   C = k + noise.
    Rasmussen and Williams 2006, section 5.4.1, ISBN 0-262-18253-X.
    """
    from scipy.linalg import cho_factor, cho_solve

    m = len(similarities)
    noise, weights, rates = np.exp(theta[0]), np.exp(theta[1 : m + 1]), np.exp(theta[m + 1 :])
    terms = [w * np.exp(-g * (1 - s)) for w, g, s in zip(weights, rates, similarities)]
    covariance = np.sum(terms, 0)
    covariance[np.diag_indices_from(covariance)] += noise
    factor = cho_factor(covariance, lower=True)
    inverse = cho_solve(factor, np.eye(len(y)))
    answer = inverse @ y
    value = 0.5 * y @ answer + np.sum(np.log(np.diag(factor[0])))
    slope = 0.5 * (inverse - np.outer(answer, answer))
    by_weight = [np.sum(slope * term) for term in terms]
    by_rate = [-g * np.sum(slope * term * (1 - s)) for g, term, s in zip(rates, terms, similarities)]
    centre, width = priors(m)
    gap = (theta - centre) / width
    gradient = np.concatenate([[noise * np.trace(slope)], by_weight, by_rate]) + gap / width
    return float(value + 0.5 * gap @ gap), gradient


def priors(kinds: int) -> tuple[np.ndarray, np.ndarray]:
    """Centre and width of the normal prior of every logarithm."""
    centre = np.log([NOISE] + [WEIGHT] * kinds + [RATE] * kinds)
    noise, weight, rate = SPREAD_OF_LOG
    return centre, np.array([noise] + [weight] * kinds + [rate] * kinds)


def most_probable(similarities: Sequence[np.ndarray], y: np.ndarray, iterations: int) -> np.ndarray:
    """theta at the maximum of the evidence."""
    from scipy.optimize import minimize

    start = priors(len(similarities))[0]
    options = {"maxiter": iterations}
    return minimize(evidence, start, args=(similarities, y), jac=True, method="L-BFGS-B", options=options).x
