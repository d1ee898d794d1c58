"""Mean field: a product state, one tilt per site; the trivial baseline.

    log psi(s) = sum_i a_i s_i / 2          spin i points along (sin t, 0, cos t) with e^{a_i} = cot(t/2)

At fixed S_z it is the product state projected onto that S_z. It may break every symmetry, as mean field does.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, Shaped

from erlangen.contract import Budget, Method, Session, Signature, Variational
from erlangen.core.systems import SpinLattice
from erlangen.learn.variational import Settings, Wavefunction, minimise, spin_problem
from erlangen.numerics.precision import double


@dataclasses.dataclass(frozen=True)
class MeanField(Method):
    samples: int = 1024  # per step
    rate: float = 0.1  # natural-gradient step
    full_sum: Literal["auto", "yes", "no"] = "auto"  # instead of sampling: auto where states are few

    accepts: ClassVar[Signature] = Signature(Variational, SpinLattice)

    def fit(
        self, task: Variational, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()
    ) -> ProductState:
        law = task.law
        first, run = jax.random.split(key)
        with double():
            # spins start on one side of the symmetric saddle at a = 0
            tilts = 0.1 + 0.01 * jax.random.normal(first, (law.n_sites,), jnp.float64)
        return minimise(ProductState(tilts), spin_problem(law), Settings.of(self), budget, key=run, session=session)


class ProductState(Wavefunction):
    """tilts a [sites]."""

    tilts: Float[Array, " sites"]

    def log_psi(self, spins: Shaped[Array, " sites"]) -> Float[Array, ""]:
        return self.tilts @ jnp.asarray(spins, self.tilts.dtype) / 2
