"""Molecules in motion as a question: what follows from a surface, its opponents, own files, bad input."""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from erlangen import registry
from erlangen.core.errors import Invalid
from erlangen.numerics.mechanics import Surface
from erlangen.physics.molecular_runs import Motion
from erlangen.tasks.molecules.dynamics import Dynamics
from erlangen.tasks.molecules.forces import Forces

SHORT = Motion(duration=0.1, free=0.05, every=5.0, replicas=2, reference=0.2)


class Water(eqx.Module):
    """Three springs: GFN2-xTB's water, nearly."""

    lengths: jax.Array = eqx.field(default_factory=lambda: jnp.array([0.96, 0.96, 1.53]))
    stiffness: jax.Array = eqx.field(default_factory=lambda: jnp.array([52.0, 52.0, 10.0]))
    cutoff: float = 10.0

    def prepare(self, x):
        return x

    def check(self, x):
        pass

    def shares(self, x):
        r = jnp.asarray(x.positions)
        apart = jnp.linalg.norm(r[np.array([0, 0, 1])] - r[np.array([1, 2, 2])], axis=-1)
        return jnp.broadcast_to(jnp.sum(0.5 * self.stiffness * (apart - self.lengths) ** 2) / 3, (len(r),))


@pytest.fixture(scope="module")
def task():
    return Dynamics(molecule="water", n_train=5, n_test=8, temperature=300.0, motion=SHORT)


def test_frames_are_those_of_molecules_forces(task):
    same = Forces(molecule="water", n_train=5, n_test=8, temperature=300.0)
    assert task._key("test").address == same._key("test").address
    assert task.name() == "molecules/dynamics" and task.kelvin == 300
    assert dataclasses.replace(task, motion=dataclasses.replace(SHORT, temperature=400.0)).kelvin == 400
    assert task.shifted("temperature", 500.0).motion == SHORT


def test_every_figure_of_motion_follows_from_a_surface_and_is_judged(task):
    (one,) = task.consequences
    assert isinstance(Water(), one.needs) and one.needs is Surface
    true, found = one.true(), one.derive(Water(), key=jax.random.key(0))
    values = {s.name: s.measure(found[s.quantity][0], true[s.quantity][0]) for s in one.scores}
    assert values["survived"] == pytest.approx(SHORT.duration)
    assert 0 < values["bonds"] < 1.5 and values["distances"] < 2 and values["angles"] < 2
    assert values["drift"] < 5 and values["step_time"] > 0 and 0 < values["spectrum_shift"] < 1000
    opponents = {name: derive() for name, derive in one.opponents.items()}
    assert set(opponents) == {"GFN2-xTB", "MMFF94"} and "survived" not in opponents["MMFF94"]
    again = {s.name: s.measure(opponents["GFN2-xTB"][s.quantity][0], true[s.quantity][0])
             for s in one.scores if s.quantity in opponents["GFN2-xTB"]}  # fmt: skip
    assert again["spectrum_shift"] < 300 and again["drift"] < 50 and again["step_time"] > values["step_time"] / 100
    for curve in one.curves:
        assert len(found[curve.x][0]) == len(found[curve.y][0]) == len(true[curve.y][0])


def test_a_surface_without_bonds_is_found_out(task):
    loose = Water(stiffness=jnp.full(3, 1e-3))
    (one,) = task.consequences
    found = one.derive(loose, key=jax.random.key(0))
    assert found["survived"][0] < SHORT.duration


def test_own_files_are_molecules_and_their_frames_the_reference(tmp_path):
    rng, frames = np.random.default_rng(0), []
    for i in range(30):
        atoms = molecule("H2O")
        atoms.positions += 0.03 * rng.normal(size=(3, 3))
        labels = {"energy": -14.0 + 0.01 * i, "forces": rng.normal(size=(3, 3))}
        frames.append(Atoms(atoms, calculator=SinglePointCalculator(atoms, **labels)))
    write(tmp_path / "own.xyz", frames, format="extxyz")
    own = Dynamics(data=str(tmp_path / "own.xyz"), motion=SHORT)
    (one,) = own.consequences
    assert not one.opponents and "spectrum_shift" not in {s.name for s in one.scores} and own.kelvin == 500
    true = one.true()
    assert len(true["survived"]) == 1 and np.sum(true["distances"][0]) > 0


def test_bad_input_is_told(tmp_path):
    with pytest.raises(Invalid, match="replicas"):
        Dynamics(motion=Motion(replicas=0))
    with pytest.raises(Invalid, match="dt"):
        Dynamics(motion=Motion(dt=9.0))
    frames = []
    for i in range(12):
        atoms = bulk("Cu", cubic=True)
        atoms.rattle(0.05, seed=i)
        labels = {"energy": -1.0 * i, "forces": np.ones((4, 3))}
        frames.append(Atoms(atoms, calculator=SinglePointCalculator(atoms, **labels)))
    write(tmp_path / "crystal.xyz", frames, format="extxyz")
    with pytest.raises(Invalid, match="isolated molecules"):
        Dynamics(data=str(tmp_path / "crystal.xyz"))
    assert registry.load_task("molecules/dynamics") is Dynamics
