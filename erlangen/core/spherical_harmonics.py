"""Real solid and spherical harmonics as polynomials in x, y, z: no roots, no angles, derivatives of any order.

The solid harmonics of degree l are the 2l + 1 homogeneous polynomials of degree l with Laplacian zero. Under rotations
and reflections they mix only among themselves: Y_l(R r) = D^l(R) Y_l(r), with parity (-1)^l. On the unit sphere they
are the spherical harmonics, a complete set of functions of direction: the language in which a neighbour's direction is
told to a network.
"""

from __future__ import annotations

from math import factorial, sqrt

import jax.numpy as jnp
from jaxtyping import Array, Float

from .errors import Invalid


def spherical_harmonics(r: Float[Array, "*any 3"], lmax: int) -> Float[Array, "*any (lmax+1)**2"]:
    """Y_lm(r) for l = 0..lmax, flat in the order l^2 + l + m, each a homogeneous polynomial of degree l in x, y, z.

        Y_lm = N_lm Q_l^|m|(y, |r|^2) {Im (z + i x)^|m|  for m < 0,   Re (z + i x)^m  for m >= 0}
        (l - m) Q_l^m = (2l - 1) y Q_(l-1)^m - (l + m - 1) |r|^2 Q_(l-2)^m,      Q_m^m = (2m - 1)!!

    The polar axis is y, so that degree 1 is sqrt(3) (x, y, z) and a Cartesian vector needs no reordering. For unit r,
    |Y_l|^2 = 2l + 1 ("component" normalisation: each component has mean square 1 over the sphere). For other r,
    |Y_l|^2 = (2l + 1) |r|^2l; a zero vector gives 0 for l > 0, without NaN in any derivative. Any float dtype.

    About (lmax + 1)^2 products per vector; differentiate as often as needed. Source: Stone, The Theory of
    Intermolecular Forces (2013), appendix B, doi:10.1093/acprof:oso/9780199672394.001.0001.
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
