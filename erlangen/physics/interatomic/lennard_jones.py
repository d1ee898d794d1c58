"""Lennard-Jones: noble gases, and the fluid that everything is compared with.

    E = 1/2 sum_{i /= j} [ phi(r_ij) - phi(r_c) ],      phi(r) = 4 epsilon [ (sigma / r)^12 - (sigma / r)^6 ]

Cut at r_c and shifted to zero there. Argon: epsilon = 0.010342 eV (119.8 K), sigma = 3.405 A (Rahman 1964,
doi:10.1103/PhysRev.136.A405), cut at 2.5 sigma.
"""

from __future__ import annotations

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from erlangen.core.arrays import AnyArray
from erlangen.numerics.neighbours import Neighbours

from .law import Law


class LennardJones(Law):
    """epsilon [eV], sigma and cutoff [A]; one kind of atom, whatever its element."""

    elements: ClassVar[None] = None
    epsilon: float = 0.010342
    sigma: float = 3.405
    cutoff: float = 8.5125

    def among(self, atomic_numbers: Int[AnyArray, " n"], near: Neighbours) -> Float[Array, " n"]:
        """Half of each pair."""

        def phi(r: Float[Array, "n K"] | float) -> Float[Array, "n K"] | float:
            return 4 * self.epsilon * ((self.sigma / r) ** 12 - (self.sigma / r) ** 6)

        return 0.5 * jnp.sum(jnp.where(near.mask, phi(near.distances) - phi(self.cutoff), 0.0), 1)
