"""Real solid and spherical harmonics as polynomials in x, y, z, with exact derivatives of any order.

The solid harmonics of degree l are the 2l + 1 homogeneous polynomials of degree l with Laplacian zero. Under rotations
and reflections they mix only among themselves: Y_l(R r) = D^l(R) Y_l(r), with parity (-1)^l. On the unit sphere they
are the spherical harmonics, a complete set of functions of direction: the language in which a neighbour's direction is
told to a network.
"""

from __future__ import annotations

import functools
from math import factorial, sqrt

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .clebsch_gordan import clebsch_gordan
from .errors import Invalid


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def spherical_harmonics(r: Float[Array, "*any 3"], lmax: int) -> Float[Array, "*any (lmax+1)**2"]:
    """Y_lm(r) for l = 0..lmax, flat in the order l^2 + l + m, each a homogeneous polynomial of degree l in x, y, z.

        Y_lm = N_lm Q_l^|m|(y, |r|^2) {Im (z + i x)^|m|  for m < 0,   Re (z + i x)^m  for m >= 0}
        (l - m) Q_l^m = (2l - 1) y Q_(l-1)^m - (l + m - 1) |r|^2 Q_(l-2)^m,      Q_m^m = (2m - 1)!!

    The polar axis is y, so that degree 1 is sqrt(3) (x, y, z) and a Cartesian vector needs no reordering. For unit r,
    |Y_l|^2 = 2l + 1 ("component" normalisation: each component has mean square 1 over the sphere). For other r,
    |Y_l|^2 = (2l + 1) |r|^2l; a zero vector gives 0 for l > 0, without NaN in any derivative. Any float dtype.

    Derivatives use that the gradient of a solid harmonic is a solid harmonic of one degree less (`gradient_table`), so
    first and second derivatives cost about as much as the values. Source: Stone, The Theory of Intermolecular Forces
    (2013), appendix B, doi:10.1093/acprof:oso/9780199672394.001.0001.
    """
    if lmax < 0 or r.shape[-1] != 3:
        raise Invalid(must="r must end in an axis of 3 and lmax be >= 0", came=f"{r.shape}, lmax={lmax}", do="")
    x, y, z = r[..., 0], r[..., 1], r[..., 2]
    square, one = x * x + y * y + z * z, jnp.ones_like(x)
    cosine, sine = [one], [jnp.zeros_like(x)]
    for _ in range(lmax):
        cosine, sine = [*cosine, z * cosine[-1] - x * sine[-1]], [*sine, x * cosine[-1] + z * sine[-1]]
    legendre: dict[tuple[int, int], Array] = {}
    for m in range(lmax + 1):
        legendre[m, m] = one
        for l in range(m + 1, lmax + 1):
            a, b = (2 * l - 1) / (l - m), (l + m - 1) / (l - m)
            lower = b * square * legendre[l - 2, m] if l - 2 >= m else 0
            legendre[l, m] = a * y * legendre[l - 1, m] - lower
    flat = [
        _norm(l, abs(m)) * legendre[l, abs(m)] * (cosine[m] if m >= 0 else sine[-m])
        for l in range(lmax + 1)
        for m in range(-l, l + 1)
    ]
    return jnp.stack(flat, -1)


def _norm(l: int, m: int) -> float:
    """sqrt((2 - [m = 0]) (2l + 1) (l - m)! / (l + m)!) (2m - 1)!!"""
    odd = factorial(2 * m) // (2**m * factorial(m))
    return odd * sqrt((2 - (m == 0)) * (2 * l + 1) * factorial(l - m) / factorial(l + m))


@functools.cache
def gradient_table(lmax: int) -> np.ndarray:
    """G [lmax^2, 3, (lmax+1)^2] with  d Y_b / d r_j = Y_a G[a, j, b]:  the gradient lowers the degree by one.

    Rotations leave only a multiple of C^(l-1, 1, l); Euler's r . grad Y_l = l Y_l at the pole gives the factor.
    """
    table = np.zeros((lmax**2, 3, (lmax + 1) ** 2))
    for l in range(1, lmax + 1):
        c = clebsch_gordan(l - 1, 1, l)
        factor = l * sqrt((2 * l + 1) / (2 * l - 1)) / c[l - 1, 1, l]  # Y_l(pole) = sqrt(2l+1) at m = 0
        table[(l - 1) ** 2 : l**2, :, l**2 : (l + 1) ** 2] = factor * c
    table.flags.writeable = False
    return table


@spherical_harmonics.defjvp
def _derivative(lmax, primals, tangents):
    (r,), (dr,) = primals, tangents
    values = spherical_harmonics(r, lmax)
    if lmax == 0:
        return values, jnp.zeros_like(values)
    table = jnp.asarray(gradient_table(lmax), r.dtype)
    lower = values[..., : lmax**2]
    if lmax > 1:
        lower = spherical_harmonics(r, lmax - 1)
    return values, jnp.einsum("...a,...j,ajb->...b", lower, dr, table)
