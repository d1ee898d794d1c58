"""The linear problem of a potential E = sum_i w(Z_i) . B_i: rows for energies, forces and stresses.

    dE/dr_i = sum_k (D_ik - D_reverse(i,k)),      D_ik = w . dB_i/dr_ik,      dB_i/dr_ik = (dB_i/dA_i) (dA_ik/dr_ik)
    dE/d epsilon = sum_ik  r_ik D_ik

Derivatives of products by densities are those of one atom, of densities by positions those of one pair: what is left
is a product of matrices per atom, and no derivative runs over all parameters and all positions at once.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ...core.systems import Atoms
from ...nn.cluster_basis import Expansion
from ...numerics.neighbour_lists import near_of
from ...numerics.neighbours import Neighbours

TOGETHER = 8  # atoms whose derivatives are taken at once


@functools.partial(eqx.filter_jit)
def columns(basis: Expansion, species: Int[Array, " n"], x: Atoms) -> dict[str, Float[Array, "... p"]]:
    """{"energy" [p], "forces" [n, 3, p], "virial" [3, 3, p]} of every parameter, species after species; `x` with its
    list. virial: the derivative by a symmetric strain.
    """
    near = near_of(x, basis.radial.cutoff)
    flat = basis.density(species, near)
    shapes = [a.shape[1:] for a in flat]
    density = jnp.concatenate([a.reshape(len(a), -1) for a in flat], 1)
    kept = basis.products.kept

    def made(a: Float[Array, " d"]) -> tuple[Float[Array, " f"], Float[Array, " f"]]:
        parts = jnp.split(a, np.cumsum([np.prod(s) for s in shapes])[:-1].tolist())
        found = basis.multiplied([p.reshape(1, *s) for p, s in zip(parts, shapes)])[0, kept]
        return found, found

    by_density, value = jax.lax.map(jax.jacfwd(made, has_aux=True), density, batch_size=TOGETHER)
    by_pair = jnp.stack([_moved(basis, species, near, axis) for axis in range(3)], 2)  # [n, K, 3, d]
    each = jnp.einsum("nfd,nkxd->nkxf", by_density, by_pair)
    own = jax.nn.one_hot(species, len(basis.weights), dtype=value.dtype) * (jnp.asarray(x.atomic_numbers) > 0)[:, None]

    def of(kind: int) -> dict[str, Array]:
        mine = each * own[:, kind, None, None, None]
        back = jnp.where(near.mask[..., None, None], near.at_reverse(mine), 0.0)
        virial = jnp.einsum("nkx,nkyf->xyf", near.displacements, mine)
        return {
            "energy": own[:, kind] @ value,
            "forces": -jnp.sum(mine - back, 1),
            "virial": 0.5 * (virial + jnp.swapaxes(virial, 0, 1)),
        }

    every = [of(kind) for kind in range(len(basis.weights))]
    return {name: jnp.concatenate([one[name] for one in every], -1) for name in every[0]}


def _moved(basis: Expansion, species: Int[Array, " n"], near: Neighbours, axis: int) -> Float[Array, "n K d"]:
    """dA_ik/dr_ik along one axis."""

    def pairs(d: Float[Array, "n K 3"]) -> Float[Array, "n K d"]:
        apart = jnp.where(near.mask, jnp.sum(d**2, -1), 1.0)
        moved = Neighbours(d, jnp.sqrt(apart), near.mask, near.complete, near.reverse)
        radial, harmonics = basis.pairs(species, moved)
        each = [radial[..., :, None] * harmonics[l][..., None, :] for l in range(basis.products.lmax + 1)]
        return jnp.concatenate([e.reshape(*near.mask.shape, -1) for e in each], -1)

    along = jnp.broadcast_to(jnp.eye(3, dtype=near.displacements.dtype)[axis], near.displacements.shape)
    return jax.jvp(pairs, (near.displacements,), (along,))[1]


class Triangle:
    """X as the R of X = Q R, and Q^T y: all that least squares needs, row after row in little memory."""

    def __init__(self, columns: int):
        self.whole = np.zeros((0, columns + 1))

    def add(self, rows: Float[np.ndarray, "m p"], values: Float[np.ndarray, " m"]) -> None:
        """More rows of X and y."""
        both = np.concatenate([self.whole, np.column_stack([rows, values])])
        self.whole = np.linalg.qr(both, mode="r")

    def joined(self, other: Triangle) -> Triangle:
        """Of the rows of both."""
        found = Triangle(self.whole.shape[1] - 1)
        found.whole = np.linalg.qr(np.concatenate([self.whole, other.whole]), mode="r")
        return found

    @property
    def matrix(self) -> Float[np.ndarray, "m p"]:
        return self.whole[:, :-1]

    @property
    def values(self) -> Float[np.ndarray, " m"]:
        return self.whole[:, -1]

    def losses(self, w: Float[np.ndarray, "p many"]) -> Float[np.ndarray, " many"]:
        """|X w - y|^2 of every column."""
        return np.sum((self.matrix @ w - self.values[:, None]) ** 2, 0)


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
