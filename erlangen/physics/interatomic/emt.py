"""Effective medium theory: late transition and noble metals, their alloys, and aluminium.

An atom feels the density of electrons that its neighbours bring with them; it tells by the radius s0 + ds at which a
uniform crystal would be as dense:

    E_i = E0 [(1 + lambda ds) exp(-lambda ds) - 1] + 6 V0 exp(-kappa ds) - 1/4 sum_j (b_i m_j + b_j m_i)

    ds  = -ln[ sum_j n_j(r_ij) / (12 gamma1 n0) ] / (beta eta2),      n_j(r) = n0_j exp[-eta2_j (r - beta s0_j)] w(r)
    b_i = V0 / (gamma2 n0),                                           m_j(r) = n0_j exp[-kappa_j (r / beta - s0_j)] w(r)

    w(r) = 1 / (1 + exp[a (r - r_c)])

E0, V0, s0 and so on are those of atom i where nothing else is said; gamma1 and gamma2 are what three shells of an fcc
crystal of that element sum to. Energies are 0 in the perfect crystal, -E0 for a free atom. Jacobsen, Stoltze and
Norskov 1996, doi:10.1016/0039-6028(96)00816-3, with the parameters, the beta and the range of ASE's EMT: r_c between
the third and the fourth shell of the largest atom in the table (silver), whichever elements are there; w is cut
0.5 A beyond, where it is 7e-6. H, C, N and O are not for serious use.
"""

from __future__ import annotations

from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from erlangen.core.arrays import AnyArray
from erlangen.numerics.neighbours import Neighbours

from .law import Law, by_atomic_number

BOHR = 0.5291772105638411  # A: as ASE converts (CODATA 2014), 7e-10 from `physics.units`, which 1e-8 eV can tell
PARAMETERS = {  # E0 [eV], s0 [Bohr], V0 [eV], eta2, kappa, lambda [1/Bohr], n0 [1/Bohr^3]
    1: (-3.21, 1.31, 0.132, 2.652, 2.790, 3.892, 0.00547),
    6: (-3.50, 1.81, 0.332, 1.652, 2.790, 1.892, 0.01322),
    7: (-5.10, 1.88, 0.132, 1.652, 2.790, 1.892, 0.01222),
    8: (-4.60, 1.95, 0.332, 1.652, 2.790, 1.892, 0.00850),
    13: (-3.28, 3.00, 1.493, 1.240, 2.000, 1.169, 0.00700),
    28: (-4.44, 2.60, 3.673, 1.669, 2.757, 1.948, 0.01030),
    29: (-3.51, 2.67, 2.476, 1.652, 2.740, 1.906, 0.00910),
    46: (-3.90, 2.87, 2.773, 1.818, 3.107, 2.155, 0.00688),
    47: (-2.96, 3.01, 2.132, 1.652, 2.790, 1.892, 0.00547),
    78: (-5.85, 2.90, 4.067, 1.812, 3.145, 2.192, 0.00802),
    79: (-3.80, 3.00, 2.321, 1.674, 2.873, 2.182, 0.00703),
}
BETA = 1.809  # (16 pi / 3)^(1/3) / sqrt(2), to the digits of the fit
SHELLS = np.array([12, 6, 24]), np.sqrt([1.0, 2.0, 3.0])  # of fcc: atoms, distance over that of the first
NEAREST = BETA * BOHR * max(s0 for _, s0, *_ in PARAMETERS.values())  # A: in a crystal of the largest atom
MIDDLE = NEAREST * (np.sqrt(3) + 2) / 2  # A: r_c
STEEPNESS = np.log(1e4 - 1) / (2 * NEAREST - MIDDLE)  # 1/A: a; w = 1e-4 at the fourth shell


def _table() -> Float[np.ndarray, "numbers 9"]:
    """By atomic number: E0, s0, V0, eta2, kappa, lambda, n0, 12 gamma1 n0 and b, in eV and A."""
    e0, s0, v0, eta, kappa, decay, n0 = np.array(list(PARAMETERS.values())).T
    s0, eta, kappa, decay, n0 = s0 * BOHR, eta / BOHR, kappa / BOHR, decay / BOHR, n0 / BOHR**3
    r = BETA * s0[:, None] * SHELLS[1]
    weight = SHELLS[0] / 12 / (1 + np.exp(STEEPNESS * (r - MIDDLE)))
    gamma1 = np.sum(weight * np.exp(-eta[:, None] * (r - r[:, :1])), 1)
    gamma2 = np.sum(weight * np.exp(-kappa[:, None] / BETA * (r - r[:, :1])), 1)
    rows = np.stack([e0, s0, v0, eta, kappa, decay, n0, 12 * gamma1 * n0, v0 / (gamma2 * n0)], 1)
    return by_atomic_number(tuple(PARAMETERS), rows)


class EffectiveMedium(Law):
    """Effective medium theory as ASE has it (asap_cutoff=False); nothing to choose."""

    elements: ClassVar[tuple[int, ...]] = tuple(PARAMETERS)
    cutoff: ClassVar[float] = float(MIDDLE + 0.5)

    def among(self, atomic_numbers: Int[AnyArray, " n"], near: Neighbours) -> Float[Array, " n"]:
        """Cohesion and the sum over neighbours, each pair in equal parts at its ends."""
        r = near.distances
        e0, s0, v0, eta, kappa, decay, n0, full, b = jnp.asarray(_table(), r.dtype)[jnp.asarray(atomic_numbers)].T
        w = jnp.where(near.mask, n0[:, None] / (1 + jnp.exp(STEEPNESS * (r - MIDDLE))), 0.0)
        n = w * jnp.exp(-eta[:, None] * (r - BETA * s0[:, None]))
        m = w * jnp.exp(-kappa[:, None] * (r / BETA - s0[:, None]))
        # what an atom brings to its neighbours is, seen from them, the value of the reverse pair
        density = jnp.sum(near.at_reverse(n), 1)
        bound = density > 0
        ds = -jnp.log(jnp.where(bound, density, 1.0) / full) / (BETA * eta)
        cohesion = e0 * (1 + decay * ds) * jnp.exp(-decay * ds) + 6 * v0 * jnp.exp(-kappa * ds)
        pairs = 0.25 * jnp.sum(b[:, None] * near.at_reverse(m) + near.at_senders(b) * m, 1)
        return jnp.where(bound, cohesion, 0.0) - e0 - pairs
