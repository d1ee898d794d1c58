"""Mean field: a product state, one tilt per site; the trivial baseline.

    log psi(s) = sum_i a_i s_i / 2          spin i points along (sin t, 0, cos t) with e^{a_i} = cot(t/2)

At fixed S_z it is the product state projected onto that S_z. It may break every symmetry, as mean field does. A fit
starts near the best tilt that all spins share.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, Shaped

from erlangen.core.groups import Group
from erlangen.learn.variational import Wavefunction
from erlangen.physics.spins import Hamiltonian

from ._ansatz import Ansatz

_STEEPEST = 20.0
"""Tilt of a spin that points along z, to rounding."""


@dataclasses.dataclass(frozen=True)
class MeanField(Ansatz["ProductState"]):
    samples: int = 1024  # per step
    rate: float = 0.1  # natural-gradient step
    full_sum: Literal["auto", "yes", "no"] = "auto"  # instead of sampling: auto where states are few

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return ()

    def amplitude(self, law: Hamiltonian, key: PRNGKeyArray) -> ProductState:
        tilts = np.linspace(0.1, _STEEPEST, 200)  # on one side of the symmetric saddle at a = 0
        flat, up = 1 / np.cosh(tilts), np.tanh(tilts)
        directions = np.stack([flat, 0 * flat, up], axis=-1)[:, None] * np.ones((law.n_sites, 1))
        energies = jax.lax.map(law.energy_of_product_state, jnp.asarray(directions))
        best = tilts[int(jnp.argmin(energies))]
        return ProductState(best + 0.01 * jax.random.normal(key, (law.n_sites,), jnp.float64))


class ProductState(Wavefunction):
    """tilts a [sites]."""

    tilts: Float[Array, " sites"]

    def log_psi(self, spins: Shaped[Array, " sites"]) -> Float[Array, ""]:
        return self.tilts @ jnp.asarray(spins, self.tilts.dtype) / 2
