"""Lists of neighbours, made once per structure outside of compiled code: cost linear in the number of atoms.

    listed(x, cutoff)                 -> x with the list as its label "neighbours"    (host, vesin's cell list)
    near_of(x, cutoff, images)        -> Neighbours: from the list where `x` has one, else all pairs

The list says which pairs exist and through which image; displacements are computed anew at every call, hence exact and
differentiable in positions and cell. It is made with a small `skin` beyond the cutoff and knows where the atoms were:
once pairs could have come nearer by more than the skin, `Neighbours.complete` is False.
"""

from __future__ import annotations

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from erlangen.core.arrays import AnyArray

from ..core.errors import Invalid
from ..core.systems import Atoms
from .neighbours import Neighbours, neighbours
from .pair_exchange import send

LABEL = "neighbours"
SKIN = 0.01  # A: rounding to float32, derivatives by finite differences


class NeighbourList(eqx.Module):
    """Pairs within `cutoff` = range of the model + skin, as they were for `positions` and `cell`.

    reverse[i, k]: flat place of the pair with sender and receiver exchanged, its own place where there is no pair;
    the sender is reverse // K. shifts[i, k]: lattice vectors from the sender's home to the image that is meant.
    Rows are receivers, in ascending order of (sender, image).
    """

    reverse: Int[AnyArray, "n K"]
    shifts: Int[AnyArray, "n K 3"]
    mask: Bool[AnyArray, "n K"]
    positions: Float[AnyArray, "n 3"]
    cell: Float[AnyArray, "3 3"]
    cutoff: float = eqx.field(static=True)

    @property
    def width(self) -> int:
        """K, the number of columns."""
        return int(self.mask.shape[-1])

    def padded(self, n: int, width: int) -> NeighbourList:
        """The same list for n atoms and `width` columns, both at least what they are; NumPy arrays only."""
        old, k = np.asarray(self.mask).shape
        more = [(0, n - old), (0, width - k)]
        own = np.arange(n * width, dtype=np.int32).reshape(n, width)
        row, column = np.divmod(np.asarray(self.reverse), k)
        own[:old, :k] = np.where(self.mask, row * width + column, own[:old, :k])
        return NeighbourList(
            own,
            np.pad(np.asarray(self.shifts), [*more, (0, 0)]),
            np.pad(np.asarray(self.mask), more),
            np.pad(np.asarray(self.positions), [more[0], (0, 0)]),
            np.asarray(self.cell),
            self.cutoff,
        )


def neighbour_list(
    positions: Float[AnyArray, "n 3"],
    atomic_numbers: Int[AnyArray, " n"],
    cutoff: float,
    *,
    cell: Float[AnyArray, "3 3"] | None = None,
    pbc: Sequence[bool] | Bool[AnyArray, " 3"] | None = None,
) -> NeighbourList:
    """All pairs nearer than `cutoff` [A], every image of a neighbour on its own; exact for cells of any size and shape.

    Positions need not lie in the cell. Atomic number 0 = no atom, no pairs. Found by vesin's cell list (Fraux et al.,
    https://github.com/Luthaf/vesin).
    """
    from vesin import NeighborList

    r, n = np.asarray(positions, np.float64), len(positions)
    repeats = np.zeros(3, bool) if pbc is None else np.asarray(pbc, bool)
    lattice = np.zeros((3, 3)) if cell is None else np.where(repeats[:, None], np.asarray(cell, np.float64), 0.0)
    box = _box(lattice, repeats)
    real = np.flatnonzero(np.asarray(atomic_numbers) > 0)
    # one direction of each pair, mirrored here: which pairs lie within the cutoff can then not depend on the direction
    half = NeighborList(cutoff=float(cutoff), full_list=False, n_threads=1)
    i, j, s = half.compute(r[real], box, repeats.tolist(), quantities="ijS")
    i, j, s = real[i.astype(int)], real[j.astype(int)], np.asarray(s, int)
    receivers, senders, shifts = np.r_[i, j], np.r_[j, i], np.r_[s, -s]
    mirror = np.roll(np.arange(len(receivers)), len(i))
    order = np.lexsort((*shifts.T[::-1], senders, receivers))
    counts = np.bincount(receivers, minlength=n)
    width = round_width(int(counts.max(initial=0)))
    column = np.empty(len(order), int)
    column[order] = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    place = receivers * width + column
    reverse = np.arange(n * width, dtype=np.int32)
    reverse[place] = place[mirror]
    table = np.zeros((n * width, 3), np.int32)
    table[place] = shifts
    mask = np.zeros(n * width, bool)
    mask[place] = True
    return NeighbourList(
        reverse.reshape(n, width), table.reshape(n, width, 3), mask.reshape(n, width), r, lattice, float(cutoff)
    )


