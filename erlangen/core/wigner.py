"""Wigner matrices: how features of degree l turn under a rotation or reflection.

    Y_l(R r) = D^l(R) Y_l(r),        D^l(R S) = D^l(R) D^l(S),        D^1(R) = R

In the real basis of `core.spherical_harmonics` D^l is orthogonal, and a polynomial of degree l in the entries of R.
"""

from __future__ import annotations

import functools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .clebsch_gordan import clebsch_gordan
from .errors import Invalid


def wigner_matrices(lmax: int, rotation: Float[Array, "*any 3 3"]) -> list[Float[Array, "*any m m"]]:
    """D^0, ..., D^lmax of orthogonal matrices R with natural parity (-1)^l, by raising the degree one at a time:

        D^l = (2l + 1) C^T (D^(l-1) x R) C,        C = C^(l-1, 1, l)

    Polynomial in R: any float dtype, differentiable, no angles and so no gimbal lock; orthogonal to a few 1e-16 * l.
    """
    if lmax < 0 or rotation.shape[-2:] != (3, 3):
        raise Invalid(
            must="lmax must be 0 or more and rotations [..., 3, 3]", came=f"{lmax}, {rotation.shape}", do="Give 3 x 3."
        )
    rotation = jnp.asarray(rotation, jnp.result_type(rotation, float))  # a permutation may come in whole numbers
    matrices = [jnp.ones((*rotation.shape[:-2], 1, 1), rotation.dtype), rotation]
    for l in range(2, lmax + 1):
        c = np.sqrt(2 * l + 1) * clebsch_gordan(l - 1, 1, l)
        out = jnp.asarray(c.reshape(-1, 2 * l + 1), rotation.dtype)
        half = jnp.einsum("...pa,abc->...pbc", matrices[-1], jnp.asarray(c, rotation.dtype))
        full = jnp.einsum("...qb,...pbc->...pqc", rotation, half)
        matrices.append(jnp.einsum("...kc,kd->...dc", full.reshape(*full.shape[:-3], *out.shape), out))
    return matrices[: lmax + 1]


def wigner_d(l: int, rotation: Float[Array, "*any 3 3"], parity: int | None = None) -> Float[Array, "*any m m"]:
    """D^l(R) [2l+1, 2l+1] for R in O(3); inversion acts as `parity` (+1 even, -1 odd, None natural (-1)^l).

    A vector is (1, -1), an axial vector (1, +1), a pseudoscalar (0, -1). Exact to 1e-13 in float64 up to l = 12.
    """
    matrix = wigner_matrices(l, rotation)[l]
    if parity is None or parity == (-1) ** l:
        return matrix
    if parity not in (1, -1):
        raise Invalid(must="parity must be +1, -1 or None", came=repr(parity), do="Even is +1, odd is -1.")
    return matrix * jnp.sign(jnp.linalg.det(jnp.asarray(rotation, matrix.dtype)))[..., None, None]


@functools.cache
def generators(l: int) -> Float[np.ndarray, "3 m m"]:
    """X [3, 2l+1, 2l+1], antisymmetric, float64:  D^l(exp(theta . L)) = exp(theta_j X_j),  (L_j)_ab = -epsilon_jab.

    Commutators [X_x, X_y] = X_z and cyclic; Casimir sum_j X_j^2 = -l (l + 1). Read-only.
    """
    table = np.zeros((3, 2 * l + 1, 2 * l + 1))
    if l == 1:
        for j in range(3):
            a, b = (j + 1) % 3, (j + 2) % 3
            table[j, b, a], table[j, a, b] = 1, -1
    elif l > 1:
        c = np.sqrt(2 * l + 1) * clebsch_gordan(l - 1, 1, l)
        table = np.einsum("abc,jap,pbd->jcd", c, generators(l - 1), c)
        table = table + np.einsum("abc,jbq,aqd->jcd", c, generators(1), c)
    table.flags.writeable = False
    return table


def rotation_to_pole(direction: Float[Array, "*any 3"]) -> Float[Array, "*any 3 3"]:
    """A rotation R with R n = (0, 1, 0), the polar axis, for unit vectors n.

        R = 1 + K + K^2 / (1 + n_y),    K v = (n x y) x v:    the shortest rotation from n to y,

    taken for n_y >= 0; for n_y < 0 the half turn about x goes first. No choice can be continuous over the whole sphere
    (hairy ball theorem): use R only where a further turn about the pole has no effect (`nn.edge_frames`). Derivatives
    are finite everywhere, and right wherever that holds. A zero vector gives a rotation too (the identity).
    """
    x, y, z = direction[..., 0], direction[..., 1], direction[..., 2]
    flip = jnp.where(y < 0, -1, 1).astype(direction.dtype)
    y, z = y * flip, z * flip
    a, one = 1 / (1 + y), jnp.ones_like(y)
    zero_free = one - a * (x * x + z * z)
    rows = [
        [one - a * x * x, -x * flip, -a * x * z * flip],
        [x, zero_free * flip, z * flip],
        [-a * x * z, -z * flip, (one - a * z * z) * flip],
    ]
    return jnp.stack([jnp.stack(row, -1) for row in rows], -2)
