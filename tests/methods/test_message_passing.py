"""Potentials as functions of atoms: equivariance, gradient, extensivity, smoothness, crystals, bad input."""

from __future__ import annotations

import dataclasses
import functools
import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk, molecule
from scipy.spatial.transform import Rotation

from erlangen import registry
from erlangen.contract import Budget, EnergySurface, Samples
from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.learn.batching import predict, stacked
from erlangen.methods.message_passing import _potential
from erlangen.methods.message_passing._potential import Potential
from erlangen.methods.message_passing.painn import PaiNN
from erlangen.nn.elements import Elements
from erlangen.numerics.neighbour_lists import LABEL, listed
from erlangen.numerics.neighbours import images_within, neighbours
from erlangen.numerics.precision import double
from erlangen.tasks.molecules.forces import Forces

ETHANOL = molecule("CH3CH2OH")
CUTOFF, ROOM = 3.0, 18  # A; atoms to which all molecules are padded, so that each method is compiled once
METHODS = [e.name for e in registry.entries("method") if e.group == "message_passing"]
every = pytest.mark.parametrize("name", METHODS)


def settings(name, **changed):
    """The defaults of a method, small."""
    default = registry.load_method(name)()
    radial = dataclasses.replace(default.radial, cutoff=CUTOFF, count=6)
    small = {"channels": 8, "layers": 2, "radial": radial} | ({"density": 2} if name == "mace" else {})
    return dataclasses.replace(default, **small | changed)


def cast(tree, dtype):
    return jax.tree.map(lambda a: jnp.asarray(a, dtype) if eqx.is_inexact_array(a) else a, tree)


def potential(name="painn", dtype=jnp.float64, images=None, stress=False):
    """Random weights, scaled such that forces are of the order of 1 eV/A."""
    network = settings(name).build(3, 6.0, key=jax.random.key(1))
    return Potential(cast(network, dtype), Elements((1, 6, 8), (-10.0,) * 3), 5.0, CUTOFF, images, stress)


@functools.cache
def compiled(name):
    return eqx.filter_jit(potential(name))


def padded(x):
    """With places that hold no atom."""
    n = ROOM - len(x.atomic_numbers)
    return Atoms(np.pad(x.positions, ((0, n), (0, 0))), np.pad(x.atomic_numbers, (0, n)))


def answer(x, name):
    found = compiled(name)(padded(x))
    return float(found["energy"]), np.asarray(found["forces"])[: len(x.atomic_numbers)]


def atoms(a):
    return Atoms(np.asarray(a.positions), np.asarray(a.numbers), np.asarray(a.cell.array), np.asarray(a.pbc))


@every
def test_rotations_reflections_translations_permutations(name, tolerance=1e-12):
    """In float64; float32 is held to 5e-6 in the contract suite."""
    with double():
        rng, x = np.random.default_rng(0), atoms(ETHANOL)
        energy, forces = answer(x, name)
        size = np.abs(forces).max()
        for sign in (1, -1):
            turn = sign * Rotation.random(random_state=3).as_matrix()
            order = rng.permutation(9)
            moved = Atoms((x.positions @ turn.T + 3.0)[order], x.atomic_numbers[order])
            new_energy, new_forces = answer(moved, name)
            assert abs(new_energy - energy) <= tolerance * max(size, abs(energy))
            np.testing.assert_allclose(new_forces, (forces @ turn.T)[order], atol=tolerance * size)


@every
def test_forces_are_minus_the_gradient_by_finite_differences(name):
    with double():
        x = atoms(ETHANOL)
        way, h = np.random.default_rng(0).normal(size=(9, 3)), 1e-5
        plus, minus = (answer(Atoms(x.positions + s * h * way, x.atomic_numbers), name)[0] for s in (1, -1))
        assert (plus - minus) / (2 * h) == pytest.approx(-np.sum(answer(x, name)[1] * way), rel=1e-6)


@every
def test_energy_is_extensive_and_forces_sum_to_zero(name):
    with double():
        x = atoms(ETHANOL)
        far = Atoms(np.concatenate([x.positions, x.positions + 50]), np.tile(x.atomic_numbers, 2))
        (one, forces), (two, _) = answer(x, name), answer(far, name)
        assert two == pytest.approx(2 * one, abs=1e-10)
        assert np.allclose(np.sum(forces, 0), 0, atol=1e-10)


