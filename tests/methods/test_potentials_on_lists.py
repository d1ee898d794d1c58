"""Potentials on lists of neighbours: any cell, one atom to ten thousand, the same numbers as with all pairs."""

from __future__ import annotations

import ase
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk, molecule

from erlangen.core.systems import Atoms
from erlangen.learn.batching import predict
from erlangen.methods.message_passing._potential import Potential
from erlangen.methods.message_passing.mace import MACE
from erlangen.methods.message_passing.painn import PaiNN
from erlangen.nn.elements import Elements
from erlangen.nn.radial import Bessel
from erlangen.numerics.neighbour_lists import LABEL
from erlangen.numerics.neighbours import images_within
from erlangen.numerics.precision import double
from erlangen.physics.phonons import Phonons

CUTOFF = 4.0


def potential(kind="painn", images=None, numbers=(6,), dtype=jnp.float64):
    """Random weights, forces of the order of 1 eV/A."""
    key, radial = jax.random.key(1), Bessel(CUTOFF, 6)
    if kind == "painn":
        method = PaiNN(channels=8, layers=2, radial=radial)
    else:
        method = MACE(channels=4, density=2, body_order=2, radial=radial)
    network = method.build(len(numbers), 8.0, key=key)
    network = jax.tree.map(lambda a: jnp.asarray(a, dtype) if eqx.is_inexact_array(a) else a, network)
    return Potential(
        network, Elements(numbers, (-10.0,) * len(numbers)), 5.0, CUTOFF, images, stress=images is not None
    )


def atoms(a):
    return Atoms(np.asarray(a.positions), np.asarray(a.numbers), np.asarray(a.cell.array), np.asarray(a.pbc))


def diamond():
    carbon = bulk("C", "diamond", 3.57)
    carbon.positions += np.random.default_rng(0).normal(size=(2, 3)) * 0.05
    return carbon


@pytest.mark.parametrize("kind", ["painn", "mace"])
def test_a_cell_smaller_than_the_cutoff_is_its_supercell(kind):
    """The primitive cell of diamond measures 2.5 A, the cutoff 4 A; the potential never saw a crystal in training."""
    small, large = atoms(diamond()), atoms(diamond().repeat((2, 1, 3)))
    with double():
        f = potential(kind)
        one, six = (eqx.filter_jit(f)(f.prepare(x)) for x in (small, large))
        assert float(six["energy"]) == pytest.approx(6 * float(one["energy"]), rel=1e-11)
        np.testing.assert_allclose(six["forces"], np.tile(one["forces"], (6, 1)), atol=1e-9)
        assert np.abs(one["forces"]).max() > 1e-3


@pytest.mark.parametrize("kind", ["painn", pytest.param("mace", marks=pytest.mark.slow)])
def test_a_wave_through_one_cell_is_that_through_a_supercell(kind):
    """Two rounds of messages: what an atom hears has crossed two boundaries of the cell."""
    cell, q = diamond(), np.array([0.5, 0.5, 0.0])
    large = cell.repeat((2, 2, 1))
    places = np.rint((large.positions.reshape(4, 2, 3) - cell.positions)[:, 0] @ np.linalg.inv(cell.cell.array))
    with double():
        f = potential(kind)
        one, four = (Phonons.of(f, atoms(a)) for a in (cell, large))
        found, whole = one.hessians([q])[0], four.hessians(np.zeros((1, 3)))[0].reshape(4, 6, 4, 6)[0]
    expected = np.einsum("acb,c->ab", whole, np.exp(2j * np.pi * places @ q))
    assert np.abs(found - expected).max() < 1e-12 * np.abs(expected).max()
    assert max(one.defects().values()) < 1e-12


def test_a_list_and_all_pairs_agree_in_energy_forces_and_stress():
    x = atoms(diamond())
    with double():
        f = potential(images=images_within((3, 3, 3)))
        run = eqx.filter_jit(f)
        by_list, by_pairs = run(f.prepare(x)), run(x)
        for name in ("energy", "forces", "stress"):
            np.testing.assert_allclose(by_list[name], by_pairs[name], rtol=1e-10, atol=1e-10)


def test_compiled_code_does_not_guess_and_a_plain_call_prepares():
    x = atoms(diamond())
    with double():
        f = potential()
        assert np.isnan(eqx.filter_jit(f)(x)["energy"])
        plain, prepared = f(x), eqx.filter_jit(f)(f.prepare(x))
        np.testing.assert_allclose(plain["forces"], prepared["forces"], rtol=1e-12, atol=1e-12)
        assert np.isfinite(plain["energy"])


def test_an_outlived_list_gives_nan_instead_of_wrong_numbers():
    with double():
        f = potential()
        x = f.prepare(atoms(diamond()))
        moved = x.replace(positions=np.asarray(x.positions) + np.array([[0, 0, 0], [0, 0, 0.1]]))
        assert np.isfinite(f(x)["energy"]) and np.isnan(eqx.filter_jit(f)(moved)["energy"])


def test_one_atom_and_ten_thousand():
    """A gas on a grid of 3 A: every atom inside the box has six neighbours and the same energy as in a small box."""
    f = potential(dtype=jnp.float32)
    alone = predict(f, [Atoms(np.zeros((1, 3)), np.array([6]))])
    assert np.isfinite(alone["energy"][0]) and not np.any(alone["forces"][0])
    one = ase.Atoms("C", cell=[3, 3, 3], pbc=True)
    many = predict(f, [atoms(one), atoms(one.repeat((20, 20, 25)))])
    assert many["energy"][1] / 10_000 == pytest.approx(float(many["energy"][0]), rel=1e-5)
    assert many["forces"][1].shape == (10_000, 3) and np.abs(many["forces"][1]).max() < 1e-4


def test_molecules_and_crystals_mix_in_one_call():
    f = potential(numbers=(1, 6, 8), dtype=jnp.float32)
    inputs = [atoms(molecule("CH4")), atoms(diamond()), atoms(diamond().repeat((1, 2, 2))), atoms(molecule("C2H6"))]
    assert [LABEL in f.prepare(x).labels for x in inputs] == [False, True, True, False]
    together = predict(f, inputs)["energy"]
    assert float(together[2]) == pytest.approx(4 * float(together[1]), rel=1e-5)
    assert float(together[0]) == pytest.approx(float(predict(f, inputs[:1])["energy"][0]), rel=1e-6)
