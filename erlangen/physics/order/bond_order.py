"""Bond order: how the directions to the neighbours of an atom are spread over the sphere, whatever the axes.

    q_lm(i) = sum_j w_ij Y_lm(u_ij) / sum_j w_ij,       q_l = [4 pi / (2l + 1) sum_m |q_lm|^2]^(1/2)
    w_l     = sum (l l l; m1 m2 m3) q_lm1 q_lm2 q_lm3 / (sum_m |q_lm|^2)^(3/2),     m1 + m2 + m3 = 0

Averaged: q_lm(i) is first averaged over the atom and its neighbours, which tells phases apart that heat has blurred.
Steinhardt, Nelson and Ronchetti 1983, doi:10.1103/PhysRevB.28.784; averaged: Lechner and Dellago 2008,
doi:10.1063/1.2977970. Perfect crystals: fcc q4 0.1909, q6 0.5745; hcp 0.0972, 0.4848; bcc (14) 0.0364, 0.5107.

    tetrahedral order  = 1 - 3/8 sum_{j<k<=4} (cos theta_jk + 1/3)^2        1 in diamond, 0 on average in an ideal gas

Errington and Debenedetti 2001, doi:10.1038/35053024.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from erlangen.core.arrays import AnyArray
from erlangen.core.clebsch_gordan import clebsch_gordan
from erlangen.core.spherical_harmonics import spherical_harmonics
from erlangen.core.systems import System
from erlangen.numerics.precision import double

from .surroundings import Shell, nearest


def steinhardt(x: System, l: int, count: int = 12, *, averaged: bool = False) -> Float[np.ndarray, " n"]:
    """q_l of every atom over its `count` nearest neighbours."""
    return np.linalg.norm(_moments(nearest(x, count), l, averaged), axis=-1)


def third_order(x: System, l: int, count: int = 12, *, averaged: bool = False) -> Float[np.ndarray, " n"]:
    """w_l of every atom (even l): fcc w4 -0.1593, w6 -0.0132; hcp 0.1341, -0.0124; bcc 0.1593, 0.0132."""
    with double():
        return np.asarray(cubic(jnp.asarray(_moments(nearest(x, count), l, averaged)), l))


def tetrahedral(x: System) -> Float[np.ndarray, " n"]:
    """1 where four neighbours stand at the corners of a tetrahedron."""
    shell = nearest(x, 4)
    u = shell.vectors / shell.distances[..., None]
    i, j = np.triu_indices(4, 1)
    return 1 - 3 / 8 * np.sum((np.sum(u[:, i] * u[:, j], -1) + 1 / 3) ** 2, 1)


def cubic(q: Float[AnyArray, "*any m"], l: int) -> Float[Array, "*any"]:
    """w_l of moments in the real basis: its coupling table is that of the symbols, up to the phase of the basis."""
    table = jnp.asarray(_coupling(l), q.dtype)
    size = jnp.sum(q**2, -1)
    product = jnp.einsum("...a,...b,...c,abc->...", q, q, q, table)
    return product / jnp.maximum(size, jnp.finfo(q.dtype).tiny ** 0.5) ** 1.5


def _coupling(l: int) -> Float[np.ndarray, "m m m"]:
    """(-1)^(l/2): degree l of the real basis carries (-i)^l, and three of them are multiplied."""
    return (-1) ** (l // 2) * clebsch_gordan(l, l, l)


def _moments(shell: Shell, l: int, averaged: bool) -> Float[np.ndarray, "n m"]:
    """q_lm with |Y_l|^2 = 1 instead of (2l + 1) / 4 pi, so that q_l is their norm."""
    with double():
        u = jnp.asarray(shell.vectors / shell.distances[..., None])
        q = np.asarray(spherical_harmonics(u, l)[..., l * l :]).mean(1) / np.sqrt(2 * l + 1)
    return (q + q[shell.atoms].sum(1)) / (1 + shell.atoms.shape[1]) if averaged else q
