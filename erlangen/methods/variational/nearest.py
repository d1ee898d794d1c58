"""Separate fits: one state per trained coupling, and for any other coupling that of the nearest one.

    psi(s; g) = psi_{w_k}(s),      k = argmin_k |g - g_k|

The trivial baseline of a family of laws, which every conditioned state has to beat within the same budget.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from erlangen.contract import Budget, Couplings, Method, Session, Signature, Variational
from erlangen.core.errors import within
from erlangen.core.groups import Group, SiteSymmetry, SpinFlip
from erlangen.core.systems import SpinLattice
from erlangen.learn.variational import Conditioned, Settings, Wavefunction
from erlangen.numerics.precision import double

from .conditioned import single


@dataclasses.dataclass(frozen=True)
class NearestCoupling(Method):
    network: Literal["rbm", "lcn"] = "rbm"  # psi_w
    size: int = 4  # features of the RBM, channels of the LCN
    samples: int = 1024  # per step
    rate: float = 0.1  # natural-gradient step
    shift: float = 1e-5  # final diagonal shift of the metric
    full_sum: Literal["auto", "yes", "no"] = "auto"  # instead of sampling: auto where states are few

    accepts: ClassVar[Signature] = Signature(Variational, SpinLattice, asked=Couplings)

    def __post_init__(self):
        within(self, size=(1, 1024))

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return SiteSymmetry, SpinFlip

    def fit(
        self, task: Variational[Couplings], budget: Budget, *, key: PRNGKeyArray, session: Session = Session()
    ) -> Nearest:
        one, part = single(self.network, self.size, Settings.of(self)), budget.share(1 / len(task.asked.trained))
        states = []
        for i, coupling in enumerate(task.asked.trained):
            states.append(
                one.fit(
                    task.asked.member(coupling),
                    part,
                    key=jax.random.fold_in(key, i),
                    session=session.inside(f"coupling{i}"),
                )
            )
        with double():
            return Nearest.of(states, task.asked.trained)


class Nearest(Conditioned):
    """weights: the parameters of all states, stacked [couplings, ...]; frame: what they share."""

    weights: PyTree
    frame: Any
    couplings: tuple[float, ...] = eqx.field(static=True)

    @classmethod
    def of(cls, states: list[Any], couplings: tuple[float, ...]) -> Nearest:
        parts = [eqx.partition(state, eqx.is_inexact_array) for state in states]
        return cls(jax.tree.map(lambda *w: jnp.stack(w), *(p for p, _ in parts)), parts[0][1], couplings)

    def at(self, coupling: Float[Array, ""] | float) -> Wavefunction:
        number = jnp.argmin(jnp.abs(jnp.asarray(self.couplings) - coupling))
        return eqx.combine(jax.tree.map(lambda w: w[number], self.weights), self.frame)
