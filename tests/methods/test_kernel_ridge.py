"""Gradient-domain kernel ridge: interpolation, exact gradients, exact symmetries, honest refusals."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from erlangen.contract import Budget
from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.learn.batching import predict
from erlangen.methods.baselines.kernel_ridge import KernelRidge
from erlangen.methods.baselines.mean import Mean
from erlangen.numerics.precision import double
from erlangen.tasks.molecules.forces import Forces


@pytest.fixture(scope="module")
def task():
    return Forces(**Forces.toy)


@pytest.fixture(scope="module")
def fitted(task):
    return KernelRidge().fit(task, Budget(seconds=10), key=jax.random.key(0))


def test_training_forces_are_interpolated(task, fitted):
    train = task.truth("train")
    gaps = np.array(predict(fitted, train.inputs)["forces"]) - np.array(train.outputs["forces"])
    assert np.abs(gaps).max() < 3e-3


def test_held_out_forces_and_energies_beat_the_mean(task, fitted):
    test = task.truth("test")
    mean = predict(Mean().fit(task, Budget(seconds=1), key=jax.random.key(0)), test.inputs)
    ours = predict(fitted, test.inputs)
    for name in ("energy", "forces"):
        true = np.array(test.outputs[name])
        assert np.mean(np.abs(np.array(ours[name]) - true)) < 0.05 * np.mean(np.abs(np.array(mean[name]) - true))


def test_forces_are_minus_the_gradient(task, fitted):
    x = task.truth("test").inputs[0]
    way, h = np.random.default_rng(0).normal(size=(3, 3)), 1e-4
    with double():
        plus, minus = (fitted(Atoms(x.positions + s * h * way, x.atomic_numbers))["energy"] for s in (1, -1))
        assert float(plus - minus) / (2 * h) == pytest.approx(-np.sum(np.asarray(fitted(x)["forces"]) * way), rel=1e-5)


def test_rotations_and_reflections_are_exact(task, fitted):
    x = task.truth("test").inputs[0]
    with double():
        plain = fitted(x)
        for sign in (1, -1):
            turn = sign * Rotation.random(random_state=1).as_matrix()
            found = fitted(Atoms(x.positions @ turn.T + 1.0, x.atomic_numbers))
            np.testing.assert_allclose(found["energy"], plain["energy"], atol=1e-7)
            np.testing.assert_allclose(found["forces"], np.asarray(plain["forces"]) @ turn.T, atol=1e-6)


def test_another_molecule_or_order_is_refused(task, fitted):
    x = task.truth("test").inputs[0]
    for other in (Atoms(x.positions[::-1], x.atomic_numbers[::-1]), Atoms(x.positions[:2], x.atomic_numbers[:2])):
        with pytest.raises(Invalid, match="one molecule"):
            fitted(other)
        assert np.isnan(predict(fitted, [other])["energy"][0])


def test_mean_gives_the_mean_energy_and_no_forces(task):
    fitted = Mean().fit(task, Budget(seconds=1), key=jax.random.key(0))
    answer = predict(fitted, task.truth("test").inputs[:1])
    assert answer["energy"][0] == pytest.approx(np.mean([float(e) for e in task.truth("train").outputs["energy"]]))
    assert np.all(answer["forces"][0] == 0)


def test_what_answers_energy_and_forces_alone_is_not_offered_stress():
    from erlangen import registry
    from erlangen.core.quantity import energy, forces, stress

    class WithStress(Forces):
        outputs = (energy, forces, stress)

    for name in ("kernel_ridge", "transfer"):
        registry.load_method(name)().check(Forces())
        with pytest.raises(Invalid, match=r"answers \['energy', 'forces'\] alone, .* asks for \['stress'\] too"):
            registry.load_method(name)().check(WithStress())
