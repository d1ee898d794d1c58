"""The cell list in compiled code against vesin's: small, skewed and mixed cells, too little room, moving atoms."""

from __future__ import annotations

import dataclasses

import ase
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk, fcc111, molecule

from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.numerics.cell_list import plan, with_room
from erlangen.numerics.neighbour_lists import LABEL, listed, near_of, neighbour_list
from erlangen.numerics.precision import double
from erlangen.numerics.pruning import pruned

SYSTEMS = {
    "molecule": molecule("C60"),
    "small cubic": bulk("NaCl", "rocksalt", 5.6),
    "two bins": bulk("Cu", cubic=True) * (3, 3, 3),
    "many bins": bulk("Cu", cubic=True) * (5, 4, 6),
    "slab": fcc111("Al", (4, 4, 3), vacuum=8.0),
    "triclinic": ase.Atoms("Si2", [[0, 0, 0], [1.2, 0.3, 0.9]], cell=[[3, 0, 0], [2, 3.1, 0], [1, -1, 4]], pbc=True)
    * (4, 1, 3),
    "wire": ase.Atoms("CH", positions=[[0, 0, 0], [0.3, 0.2, 1.0]], cell=[0, 0, 2.3], pbc=[False, False, True]),
}


def system(atoms, seed=0):
    rng = np.random.default_rng(seed)
    drift = rng.integers(-2, 3, (len(atoms), 3)) * atoms.pbc @ atoms.cell.array
    positions = atoms.positions + drift + 0.1 * rng.normal(size=(len(atoms), 3))
    return Atoms(positions, atoms.numbers, np.where(atoms.pbc[:, None], atoms.cell.array, 0.0), np.asarray(atoms.pbc))


