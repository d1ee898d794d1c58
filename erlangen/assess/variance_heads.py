"""How unsure an answer is, from heads on its features that were taught by the errors themselves.

    VarianceHeads(method).fit(...) -> Spread,      Conformal(VarianceHeads(MACE())) -> intervals as wide as errors here

    log sigma(x) = b + w . phi(x)       minimises       mean [ r^2 / (2 sigma^2) + log sigma ] + lambda |w|^2

phi(x): invariant features of the last layers (`contract.Features`), r: residuals on validation data, one head per
output; a convex problem. The trunk is shared and stays as it is: trained jointly, the likelihood takes weight from just
those data that are hard to fit (Seitzer et al. 2022, arXiv:2203.09168). lambda by cross-validation over the validation
samples. Nix, Weigend 1994, doi:10.1109/ICNN.1994.374138. Tells hard atoms from easy ones within the data; for widening
far from them see `last_layer`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import minimize

from ..contract import Answer, Features, Outputs, Samples, Spread
from ..core.arrays import AnyArray
from ..core.systems import System
from ..numerics.precision import double
from .conformal import for_each

RIDGES = np.logspace(-4, 2, 7)  # of lambda, for features of unit spread
FOLDS = 4
Rows = tuple[Float[np.ndarray, "m H"], Float[np.ndarray, " m"]]  # features and log of the mean squared residual


class HeadSpread(Spread):
    """An answer and log sigma = bias + weights . features of each output."""

    inner: Features
    weights: dict[str, Float[Array, " H"]]
    biases: dict[str, Array]

    def __call__(self, x: System) -> Outputs:
        return self.inner(x)

    def prepare(self, x: System) -> System:
        return self.inner.prepare(x)

    @property
    def bare(self) -> Answer:
        return self.inner.bare

    def spread(self, x: System) -> Outputs:
        """Standard deviation of each output."""
        centre, features = self.inner(x), self.inner.features(x)
        return {
            name: jnp.broadcast_to(jnp.exp(self.biases[name] + features[name] @ w), jnp.shape(centre[name]))
            for name, w in self.weights.items()
        }


def heads_on(inner: Features, validation: Samples) -> HeadSpread:
    """The likeliest heads for the residuals of `inner` on `validation`."""

    def both(f: Features, x: System) -> Any:
        return {"features": f.features(x), "centre": f(x)}

    found = for_each(both, inner, validation.inputs)
    weights, biases = {}, {}
    for name in found[0]["features"]:
        rows = [_rows(row, name, y) for row, y in zip(found, validation.outputs[name], strict=True)]
        with double():
            weights[name], biases[name] = (jnp.asarray(v, jnp.float32) for v in _head(rows))
    return HeadSpread(inner, weights, biases)


def _rows(found: Mapping[str, Outputs], name: str, label: AnyArray) -> Rows:
    """Features of one sample and the mean squared residual of what shares them."""
    phi = np.asarray(found["features"][name], np.float64)
    squared = (np.asarray(found["centre"][name], np.float64) - np.asarray(label, np.float64)) ** 2
    shared = phi.reshape(-1, phi.shape[-1])
    return shared, squared.reshape(len(shared), -1).mean(1)


def _head(rows: list[Rows]) -> tuple[Float[np.ndarray, " H"], float]:
    """w and b in units of the features as they are; the ridge that does best on samples left out."""
    phi, squared = (np.concatenate([row[k] for row in rows]) for k in (0, 1))
    squared = squared + 1e-12 * squared.mean() + 1e-30
    middle, width = phi.mean(0), phi.std(0) + 1e-6 * (phi.std() + 1e-12)
    sample = np.repeat(np.arange(len(rows)) % FOLDS, [len(row[1]) for row in rows])
    scaled = (phi - middle) / width

    def left_out(ridge: float) -> float:
        total = 0.0
        for fold in range(min(FOLDS, len(rows))):
            inside = sample != fold
            if inside.any() and (~inside).any():
                head = _likeliest(scaled[inside], squared[inside], ridge)
                total += _likelihood(head, scaled[~inside], squared[~inside])[0] * np.sum(~inside)
        return total

    best = min(RIDGES, key=left_out)
    head = _likeliest(scaled, squared, best)
    w = head[1:] / width
    return w, float(head[0] - w @ middle)


def _likeliest(phi: np.ndarray, squared: np.ndarray, ridge: float) -> np.ndarray:
    """(b, w), started from one sigma for all."""
    start = np.concatenate([[0.5 * np.log(squared.mean())], np.zeros(phi.shape[1])])

    def penalised(head: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = _likelihood(head, phi, squared)
        slope[1:] += 2 * ridge * head[1:]
        return value + ridge * float(head[1:] @ head[1:]), slope

    return minimize(penalised, start, jac=True, method="L-BFGS-B").x


def _likelihood(head: np.ndarray, phi: np.ndarray, squared: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean of r^2 / (2 sigma^2) + log sigma, and its gradient in (b, w)."""
    log_sigma = head[0] + phi @ head[1:]
    ratio = squared * np.exp(-2 * np.clip(log_sigma, -60, 60))
    slope = (1 - ratio) / len(ratio)
    return float(np.mean(0.5 * ratio + log_sigma)), np.concatenate([[slope.sum()], slope @ phi])
