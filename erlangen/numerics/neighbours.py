"""Who sees whom: all pairs of atoms within a cutoff, in a dense layout sorted by receiver.

Row i of every array belongs to the receiving atom i, column k to one sender. Sums over neighbours are then sums over an
axis: deterministic, without scatter, and their gradients too. Columns are all atoms (`neighbours`, small systems) or
the entries of a list (`neighbour_lists`, cost linear in the atoms); whoever sums need not know which.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from .pair_exchange import send


class Neighbours(eqx.Module):
    """Pairs within the cutoff; displacement = receiver - sender.

    Without `reverse`, columns run over all atoms, once per periodic image: column m * n + j is image m of atom j. With
    it they are the entries of a list, and pair (i, k) is sent by atom reverse[i, k] // K (see `pair_exchange`).
    Where `mask` is False (no pair, or a padded atom) the distance is 1 and the displacement 0: nothing diverges.
    complete: False where pairs within the cutoff may be missing, or where there is no telling (NaN, a cell without
    volume); whoever sums must then answer NaN.
    """

    displacements: Float[Array, "n K 3"]
    distances: Float[Array, "n K"]
    mask: Bool[Array, "n K"]
    complete: Bool[Array, ""]
    reverse: Int[Array, "n K"] | None = None

    @property
    def senders(self) -> Int[Array, "n K"]:
        """The atom that sends to row i in column k (i itself where a list has no pair)."""
        n, k = self.mask.shape
        if self.reverse is not None:
            return self.reverse // k
        return jnp.broadcast_to(jnp.arange(k, dtype=jnp.int32) % n, (n, k))

    @property
    def directions(self) -> Float[Array, "n K 3"]:
        """Unit vectors from sender to receiver (zero where there is no pair)."""
        return self.displacements / self.distances[..., None]

    def at_senders(self, x: Float[Array, " n *features"]) -> Float[Array, "rows K *features"]:
        """Features of the senders, ready to be multiplied with arrays of pairs; one row stands for n equal ones."""
        if self.reverse is not None:
            return send(x, self.reverse)
        copies = self.mask.shape[1] // self.mask.shape[0]
        return (x if copies == 1 else jnp.tile(x, (copies,) + (1,) * (x.ndim - 1)))[None]

    def at_reverse(self, y: Float[Array, "n K *features"]) -> Float[Array, "n K *features"]:
        """Of every pair the value of its reverse, sender and receiver exchanged (its own where there is no pair)."""
        n, k = self.mask.shape
        if self.reverse is not None:
            return send(y.reshape(n * k, *y.shape[2:]), self.reverse.reshape(n * k, 1)).reshape(y.shape)
        # images stand in an order in which the opposite of each mirrors its place
        copies = y.reshape(n, k // n, n, *y.shape[2:])
        return jnp.swapaxes(copies[:, ::-1], 0, 2).reshape(y.shape)


def neighbours(
    positions: Float[ArrayLike, "n 3"],
    atomic_numbers: Int[ArrayLike, " n"],
    cutoff: float,
    *,
    cell: Float[ArrayLike, "3 3"] | None = None,
    pbc: Bool[ArrayLike, " 3"] | None = None,
    images: tuple[tuple[int, int, int], ...] = ((0, 0, 0),),
) -> Neighbours:
    """Pairs of an isolated molecule, or of a crystal.

    images: those that can matter, `images_within(reach(cell, pbc, cutoff))`; the cell may be smaller than the cutoff.

    The cost grows as n^2 times the number of images: meant for up to about a thousand atoms. Atomic number 0 = no atom.
    Differentiable in the positions and in the cell. Positions need not be wrapped into the cell.
    """
    r = jnp.asarray(positions)
    n = len(r)
    apart = r[:, None] - r[None]
    real = jnp.asarray(atomic_numbers) > 0
    complete = jnp.all(jnp.isfinite(r) | ~real[:, None])
    if cell is None or pbc is None:
        copies, repeats = apart[:, None], jnp.zeros(3, bool)
        complete &= True if pbc is None else ~jnp.any(jnp.asarray(pbc))
    else:
        repeats = jnp.asarray(pbc)
        lattice = full_rank(jnp.asarray(cell, r.dtype), repeats)
        # compared as reals: NaN fails here, as an integer it would pass
        complete &= jnp.all(jnp.isfinite(lattice)) & jnp.all(
            _needed(lattice, repeats, cutoff) <= jnp.max(jnp.abs(jnp.asarray(images)), 0)
        )
        wraps = jnp.round(apart @ jnp.linalg.inv(lattice)) * repeats
        copies = (apart - wraps @ lattice)[:, None] + (jnp.asarray(images, r.dtype) @ lattice)[None, :, None]
    here = jnp.asarray([image == (0, 0, 0) for image in images])
    pair = real[:, None, None] & real & ~(jnp.eye(n, dtype=bool)[:, None] & here[:, None])
    pair &= jnp.all((jnp.asarray(images) == 0) | repeats, -1)[:, None]
    square = jnp.sum(copies**2, -1)
    near = (pair & (square < cutoff**2)).reshape(n, -1)
    square = jnp.where(near, square.reshape(n, -1), 1.0)
    moved = jnp.where(near[..., None], copies.reshape(n, -1, 3), 0.0)
    return Neighbours(moved, jnp.sqrt(square), near, complete)


def reach(cell: Float[Array, "3 3"], pbc: Bool[Array, " 3"], cutoff: float) -> Int[Array, " 3"]:
    """How many images along each axis can hold a neighbour of an atom (0 where not periodic).

    h_a = distance of opposite faces; after wrapping, image k is needed while (k - 1/2) h_a < cutoff.
    """
    return jnp.ceil(_needed(full_rank(cell, pbc), pbc, cutoff)).astype(int)


def _needed(lattice: Float[Array, "3 3"], pbc: Bool[Array, " 3"], cutoff: float) -> Float[Array, " 3"]:
    """cutoff / h_a - 1/2 along each axis that repeats: NaN or infinite where the lattice has no volume."""
    spacings = 1.0 / jnp.sqrt(jnp.sum(jnp.linalg.inv(lattice) ** 2, 0))
    return jnp.where(pbc, cutoff / spacings - 0.5, 0.0)


def images_within(extent: Sequence[int]) -> tuple[tuple[int, int, int], ...]:
    """All images up to `extent` (of `reach`) along each axis, the home cell (0, 0, 0) among them."""
    a, b, c = (range(-int(k), int(k) + 1) for k in extent)
    return tuple(itertools.product(a, b, c))


def full_rank(cell: Float[Array, "3 3"], pbc: Bool[Array, " 3"]) -> Float[Array, "3 3"]:
    """The lattice with unit vectors, at right angles to all others, in place of the axes that do not repeat."""
    rows = jnp.where(pbc[:, None], cell, 0.0)
    # the last singular vectors span what the periodic rows leave open; constants, as nothing depends on their choice
    across = jax.lax.stop_gradient(jnp.linalg.svd(jax.lax.stop_gradient(rows))[2])
    place = jnp.clip(3 - jnp.cumsum(~pbc), 0, 2)
    return jnp.where(pbc[:, None], rows, across[place])
