"""The linear problem of a potential E = sum_i w(Z_i) . B_i: rows for energies, forces and stresses.

    dE/dr_i = sum_k (D_ik - D_reverse(i,k)),      D_ik = w . dB_i/dr_ik,      dB_i/dr_ik = (dB_i/dA_i) (dA_ik/dr_ik)
    dE/d epsilon = sum_ik  r_ik D_ik

Products are derived factor by factor, each function on its own, and densities pair by pair: what is left is a product
of matrices per atom, and no derivative runs over all parameters and all positions at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from scipy.sparse import csr_array

from ...core.systems import Atoms
from ...nn.cluster_basis import Expansion, Products
from ...nn.tensor_product import coupling_table
from ...numerics.neighbour_lists import near_of
from ...numerics.neighbours import Neighbours


def columns(basis: Expansion, species: Int[np.ndarray, " n"], x: Atoms) -> dict[str, Float[np.ndarray, "... p"]]:
    """{"energy" [p], "forces" [n, 3, p], "virial" [3, 3, p]} of every parameter, species after species; `x` with its
    list. virial: the derivative by a symmetric strain.
    """
    near, density, by_pair = _tables(basis, jnp.asarray(species), x)
    mask, apart = np.asarray(near.mask), np.asarray(near.displacements)
    n, k = mask.shape
    value, by_density = derived(basis.products, [np.asarray(a) for a in density])
    each = (by_density @ np.asarray(by_pair).reshape(n, -1, 3 * k)).reshape(n, -1, k, 3)  # [n, f, K, 3]
    senders = np.asarray(near.senders)[mask]
    numbers, pairs = np.asarray(x.atomic_numbers), np.flatnonzero(mask)
    back = csr_array((np.ones(len(pairs)), (senders, pairs)), shape=(n, n * k))
    found: list[dict[str, np.ndarray]] = []
    for kind in range(len(basis.weights)):
        own = (species == kind) & (numbers > 0)
        mine = np.moveaxis(each * own[:, None, None, None], 1, 3)  # [n, K, 3, f]
        flat = np.ascontiguousarray(mine).reshape(n * k, -1)
        virial = (apart.reshape(n * k, 3).T @ flat).reshape(3, 3, -1)
        slope = mine.sum(1) - (back @ flat).reshape(n, 3, -1)
        found.append(
            {"energy": own @ value, "forces": -slope, "virial": 0.5 * (virial + np.swapaxes(virial, 0, 1))},
        )
    return {name: np.concatenate([one[name] for one in found], -1) for name in found[0]}


@eqx.filter_jit
def _tables(
    basis: Expansion, species: Int[Array, " n"], x: Atoms
) -> tuple[Neighbours, list[Array], Float[Array, "n d K 3"]]:
    """Pairs, densities, and dA_ik / dr_ik of all densities, degree after degree."""
    near = near_of(x, basis.radial.cutoff)

    def flat(d: Float[Array, "n K 3"]) -> Float[Array, "n d K"]:
        square = jnp.where(near.mask, jnp.sum(d**2, -1), 1.0)
        moved = Neighbours(d, jnp.sqrt(square), near.mask, near.complete, near.reverse)
        each = [r[..., :, None] * y[..., None, :] for r, y in basis.pairs(species, moved)]
        return jnp.moveaxis(jnp.concatenate([e.reshape(*near.mask.shape, -1) for e in each], -1), 1, 2)

    unit = jnp.eye(3, dtype=near.displacements.dtype)

    def along(axis: int) -> Array:
        tangent = jnp.broadcast_to(unit[axis], near.displacements.shape)
        return jax.jvp(flat, (near.displacements,), (tangent,))[1]

    return near, basis.density(species, near), jnp.stack([along(axis) for axis in range(3)], -1)


def derived(
    products: Products, density: Sequence[Float[np.ndarray, "n channels m"]]
) -> tuple[Float[np.ndarray, "n f"], Float[np.ndarray, "n f d"]]:
    """The basis of each atom and its derivatives by all densities: sparse, a factor at a time."""
    n, sizes = len(density[0]), [a.shape[1] * a.shape[2] for a in density]
    starts = np.cumsum([0, *sizes])
    values: list[np.ndarray] = []
    slopes = np.zeros((n, len(products.kept), starts[-1]))
    first = 0
    for group in products.groups:
        factors = products.factors(group)
        here = np.arange(first, first + len(factors[0]))[:, None]
        rests = _rests(group, [density[l][:, c] for l, c in zip(group, factors)])
        for l, c, rest in zip(group, factors, rests):
            width = 2 * l + 1
            # no function holds a channel twice in one place, so that += misses nothing
            slopes[:, here, starts[l] + c[:, None] * width + np.arange(width)] += rest
        values.append(np.sum(rests[0] * density[group[0]][:, factors[0]], -1))
        first += len(here)
    return np.concatenate(values, 1), slopes


def _rests(group: Sequence[int], a: Sequence[Float[np.ndarray, "n f m"]]) -> list[Float[np.ndarray, "n f m"]]:
    """For each factor of a product what it is multiplied with."""
    if len(group) == 1:
        return [np.ones_like(a[0])]
    if len(group) == 2:
        return [a[1] / (2 * group[0] + 1) ** 0.5, a[0] / (2 * group[0] + 1) ** 0.5]
    table = coupling_table(*group) / (2 * group[2] + 1) ** 0.5  # type: ignore[call-arg]
    pair = np.einsum("abc,nfa->nfbc", table, a[0], optimize=True)
    return [
        np.einsum("abc,nfb,nfc->nfa", table, a[1], a[2], optimize=True),
        np.einsum("nfbc,nfc->nfb", pair, a[2], optimize=True),
        np.einsum("nfbc,nfb->nfc", pair, a[1], optimize=True),
    ]


class Triangle:
    """X as the R of X = Q R, and Q^T y: all that least squares needs, row after row in little memory."""

    def __init__(self, columns: int):
        self.whole: np.ndarray = np.zeros((0, columns + 1))

    def add(self, rows: Float[np.ndarray, "m p"], values: Float[np.ndarray, " m"]) -> None:
        """More rows of X and y."""
        both = np.concatenate([self.whole, np.column_stack([rows, values])])
        self.whole = _upper(both)

    def joined(self, other: Triangle) -> Triangle:
        """Of the rows of both."""
        found = Triangle(self.whole.shape[1] - 1)
        found.whole = _upper(np.concatenate([self.whole, other.whole]))
        return found

    @property
    def matrix(self) -> Float[np.ndarray, "m p"]:
        """R."""
        return self.whole[:, :-1]

    @property
    def values(self) -> Float[np.ndarray, " m"]:
        """Q^T y."""
        return self.whole[:, -1]

    def losses(self, w: Float[np.ndarray, "p many"]) -> Float[np.ndarray, " many"]:
        """|X w - y|^2 of every column."""
        return np.sum((self.matrix @ w - self.values[:, None]) ** 2, 0)


def _upper(rows: np.ndarray) -> np.ndarray:
    """R of rows = Q R."""
    return np.asarray(np.linalg.qr(rows, mode="r"))


def path(of: Triangle, prior: Float[np.ndarray, " p"], strengths: Float[np.ndarray, " s"]) -> Float[np.ndarray, "p s"]:
    """argmin |X w - y|^2 + s^2 c^2 |prior w|^2 for every strength s; c: the largest singular value of X / prior."""
    u, s, v = np.linalg.svd(of.matrix / prior, full_matrices=False)
    shrunk = s[:, None] / (s[:, None] ** 2 + (strengths * s[0]) ** 2)
    return (v.T @ (shrunk * (u.T @ of.values)[:, None])) / prior[:, None]


def rows(
    found: Mapping[str, Any], x: Atoms, true: Mapping[str, Any], weights: Mapping[str, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted rows and values of one frame, in units of the loss of networks (`message_passing._potential`):

    |F - F*|^2 / 3n  +  w_E (E - E*)^2 / n  +  w_s V^2 |sigma - sigma*|^2 / 9n
    """
    n = int(np.sum(np.asarray(x.atomic_numbers) > 0))
    p = np.shape(found["energy"])[-1]
    energy = (weights["energy"] / n) ** 0.5
    parts = [energy * np.reshape(found["energy"], (1, p)), np.reshape(found["forces"], (-1, p)) / (3 * n) ** 0.5]
    values = [[energy * float(true["energy"])], np.ravel(true["forces"]) / (3 * n) ** 0.5]
    if "stress" in true:
        volume = abs(np.linalg.det(np.asarray(x.cell, float)))
        factor = (weights["stress"] / (9 * n)) ** 0.5
        parts.append(factor * np.reshape(found["virial"], (9, p)))
        values.append(factor * volume * np.ravel(true["stress"]))
    return np.concatenate(parts), np.concatenate(values)
