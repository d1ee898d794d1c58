"""Potentials as functions of atoms: equivariance, gradient, extensivity, smoothness, crystals, bad input."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk, molecule
from scipy.spatial.transform import Rotation

from erlangen.contract import Budget, Samples
from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.learn.batching import predict
from erlangen.methods.message_passing import moments, painn
from erlangen.methods.message_passing._potential import Potential
from erlangen.methods.message_passing.moments import Moments
from erlangen.methods.message_passing.painn import PaiNN
from erlangen.nn.elements import Elements
from erlangen.nn.neighbours import images_within, neighbours
from erlangen.nn.radial import Bessel
from erlangen.numerics.precision import double
from erlangen.tasks.molecules.forces import Forces

ETHANOL = molecule("CH3CH2OH")


def potential(dtype=jnp.float64, images=None, numbers=(1, 6, 8), cutoff=4.0, kind=painn):
    """Random weights, scaled such that forces are of the order of 1 eV/A."""
    network = kind.network(len(numbers), 16, 3, Bessel(cutoff, 6), key=jax.random.key(1))
    network = jax.tree.map(lambda a: jnp.asarray(a, dtype) if jnp.ndim(a) else a, network)
    return Potential(network, Elements(numbers, (-10.0,) * len(numbers)), 5.0, cutoff, images)


def atoms(a):
    return Atoms(np.asarray(a.positions), np.asarray(a.numbers), np.asarray(a.cell.array), np.asarray(a.pbc))


@pytest.mark.parametrize("kind", [painn, moments])
@pytest.mark.parametrize(("dtype", "tolerance"), [(jnp.float64, 1e-12), (jnp.float32, 1e-5)])
def test_rotations_reflections_translations_permutations(dtype, tolerance, kind):
    with double():
        f, rng = eqx.filter_jit(potential(dtype, kind=kind)), np.random.default_rng(0)
        x = atoms(ETHANOL)
        plain = f(x)
        size = np.abs(plain["forces"]).max()
        for sign in (1, -1):
            turn = sign * Rotation.random(random_state=3).as_matrix()
            order = rng.permutation(9)
            moved = Atoms((x.positions @ turn.T + 3.0)[order], x.atomic_numbers[order])
            found = f(moved)
            assert abs(found["energy"] - plain["energy"]) <= tolerance * size
            expected = (np.asarray(plain["forces"]) @ turn.T)[order]
            np.testing.assert_allclose(found["forces"], expected, atol=tolerance * size)


@pytest.mark.parametrize("kind", [painn, moments])
def test_forces_are_minus_the_gradient_by_finite_differences(kind):
    with double():
        f, x = eqx.filter_jit(potential(kind=kind)), atoms(ETHANOL)
        way, h = np.random.default_rng(0).normal(size=(9, 3)), 1e-5
        plus, minus = (f(Atoms(x.positions + s * h * way, x.atomic_numbers))["energy"] for s in (1, -1))
        slope = -np.sum(np.asarray(f(x)["forces"]) * way)
        assert float(plus - minus) / (2 * h) == pytest.approx(slope, rel=1e-6)


def test_energy_is_extensive_and_forces_sum_to_zero():
    with double():
        f, x = eqx.filter_jit(potential()), atoms(ETHANOL)
        far = Atoms(np.concatenate([x.positions, x.positions + 50]), np.tile(x.atomic_numbers, 2))
        one, two = f(x), f(far)
        assert float(two["energy"]) == pytest.approx(2 * float(one["energy"]), abs=1e-10)
        assert np.allclose(np.sum(one["forces"], 0), 0, atol=1e-10)


@pytest.mark.parametrize("kind", [painn, moments])
def test_no_jump_when_an_atom_crosses_the_cutoff(kind):
    """Energy, forces and their slope are continuous: the last differences shrink with the step."""
    with double():
        f = eqx.filter_jit(potential(numbers=(1,), kind=kind))

        def pair(r):
            return f(Atoms(jnp.array([[0, 0, 0], [0, 0, r]]), jnp.array([1, 1])))

        inside, outside = pair(4.0 - 1e-5), pair(4.0 + 1e-5)
        assert abs(inside["energy"] - outside["energy"]) < 1e-12
        assert np.abs(inside["forces"]).max() < 1e-8 and np.all(np.asarray(outside["forces"]) == 0)


def test_a_crystal_and_its_supercell_agree_per_atom():
    """The primitive cell of diamond is far smaller than the cutoff."""
    carbon = bulk("C", "diamond", 3.57)
    with double():
        small = eqx.filter_jit(potential(images=images_within((3, 3, 3)), numbers=(6,)))
        carbon.positions += np.random.default_rng(0).normal(size=(2, 3)) * 0.05
        big = carbon.repeat((2, 1, 2))
        one, four = small(atoms(carbon)), small(atoms(big))
        assert float(four["energy"]) == pytest.approx(4 * float(one["energy"]), abs=1e-9)
        np.testing.assert_allclose(four["forces"], np.tile(one["forces"], (4, 1)), atol=1e-9)


@pytest.mark.parametrize("where", ["element", "images", "periodic"])
def test_what_was_not_in_the_training_data_is_refused_and_never_answered(where):
    f = potential(jnp.float32, images_within((1, 1, 1)) if where == "images" else None)
    x = atoms(bulk("C", "diamond", 3.57)) if where != "element" else atoms(molecule("CH3Cl"))
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


@pytest.mark.parametrize("method", [PaiNN(channels=16, layers=2), Moments(channels=16, layers=1)])
def test_learning_lowers_the_error(method):
    task = Forces(**Forces.toy)
    few, more = (method.fit(task, Budget(steps=n), key=jax.random.key(0)) for n in (1, 200))
    test = task.truth("test")
    errors = [
        np.mean(np.abs(np.array(predict(f, test.inputs)["forces"]) - test.outputs["forces"])) for f in (few, more)
    ]
    assert errors[1] < 0.1 * errors[0]


def test_moments_tell_apart_what_pairs_and_vectors_cannot():
    """Equal distances and vanishing dipoles: a square and a tetrahedron around one atom.

    One layer of scalars and vectors sees no difference; the rank-2 moment of the tetrahedron vanishes.
    """
    square = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0.0]])
    tetrahedron = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / 3**0.5
    gaps = []
    with double():
        for kind in (painn, moments):
            network = kind.network(2, 8, 1, Bessel(1.5, 4), key=jax.random.key(0))
            network = jax.tree.map(lambda a: jnp.asarray(a, jnp.float64) if jnp.ndim(a) else a, network)
            centre, run = [], eqx.filter_jit(network)
            for around in (square, tetrahedron):
                near = neighbours(np.concatenate([np.zeros((1, 3)), around]), np.array([6, 1, 1, 1, 1]), 1.5)
                centre.append(float(run(jnp.array([1, 0, 0, 0, 0]), near)[0]))
            gaps.append(abs(centre[0] - centre[1]))
    assert gaps[0] < 1e-12 and gaps[1] > 1e-4