def _box(lattice: np.ndarray, repeats: np.ndarray) -> np.ndarray:
    """The lattice with unit vectors at right angles in place of axes that do not repeat; `Invalid` where it is flat."""
    if np.all(np.isfinite(lattice)):
        across = iter(np.linalg.svd(lattice)[2][int(repeats.sum()) :])
        box = np.array([row if periodic else next(across) for row, periodic in zip(lattice, repeats)])
        if abs(np.linalg.det(box)) > 1e-9 * np.prod(np.linalg.norm(box, axis=1)):
            return box
    raise Invalid(
        must="axes that repeat have finite lattice vectors that span a cell",
        came=f"pbc {repeats.tolist()} with the vectors {np.round(lattice, 4).tolist()}",
        do="Give the cell its vectors, or say that it does not repeat (pbc=False).",
    )


def round_width(count: int) -> int:
    """Columns for `count` neighbours: a few sizes only, at most a quarter more, so that compiled shapes are few."""
    if count <= 8:
        return max(4 * -(-count // 4), 4)
    step = 1 << (count.bit_length() - 3)
    return step * -(-count // step)


def listed(x: Atoms, cutoff: float, *, skin: float = SKIN) -> Atoms:
    """`x` with a list of its pairs within cutoff + skin [A] as label, valid while no two atoms approach by the skin."""
    found = neighbour_list(
        np.asarray(x.positions), np.asarray(x.atomic_numbers), cutoff + skin, cell=np.asarray(x.cell), pbc=x.pbc
    )
    return Atoms(x.positions, x.atomic_numbers, x.cell, x.pbc, {**x.labels, LABEL: found})


def near_of(x: Atoms, cutoff: float, images: tuple[tuple[int, int, int], ...] | None = None) -> Neighbours:
    """Pairs of `x` within the cutoff [A]: from its list where it has one (`listed`), else all pairs.

    images: of the cell, which all pairs run over; None for isolated molecules (periodic ones are then incomplete).
    """
    if LABEL in x.labels:
        return from_list(x, x.labels[LABEL], cutoff)
    if images is not None:
        return neighbours(x.positions, x.atomic_numbers, cutoff, cell=x.cell, pbc=x.pbc, images=images)
    near = neighbours(x.positions, x.atomic_numbers, cutoff)
    return Neighbours(near.displacements, near.distances, near.mask, near.complete & ~jnp.any(jnp.asarray(x.pbc)))


def from_list(x: Atoms, pairs: NeighbourList, cutoff: float) -> Neighbours:
    """Pairs within the cutoff out of a list: r_i - r_j - s h, with the gradient gathered instead of scattered."""
    if pairs.cutoff < cutoff:
        raise Invalid(
            must="a list of neighbours reaches as far as the cutoff",
            came=f"a list up to {pairs.cutoff:g} A for a cutoff of {cutoff:g} A",
            do="Make it with listed(x, cutoff).",
        )
    r = jnp.asarray(x.positions)
    cell, reverse, shifts = jnp.asarray(x.cell, r.dtype), jnp.asarray(pairs.reverse), jnp.asarray(pairs.shifts, r.dtype)
    # x, y, z apart: as rows of three, and as a product with the cell, both are several times slower on a CPU
    moved = jnp.stack([r[:, None, a] - send(r[:, a], reverse) - _along(shifts, cell[:, a]) for a in range(3)], -1)
    square = jnp.sum(moved**2, -1)
    near = jnp.asarray(pairs.mask) & (square < cutoff**2)
    moved = jnp.where(near[..., None], moved, 0.0)
    return Neighbours(moved, jnp.sqrt(jnp.where(near, square, 1.0)), near, holds(x, pairs, cutoff), reverse)


def _along(shifts: Float[Array, "n K 3"], edges: Float[Array, " 3"]) -> Float[Array, "n K"]:
    """One component of s h."""
    return shifts[..., 0] * edges[0] + shifts[..., 1] * edges[1] + shifts[..., 2] * edges[2]


def holds(x: Atoms, pairs: NeighbourList, cutoff: float) -> Bool[Array, ""]:
    """Whether no pair outside of the list can have come within the cutoff.

    |d - d0| <= 2 max_i |r_i - r0_i| + sum_a |s_a| |h_a - h0_a|   must stay below the skin.
    """
    r, cell = jax.lax.stop_gradient((jnp.asarray(x.positions), jnp.asarray(x.cell)))
    real = jnp.asarray(x.atomic_numbers) > 0
    steps = jnp.sum((r - jnp.asarray(pairs.positions, r.dtype)) ** 2, -1)
    moved = 2 * jnp.sqrt(jnp.max(jnp.where(real, steps, 0.0), initial=0.0))
    repeating = jnp.where(jnp.asarray(x.pbc)[:, None], cell, 0.0)
    stretched = jnp.sqrt(jnp.sum((repeating - jnp.asarray(pairs.cell, cell.dtype)) ** 2, -1))
    furthest = jnp.max(jnp.abs(jnp.asarray(pairs.shifts)), (0, 1)) + 1
    return moved + jnp.sum(furthest * stretched) <= pairs.cutoff - cutoff
