"""Neighbours against ASE's neighbour list, for molecules, crystals, slabs and cells far smaller than the cutoff."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from ase.neighborlist import neighbor_list

from erlangen.core.errors import Invalid
from erlangen.numerics.neighbour_lists import neighbour_list
from erlangen.numerics.neighbours import images_within, neighbours, reach
from erlangen.numerics.precision import double


def wire():
    return Atoms("CH", positions=[[0, 0, 0], [0.3, 0.2, 1.0]], cell=[0, 0, 2.3], pbc=[False, False, True])


SYSTEMS = {
    "ethanol": molecule("CH3CH2OH"),
    "primitive copper": bulk("Cu"),
    "salt": bulk("NaCl", "rocksalt", 5.6),
    "slab": fcc111("Al", (1, 1, 3), vacuum=8.0),
    "wire": wire(),
    "skewed": Atoms("Si2", positions=[[0, 0, 0], [1.2, 0.3, 0.9]], cell=[[3, 0, 0], [2, 3.1, 0], [1, -1, 4]], pbc=True),
}


def ours(atoms, cutoff):
    cell, pbc = atoms.cell.array, atoms.pbc
    images = images_within(np.asarray(reach(jnp.asarray(cell), jnp.asarray(pbc), cutoff)))
    return neighbours(atoms.positions, atoms.numbers, cutoff, cell=cell, pbc=pbc, images=images)


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("cutoff", [2.9, 5.5])
def test_all_pairs_are_found_once(name, cutoff):
    atoms = SYSTEMS[name].copy()
    rng = np.random.default_rng(0)
    # atoms may lie outside of the cell
    atoms.positions += rng.integers(-2, 3, (len(atoms), 3)) * atoms.pbc @ atoms.cell.array
    with double():
        near = ours(atoms, cutoff)
        assert bool(near.complete)
        i, d, vectors = neighbor_list("idD", atoms, cutoff)
        for a in range(len(atoms)):
            mine = np.asarray(near.distances[a])[np.asarray(near.mask[a])]
            np.testing.assert_allclose(np.sort(mine), np.sort(d[i == a]), atol=1e-9)
            # displacement = receiver - sender; ASE's D points from i to j
            np.testing.assert_allclose(np.asarray(near.displacements[a]).sum(0), -vectors[i == a].sum(0), atol=1e-8)


def test_images_that_do_not_reach_are_noticed():
    copper = bulk("Cu")
    near = neighbours(copper.positions, copper.numbers, 5.0, cell=copper.cell.array, pbc=copper.pbc)
    assert not bool(near.complete)


NAN = float("nan")
FLAT = {
    "no vectors": (np.zeros((3, 3)), "TTT"),
    "a vector is missing": (np.diag([3.0, 3.0, 0.0]), "TTT"),
    "two are parallel": ([[3.0, 0, 0], [0, 3, 0], [0, 6, 0]], "TTT"),
    "NaN": (np.diag([3.0, 3.0, NAN]), "TTT"),
    "NaN everywhere": (np.full((3, 3), NAN), "FTF"),
    "infinite": (np.diag([3.0, 3.0, np.inf]), "TTT"),
    "slab without a plane": ([[3.0, 0, 0], [3, 0, 0], [0, 0, 9]], "TTF"),
}


@pytest.mark.parametrize("name", FLAT)
@pytest.mark.parametrize("compiled", [False, True])
def test_without_a_lattice_there_is_no_telling(name, compiled):
    cell, pbc = np.asarray(FLAT[name][0]), np.array([one == "T" for one in FLAT[name][1]])
    images = images_within((1, 1, 1))

    def complete(h):
        return neighbours(np.zeros((1, 3)), np.ones(1, int), 4.0, cell=h, pbc=pbc, images=images).complete

    assert not (jax.jit(complete) if compiled else complete)(jnp.asarray(cell))
    with pytest.raises(Invalid, match="span a cell"):
        neighbour_list(np.zeros((1, 3)), np.ones(1, int), 4.0, cell=cell, pbc=pbc)


def test_vectors_that_do_not_repeat_may_be_anything():
    cell = np.array([[3.0, 0, 0], [0, 3, 0], [NAN, 0, 0]])
    near = neighbours(
        np.zeros((1, 3)),
        np.ones(1, int),
        4.0,
        cell=cell,
        pbc=np.array([1, 1, 0], bool),
        images=images_within((1, 1, 0)),
    )
    assert near.complete and near.mask.sum() == 4


def test_positions_that_are_no_numbers_and_periodicity_without_a_cell():
    r = np.array([[0.0, 0, 0], [NAN, 0, 0]])
    assert not neighbours(r, np.ones(2, int), 4.0).complete
    assert neighbours(r, np.array([1, 0]), 4.0).complete  # a padded place
    assert not neighbours(np.zeros((1, 3)), np.ones(1, int), 4.0, pbc=np.ones(3, bool)).complete
    assert neighbours(np.zeros((1, 3)), np.ones(1, int), 4.0, pbc=np.zeros(3, bool)).complete


def test_padded_atoms_have_no_neighbours():
    ethanol = molecule("CH3CH2OH")
    r = np.concatenate([ethanol.positions, np.zeros((2, 3))])
    near = neighbours(r, np.concatenate([ethanol.numbers, [0, 0]]), 5.0)
    assert not np.any(near.mask[9:]) and not np.any(near.mask[:, 9:])
    gradient = jax.grad(lambda r: jnp.sum(neighbours(r, jnp.ones(11, int).at[9:].set(0), 5.0).distances))(
        jnp.asarray(r)
    )
    assert np.all(np.isfinite(gradient))


def test_strain_derivative_of_a_symmetric_cell_is_finite():
    """All singular values of a cubic cell are equal, where derivatives of the decomposition do not exist."""
    with double():
        cell = jnp.eye(3) * 3.0

        def total(h):
            near = neighbours(jnp.zeros((1, 3)), jnp.ones(1, int), 4.0, cell=h, pbc=jnp.ones(3, bool), images=images)
            return jnp.sum(jnp.where(near.mask, near.distances, 0.0))

        images = images_within((2, 2, 2))
        # 6 neighbours at 3 A; distances scale with the cell: d total / d h_xx = 2 * (x part of one axis pair)
        assert np.isclose(total(cell), 18.0)
        np.testing.assert_allclose(jax.grad(total)(cell), 2.0 * np.eye(3), atol=1e-9)
