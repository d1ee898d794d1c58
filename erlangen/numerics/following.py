"""A surface along a path of atoms, in compiled code: its list of neighbours follows, and so does the home of each atom.

    seen = look(x, cells)                               lists for where the atoms are
    ready, seen = follow(x, cells, seen)                the same lists while they hold, else new ones
    felt(surface, ready)                                energy, forces, stress

Positions are free to leave the cell (distances travelled are read off them). What the surface is shown are their images
in the cell: a surface in float32 would lose digits with every cell that is crossed.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..core.systems import Atoms
from . import mechanics
from .cell_list import CellList, Listing
from .neighbour_lists import LABEL, NeighbourList, holds
from .neighbours import full_rank
from .pruning import pruned


class Seen(eqx.Module):
    """The lists of neighbours of atoms, a long one and the short one that is made of it, and the lattice vectors from
    their home in the cell to where they are.
    """

    listing: Listing
    near: NeighbourList
    wraps: Int[Array, "n 3"]


class Felt(eqx.Module):
    """What a surface says: energy [eV], forces [eV/A], stress [eV/A^3] (positive under tension), in float64."""

    energy: Float[Array, ""]
    forces: Float[Array, "n 3"]
    stress: Float[Array, "3 3"]


def look(x: Atoms, cells: CellList) -> Seen:
    """New lists, made at home."""
    r, pbc = jax.lax.stop_gradient(jnp.asarray(x.positions)), jnp.asarray(x.pbc, bool)
    inverse = jnp.linalg.inv(full_rank(jax.lax.stop_gradient(jnp.asarray(x.cell, r.dtype)), pbc))
    wraps = jnp.where(pbc, jnp.floor(r @ inverse), 0.0).astype(jnp.int32)
    return _closer(x, cells, cells.build(_at_home(x, wraps)), wraps)


def follow(x: Atoms, cells: CellList | None, seen: Seen | None) -> tuple[Atoms, Seen | None]:
    """`x` at home, with its short list as label; cells: None where all pairs are looked at."""
    if cells is None or seen is None:
        return x, seen
    seen = _refreshed(x, cells, seen)
    ready = _at_home(x, seen.wraps)
    return Atoms(ready.positions, x.atomic_numbers, x.cell, x.pbc, {**x.labels, LABEL: seen.near}), seen


def felt(surface: mechanics.Surface, x: Atoms) -> Felt:
    """Energy, forces and stress in the precision of the surface's own numbers, summed in that of `x`."""
    kind, dtype = jnp.asarray(x.positions).dtype, precision_of(surface)
    shown = x.replace(positions=jnp.asarray(x.positions, dtype), cell=jnp.asarray(x.cell, dtype))
    found = mechanics.mechanics_of(surface, shown)
    stress = 0.5 * (found["stress"] + found["stress"].T)
    return Felt(jnp.sum(found["energies"].astype(kind)), found["forces"].astype(kind), stress.astype(kind))


def precision_of(surface: mechanics.Surface) -> jnp.dtype:
    """Of its arrays; float64, where JAX allows it, for a law without any."""
    kinds = [leaf.dtype for leaf in jax.tree.leaves(surface) if eqx.is_inexact_array(leaf)]
    return jnp.result_type(*kinds) if kinds else jnp.zeros(()).dtype


def _at_home(x: Atoms, wraps: Int[Array, "n 3"]) -> Atoms:
    r = jnp.asarray(x.positions)
    return x.replace(positions=r - wraps.astype(r.dtype) @ jnp.asarray(x.cell, r.dtype))


def _closer(x: Atoms, cells: CellList, listing: Listing, wraps: Int[Array, "n 3"]) -> Seen:
    """A new short list out of the long one."""
    near, most = pruned(_at_home(x, wraps), listing.pairs, cells.cutoff + cells.near_skin, cells.near)
    short = listing.short.at[3].set(listing.short[3] | (most > cells.near))
    return Seen(Listing(listing.pairs, short), near, wraps)


def _refreshed(x: Atoms, cells: CellList, seen: Seen) -> Seen:
    """What no longer holds is made anew: the short list, or both where the long one would not reach far enough.

    A condition in a batch would be computed both ways for every member: there all are made anew together, once one has
    to be.
    """
    far = cells.cutoff + cells.near_skin

    def state(x: Atoms, seen: Seen) -> Int[Array, ""]:
        """0: both hold, 1: the long one does, 2: neither."""
        home = _at_home(x, seen.wraps)
        near, long = holds(home, seen.near, cells.cutoff), holds(home, seen.listing.pairs, far)
        return jnp.where(near, 0, jnp.where(long, 1, 2)).astype(jnp.int32)

    def kept(x: Atoms, seen: Seen) -> Seen:
        return seen

    def closer(x: Atoms, seen: Seen) -> Seen:
        return _closer(x, cells, seen.listing, seen.wraps)

    def anew(x: Atoms, seen: Seen) -> Seen:
        new = look(x, cells)
        return Seen(Listing(new.listing.pairs, new.listing.short | seen.listing.short), new.near, new.wraps)

    @jax.custom_batching.custom_vmap
    def one(x: Atoms, seen: Seen) -> Seen:
        return jax.lax.switch(state(x, seen), (kept, closer, anew), x, seen)

    @one.def_vmap
    def _(size: int, is_batched: tuple, x: Atoms, seen: Seen) -> tuple[Seen, Seen]:
        def spread(leaf: Array, batched: bool) -> Array:
            return jnp.asarray(leaf) if batched else jnp.broadcast_to(leaf, (size, *jnp.shape(leaf)))

        x, seen = jax.tree.map(spread, (x, seen), tuple(is_batched))
        worst = jnp.max(jax.vmap(state)(x, seen))
        found = jax.lax.switch(worst, (kept, jax.vmap(closer), jax.vmap(anew)), x, seen)
        return found, jax.tree.map(lambda _: True, found)

    bare = Atoms(jnp.asarray(x.positions), jnp.asarray(x.atomic_numbers), jnp.asarray(x.cell), jnp.asarray(x.pbc))
    return one(jax.lax.stop_gradient(bare), seen)
