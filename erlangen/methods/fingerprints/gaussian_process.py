"""Gaussian process on counts of fragments: every answer comes with the width of its own doubt.

    f ~ GP(0, k),   k(x, x') = sum_m w_m exp(-g_m (1 - T_m(x, x'))),   y = mean + scale (f + noise)
    f(x) = k(x)^T C^-1 y,      spread(x)^2 = sum_m w_m + noise - k(x)^T C^-1 k(x),      C = k + noise

T_m is the MinMax similarity of one kind of counts (circular, functional, pairs, torsions, paths), so that what two
molecules share is seen in five ways at once; how much each way counts, and how fast memory fades with distance, is
decided by the marginal likelihood of the training data alone. Gaussian processes: Rasmussen and Williams 2006,
ISBN 0-262-18253-X; MinMax on molecules: Ralaivola et al. 2005, doi:10.1016/j.neunet.2005.07.009.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt8

from ...contract import Budget, Method, Outputs, Predictor, Session, Signature, Spread, Supervised
from ...core.errors import within
from ...core.groups import Group, Permutations
from ...core.systems import Compound
from ...numerics.precision import double
from ._covariance import most_probable, similarity
from ._training import one_scalar, seed_of, stacked, training_data


class FingerprintProcess(Spread):
    """Posterior mean and standard deviation (noise included) of one number per molecule.

    The weights of thousands of molecules cancel to a few digits, so they are kept and used in float64 where JAX allows
    it; `inverse` serves the spread only.
    """

    counts: dict[str, UInt8[Array, "length n"]]  # one column per training molecule
    weights: dict[str, Float[Array, ""]]
    rates: dict[str, Float[Array, ""]]
    answer: Float[Array, " n"]  # C^-1 z
    inverse: Float[Array, "n n"]  # C^-1
    noise: Float[Array, ""]
    offset: Float[Array, ""]
    scale: Float[Array, ""]
    output: str = eqx.field(static=True)

    def __call__(self, x: Compound) -> Outputs:
        return {self.output: self.offset + self.scale * (self.covariance(x) @ self.answer)}

    def spread(self, x: Compound) -> Outputs:
        """Standard deviation of a new measurement."""
        k = self.covariance(x)
        prior = jnp.sum(jnp.stack(list(self.weights.values())))
        known = jnp.maximum(prior - k @ (self.inverse @ k), 0.0)
        return {self.output: self.scale * jnp.sqrt(known + self.noise)}

    def covariance(self, x: Compound) -> Float[Array, " n"]:
        """k(x, x_m) with every training molecule."""
        total = jnp.zeros((), self.answer.dtype)
        for name, counts in self.counts.items():
            own = jnp.asarray(x[name])
            shared = sum_of_minima(counts, own)
            either = jnp.sum(counts, 0, dtype=jnp.int32) + jnp.sum(own, dtype=jnp.int32) - shared
            apart = 1 - shared / jnp.maximum(either, 1).astype(self.answer.dtype)
            total = total + self.weights[name] * jnp.exp(-self.rates[name] * apart)
        return total


def sum_of_minima(counts: UInt8[Array, "length n"], own: UInt8[Array, " length"]) -> Int[Array, " n"]:
    """sum_b min(own_b, counts_b) with every column.

    Only the few fragments that `own` has are visited: all at once would fill gigabytes in a batch.
    """
    places, present = jnp.argsort(own == 0), jnp.sum(own > 0)

    def add(i: Array, total: Array) -> Array:
        return total + jnp.minimum(counts[places[i]], own[places[i]])

    return jax.lax.fori_loop(0, present, add, jnp.zeros(counts.shape[1], jnp.int32))


@dataclasses.dataclass(frozen=True)
class GaussianProcess(Method):
    """Gaussian process with a sum of MinMax kernels on counts of fragments."""

    kinds: tuple[str, ...] = ("circular", "functional", "pairs", "torsions", "paths")  # fingerprints that are compared
    n_evidence: int = 1000  # molecules, drawn at random, whose evidence chooses weights, rates and noise
    iterations: int = 30  # of that search

    accepts: ClassVar[Signature] = Signature(Supervised, Compound)

    def __post_init__(self):
        within(self, n_evidence=(10, 20_000), iterations=(1, 1000))

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (Permutations,)

    def fit(self, task: Supervised, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Predictor:
        """Evidence, then all training and validation molecules. Time grows as n^3: 10 s for 2,000, a budget in seconds
        is not used, one in steps limits the iterations."""
        output = one_scalar(self, task)
        data = training_data(task)
        y = np.asarray(data.outputs[output], float)
        counts = {kind: stacked(data.inputs, kind) for kind in self.kinds}
        similarities = [similarity(table) for table in counts.values()]
        offset, scale = float(y.mean()), float(y.std()) or 1.0
        z = (y - offset) / scale
        rows = np.random.default_rng(seed_of(key)).permutation(len(y))[: self.n_evidence]
        part = [table[np.ix_(rows, rows)] for table in similarities]
        theta = most_probable(part, z[rows], min(self.iterations, budget.steps or self.iterations))
        noise, weights, rates = np.split(np.exp(theta), [1, 1 + len(counts)])
        shown = ", ".join(f"{kind} {w:.2f}" for kind, w in zip(counts, weights / weights.sum()))
        session.say(f"shares of the kinds: {shown}; noise {scale * np.sqrt(noise[0]):.2f}")
        covariance = sum(w * np.exp(-g * (1 - s)) for w, g, s in zip(weights, rates, similarities))
        inverse = np.linalg.inv(covariance + noise[0] * np.eye(len(y)))
        with double():
            return FingerprintProcess(
                {kind: jnp.asarray(table.T) for kind, table in counts.items()},
                {kind: jnp.asarray(w) for kind, w in zip(counts, weights)},
                {kind: jnp.asarray(g) for kind, g in zip(counts, rates)},
                jnp.asarray(inverse @ z),
                jnp.asarray(inverse, jnp.float32),
                jnp.asarray(noise[0]),
                jnp.asarray(offset),
                jnp.asarray(scale),
                output,
            )
