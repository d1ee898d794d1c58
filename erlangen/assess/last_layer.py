"""How unsure an answer is, from how far its features lie from those of the training data: no second fit.

    LastLayer(method).fit(...) -> Spread,      Conformal(LastLayer(MACE())) -> intervals that widen far from the data

    sigma^2(x) = alpha^2 J(x) ( sum_train J^T J + lambda )^(-1) J(x)^T + c^2

J(x): derivative of an output along directions of the parameters, here one weight per feature of the last layers
(`contract.Linearised`), for forces the gradient of features in the positions. It is the posterior variance of Bayesian
linear regression on frozen features, that is, a Laplace approximation in the last layer. lambda, alpha and c, one each
per output, maximise the Gaussian likelihood of validation residuals. Bigi, Chong, Ceriotti, Grasselli 2024,
arXiv:2403.02251. Good for ranking and for widening under shift; wrap it in `Conformal` for a promise.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from ..contract import Budget, Linearised, Outputs, Samples, Session, Spread
from ..core.errors import Invalid
from ..core.systems import System
from ..numerics.precision import double
from .conformal import for_each
from .uncertainty import _Wrapper

RIDGES = np.logspace(-8, 2, 21)  # of lambda, in units of the mean diagonal of the sum


@dataclasses.dataclass(frozen=True)
class LastLayer(_Wrapper):
    """Standard deviations from the features of the last layers; costs two passes over the training data."""

    @classmethod
    def name(cls) -> str:
        return "last-layer"

    def fit(self, task: Any, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Spread:
        """Fit the method inside with the whole budget, then gather features of training and validation."""
        inner = self.method.fit(task, budget, key=key, session=session)
        if not isinstance(inner, Linearised):
            raise Invalid(
                must="last-layer needs an answer with features of its last layer (a potential of atoms)",
                came=f"{type(inner).__name__} of {self.method.name()}",
                do="Take --wrap ensemble for this method.",
            )
        return gaussian(inner, task.truth("train"), task.truth("validation"))


class LastLayerSpread(Spread):
    """An answer and the factor W of its posterior covariance: sigma = sqrt(|J W|^2 + c^2)."""

    inner: Linearised
    factors: dict[str, Float[Array, "H H"]]
    floors: dict[str, Array]

    def __call__(self, x: System) -> Outputs:
        return self.inner(x)

    def prepare(self, x: System) -> System:
        return self.inner.prepare(x)

    def spread(self, x: System) -> Outputs:
        """Standard deviation of each output."""
        found = self.inner.tangents(x)
        return {
            name: jnp.sqrt(jnp.sum((found[name] @ factor) ** 2, -1) + self.floors[name] ** 2)
            for name, factor in self.factors.items()
        }


def gaussian(inner: Linearised, train: Samples, validation: Samples) -> LastLayerSpread:
    """The posterior of the last layer from training features, its scales from validation residuals."""

    def squares(f: Linearised, x: System) -> Outputs:
        return {name: _product(j) for name, j in f.tangents(x).items()}

    def both(f: Linearised, x: System) -> Any:
        return {"tangents": f.tangents(x), "centre": f(x)}

    sums = for_each(squares, inner, train.inputs)
    held_out = for_each(both, inner, validation.inputs)
    factors, floors = {}, {}
    for name in sums[0]:
        total = np.sum([np.asarray(row[name], np.float64) for row in sums], 0)
        tangents = np.concatenate([row["tangents"][name].reshape(-1, len(total)) for row in held_out]).astype(float)
        residuals = np.concatenate(
            [
                np.ravel(np.asarray(row["centre"][name], float) - np.asarray(y, float))
                for row, y in zip(held_out, validation.outputs[name], strict=True)
            ]
        )
        factors[name], floors[name] = _likeliest(total, tangents, residuals)
    return LastLayerSpread(inner, factors, floors)


def _product(j: Float[Array, "*output H"]) -> Float[Array, "H H"]:
    flat = j.reshape(-1, j.shape[-1])
    return flat.T @ flat


def _likeliest(
    total: Float[np.ndarray, "H H"], tangents: Float[np.ndarray, "m H"], residuals: Float[np.ndarray, " m"]
) -> tuple[Array, Array]:
    """W and c that maximise sum log N(residual; 0, alpha^2 |J W_lambda|^2 + c^2) over lambda, alpha and c."""
    values, vectors = np.linalg.eigh(total)
    projected, best = (tangents @ vectors) ** 2, (-np.inf, 1.0, 1.0, 0.0)
    size, mean = np.sqrt(np.mean(residuals**2)) or 1e-12, np.mean(np.abs(values))
    for ridge in RIDGES * mean:
        shape = projected @ (1 / (np.maximum(values, 0) + ridge))
        shape = shape / np.mean(shape)
        for share in np.linspace(0.0, 0.95, 20):  # of the variance that does not depend on x
            variance = size**2 * (share + (1 - share) * shape) + 1e-30
            variance *= np.mean(residuals**2 / variance)
            likelihood = -0.5 * np.mean(np.log(variance) + residuals**2 / variance)
            if likelihood > best[0]:
                scale = np.mean(variance) / np.mean(share + (1 - share) * shape)
                alpha = (1 - share) * scale / np.mean(projected @ (1 / (np.maximum(values, 0) + ridge)))
                best = (likelihood, ridge, alpha, share * scale)
    _, ridge, alpha, floor = best
    with double():
        factor = vectors * np.sqrt(alpha / (np.maximum(values, 0) + ridge))
        return jnp.asarray(factor, jnp.float32), jnp.asarray(np.sqrt(floor), jnp.float32)
