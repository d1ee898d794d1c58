"""Symmetric powers of features: all products of nu equal factors that turn as one degree, each exactly once.

Let A = (A_l for l in degrees) be the density of neighbours around an atom, n = sum of (2l + 1) numbers. A product of nu
copies of A is symmetric in its factors, so what can be built of body order nu + 1 and degree L is

    B_M = sum_copies w_copy sum_i U[M, i_1, ..., i_nu, copy] A_i1 ... A_inu

with U a basis of the degree-L part of Sym^nu(V). This is the atomic cluster expansion (Drautz 2019,
doi:10.1103/PhysRevB.99.014104) and the symmetric contraction of MACE (Batatia et al. 2022, arXiv:2206.07697).
"""

from __future__ import annotations

import functools
import itertools
from math import factorial, prod

import numpy as np

from .clebsch_gordan import clebsch_gordan
from .errors import Invalid


@functools.cache
def symmetric_power(degrees: tuple[int, ...], order: int, l: int, parity: int | None = None) -> np.ndarray:
    """U [2l+1, n, ..., n, copies], `order` axes of n = sum(2 l_i + 1): the degree-l part of Sym^order(V), float64.

    V is the direct sum of the degrees, each with natural parity (-1)^l_i, flat in the given order; `parity` is that of
    the result (None: natural, (-1)^l; a term is kept if the sum of its degrees has that parity). U is symmetric in its
    middle axes and orthonormal: sum_i U[M, i, c] U[M', i, c'] = delta_MM' delta_cc'.

    Copies are sorted by the degrees multiplied (`power_terms`). Coupling without regard to the symmetry, as e3nn-based
    tables do, gives more paths that are linearly dependent as functions: for degrees 0..3, order 3, L = 0 it gives 23
    of which 8 are different. Good values: order 2 or 3, degrees up to 3 (n = 16); order 4 up to degree 2.
    """
    terms = power_terms(degrees, order, l, parity)
    starts = dict(zip(degrees, np.cumsum([0, *(2 * d + 1 for d in degrees)]), strict=False))
    n = sum(2 * d + 1 for d in degrees)
    table = np.zeros((2 * l + 1, *(n,) * order, sum(t.shape[-1] for t in terms.values())))
    copy = 0
    for factors, block in terms.items():
        orders = sorted({tuple(factors[i] for i in p): p for p in itertools.permutations(range(order))}.items())
        for arranged, p in orders:
            where = tuple(slice(starts[d], starts[d] + 2 * d + 1) for d in arranged)
            last = slice(copy, copy + block.shape[-1])
            table[(slice(None), *where, last)] = block.transpose(0, *(1 + i for i in p), -1) / len(orders) ** 0.5
        copy += block.shape[-1]
    table.flags.writeable = False
    return table


@functools.cache
def power_terms(
    degrees: tuple[int, ...], order: int, l: int, parity: int | None = None
) -> dict[tuple[int, ...], np.ndarray]:
    """{(l_1 <= ... <= l_nu): T [2l+1, 2l_1+1, ..., 2l_nu+1, copies]}: the blocks of `symmetric_power`, each once.

    sum over copies of  w T_M,m1..mnu A_l1,m1 ... A_lnu,mnu  is the same set of functions with far fewer products.
    T is symmetric under exchange of factors of equal degree, orthonormal within a block; empty blocks are left out.
    """
    if order < 1 or l < 0 or len(set(degrees)) < len(degrees) or min(degrees, default=-1) < 0:
        came = f"degrees {degrees}, order {order}, l {l}"
        raise Invalid(must="degrees must be different and >= 0, order >= 1, l >= 0", came=came, do="Merge equal ones.")
    natural = (-1) ** l if parity is None else parity
    terms: dict[tuple[int, ...], np.ndarray] = {}
    for factors in itertools.combinations_with_replacement(sorted(degrees), order):
        if (-1) ** sum(factors) == natural:
            candidates = _coupled(factors, l)
            if candidates and len(kept := _symmetric_part(np.stack(candidates), factors)):
                terms[factors] = np.moveaxis(kept, 0, -1)
    return terms


def monomials(n: int, order: int) -> tuple[np.ndarray, np.ndarray]:
    """(index [count, order] with i_1 <= ... <= i_order, how many orders each stands for [count]).

    sum_i U[.., i, ..] A_i1 ... A_inu = sum over rows of  many * U[.., index, ..] * product of A[index].
    """
    index = np.array(list(itertools.combinations_with_replacement(range(n), order)), np.int32).reshape(-1, order)
    repeats = [prod(factorial(c) for c in np.unique(row, return_counts=True)[1]) for row in index]
    return index, factorial(order) / np.array(repeats, np.float64)


def _coupled(factors: tuple[int, ...], l: int) -> list[np.ndarray]:
    """Orthonormal T [2l+1, 2l_1+1, ...] of degree l, one for each way to couple the factors one after the other."""
    paths = [(factors[0], np.eye(2 * factors[0] + 1))]
    for position, factor in enumerate(factors[1:], start=2):
        left = sum(factors[position:])
        paths = [
            (high, np.einsum("abc,a...->c...b", np.sqrt(2 * high + 1) * clebsch_gordan(low, factor, high), table))
            for low, table in paths
            for high in range(abs(low - factor), low + factor + 1)
            if abs(high - l) <= left
        ]
    return [table for degree, table in paths if degree == l]


def _symmetric_part(tables: np.ndarray, factors: tuple[int, ...]) -> np.ndarray:
    """The combinations of tables [path, 2l+1, ...] that are symmetric under exchange of equal factors, orthonormal."""
    places = range(len(factors))
    same = [p for p in itertools.permutations(places) if all(factors[i] == factors[j] for i, j in enumerate(p))]
    average = sum(tables.transpose(0, 1, *(2 + i for i in p)) for p in same) / len(same)
    rows: list[np.ndarray] = []
    for candidate in np.asarray(average):  # Gram-Schmidt, twice, in a fixed order: the same basis on every machine
        norm = np.sqrt(tables.shape[1])
        rest = candidate / norm
        for _ in range(2):
            rest = rest - sum((row * np.vdot(row, rest) for row in rows), np.zeros_like(rest))
        if (size := np.linalg.norm(rest)) > 1e-7:
            rows.append(rest / size)
    table = np.stack(rows) * np.sqrt(tables.shape[1]) if rows else np.zeros((0, *tables.shape[1:]))
    return np.where(abs(table) < 1e-14, 0.0, table)
