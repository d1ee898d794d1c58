"""Kob-Andersen: the binary Lennard-Jones mixture that does not crystallise, 80 % A and 20 % B.

    E = 1/2 sum_{i /= j} [ phi_ab(r_ij) - phi_ab(2.5 sigma_ab) ],   r_ij < 2.5 sigma_ab
    phi_ab(r) = 4 epsilon_ab [ (sigma_ab / r)^12 - (sigma_ab / r)^6 ]

           AA    AB    BB
    eps    1     1.5   0.5
    sigma  1     0.8   0.88

Kob and Andersen 1995, doi:10.1103/PhysRevE.51.4626. Reduced units: where other laws have eV and A, energies are in
eps_AA and lengths in sigma_AA; all masses are 1, whatever the element, hence time in sigma_AA (m / eps_AA)^(1/2). The
usual density is 1.2, at which glassy dynamics sets in below T = 1 and diverges towards 0.435.

A is nickel (28) and B phosphorus (15): the pair potentials were taken over from a model of the glass Ni80 P20 (Weber
and Stillinger 1985, doi:10.1103/PhysRevB.31.1954). They are names of the kinds, nothing else.
"""

from __future__ import annotations

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from erlangen.core.arrays import AnyArray
from erlangen.numerics.neighbours import Neighbours

from .law import Law

A, B = 28, 15
EPSILON = (1.0, 1.5, 0.5)  # by how many of the two are B
SIGMA = (1.0, 0.8, 0.88)
REACH = 2.5  # sigma


class KobAndersen(Law):
    """The mixture as published; nothing to choose."""

    elements: ClassVar[tuple[int, ...]] = (A, B)
    cutoff: ClassVar[float] = REACH * max(SIGMA)

    def among(self, atomic_numbers: Int[AnyArray, " n"], near: Neighbours) -> Float[Array, " n"]:
        """Half of each pair."""
        kind = (jnp.asarray(atomic_numbers) == B).astype(jnp.int32)
        r, which = near.distances, kind[:, None] + near.at_senders(kind)
        epsilon, sigma = (jnp.asarray(table, r.dtype)[which] for table in (EPSILON, SIGMA))

        def phi(x: Float[Array, "n K"] | float) -> Float[Array, "n K"] | float:
            return 4 * (x**12 - x**6)

        seen = near.mask & (r < REACH * sigma)
        return 0.5 * jnp.sum(jnp.where(seen, epsilon * (phi(sigma / r) - phi(1 / REACH)), 0.0), 1)
