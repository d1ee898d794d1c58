"""Sums over angles and torsions without a list of triplets or quadruples: densities, projected on directions.

    A_lm,j = sum_k x_kj Y_lm(k -> j)                                        density of pairs at atom j
    sum_m A_lm,j Y_lm(n) / sqrt(2l + 1) = sum_k x_kj sqrt(2l + 1) P_l(cos theta_k)          addition theorem

theta_k: angle between the pair k -> j and the direction n. Seen along n, the component m of a density is a sum with
e^(i m phi), so that products of two densities, component by component, are sums over torsions about n:

    P_lm = sum_(+-m) A_lm B_lm = sum_kq x_k y_q N_lm(theta_k) N_lm(theta_q) cos m(phi_k - phi_q)

N_lm: associated Legendre functions, zero on the axis for m > 0. No frame is needed: P_lm is a polynomial of n,
P_lm = sum_L T_mL [A_l x B_l]_L . Y_L(n), L = 0, 2 ... 2l, with T of the Clebsch-Gordan coefficients.
Cost: linear in the pairs.  |Y_l|^2 = 2l + 1 here as everywhere.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .components import Components, coupled, inner, total
from .matrix_product import product
from .tensor_product import coupling_table

Torsion = tuple[int, int]  # degree l and order m > 0


def density(x: Float[Array, "n K c"], harmonics: Float[Array, "n K m"]) -> Float[Array, "n m c"]:
    """sum_k x_k Y_lm,k for one degree."""
    return product(jnp.swapaxes(harmonics, 1, 2), x)


def projected(parts: Components, harmonics: Components) -> Float[Array, "n K c"]:
    """sum_lm A_lm Y_lm / sqrt(2l + 1), of densities [rows, K, m, c] given per pair (`Neighbours.at_senders`)."""
    along = jnp.concatenate([harmonics[l] / (2 * l + 1) ** 0.5 for l in parts], -1)
    return _per_pair(along[:, :, None], jnp.concatenate(list(parts.values()), -2))[:, :, 0]


def _per_pair(left: Float[Array, "n K i m"], right: Float[Array, "rows K m c"]) -> Float[Array, "n K i c"]:
    """A product of matrices per pair; where one row of `right` stands for all atoms, per column."""
    if len(right) == len(left):
        return product(left, right)
    n, k, i, m = left.shape
    by_column = product(jnp.swapaxes(left, 0, 1).reshape(k, n * i, m), right[0])
    return jnp.swapaxes(by_column.reshape(k, n, i, -1), 0, 1)


@functools.cache
def torsion_table(l: int) -> np.ndarray:
    """T [m, L/2]: P_lm = sum_L T_mL [A_l x B_l]_L . Y_L(n), m = 0 ... l, L = 0, 2 ... 2l."""
    # along the polar axis Y_LM = sqrt(2L + 1) [M = 0] and the coefficients are diagonal, even in m
    rows = [
        [np.sqrt(2 * L + 1) * coupling_table(l, l, L)[l + m, l + m, L] for m in range(l + 1)]
        for L in range(0, 2 * l + 1, 2)
    ]
    return np.linalg.inv(np.array(rows))


def torsions(a: Components, b: Components, weights: Mapping[Torsion, Float[Array, " c"]]) -> dict[int, Array]:
    """Densities S_L of atoms such that sum_L S_L . Y_L(n) / sqrt(2L + 1) = sum_lm w_lm P_lm for every n."""
    sums: dict[int, list[Array]] = {}
    for l in sorted({l for l, _ in weights}):
        degrees = range(0, 2 * l + 1, 2)
        for L, part in zip(degrees, coupled(a[l], b[l], degrees), strict=True):
            weight = sum(float(torsion_table(l)[m, L // 2]) * w for (k, m), w in weights.items() if k == l)
            sums.setdefault(L, []).append((2 * L + 1) ** 0.5 * weight * part)
    return {L: total(terms) for L, terms in sums.items()}


def torsions_between(
    a: Float[Array, "n m c"], b: Float[Array, "rows K m c"], harmonics: Components
) -> list[Float[Array, "n K c"]]:
    """P_lm, m = 1 ... l, of the densities a of the receiver and b of the sender about the direction of their pair."""
    size, l = a.shape[1], a.shape[1] // 2
    flat = jnp.concatenate([harmonics[L] for L in range(0, 2 * l + 1, 2)], -1)
    # the geometry first, as one product; an entry of it per pair then meets the channels
    entries = flat @ jnp.asarray(_pair_table(l), flat.dtype)
    turned = _per_pair(entries.reshape(*flat.shape[:2], l * size, size), b)
    own = jnp.broadcast_to(a[:, None], (*flat.shape[:2], *a.shape[1:]))
    return [inner(own, part) for part in jnp.split(turned, l, axis=2)]


@functools.cache
def _pair_table(l: int) -> np.ndarray:
    """[harmonics of degree 0, 2 ... 2l, (m, a, b)]: P_lm = sum_ab A_a B_b sum_LM table Y_LM, m = 1 ... l."""
    rows = [
        torsion_table(l)[1:, L // 2, None, None] * coupling_table(l, l, L)[None, :, :, M]
        for L in range(0, 2 * l + 1, 2)
        for M in range(2 * L + 1)
    ]
    return np.stack([row.ravel() for row in rows])
