"""Lists of neighbours inside compiled code, for simulations: bins of atoms, a skin, and a capacity that may grow.

    cells = plan(x, cutoff, skin)                       sizes that fit `x`, on the host
    listing = cells.build(x)                            compiled; cost linear in the atoms
    listing = cells.refresh(x, listing)                 builds anew only where an atom has moved by skin / 2
    result, cells = with_room(run, cells)               run(cells) -> (result, short); again, larger, where short

Compiled code has static shapes, hence a capacity: atoms per bin, neighbours per atom, bins that the cutoff spans. What
does not fit is never lost in silence: `Listing.short` says which of the three was too small, and stays up.

Atoms are sorted into bins along the lattice vectors; an atom looks into the (2 m + 1)^3 bins around its own, periodic
images included, so that cells may be smaller than the cutoff and of any shape. Rows are filled by binary search in
running counts, and the reverse of a pair is looked up in the sender's row: nothing scatters, sums have a fixed order.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..core.errors import Invalid
from ..core.systems import Atoms
from .neighbour_lists import NeighbourList, holds, neighbour_list, round_width
from .neighbours import full_rank

T = TypeVar("T")
CHUNK = 1024  # atoms whose candidates are in memory at once
NEAR_SKIN = 0.3  # A, of the short list
MARGIN = 1e-3  # of the reach: rounding of positions must not move a pair out of the bins that are searched


class Listing(eqx.Module):
    """What a simulation carries along: the list, and whether it was ever too small.

    short: (atoms per bin, neighbours per atom, bins that the cutoff spans, neighbours per atom of a short list made of
    it); any of them True: pairs are missing.
    """

    pairs: NeighbourList
    short: Bool[Array, " 4"]


@dataclasses.dataclass(frozen=True)
class CellList:
    """The static sizes of a cell list. cutoff, skin in A; a good skin: 1 A for 1 fs at 300 K.

    bins along each lattice vector; span: how many bins to either side are searched; occupancy: places per bin; width:
    places per row of the list. near, near_skin: the same of the short list that is made of it (`pruning`).
    """

    cutoff: float
    skin: float
    bins: tuple[int, int, int]
    span: tuple[int, int, int]
    occupancy: int
    width: int
    near: int
    near_skin: float

    @property
    def reach(self) -> float:
        """Up to which distance pairs are listed [A]: the cutoff and the skin."""
        return self.cutoff + self.skin

    def build(self, x: Atoms) -> Listing:
        """The list of `x`."""
        bins = _binned(x, self)
        table, most = _members(bins, self)
        numbers = jnp.arange(len(bins.place), dtype=jnp.int32)
        senders, images, slots, running = jax.lax.map(lambda i: _row(i, bins, table, self), numbers, batch_size=CHUNK)
        found = running[:, -1]
        mask = jnp.arange(self.width) < found[:, None]
        rank = jnp.argmax(table[bins.place] == numbers[:, None], 1).astype(jnp.int32)
        reverse, paired = _reverse(senders, slots, running, mask, rank, self)
        shifts = images + bins.wraps[:, None] - bins.wraps[senders]
        pairs = NeighbourList(
            jnp.where(paired, reverse, numbers[:, None] * self.width + jnp.arange(self.width, dtype=jnp.int32)),
            jnp.where(paired[..., None], shifts, 0),
            paired,
            jax.lax.stop_gradient(jnp.asarray(x.positions)),
            jax.lax.stop_gradient(jnp.where(jnp.asarray(x.pbc)[:, None], jnp.asarray(x.cell), 0.0)),
            self.reach,
        )
        unpaired = jnp.any(paired != mask)
        missed = [most > self.occupancy, jnp.max(found) > self.width, ~bins.spanned | unpaired, jnp.bool_(False)]
        return Listing(pairs, jnp.stack(missed))

    def refresh(self, x: Atoms, listing: Listing) -> Listing:
        """The same list while no pair outside of it can be within the cutoff, else a new one."""

        def anew() -> Listing:
            new = self.build(x)
            return Listing(new.pairs, new.short | listing.short)

        return jax.lax.cond(holds(x, listing.pairs, self.cutoff), lambda: listing, anew)

    def larger(self, short: np.ndarray) -> CellList:
        """Twice the room where it was short, and one bin further."""
        occupancy, width, bins, near = (bool(flag) for flag in np.asarray(short))
        span = self.span if not bins else tuple(m + 1 for m in self.span)
        return dataclasses.replace(
            self,
            occupancy=self.occupancy * (1 + occupancy),
            width=self.width * (1 + width),
            near=round_width(self.near + max(self.near // 4, 1) * near),
            span=span,
        )


def plan(x: Atoms, cutoff: float, skin: float = 1.0) -> CellList:
    """Sizes with a quarter of room to spare (a fifth in the short list, which every step pays for) for a structure and
    what it becomes when its atoms move about.
    """
    if not (cutoff > 0 and skin >= 0):
        raise Invalid(
            must="a cell list has a positive cutoff and a skin of at least 0",
            came=f"cutoff {cutoff:g} A, skin {skin:g} A",
            do="Good values: the cutoff of the potential, 1 A.",
        )
    reach, pbc = cutoff + skin, np.asarray(x.pbc, bool)
    inverse = np.linalg.inv(np.asarray(full_rank(jnp.asarray(x.cell), jnp.asarray(pbc)), float))
    heights, fraction = 1 / np.linalg.norm(inverse, axis=0), np.asarray(x.positions, float) @ inverse
    lengths = np.where(pbc, heights, np.ptp(fraction, axis=0) * heights)
    bins = np.maximum(lengths // (reach * (1 + 2 * MARGIN)), 1).astype(int)
    span = np.where(pbc, np.ceil(reach * (1 + 2 * MARGIN) * bins / heights), 1).astype(int)
    near_skin = min(NEAR_SKIN, skin)
    width, near = (_most(x, r) for r in (reach, cutoff + near_skin))
    width, near = round_width(int(1.25 * width) + 1), round_width(int(1.2 * near) + 2)
    sizes: Any = [tuple(int(v) for v in values) for values in (bins, span)]
    first = CellList(float(cutoff), float(skin), sizes[0], sizes[1], 1, width, near, near_skin)
    place = np.asarray(_binned(x, first).place)
    fullest = np.bincount(place[np.asarray(x.atomic_numbers) > 0], minlength=1).max()
    return dataclasses.replace(first, occupancy=int(1.25 * fullest) + 2)


def _most(x: Atoms, reach: float) -> int:
    """Neighbours of the atom that has most."""
    r, numbers = np.asarray(x.positions), np.asarray(x.atomic_numbers)
    pairs = neighbour_list(r, numbers, reach, cell=np.asarray(x.cell), pbc=np.asarray(x.pbc, bool))
    return int(pairs.mask.sum(1).max(initial=0))


def with_room(run: Callable[[CellList], tuple[T, Any]], cells: CellList, *, tries: int = 12) -> tuple[T, CellList]:
    """What `run(cells)` returns beside `Listing.short`, repeated from its start with more room while it was short.

    Returns the sizes that sufficed, too, for the next call. Each size is compiled once.
    """
    for _ in range(tries):
        result, short = run(cells)
        if not np.any(short):
            return result, cells
        cells = cells.larger(np.asarray(short))
    raise Invalid(
        must="the list of neighbours fits into memory",
        came=f"more than {cells.width // 2} neighbours of one atom within {cells.reach:g} A",
        do="The atoms have collapsed onto each other or positions are NaN: lower the time step, check the potential.",
    )


class _Bins(eqx.Module):
    """Atoms in bins. home: positions wrapped into the cell, home = r - wraps h. spanned: the bins reach far enough."""

    home: Float[Array, "n 3"]
    wraps: Int[Array, "n 3"]
    index: Int[Array, "n 3"]
    place: Int[Array, " n"]
    real: Bool[Array, " n"]
    lattice: Float[Array, "3 3"]
    pbc: Bool[Array, " 3"]
    spanned: Bool[Array, ""]


def _binned(x: Atoms, cells: CellList) -> _Bins:
    r, pbc = jax.lax.stop_gradient(jnp.asarray(x.positions)), jnp.asarray(x.pbc, bool)
    real, bins, span = jnp.asarray(x.atomic_numbers) > 0, jnp.asarray(cells.bins), jnp.asarray(cells.span)
    lattice = full_rank(jax.lax.stop_gradient(jnp.asarray(x.cell, r.dtype)), pbc)
    inverse = jnp.linalg.inv(lattice)
    heights, fraction = 1 / jnp.sqrt(jnp.sum(inverse**2, 0)), r @ inverse
    wraps = jnp.where(pbc, jnp.floor(fraction), 0.0)
    low = jnp.min(jnp.where(real[:, None], fraction, jnp.inf), 0)
    extent = jnp.max(jnp.where(real[:, None], fraction, -jnp.inf), 0) - low
    far = cells.reach * (1 + MARGIN)
    # where nothing repeats the bins cover the atoms, however far those have spread
    size = jnp.where(pbc, 1 / bins, jnp.maximum(far / (span * heights), extent / bins * (1 + MARGIN)))
    inside = jnp.where(pbc, fraction - wraps, fraction - low)
    index = jnp.clip(jnp.nan_to_num(jnp.floor(inside / size)), 0, bins - 1).astype(jnp.int32)
    place = (index[:, 0] * cells.bins[1] + index[:, 1]) * cells.bins[2] + index[:, 2]
    spanned = jnp.all(~pbc | (span * heights >= far * bins)) & jnp.all(jnp.isfinite(jnp.where(real[:, None], r, 0.0)))
    return _Bins(r - wraps @ lattice, wraps.astype(jnp.int32), index, place, real, lattice, pbc, spanned)


def _members(bins: _Bins, cells: CellList) -> tuple[Int[Array, "bins occupancy"], Int[Array, ""]]:
    """The atoms of every bin (n: none), and how many the fullest has."""
    n, count = len(bins.place), int(np.prod(cells.bins))
    place = jnp.where(bins.real, bins.place, count)
    order = jnp.argsort(place, stable=True).astype(jnp.int32)
    ends = jnp.searchsorted(place[order], jnp.arange(count + 1, dtype=place.dtype))
    rows = ends[:-1, None] + jnp.arange(cells.occupancy)
    members = order[jnp.minimum(rows, n - 1)]
    return jnp.where(rows < ends[1:, None], members, n), jnp.max(jnp.diff(ends))


def _row(i: Array, bins: _Bins, table: Array, cells: CellList) -> tuple[Array, Array, Array, Array]:
    """Of atom i: senders [K], their images [K, 3], their places [K] among all candidates, and how many of the
    candidates are near up to each place (more than K in all: the rest is missing).
    """
    offsets = jnp.asarray(list(itertools.product(*(range(-m, m + 1) for m in cells.span))), jnp.int32)
    steps = jnp.asarray(cells.bins, jnp.int32)
    images, index = jnp.divmod(bins.index[i] + offsets, steps)
    place = (index[:, 0] * cells.bins[1] + index[:, 1]) * cells.bins[2] + index[:, 2]
    members = table[place]
    n = len(bins.place)
    j = jnp.minimum(members, n - 1)
    # receiver - sender first: the reverse pair then differs in sign only, and both are found or neither;
    # x, y and z apart: rows of three are several times slower on a CPU
    across = images.astype(bins.home.dtype) @ bins.lattice
    moved = [(bins.home[i, a] - bins.home[:, a][j]) - across[:, a, None] for a in range(3)]
    itself = (j == i) & jnp.all(images == 0, -1)[:, None]
    exists = (members < n) & bins.real[i] & ~itself & jnp.all(bins.pbc | (images == 0), -1)[:, None]
    near = exists & (moved[0] ** 2 + moved[1] ** 2 + moved[2] ** 2 < cells.reach**2)
    running = _running(near)
    slots = jnp.minimum(jnp.searchsorted(running, jnp.arange(1, cells.width + 1, dtype=jnp.int32)), len(running) - 1)
    return j.ravel()[slots], images[slots // cells.occupancy], slots, running


def _running(flags: Bool[Array, "bins occupancy"]) -> Int[Array, " places"]:
    """How many are True up to each place: within a bin by one product of matrices, as long sums in order are slow."""
    within = flags.astype(jnp.float32) @ jnp.triu(jnp.ones((flags.shape[1],) * 2, jnp.float32))
    ends = jnp.cumsum(within[:, -1])
    return (within + (ends - within[:, -1])[:, None]).astype(jnp.int32).ravel()


def _reverse(
    senders: Int[Array, "n K"],
    slots: Int[Array, "n K"],
    running: Int[Array, "n candidates"],
    mask: Bool[Array, "n K"],
    rank: Int[Array, " n"],
    cells: CellList,
) -> tuple[Int[Array, "n K"], Bool[Array, "n K"]]:
    """Flat place of each pair's reverse, and whether it is there.

    Bins around an atom stand in an order in which the opposite of each mirrors its place; in its bin, atom i stands at
    rank[i]. So the place of i among the candidates of its neighbour is known, and with it that in the neighbour's row.
    """
    numbers = jnp.arange(len(rank), dtype=jnp.int32)
    opposite = running.shape[1] // cells.occupancy - 1 - slots // cells.occupancy
    column = running[senders, opposite * cells.occupancy + rank[:, None]] - 1
    reverse = senders * cells.width + jnp.clip(column, 0, cells.width - 1)
    return reverse, mask & (column < cells.width) & (senders.ravel()[reverse] == numbers[:, None])
