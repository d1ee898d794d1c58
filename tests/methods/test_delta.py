"""Differences to a semi-empirical method: the sum, its derivatives, and what is learned of the difference."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.assess.metrics import relative_l2
from erlangen.contract import Budget, Samples
from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.learn.batching import predict
from erlangen.learn.checkpoint import load_fitted, save_fitted
from erlangen.methods.baselines.mean import Mean
from erlangen.methods.message_passing.painn import PaiNN
from erlangen.methods.operators.fno import FNO
from erlangen.methods.wrappers.delta import Coarse, Delta, Molecular, difference
from erlangen.numerics.precision import double
from erlangen.physics.molecules import conformers
from erlangen.physics.tight_binding import TightBinding, energy_and_forces
from erlangen.tasks.continuum.korteweg_de_vries import KortewegDeVries
from erlangen.tasks.molecules.forces import Forces

WATER = conformers("water")[0]
STIFFNESS, LENGTH = 8.0, 0.9  # eV/A^2, A: what GFN2 is told to get wrong here


def springs(x: Atoms) -> tuple[float, np.ndarray]:
    """Both O-H bonds as springs."""
    energy, forces = 0.0, np.zeros((3, 3))
    for i in (1, 2):
        d = np.asarray(x.positions[i] - x.positions[0])
        r = np.linalg.norm(d)
        energy += 0.5 * STIFFNESS * (r - LENGTH) ** 2
        pull = -STIFFNESS * (r - LENGTH) * d / r
        forces[i], forces[0] = forces[i] + pull, forces[0] - pull
    return energy, forces


def samples(count: int, seed: int) -> Samples:
    rng = np.random.default_rng(seed)
    inputs = [Atoms(WATER.positions + 0.06 * rng.normal(size=(3, 3)), WATER.atomic_numbers) for _ in range(count)]
    potential = TightBinding().potential(WATER.atomic_numbers)
    cheap, more = [potential(x.positions) for x in inputs], [springs(x) for x in inputs]
    energies = [np.asarray(a[0] + b[0]) for a, b in zip(cheap, more)]
    return Samples(inputs, {"energy": energies, "forces": [a[1] + b[1] for a, b in zip(cheap, more)]})


class Shaken(Forces):
    """Water in springs."""

    def truth(self, split):
        return samples({"train": 12, "validation": 6}.get(split, 20), {"train": 1, "validation": 2}.get(split, 3))


def test_inside_compiled_code_it_is_tblite_and_padding_feels_nothing():
    energy, forces = TightBinding(accuracy=0.01).potential(WATER.atomic_numbers)(WATER.positions)
    with double():
        r = jnp.concatenate([jnp.asarray(WATER.positions, jnp.float64), jnp.zeros((2, 3))])
        z = jnp.concatenate([jnp.asarray(WATER.atomic_numbers), jnp.zeros(2, jnp.int32)])
        both = jax.jit(jax.vmap(lambda r: energy_and_forces("GFN2-xTB", r, z)))(jnp.stack([r, r + 0.3]))
    np.testing.assert_allclose(both[0], energy, atol=1e-6)
    np.testing.assert_allclose(both[1][:, :3], np.stack([forces, forces]), atol=1e-5)
    assert not np.any(both[1][:, 3:])


def test_forward_derivatives_are_forces_and_their_differences():
    with double():
        r, z = jnp.asarray(WATER.positions + 0.05, jnp.float64), jnp.asarray(WATER.atomic_numbers)
        v = jnp.asarray(np.random.default_rng(0).normal(size=(3, 3)))
        (_, forces), (slope, turn) = jax.jvp(lambda t: energy_and_forces("GFN2-xTB", r + t * v, z), (0.0,), (1.0,))
        ahead, behind = (energy_and_forces("GFN2-xTB", r + s * v, z)[1] for s in (2e-3, -2e-3))
    assert float(slope) == pytest.approx(-float(np.sum(np.asarray(forces) * np.asarray(v))), rel=1e-9)
    np.testing.assert_allclose(turn, (np.asarray(ahead) - np.asarray(behind)) / 4e-3, rtol=2e-3, atol=2e-2)


def test_without_self_consistency_the_numbers_are_none():
    energy, forces = energy_and_forces("GFN2-xTB", jnp.zeros((3, 3)), jnp.asarray(WATER.atomic_numbers))
    assert np.isnan(float(energy)) and np.all(np.isnan(forces))


def test_a_dozen_structures_teach_the_difference():
    """Well below the error of the cheap method, and of the same network fitted to the labels themselves."""
    task, method = Shaken(), PaiNN(channels=16)
    test = task.truth("test")

    def error(method):
        found = predict(method.fit(task, Budget(steps=400), key=jax.random.key(0)), test.inputs)
        return np.mean(np.abs(np.array(found["forces"]) - np.array(test.outputs["forces"])))

    cheap = np.mean(np.abs([springs(x)[1] for x in test.inputs]))
    learned = error(Delta(method))
    assert learned < 0.5 * cheap and learned < 0.7 * error(method)


def test_labels_of_the_difference_are_what_is_wrong():
    rest = difference(Shaken(), Molecular("GFN2-xTB")).truth("test")
    for x, energy, forces in zip(rest.inputs, rest.outputs["energy"], rest.outputs["forces"]):
        expected = springs(x)
        assert float(energy) == pytest.approx(expected[0], abs=2e-4)
        np.testing.assert_allclose(forces, expected[1], atol=1e-3)


def test_a_network_on_a_coarse_solver_is_better_than_either(tmp_path):
    """Solitons on too few points; kept and loaded it answers the same."""
    task, method = KortewegDeVries(**KortewegDeVries.toy), FNO(width=16, modes=16, layers=2)
    test = task.truth("test")

    def error(answer):
        found = predict(answer, test.inputs)["u_next"]
        return np.mean([relative_l2(a, b) for a, b in zip(found, test.outputs["u_next"])])

    fitted = Delta(method, coarse=24).fit(task, Budget(steps=150), key=jax.random.key(0))
    coarse = Coarse(task, 24)
    solver = np.mean([relative_l2(a["u_next"], b) for a, b in zip(coarse.labels(test.inputs), test.outputs["u_next"])])
    assert error(fitted) < 0.5 * solver
    assert error(fitted) < 0.6 * error(method.fit(task, Budget(steps=150), key=jax.random.key(0)))
    save_fitted(tmp_path, fitted)
    np.testing.assert_array_equal(fitted(test.inputs[0])["u_next"], load_fitted(tmp_path)(test.inputs[0])["u_next"])
    with pytest.raises(Invalid, match="n of the pseudo-spectral solver"):
        Delta(method, coarse=7).fit(task, Budget(steps=1), key=jax.random.key(0))


def test_what_has_no_such_method_below_it_is_refused():
    box = Atoms(WATER.positions, WATER.atomic_numbers, 9.0 * np.eye(3), np.ones(3, bool))

    class Periodic(Forces):
        def truth(self, split):
            return Samples([box], {"energy": [0.0], "forces": [np.zeros((3, 3))]})

    with pytest.raises(Invalid, match="isolated molecules"):
        Delta(Mean()).fit(Periodic(), Budget(steps=1), key=jax.random.key(0))
    from erlangen.tasks.molecules.properties import Properties

    with pytest.raises(Invalid, match="and no more"):
        Delta(PaiNN()).check(Properties())
    with pytest.raises(Invalid, match="tight-binding Hamiltonian"):
        Delta(Mean(), hamiltonian="GFN3-xTB")
