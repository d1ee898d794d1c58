"""Stillinger-Weber: silicon as bonds that want to stand at the angle of the tetrahedron.

    E = sum_{i<j} A eps [B (sigma / r_ij)^4 - 1] exp[sigma / (r_ij - a sigma)]
        + sum_i sum_{j<k} lambda eps g(r_ij) g(r_ik) (cos theta_jik + 1/3)^2,   g(r) = exp[gamma sigma / (r - a sigma)]

Both end at a sigma with all derivatives. The angles need no loop over triplets: with the moments of the neighbours

    M0 = sum_j g_j,   M1 = sum_j g_j u_j,   M2 = sum_j g_j u_j u_j^T,   u_j the unit vector to j: cos theta = u_j . u_k

    sum_{j<k} g_j g_k (cos theta + 1/3)^2 = 1/2 [ |M2|^2 + 2/3 |M1|^2 + 1/9 M0^2 - 16/9 sum_j g_j^2 ]

at a cost that is linear in the neighbours. Parameters: Stillinger and Weber 1985, doi:10.1103/PhysRevB.31.5262, with
sigma and eps for a = 5.431 A and -4.3366 eV per atom, as LAMMPS and matscipy have them.
"""

from __future__ import annotations

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from erlangen.core.arrays import AnyArray
from erlangen.numerics.neighbours import Neighbours

from .law import Law

CLOSEST = 1e-3  # sigma: so near the end of the range the exponentials are 0, and a quotient need not be


class StillingerWeber(Law):
    """epsilon [eV], sigma [A], cutoff = a sigma [A] with a = 1.8; the others are as in the formula."""

    elements: ClassVar[tuple[int, ...]] = (14,)
    cutoff: float = 3.77118
    epsilon: float = 2.1683
    sigma: float = 2.0951
    strength: float = 21.0  # lambda
    gamma: float = 1.2
    A: float = 7.049556277
    B: float = 0.6022245584

    def among(self, atomic_numbers: Int[AnyArray, " n"], near: Neighbours) -> Float[Array, " n"]:
        """Half of each bond, and the angles at the atom."""
        r = near.distances / self.sigma
        towards_end = -1.0 / jnp.maximum(self.cutoff / self.sigma - r, CLOSEST)  # sigma / (r - a sigma)
        bonds = jnp.where(near.mask, self.A * (self.B / r**4 - 1.0) * jnp.exp(towards_end), 0.0)
        g = jnp.where(near.mask, jnp.exp(self.gamma * towards_end), 0.0)
        return self.epsilon * (0.5 * jnp.sum(bonds, 1) + self.strength * angles(g, near.directions))


def angles(g: Float[Array, "n K"], u: Float[Array, "n K 3"]) -> Float[Array, " n"]:
    """sum_{j<k} g_j g_k (u_j . u_k + 1/3)^2 around each atom."""
    weighted = g[..., None] * u
    m0, m1 = jnp.sum(g, 1), jnp.sum(weighted, 1)
    m2 = jnp.sum(weighted[..., None] * u[..., None, :], 1)
    pairs = jnp.sum(m2**2, (1, 2)) + 2 / 3 * jnp.sum(m1**2, 1) + m0**2 / 9
    return 0.5 * (pairs - 16 / 9 * jnp.sum(g**2, 1))
