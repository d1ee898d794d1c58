"""How three phonons of a crystal couple: third derivatives of its energy on Bloch waves, from the unit cell alone.

    Phi(q1 a, q2 b, q3 c) = d^3E / du_a(q1) du_b(q2) du_c(q3) per cell,        q1 + q2 + q3 = 0

with u(j, R) = u(j) e^{2 pi i q . R}. The gradient is differentiated along two waves at once (`numerics.bloch`): no
supercell, no displacement, no cutoff of triplets. Units: eV/A^3; a, b, c: atoms and directions of the cell.
Maradudin and Fein 1962, doi:10.1103/PhysRev.128.2589.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from erlangen.core.arrays import AnyArray
from erlangen.core.systems import Atoms
from erlangen.numerics import bloch
from erlangen.numerics.mechanics import Surface
from erlangen.numerics.neighbour_lists import LABEL
from erlangen.numerics.precision import double

from .phonons import Phonons, gradient

AT_ONCE = 8  # pairs of waves whose couplings are in memory together
PORTION = 64 * AT_ONCE  # pairs of waves for one call of the program


def cubic(crystal: Phonons, q: Float[AnyArray, "pairs 2 3"]) -> Complex[np.ndarray, "pairs modes modes modes"]:
    """Phi(q1, q2, -q1 - q2) [eV/A^3] of each pair of wave vectors (in reciprocal lattice vectors)."""
    q = np.asarray(q, float).reshape(-1, 2, 3)
    size = PORTION if len(q) > AT_ONCE else AT_ONCE
    filled = np.pad(q, ((0, -len(q) % size), (0, 0), (0, 0)))
    with double():
        parts = [_cubic(crystal.surface, crystal.x, jnp.asarray(p)) for p in filled.reshape(-1, size, 2, 3)]
        return np.concatenate([np.asarray(part) for part in parts])[: len(q)]


@eqx.filter_jit
def _cubic(surface: Surface, x: Atoms, q: Float[Array, "pairs 2 3"]) -> Complex[Array, "pairs modes modes modes"]:
    r = jnp.asarray(x.positions, jnp.float64)
    program, shifts, n = bloch.second_derivative(gradient(surface, x), r), x.labels[LABEL].shifts, len(r)
    unit = jnp.eye(3 * n, dtype=r.dtype).reshape(3 * n, n, 3) + 0j

    def one(q: Float[Array, "2 3"]) -> Complex[Array, "modes modes modes"]:
        def third(u: Complex[Array, "n 3"], v: Complex[Array, "n 3"]) -> Complex[Array, "n 3"]:
            return bloch.on_waves(program.jaxpr, program.consts, (u, v), q, shifts)

        along = jax.vmap(jax.vmap(third, (None, 0)), (0, None))
        return along(unit, unit).reshape(3 * n, 3 * n, 3 * n)

    return jax.lax.map(one, q, batch_size=AT_ONCE)
