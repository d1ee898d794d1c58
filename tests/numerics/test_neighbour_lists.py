"""Neighbour lists against ASE's and against all pairs: molecules, crystals, slabs, cells smaller than the cutoff."""

from __future__ import annotations

import ase
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk, fcc111, molecule
from ase.neighborlist import neighbor_list

from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.numerics.neighbour_lists import LABEL, listed, near_of, round_width
from erlangen.numerics.neighbours import images_within, reach
from erlangen.numerics.precision import double

SYSTEMS = {
    "one atom": ase.Atoms("He"),
    "ethanol": molecule("CH3CH2OH"),
    "primitive copper": bulk("Cu"),
    "salt": bulk("NaCl", "rocksalt", 5.6) * (2, 1, 1),
    "slab": fcc111("Al", (1, 1, 3), vacuum=8.0),
    "wire": ase.Atoms("CH", positions=[[0, 0, 0], [0.3, 0.2, 1.0]], cell=[0, 0, 2.3], pbc=[False, False, True]),
    "slab along x, z": ase.Atoms("CHO", [[0, 40, 0], [2.1, 40.3, 1], [1, -7, 0]], cell=[3, 0, 3.3], pbc=[1, 0, 1]),
    "skewed": ase.Atoms("Si2", [[0, 0, 0], [1.2, 0.3, 0.9]], cell=[[3, 0, 0], [2, 3.1, 0], [1, -1, 4]], pbc=True),
}


def system(name):
    atoms = SYSTEMS[name].copy()
    rng = np.random.default_rng(0)
    # atoms may lie outside of the cell
    atoms.positions += rng.integers(-2, 3, (len(atoms), 3)) * atoms.pbc @ atoms.cell.array
    atoms.positions += 0.03 * rng.normal(size=(len(atoms), 3))
    return atoms, Atoms(atoms.positions, atoms.numbers, atoms.cell.array, atoms.pbc)


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("cutoff", [2.9, 7.5])
def test_all_pairs_are_found_once(name, cutoff):
    atoms, x = system(name)
    with double():
        near = near_of(listed(x, cutoff), cutoff)
        assert bool(near.complete)
        i, j, vectors = neighbor_list("ijD", atoms, cutoff)
        for a in range(len(atoms)):
            mask = np.asarray(near.mask[a])
            mine = np.c_[np.asarray(near.senders[a]), np.asarray(near.displacements[a])][mask]
            true = np.c_[j, -vectors][i == a]  # displacement = receiver - sender; ASE's D points from i to j
            order = [np.lexsort(np.round(table, 6).T) for table in (mine, true)]
            np.testing.assert_allclose(mine[order[0]], true[order[1]], atol=1e-9)


def energy(near, charges):
    """A sum over pairs and one over what neighbours heard, with a cutoff and different for each species."""
    cut = 3.5
    weights = jnp.where(near.mask, jnp.maximum(0.0, 1 - near.distances / cut) ** 3, 0.0)
    heard = jnp.sum(weights[..., None] * near.displacements * near.at_senders(charges)[..., None], 1)
    again = jnp.sum(weights[..., None] * near.at_senders(heard) * near.directions, (1, 2))
    return jnp.sum(jnp.sin(again) + charges * jnp.sum(weights, 1))


@pytest.mark.parametrize("name", ["ethanol", "slab along x, z", "skewed"])
def test_a_list_and_all_pairs_give_the_same_energy_forces_stress_and_training_gradient(name):
    _, x = system(name)
    with double():
        charges = jnp.asarray(x.atomic_numbers, float) / 3

        def of(x, pairs):
            def bent(r, strain, q):
                y = x.replace(positions=r @ (jnp.eye(3) + strain), cell=jnp.asarray(x.cell) @ (jnp.eye(3) + strain))
                return energy(pairs(y), q)

            def loss(q):
                return jnp.sum(jax.grad(bent)(jnp.asarray(x.positions), jnp.zeros((3, 3)), q) ** 2)

            return jax.jit(jax.value_and_grad(bent, (0, 1, 2)))(jnp.asarray(x.positions), jnp.zeros((3, 3)), charges), (
                jax.jit(jax.grad(loss))(charges)
            )

        images = images_within(np.asarray(reach(jnp.asarray(x.cell), jnp.asarray(x.pbc), 3.5)))
        ours, dense = of(listed(x, 3.5), lambda y: near_of(y, 3.5)), of(x, lambda y: near_of(y, 3.5, images))
        for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(dense), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


