"""Transfer from cheap labels: what the cheap method gets wrong is learned first, then one network for the sum."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import pytest

from erlangen.contract import Budget, Samples, Session
from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.learn.batching import predict
from erlangen.methods.foundation.transfer import KNOWN, Parts, Transfer, joined, labelled, plus, sampled
from erlangen.physics.molecules import conformers
from erlangen.physics.tight_binding import TightBinding
from erlangen.tasks.molecules.forces import Forces

WATER = conformers("water")[0]
STIFFNESS, LENGTH = 8.0, 0.9  # eV/A^2, A: what GFN2 is told to get wrong here


def frames(count: int, seed: int) -> list[Atoms]:
    rng = np.random.default_rng(seed)
    return [Atoms(WATER.positions + 0.06 * rng.normal(size=(3, 3)), WATER.atomic_numbers) for _ in range(count)]


def springs(x: Atoms) -> tuple[float, np.ndarray]:
    """Both O-H bonds as springs: the difference between the labels and GFN2-xTB."""
    energy, forces = 0.0, np.zeros((3, 3))
    for i in (1, 2):
        d = np.asarray(x.positions[i] - x.positions[0])
        r = np.linalg.norm(d)
        energy += 0.5 * STIFFNESS * (r - LENGTH) ** 2
        pull = -STIFFNESS * (r - LENGTH) * d / r
        forces[i] += pull
        forces[0] -= pull
    return energy, forces


def samples(count: int, seed: int) -> Samples:
    inputs = frames(count, seed)
    wrong = [springs(x) for x in inputs]
    outputs = {"energy": [np.asarray(e) for e, _ in wrong], "forces": [f for _, f in wrong]}
    return plus(Samples(inputs, outputs), labelled(inputs))


def test_labels_are_those_of_the_method_and_differences_undo_sums():
    inputs = frames(3, 0)
    energy, forces = TightBinding("GFN2-xTB").potential(WATER.atomic_numbers)(inputs[1].positions)
    found = labelled(inputs)
    assert float(found["energy"][1]) == pytest.approx(float(energy), abs=1e-5)
    np.testing.assert_allclose(found["forces"][1], forces, atol=5e-4)  # self-consistency
    whole = samples(3, 0)
    rest = plus(whole, found, sign=-1)
    np.testing.assert_allclose(rest.outputs["forces"][2], springs(inputs[2])[1], atol=5e-4)


@pytest.mark.parametrize(("many", "few"), [(200, 10), (200, 500), (20, 3)])
def test_training_data_are_a_tenth_of_what_the_sum_is_fitted_to_and_all_there(many, few):
    part = Samples(frames(1, 0) * few, {"energy": [0.0] * few, "forces": [np.zeros((3, 3))] * few})
    whole = joined(
        dataclasses.replace(
            part, inputs=part.inputs * many, outputs={k: v * many for k, v in part.outputs.items()}
        ).take(range(many)),
        part,
    )
    share = (len(whole) - many) / len(whole)
    assert share >= KNOWN / 2 and (len(whole) - many) % few == 0


def test_structures_are_sampled_around_the_training_ones_once():
    train = samples(4, 1)
    around = sampled(train, 40, 400.0)
    assert len(around) == 40 and set(around.outputs) >= {"energy", "forces"}
    far = [np.linalg.norm(x.positions[1] - x.positions[0]) for x in around.inputs]
    assert 0.8 < min(far) < max(far) < 1.2
    np.testing.assert_array_equal(sampled(train, 40, 400.0).inputs[7].positions, around.inputs[7].positions)


def test_the_sum_is_that_of_the_cheap_method_and_of_what_it_gets_wrong():
    """The difference is learned from a dozen structures, the sum from a hundred: both errors show in the answer."""
    train, test, told = samples(12, 2), samples(20, 3), []

    class Task(Forces):
        def truth(self, split):
            return train if split == "train" else samples(6, 4)

    method = Transfer(network="painn", channels=16, frames=100, temperature=600.0)
    session = Session(labelled=lambda *what: told.append(what))
    fitted = method.fit(Task(), Budget(steps=1500), key=jax.random.key(0), session=session)
    found = np.array(predict(fitted, test.inputs)["forces"])
    error = np.mean(np.abs(found - np.array(test.outputs["forces"])))
    to_the_cheap = np.mean(np.abs(found - np.array(labelled(test.inputs)["forces"])))
    assert error < 0.6 * to_the_cheap
    assert [what[:2] for what in told] == [("GFN2-xTB", 100)]


def test_periodic_structures_and_unknown_networks_are_refused():
    box = Atoms(WATER.positions, WATER.atomic_numbers, 9.0 * np.eye(3), np.ones(3, bool))
    with pytest.raises(Invalid, match="isolated molecules"):
        sampled(Samples([box], {}), 20, 300.0)
    with pytest.raises(Invalid, match="network is one of"):
        Transfer(network="egnn")
    assert Parts(Forces(), {"train": samples(1, 0)}).symmetry == ()
