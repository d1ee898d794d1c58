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
from collections.abc import Mapping, Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .components import Components, Parts, coupled
from .tensor_product import coupling_table

Torsion = tuple[int, int]  # degree l and order m > 0


def density(x: Float[Array, "n K c"], harmonics: Parts) -> Parts:
    """sum_k x_k Y_lm,k for one degree; components [n, c]."""
    return tuple(jnp.einsum("nk,nkc->nc", y, x) for y in harmonics)


def projected(parts: Sequence[Float[Array, "rows K c"]], harmonics: Parts) -> Float[Array, "n K c"]:
    """sum_m A_lm Y_lm / sqrt(2l + 1), of densities given per pair (`Neighbours.at_senders`, or x[:, None])."""
    total = sum(y[..., None] * a for y, a in zip(harmonics, parts, strict=True))
    return len(harmonics) ** -0.5 * total  # type: ignore[return-value]


@functools.cache
def torsion_table(l: int) -> np.ndarray:
    """T [m, L/2]: P_lm = sum_L T_mL [A_l x B_l]_L . Y_L(n), m = 0 ... l, L = 0, 2 ... 2l."""
    # along the polar axis Y_LM = sqrt(2L + 1) [M = 0] and the coefficients are diagonal, even in m
    rows = [
        [np.sqrt(2 * L + 1) * coupling_table(l, l, L)[l + m, l + m, L] for m in range(l + 1)]
        for L in range(0, 2 * l + 1, 2)
    ]
    return np.linalg.inv(np.array(rows))


def torsions(a: Components, b: Components, weights: Mapping[Torsion, Float[Array, " c"]]) -> dict[int, Parts]:
    """Densities S_L of atoms such that sum_L S_L . Y_L(n) / sqrt(2L + 1) = sum_lm w_lm P_lm for every n."""
    sums: dict[int, list[Array]] = {}
    for l in sorted({l for l, _ in weights}):
        for L in range(0, 2 * l + 1, 2):
            weight = sum(float(torsion_table(l)[m, L // 2]) * w for (k, m), w in weights.items() if k == l)
            terms = [(2 * L + 1) ** 0.5 * weight * x for x in coupled(a[l], b[l], (l, l, L))]
            sums[L] = [x + y for x, y in zip(sums[L], terms, strict=True)] if L in sums else terms
    return {L: tuple(parts) for L, parts in sums.items()}


def torsions_between(
    a: Sequence[Float[Array, "n c"]], b: Sequence[Float[Array, "rows K c"]], harmonics: Components
) -> list[Float[Array, "n K c"]]:
    """P_lm, m = 1 ... l, of the densities a of the receiver and b of the sender about the direction of their pair."""
    l = len(a) // 2
    flat = jnp.stack([y for L in range(0, 2 * l + 1, 2) for y in harmonics[L]], -1)
    table = _pair_table(l)
    # the geometry first, as one product; an entry of it per pair then meets the channels
    entries = jnp.split(flat @ jnp.asarray(table, flat.dtype), table.shape[1], axis=-1)
    found = []
    for m in range(l):
        turned = []
        for i, one in enumerate(a):
            row = entries[(m * len(a) + i) * len(a) :][: len(b)]
            terms = [entry * other for entry, other in zip(row, b, strict=True)]
            turned.append(one[:, None] * sum(terms[1:], terms[0]))
        found.append(sum(turned[1:], turned[0]))
    return found


@functools.cache
def _pair_table(l: int) -> np.ndarray:
    """[harmonics of degree 0, 2 ... 2l, (m, a, b)]: P_lm = sum_ab A_a B_b sum_LM table Y_LM, m = 1 ... l."""
    rows = [
        torsion_table(l)[1:, L // 2, None, None] * coupling_table(l, l, L)[None, :, :, M]
        for L in range(0, 2 * l + 1, 2)
        for M in range(2 * L + 1)
    ]
    return np.stack([row.ravel() for row in rows])