def test_a_small_cell_is_its_supercell():
    """Cell of 2.5 A, cutoff of 6 A: every atom of the supercell has the neighbours of the atom in the small cell."""
    small, large = bulk("Cu"), bulk("Cu") * (5, 5, 5)
    with double():
        one, many = (
            near_of(listed(Atoms(a.positions, a.numbers, a.cell.array, a.pbc), 6.0), 6.0) for a in (small, large)
        )
        reference = np.sort(np.asarray(one.distances[0])[np.asarray(one.mask[0])])
        for distances, mask in zip(np.asarray(many.distances), np.asarray(many.mask), strict=True):
            np.testing.assert_allclose(np.sort(distances[mask]), reference, atol=1e-9)


def test_padding_changes_nothing():
    _, x = system("skewed")
    with double():
        y = listed(x, 4.0)
        pairs = y.labels[LABEL]
        larger = Atoms(
            np.pad(x.positions, [(0, 3), (0, 0)]),
            np.pad(x.atomic_numbers, (0, 3)),
            x.cell,
            x.pbc,
            {LABEL: pairs.padded(5, pairs.width + 7)},
        )
        near, wide = near_of(y, 4.0), near_of(larger, 4.0)
        n, k = near.mask.shape
        assert bool(wide.complete) and not np.any(wide.mask[n:]) and not np.any(wide.mask[:, k:])
        np.testing.assert_array_equal(wide.displacements[:n, :k], near.displacements)
        np.testing.assert_array_equal(wide.senders[:n, :k][np.asarray(near.mask)], near.senders[np.asarray(near.mask)])
        features = np.random.default_rng(0).normal(size=(5, 2))
        gradients = [
            jax.grad(lambda f, p=p: jnp.sum(jnp.where(p.mask[..., None], p.at_senders(f), 0.0) ** 2))(f)
            for p, f in ((wide, jnp.asarray(features)), (near, jnp.asarray(features[:n])))
        ]
        np.testing.assert_allclose(gradients[0][:n], gradients[1], rtol=1e-12)
        assert not np.any(gradients[0][n:])


def test_padded_atoms_have_no_pairs():
    x = Atoms(np.zeros((4, 3)), np.array([1, 0, 1, 0]))
    near = near_of(listed(x, 2.0), 2.0)
    assert np.asarray(near.mask).sum(1).tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize(("name", "shift"), [("ethanol", 0.3), ("skewed", 0.3)])
def test_an_outlived_list_is_noticed(name, shift):
    _, x = system(name)
    y = listed(x, 3.0, skin=0.5)
    moved = np.array(x.positions)
    moved[0, 0] += shift
    assert bool(near_of(y.replace(positions=moved * 1.0), 3.0).complete) == (2 * shift <= 0.5)
    moved[0, 0] -= 0.1
    assert bool(near_of(y.replace(positions=moved), 3.0).complete)
    if np.any(x.pbc):
        assert not bool(near_of(y.replace(cell=np.asarray(x.cell) * 1.2), 3.0).complete)
        assert bool(near_of(y.replace(cell=np.asarray(x.cell) * 1.001), 3.0).complete)


def test_a_list_for_a_shorter_cutoff_is_refused():
    _, x = system("ethanol")
    with pytest.raises(Invalid, match=r"listed\(x, cutoff\)"):
        near_of(listed(x, 3.0), 4.0)


def test_widths_are_few_and_waste_little():
    widths = [round_width(k) for k in range(1, 400)]
    assert all(w >= k and w <= max(1.25 * k, k + 3) for k, w in enumerate(widths, 1)) and len(set(widths)) < 30
