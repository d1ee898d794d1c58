"""Separate fits: one state per trained coupling, and for any other coupling that of the nearest one.

    psi(s; g) = psi_{w_k}(s),      k = argmin_k |g - g_k|

The trivial baseline of a family of laws, which every conditioned state has to beat within the same budget.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from erlangen.contract import Budget, Couplings, Session, Variational
from erlangen.learn.variational import Wavefunction
from erlangen.numerics.precision import double

from ._family import FamilyMethod, Stacked


@dataclasses.dataclass(frozen=True)
class NearestCoupling(FamilyMethod):
    network: Literal["rbm", "lcn"] = "rbm"  # psi_w
    size: int = 4  # features of the RBM, channels of the LCN
    samples: int = 1024  # per step
    rate: float = 0.1  # natural-gradient step
    shift: float = 1e-5  # final diagonal shift of the metric
    full_sum: Literal["auto", "yes", "no"] = "auto"  # instead of sampling: auto where states are few

    def fit(
        self, task: Variational[Couplings], budget: Budget, *, key: PRNGKeyArray, session: Session = Session()
    ) -> Nearest:
        trained, states = task.asked.trained, []
        part = budget.share(1 / len(trained))
        for i, coupling in enumerate(trained):
            one, inside = jax.random.fold_in(key, i), session.inside(f"coupling{i}")
            states.append(self.single.fit(task.asked.member(coupling), part, key=one, session=inside))
        with double():
            return Nearest.of(states, trained)


class Nearest(Stacked):
    """Each state has the weight 1 around its own coupling."""

    weights: PyTree
    frame: Wavefunction
    couplings: tuple[float, ...] = eqx.field(static=True)

    @classmethod
    def of(cls, states: list[Wavefunction], couplings: tuple[float, ...]) -> Nearest:
        """`states` of one network, fitted at `couplings`."""
        parts = [eqx.partition(state, eqx.is_inexact_array) for state in states]
        return cls(jax.tree.map(lambda *w: jnp.stack(w), *(p for p, _ in parts)), parts[0][1], couplings)

    def mixture(self, coupling: Float[Array, ""] | float) -> Float[Array, " k"]:
        distances = jnp.abs(jnp.asarray(self.couplings) - coupling)
        return (jnp.arange(len(distances)) == jnp.argmin(distances)).astype(distances.dtype)