@every
def test_no_jump_when_an_atom_crosses_the_cutoff(name):
    """Beside one atom nothing is felt at the cutoff; beside a molecule, angles and torsions change without a jump."""
    with double():
        inside, outside = (
            answer(Atoms(np.array([[0, 0, 0], [0, 0, r]]), np.array([1, 1])), name)
            for r in (CUTOFF - 1e-5, CUTOFF + 1e-5)
        )
        assert abs(inside[0] - outside[0]) < 1e-12
        assert np.abs(inside[1]).max() < 1e-8 and np.all(outside[1] == 0)
        x = atoms(ETHANOL)
        away = x.positions[8] - x.positions[0]  # two atoms that the cutoff is to divide
        away *= CUTOFF / np.linalg.norm(away)
        near, far = (
            answer(Atoms(np.vstack([x.positions[:8], x.positions[0] + away * (1 + s * 1e-9)]), x.atomic_numbers), name)
            for s in (-1, 1)
        )
        assert np.abs(near[1] - far[1]).max() < 1e-6


@eqx.filter_jit
def map_over(f, batch):
    return jax.vmap(f)(batch)


class Mechanics(eqx.Module):
    """All that follows from the energy, as a function of atoms."""

    surface: EnergySurface

    def __call__(self, x):
        return self.surface.mechanics(x)


@every
def test_crystals_of_any_cell_agree_and_stress_is_the_derivative_by_strain(name):
    """The primitive cell of diamond is smaller than the cutoff. Nothing here was trained on stress."""
    carbon = bulk("C", "diamond", 3.57)
    carbon.positions += np.random.default_rng(0).normal(size=(2, 3)) * 0.05
    way, h = np.array([[0.3, 0.2, -0.1], [0.2, -0.5, 0.4], [-0.1, 0.4, 0.2]]), 1e-5
    strained = [carbon.copy() for _ in range(2)]
    for sign, one in zip((1, -1), strained):
        one.set_cell(carbon.cell.array @ (np.eye(3) + sign * h * way), scale_atoms=True)
    with double():
        f = potential(name)
        batch, _ = stacked([f.prepare(atoms(a)) for a in (carbon, carbon.repeat((2, 1, 2)), *strained)])
        found = map_over(Mechanics(f), batch)
        energy, forces, stress, own = (np.asarray(found[k]) for k in ("energy", "forces", "stress", "energies"))
    np.testing.assert_allclose(own.sum(1), energy, rtol=1e-12)
    np.testing.assert_allclose(own[1], np.tile(own[0, :2], 4), atol=1e-9)
    assert np.array_equal(stress, np.swapaxes(stress, 1, 2))
    assert energy[1] == pytest.approx(4 * energy[0], abs=1e-9)
    np.testing.assert_allclose(forces[1], np.tile(forces[0, :2], (4, 1)), atol=1e-9)
    np.testing.assert_allclose(stress[1], stress[0], atol=1e-10)
    slope = (energy[2] - energy[3]) / (2 * h) / carbon.get_volume()
    assert slope == pytest.approx(np.sum(stress[0] * way), rel=1e-6)


def test_the_stress_has_tangents_and_features_so_that_wrappers_know_how_unsure_it_is():
    carbon = bulk("C", "diamond", 3.57)
    carbon.positions += np.random.default_rng(0).normal(size=(2, 3)) * 0.05
    way, h = np.array([[0.3, 0.2, -0.1], [0.2, -0.5, 0.4], [-0.1, 0.4, 0.2]]), 3e-3
    with double():
        f, moved = potential(dtype=jnp.float32, stress=True), [carbon.copy() for _ in range(3)]
        for sign, one in zip((1, -1, 0), moved):
            one.set_cell(carbon.cell.array @ (np.eye(3) + sign * h * way), scale_atoms=True)
        batch, _ = stacked([f.prepare(atoms(one)) for one in moved])
        found, seen = eqx.filter_jit(jax.vmap(lambda x: (f.tangents(x), f.features(x))))(batch)
    along = np.einsum("abh,ab->h", np.asarray(found["stress"][2]), way) * carbon.get_volume()
    slopes = (found["energy"][0] - found["energy"][1]) / (2 * h)
    np.testing.assert_allclose(along, slopes, atol=1e-2 * np.abs(slopes).max())
    assert found["stress"].shape[1:3] == (3, 3) and seen["stress"][0].shape == (1, 1, seen["energy"][0].size)


