"""Clebsch-Gordan coefficients: the one bilinear map of two degrees into a third that commutes with rotations.

Under a rotation R, features of degree l turn with the matrix D^l(R) (`core.wigner`). The product of degrees l1 and l2
holds each degree l3 with |l1 - l2| <= l3 <= l1 + l2 exactly once, so that up to a factor there is one tensor C with

    C[a, b, c] D^l1[a, a'] D^l2[b, b'] D^l3[c, c'] = C[a', b', c']        (sums over a, b, c)

which couples x (degree l1) and y (degree l2) to z_c = C[a, b, c] x_a y_b. Here everything is real: the basis of degree
l is that of the real spherical harmonics, m = -l..l, degree 1 = (x, y, z) (`core.spherical_harmonics`).
"""

from __future__ import annotations

import functools
from fractions import Fraction
from math import factorial, sqrt

import numpy as np
from jaxtyping import Complex, Float

from .errors import Invalid


def complex_to_real(l: int) -> Complex[np.ndarray, "m m"]:
    """U [2l+1 complex m', 2l+1 real m], unitary, with Y_real = Y_complex @ U; the phase (-i)^l makes all C real.

    Real m > 0 is the cosine, m < 0 the sine of |m| phi.
    """
    u = np.zeros((2 * l + 1, 2 * l + 1), np.complex128)
    u[l, l] = 1
    for m in range(1, l + 1):
        sign = (-1) ** m
        u[l - m, l + m], u[l + m, l + m] = 1 / sqrt(2), sign / sqrt(2)
        u[l - m, l - m], u[l + m, l - m] = -1j / sqrt(2), 1j * sign / sqrt(2)
    return (-1j) ** l * u


def _racah(l1: int, m1: int, l2: int, m2: int, l3: int) -> float:
    """<l1 m1 l2 m2 | l3 m1+m2> in Condon-Shortley phases; exact integers until the last square root."""
    m3, f = m1 + m2, factorial
    triangle = Fraction((2 * l3 + 1) * f(l3 + l1 - l2) * f(l3 - l1 + l2) * f(l1 + l2 - l3), f(l1 + l2 + l3 + 1)) * (
        f(l3 + m3) * f(l3 - m3) * f(l1 - m1) * f(l1 + m1) * f(l2 - m2) * f(l2 + m2)
    )
    total = Fraction(0)
    for k in range(max(0, l2 - l3 - m1, l1 - l3 + m2), min(l1 + l2 - l3, l1 - m1, l2 + m2) + 1):
        parts = (k, l1 + l2 - l3 - k, l1 - m1 - k, l2 + m2 - k, l3 - l2 + m1 + k, l3 - l1 - m2 + k)
        total += Fraction((-1) ** k, int(np.prod([f(p) for p in parts], dtype=object)))
    return (1 if total > 0 else -1) * sqrt(triangle * total**2)


@functools.cache
def clebsch_gordan(l1: int, l2: int, l3: int) -> Float[np.ndarray, "m1 m2 m3"]:
    """C [2l1+1, 2l2+1, 2l3+1], float64, real, Frobenius norm 1: z_c = C_abc x_a y_b turns as degree l3.

    Exact to a few 1e-16: Racah's sum in exact fractions, then the change to the real basis. Zero where the triangle
    |l1 - l2| <= l3 <= l1 + l2 does not close. Antisymmetric under exchange of equal degrees where l1 + l2 + l3 is odd;
    such products of true vectors are axial (the cross product is (1, 1, 1)). For |x| = |y| = 1 the product over all l3,
    each times sqrt(2 l3 + 1), keeps the norm.

    The array is cached: read-only. Source: Varshalovich, Moskalev, Khersonskii 1988, chapter 8, doi:10.1142/0270.
    """
    if min(l1, l2, l3) < 0:
        raise Invalid(must="degrees must be 0 or more", came=f"{(l1, l2, l3)}", do="Give l1, l2, l3 >= 0.")
    table = np.zeros((2 * l1 + 1, 2 * l2 + 1, 2 * l3 + 1))
    if abs(l1 - l2) <= l3 <= l1 + l2:
        for m1 in range(-l1, l1 + 1):
            for m2 in range(max(-l2, -l3 - m1), min(l2, l3 - m1) + 1):
                table[l1 + m1, l2 + m2, l3 + m1 + m2] = _racah(l1, m1, l2, m2, l3)
        u1, u2, u3 = complex_to_real(l1), complex_to_real(l2), complex_to_real(l3)
        real = np.einsum("ijk,ia,jb,kc->abc", table, u1, u2, u3.conj(), optimize=True).real
        table = np.where(abs(real) < 1e-15, 0.0, real) / sqrt(2 * l3 + 1)
    table.flags.writeable = False
    return table