def pairs_of(found):
    """All pairs as rows (receiver, sender, shift)."""
    mask, shifts = np.asarray(found.mask), np.asarray(found.shifts)
    i, k = np.nonzero(mask)
    table = np.c_[i, np.asarray(found.reverse)[i, k] // mask.shape[1], shifts[i, k]]
    return table[np.lexsort(table.T)]


def same(cells, x, pairs):
    reference = neighbour_list(x.positions, x.atomic_numbers, cells.reach, cell=x.cell, pbc=x.pbc)
    np.testing.assert_array_equal(pairs_of(pairs), pairs_of(reference))


@pytest.mark.parametrize("name", SYSTEMS)
def test_pairs_are_those_of_vesin(name):
    x = system(SYSTEMS[name])
    with double():
        cells = plan(x, 4.0, 0.5)
        listing = jax.jit(cells.build)(x)
        assert not np.any(listing.short)
        same(cells, x, listing.pairs)
        rows, columns = np.divmod(np.asarray(listing.pairs.reverse), cells.width)
        np.testing.assert_array_equal(  # the map to the reverse is its own inverse
            np.asarray(listing.pairs.reverse)[rows, columns].ravel(), np.arange(len(x.positions) * cells.width)
        )


def test_forces_are_those_of_a_host_list():
    x = system(SYSTEMS["triclinic"])
    with double():
        cells = plan(x, 4.0)

        def energy(r, label):
            y = Atoms(r, x.atomic_numbers, x.cell, x.pbc, {LABEL: label})
            near = near_of(y, 4.0)
            close = jnp.where(near.mask, (1 - near.distances / 4) ** 3, 0.0)
            return jnp.sum(jnp.sum(close * near.at_senders(jnp.sum(close, 1)), 1) ** 2)

        forces = [
            jax.jit(jax.grad(energy))(jnp.asarray(x.positions), label)
            for label in (jax.jit(cells.build)(x).pairs, listed(x, 4.0).labels[LABEL])
        ]
        np.testing.assert_allclose(*forces, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("what", ["occupancy", "width", "span"])
def test_too_little_room_is_noticed_and_grows(what):
    x = system(SYSTEMS["two bins"])
    with double():
        enough = plan(x, 4.0)
        tight = {"occupancy": {"occupancy": 1}, "width": {"width": 4}, "span": {"bins": (9, 9, 9), "occupancy": 64}}
        cells = dataclasses.replace(enough, **tight[what])
        short = np.asarray(jax.jit(cells.build)(x).short)
        assert short[["occupancy", "width", "span"].index(what)]

        def run(cells):
            listing = jax.jit(cells.build)(x)
            return listing.pairs, listing.short

        pairs, grown = with_room(run, cells)
        assert grown != cells
        same(grown, x, pairs)


def test_what_never_fits_is_an_error():
    x = system(SYSTEMS["two bins"])
    nowhere = x.replace(positions=np.full_like(x.positions, np.nan))
    cells = plan(x, 3.0)
    with pytest.raises(Invalid, match="NaN"):
        with_room(lambda c: ((), jax.jit(c.build)(nowhere).short), cells, tries=2)


def test_the_list_is_made_anew_when_an_atom_has_moved_by_half_the_skin():
    x = system(SYSTEMS["many bins"])
    with double():
        cells = plan(x, 4.0, 0.6)
        refresh = jax.jit(cells.refresh)
        start = jax.jit(cells.build)(x)
        for step, renewed in ((0.28, False), (0.32, True)):
            positions = np.array(x.positions)
            positions[7, 1] += step
            moved = x.replace(positions=positions)
            after = refresh(moved, start)
            assert bool(np.any(after.pairs.positions != start.pairs.positions)) == renewed
            if renewed:
                same(cells, moved, after.pairs)
        raised = dataclasses.replace(start, short=jnp.asarray([True, False, False, False]))
        assert np.asarray(refresh(moved, raised).short).tolist() == [True, False, False, False]  # stays up


def test_walk_of_atoms_in_compiled_code_misses_no_pair():
    x = system(SYSTEMS["two bins"])
    with double():
        cells = plan(x, 4.0, 0.4)
        steps = 0.02 * jax.random.normal(jax.random.key(0), (60, *x.positions.shape))

        @jax.jit
        def walk(listing):
            def one(carry, step):
                r, listing = carry
                y = Atoms(r + step, x.atomic_numbers, x.cell, x.pbc)
                listing = cells.refresh(y, listing)
                near = near_of(Atoms(r + step, x.atomic_numbers, x.cell, x.pbc, {LABEL: listing.pairs}), 4.0)
                return (r + step, listing), (jnp.sum(near.mask), near.complete)

            return jax.lax.scan(one, (jnp.asarray(x.positions), listing), steps)

        (_, listing), (counts, complete) = walk(jax.jit(cells.build)(x))
        assert bool(jnp.all(complete)) and not np.any(listing.short)
        assert np.any(listing.pairs.positions != x.positions)
        for k in (0, 30, 59):
            r = x.positions + np.asarray(jnp.sum(steps[: k + 1], 0))
            assert int(counts[k]) == neighbour_list(r, x.atomic_numbers, 4.0, cell=x.cell, pbc=x.pbc).mask.sum()


@pytest.mark.parametrize("name", ["two bins", "triclinic", "wire", "molecule"])
def test_a_short_list_out_of_a_long_one_is_that_made_at_once(name):
    x = system(SYSTEMS[name])
    with double():
        cells = plan(x, 4.0, 1.0)
        long = jax.jit(cells.build)(x).pairs
        short, most = jax.jit(lambda x, long: pruned(x, long, 4.3, cells.near))(x, long)
        reference = neighbour_list(x.positions, x.atomic_numbers, 4.3, cell=x.cell, pbc=x.pbc)
        np.testing.assert_array_equal(pairs_of(short), pairs_of(reference))
        assert int(most) == reference.mask.sum(1).max() <= cells.near < long.width
        flat = np.asarray(short.reverse).ravel()
        assert np.array_equal(flat[flat], np.arange(len(flat)))
        assert int(jax.jit(lambda x, long: pruned(x, long, 4.3, 4))(x, long)[1]) == int(most)


def test_padded_atoms_stay_alone_and_float32_works():
    atoms = SYSTEMS["many bins"]
    x = system(atoms)
    padded = Atoms(
        np.pad(x.positions, [(0, 5), (0, 0)]).astype(np.float32), np.pad(x.atomic_numbers, (0, 5)), x.cell, x.pbc
    )
    cells = plan(padded, 4.0)
    listing = jax.jit(cells.build)(padded)
    mask = np.asarray(listing.pairs.mask)
    assert not np.any(listing.short) and not np.any(mask[len(atoms) :])
    reference = neighbour_list(x.positions, x.atomic_numbers, cells.reach, cell=x.cell, pbc=x.pbc)
    assert abs(int(mask.sum()) - int(reference.mask.sum())) <= 4  # pairs within a rounding of the reach


def test_impossible_sizes_are_refused():
    with pytest.raises(Invalid, match="positive cutoff"):
        plan(system(SYSTEMS["molecule"]), -1.0)