@pytest.mark.parametrize("name", ["painn", "dimenet"])
def test_all_pairs_and_a_list_of_them_give_the_same(name):
    carbon = bulk("C", "diamond", 3.57, cubic=True)
    carbon.positions += np.random.default_rng(1).normal(size=(8, 3)) * 0.1
    x = atoms(carbon)
    with double():
        run = eqx.filter_jit(potential(name, images=images_within((1, 1, 1))).interaction)
        by_list, by_pairs = run(listed(x, CUTOFF)), run(x)
        assert LABEL not in x.labels and float(by_list) == pytest.approx(float(by_pairs), abs=1e-10)


def test_an_element_that_was_not_in_the_training_data_is_refused_and_never_answered():
    f, x = potential("painn", jnp.float32), atoms(molecule("CH3Cl"))
    with pytest.raises(Invalid):
        f(x)
    assert np.isnan(predict(f, [x])["energy"][0])


@pytest.fixture(scope="module")
def mixed():
    """Energies of -9000 eV that differ by meV, and two sizes of molecules."""
    rng = np.random.default_rng(0)
    molecules = [molecule(n) for n in ("H2O", "CH4") for _ in range(12)]
    inputs = [Atoms(m.positions + 0.05 * rng.normal(size=(len(m), 3)), m.numbers) for m in molecules]
    energies = [-1000.0 * len(x.positions) + 0.01 * rng.normal() for x in inputs]
    return Samples(inputs, {"energy": energies, "forces": [0.1 * rng.normal(size=x.positions.shape) for x in inputs]})


class Fixed(Forces):
    """A task whose samples are given."""

    def truth(self, split):
        return self.__dict__["samples"]


class Beyond(eqx.Module):
    """The energy without the reference."""

    fitted: Potential

    def __call__(self, x):
        return {"energy": self.fitted.interaction(x)}


def fit_to(samples, steps=3):
    task = Fixed()
    task.__dict__["samples"] = samples
    return PaiNN(channels=8, layers=1).fit(task, Budget(steps=steps), key=jax.random.key(0))


def test_large_totals_lose_no_digits(mixed):
    """float32 alone would round -5000 eV to half a meV."""
    fitted = fit_to(mixed)
    energies = predict(fitted, mixed.inputs)["energy"]
    assert energies[0].dtype == np.float64
    with double():
        beyond = predict(Beyond(fitted), mixed.inputs)["energy"]
        total = [b + float(fitted.elements.energy(x["atomic_numbers"])) for b, x in zip(beyond, mixed.inputs)]
    np.testing.assert_allclose(energies, total, atol=2e-5)


def test_energies_that_the_compositions_leave_open_are_said(mixed, tmp_path, monkeypatch):
    monkeypatch.setattr(_potential, "fit_supervised", lambda model, *samples, **options: model)
    monkeypatch.setattr(Fixed, "sources", (tmp_path / "mine.xyz",))
    with pytest.warns(UserWarning, match=r"2 independent compositions \(H2O, CH4\) of 3 elements"):
        fitted = fit_to(mixed)
    with pytest.warns(UserWarning, match="other compositions"):
        fitted.check(atoms(molecule("CH3OH")))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted.check(atoms(molecule("CH4")))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["painn", "spherenet"])
def test_learning_lowers_the_error(name):
    task, method = Forces(**Forces.toy), settings(name, channels=16, layers=1)
    few, more = (method.fit(task, Budget(steps=n), key=jax.random.key(0)) for n in (1, 150))
    test = task.truth("test")
    errors = [
        np.mean(np.abs(np.array(predict(f, test.inputs)["forces"]) - test.outputs["forces"])) for f in (few, more)
    ]
    assert errors[1] < 0.3 * errors[0]


def test_products_tell_apart_what_pairs_and_vectors_cannot():
    """Equal distances and vanishing dipoles: a square and a tetrahedron around one atom.

    One layer of scalars and vectors sees no difference; the density of degree 2 vanishes for the tetrahedron only.
    """
    square = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0.0]])
    tetrahedron = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / 3**0.5
    gaps = []
    with double():
        for name in ("painn", "mace"):
            radial = dataclasses.replace(settings(name).radial, cutoff=1.5)
            network = cast(settings(name, layers=1, radial=radial).build(2, 4.0, key=jax.random.key(0)), jnp.float64)
            centre, run = [], eqx.filter_jit(network)
            for around in (square, tetrahedron):
                near = neighbours(np.concatenate([np.zeros((1, 3)), around]), np.array([6, 1, 1, 1, 1]), 1.5)
                centre.append(float(run(jnp.array([1, 0, 0, 0, 0]), near)[0]))
            gaps.append(abs(centre[0] - centre[1]))
    assert gaps[0] < 1e-12 and gaps[1] > 1e-4
