"""A wavefunction that takes the coupling as an input: its weights are polynomials of the coupling.

    psi(s; g) = psi_w(g)(s),      w(g) = sum_{k=0}^{order} T_k(t) w_k,      t = (2 g - low - high) / (high - low)

T_k: Chebyshev polynomials, continued beyond the range by their tangents; psi_w: a restricted Boltzmann machine or a
lattice convolution network, so that the symmetry is that of the network at every g. First w_0 alone is fitted at the
central coupling, then all w_k at all couplings at once (foundation neural-network quantum states: Rende et al. 2025,
arXiv:2502.09488, who feed couplings to a transformer). Good values: order 1; 2 for a long budget.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from erlangen.contract import Budget, Couplings, Session, Variational
from erlangen.learn.variational import Settings, Wavefunction, minimise_family
from erlangen.numerics.precision import double

from ._family import FamilyMethod, Stacked


@dataclasses.dataclass(frozen=True)
class Modulated(FamilyMethod):
    network: Literal["rbm", "lcn"] = "rbm"  # psi_w
    size: int = 4  # features of the RBM, channels of the LCN
    order: int = 1  # of the polynomials
    alone: float = 0.2  # share of the budget spent at the central coupling first
    samples: int = 2048  # per step, over all couplings
    rate: float = 0.1  # natural-gradient step
    shift: float = 1e-5  # final diagonal shift of the metric
    full_sum: Literal["auto", "yes", "no"] = "auto"  # instead of sampling: auto where states are few

    limits: ClassVar = {"order": (0, 12), "alone": (0, 1)}

    def fit(
        self, task: Variational[Couplings], budget: Budget, *, key: PRNGKeyArray, session: Session = Session()
    ) -> Polynomial:
        early, late = jax.random.split(key)
        couplings, settings = task.asked.trained, Settings.of(self)
        low, high = min(couplings), max(couplings)
        centre = task.asked.member((low + high) / 2)
        start = self.single.fit(centre, budget.share(self.alone), key=early, session=session.inside("centre"))
        with double():
            psi = Polynomial.constant(start, low, high, self.order)
        laws = [task.asked.member(g).law for g in couplings]
        rest = budget.share(1 - self.alone)
        return minimise_family(psi, laws, couplings, settings, rest, key=late, session=session.inside("family"))


class Polynomial(Stacked):
    """weights: the parameters of `frame`, each with a further leading axis [order + 1]; frame: all else of psi_w."""

    weights: PyTree
    frame: Wavefunction
    low: float = eqx.field(static=True)
    high: float = eqx.field(static=True)

    @classmethod
    def constant(cls, start: Wavefunction, low: float, high: float, order: int) -> Polynomial:
        """`start` at every coupling."""
        first, frame = eqx.partition(start, eqx.is_inexact_array)
        rest = jax.tree.map(lambda w: jnp.concatenate([w[None], jnp.zeros((order, *w.shape), w.dtype)]), first)
        return cls(rest, frame, low, high)

    def mixture(self, coupling: Float[Array, ""] | float) -> Float[Array, " k"]:
        width = (self.high - self.low) or 1.0
        return chebyshev((2 * coupling - self.low - self.high) / width, len(jax.tree.leaves(self.weights)[0]))


def chebyshev(t: Float[Array, ""] | float, count: int) -> Float[Array, " count"]:
    """T_0(t) ... T_{count-1}(t) on [-1, 1] by T_{k+1} = 2 t T_k - T_{k-1}; beyond +-1 straight on, with slope
    T_k'(+-1) = (+-1)^{k+1} k^2.
    """
    t = jnp.asarray(t)
    end = jnp.clip(t, -1, 1)
    found = [jnp.ones_like(t), end]
    while len(found) < count:
        found.append(2 * end * found[-1] - found[-2])
    k = jnp.arange(count)
    return jnp.stack(found[:count]) + (t - end) * jnp.where(end > 0, 1.0, (-1.0) ** (k + 1)) * k**2
