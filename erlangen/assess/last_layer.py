"""How unsure an answer is, from how far its features lie from those of the training data: no second fit.

    LastLayer(method).fit(...) -> Spread,      Conformal(LastLayer(MACE())) -> intervals that widen far from the data

    s^2(x) = mean over components of  J(x) ( sum_train J^T J + lambda )^(-1) J(x)^T
    sigma^2(x) = c^2 + e^2b s(x)^(2 gamma)

J(x): derivative of an output along directions of the parameters, here one weight per feature of every layer and element
(`contract.Tangents`), for forces the gradient of features in the positions. s^2 is the posterior variance of Bayesian
linear regression on frozen features, that is, a Laplace approximation in the last layer (Bigi, Chong, Ceriotti,
Grasselli 2024, arXiv:2403.02251). It ranks errors well, but those of a network grow faster than it far from the data:
the features themselves are wrong there. How fast is seen within the validation data, where c and b of each output and
one gamma for all of them maximise the Gaussian likelihood of residuals. One sigma per sample and output; wrap it in
`Conformal` for a promise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import minimize

from ..contract import Answer, Outputs, Samples, Spread, Tangents
from ..core.systems import System
from ..numerics.precision import double
from .conformal import for_each, one_by_one

RIDGE = 1e-8  # lambda in units of the mean eigenvalue of the sum
LARGEST = 4.0  # gamma


class LastLayerSpread(Spread):
    """An answer, the factor W of its posterior covariance, s^2 = mean |J W|^2, and log c, b per output; gamma."""

    inner: Tangents
    factors: dict[str, Float[Array, "H H"]]
    laws: dict[str, Float[Array, " 2"]]
    gamma: Float[Array, ""]

    def __call__(self, x: System) -> Outputs:
        return self.inner(x)

    def prepare(self, x: System) -> System:
        return self.inner.prepare(x)

    @property
    def bare(self) -> Answer:
        return self.inner.bare

    def spread(self, x: System) -> Outputs:
        """Standard deviation of each output, the same for all its components."""
        found, out = self.inner.tangents(x), {}
        for name, factor in self.factors.items():
            log_c, b = self.laws[name]
            square = (found[name] @ factor) ** 2
            s = jnp.sqrt(jnp.mean(jnp.sum(square, -1)))
            sigma = jnp.sqrt(jnp.exp(2 * log_c) + jnp.exp(2 * b) * s ** (2 * self.gamma))
            out[name] = jnp.broadcast_to(sigma, square.shape[:-1])
        return out


def gaussian(inner: Tangents, train: Samples, validation: Samples) -> LastLayerSpread:
    """The posterior of the last layer from training features, the law of its errors from validation residuals."""

    def squares(f: Tangents, x: System) -> Outputs:
        return {name: _product(j) for name, j in f.tangents(x).items()}

    def both(f: Tangents, x: System) -> Any:
        return {"tangents": f.tangents(x), "centre": f(x)}

    sums: dict[str, Float[np.ndarray, "H H"]] = {}
    for _, row in one_by_one(squares, inner, train.inputs):
        sums = {name: sums.get(name, 0.0) + np.asarray(value, np.float64) for name, value in row.items()}
    held_out = for_each(both, inner, validation.inputs)
    factors, seen = {}, {}
    for name, total in sums.items():
        values, vectors = np.linalg.eigh(total)
        factor = vectors / np.sqrt(np.maximum(values, 0) + RIDGE * np.mean(np.abs(values)))
        spreads, errors = [], []
        for row, label in zip(held_out, validation.outputs[name], strict=True):
            posterior = np.sum((np.asarray(row["tangents"][name], float) @ factor) ** 2, -1)
            spreads.append(np.sqrt(np.mean(posterior)))
            errors.append(np.mean((np.asarray(row["centre"][name], float) - np.asarray(label, float)) ** 2))
        with double():
            factors[name] = jnp.asarray(factor, jnp.float32)
        seen[name] = np.log(spreads), np.array(errors)
    gamma, laws = _likeliest(seen)
    with double():
        law = {name: jnp.asarray(one, jnp.float32) for name, one in laws.items()}
        return LastLayerSpread(inner, factors, law, jnp.asarray(gamma, jnp.float32))


def _product(j: Float[Array, "*output H"]) -> Float[Array, "H H"]:
    flat = j.reshape(-1, j.shape[-1])
    return flat.T @ flat


def _likeliest(seen: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> tuple[float, dict[str, tuple[float, float]]]:
    """gamma and (log c, b) of each output that maximise  -sum [ log sigma^2 + r^2 / sigma^2 ] / 2  over samples.

    seen: log s and the mean of r^2 over components, for every output and sample; all count alike.
    """
    middles = [float(np.mean(log_s)) for log_s, _ in seen.values()]
    along = [log_s - middle for (log_s, _), middle in zip(seen.values(), middles, strict=True)]
    squares = [squared + 1e-12 * squared.mean() + 1e-30 for _, squared in seen.values()]

    def misfit(law: np.ndarray) -> float:
        total = 0.0
        for x, squared, (log_c, b) in zip(along, squares, law[1:].reshape(-1, 2), strict=True):
            variance = np.exp(2 * log_c) + np.exp(2 * (b + law[0] * x))
            total += 0.5 * float(np.mean(np.log(variance) + squared / variance))
        return total

    sizes = np.array([0.5 * float(np.log(squared.mean())) for squared in squares])
    found = []
    for gamma in (0.5, 1.0, 2.0):
        for gap in (0.5, 3.0):
            start = np.concatenate([[gamma], np.stack([sizes - gap, sizes], 1).ravel()])
            limits = [(0.0, LARGEST), *((value - 30, value + 5) for value in start[1:])]
            found.append(minimize(misfit, start, method="L-BFGS-B", bounds=limits))
    gamma, *rest = min(found, key=lambda one: one.fun).x.tolist()
    laws = {name: (rest[2 * i], rest[2 * i + 1] - gamma * middles[i]) for i, name in enumerate(seen)}
    return gamma, laws
