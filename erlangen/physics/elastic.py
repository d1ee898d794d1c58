"""Elastic constants of a crystal, exact, with its atoms relaxed at every strain.

    C_IJ = (1 / V) [ E_IJ - E_Ia (E_ab)^+ E_bJ ],        I, J: xx yy zz yz xz xy;   a, b: displacements of atoms

Second derivatives of one energy by strains e (engineering ones: e_yz = 2 eps_yz) and positions, in one forward sweep
over a reverse one; ()^+ leaves the three shifts of the crystal out. At a minimum under no stress; under stress these
are derivatives of the energy by the symmetric strain, not those of the stress. Born and Huang 1954; averages of
polycrystals: Hill 1952, doi:10.1088/0370-1298/65/5/307.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.numerics.mechanics import Surface, strained
from erlangen.numerics.precision import double

from .units import GPA

VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


@dataclasses.dataclass(frozen=True)
class Elastic:
    """constants [6, 6] in GPa; clamped: with atoms held at their places in the cell; stress [3, 3] in GPa, of the cell
    as it was given: small, or the constants are those of a crystal under load.
    """

    constants: Float[np.ndarray, "6 6"]
    clamped: Float[np.ndarray, "6 6"]
    stress: Float[np.ndarray, "3 3"]

    @property
    def is_stable(self) -> bool:
        """Whether every strain costs energy (Born)."""
        return bool(np.linalg.eigvalsh(self.constants)[0] > 0)

    @property
    def bulk(self) -> tuple[float, float, float]:
        """Bulk modulus [GPa] of a polycrystal: Voigt's (same strain), Reuss's (same stress), their mean (Hill)."""
        voigt, reuss = self.constants[:3, :3].sum() / 9, 1 / self._compliance[:3, :3].sum()
        return float(voigt), float(reuss), float(voigt + reuss) / 2

    @property
    def shear(self) -> tuple[float, float, float]:
        """Shear modulus [GPa], likewise."""

        def parts(m: np.ndarray) -> tuple[float, float, float]:
            return np.trace(m[:3, :3]), m[0, 1] + m[0, 2] + m[1, 2], np.trace(m[3:, 3:])

        (a, b, c), (s, t, u) = parts(self.constants), parts(self._compliance)
        voigt, reuss = (a - b + 3 * c) / 15, 15 / (4 * (s - t) + 3 * u)
        return float(voigt), float(reuss), float(voigt + reuss) / 2

    @property
    def _compliance(self) -> Float[np.ndarray, "6 6"]:
        return np.linalg.inv(self.constants)


def elastic(surface: Surface, x: Atoms) -> Elastic:
    """The elastic constants of the crystal `x` on `surface`; three gradients' time for each degree of freedom."""
    if not np.all(x.pbc):
        raise Invalid(
            must="elastic constants are those of a crystal, periodic in three directions",
            came=f"pbc {np.asarray(x.pbc).tolist()}",
            do="Give the cell of a crystal.",
        )
    with double():
        ready = surface.prepare(x)
        surface.check(ready)
        r = jnp.asarray(ready.positions, jnp.float64)

        def energy(y: Float[Array, " unknowns"]) -> Float[Array, ""]:
            e = jnp.zeros((3, 3), y.dtype)
            for k, (i, j) in enumerate(VOIGT):
                e = e.at[i, j].add(0.5 * y[k]).at[j, i].add(0.5 * y[k])
            return jnp.sum(surface.shares(strained(ready.replace(positions=r + y[6:].reshape(r.shape)), e)))

        @jax.jit
        def derivatives(y: Float[Array, " unknowns"]) -> tuple[Array, Array]:
            return jax.grad(energy)(y), jax.lax.map(
                lambda t: jax.jvp(jax.grad(energy), (y,), (t,))[1], jnp.eye(len(y), dtype=y.dtype), batch_size=6
            )

        slope, h = map(np.asarray, derivatives(jnp.zeros(6 + r.size)))
    volume = abs(np.linalg.det(np.asarray(x.cell, float)))
    by_strain, mixed, by_place = h[:6, :6], h[:6, 6:], h[6:, 6:]
    relaxed = by_strain - mixed @ np.linalg.pinv(by_place, rcond=1e-8, hermitian=True) @ mixed.T
    load = np.zeros((3, 3))
    for k, (i, j) in enumerate(VOIGT):
        load[i, j] = load[j, i] = slope[k] / volume
    constants, clamped = (0.5 * (c + c.T) / volume / GPA for c in (relaxed, by_strain))
    return Elastic(constants, clamped, load / GPA)
