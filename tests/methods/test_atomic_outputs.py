"""Outputs of atoms: charges of molecules of many sizes are padded, trained, predicted and cut with their atoms."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax
import numpy as np
import pytest

from erlangen.assess.metrics import absolute
from erlangen.contract import Budget, Predictor, Samples, Score, Supervised
from erlangen.core.errors import Invalid
from erlangen.core.groups import Orthogonal, Permutations, Translations
from erlangen.core.quantity import Quantity, atomic_numbers, positions
from erlangen.core.systems import Atoms
from erlangen.learn.batching import pack, predict
from erlangen.learn.supervised import Training
from erlangen.methods.message_passing.painn import PaiNN
from erlangen.study.run import run

CHARGE = Quantity("charge", "q", "e", "atoms")
COULOMB = Quantity("coulomb", "J", "1/A", "atoms atoms")


def charges(r: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Of a toy: electronegative atoms take from neighbours, more from near ones; they sum to zero."""
    d = np.linalg.norm(r[:, None] - r[None], axis=-1) + np.eye(len(r))
    pull = (z[:, None] - z[None]) * np.exp(-d) * (1 - np.eye(len(r)))
    return -0.05 * pull.sum(1)


def molecules(count: int, seed: int) -> list[Atoms]:
    rng = np.random.default_rng(seed)
    found = []
    for i in range(count):
        n = 3 + i % 4
        r = np.cumsum(rng.normal(size=(n, 3)) * 0.3 + np.array([1.0, 0, 0]), 0)
        found.append(Atoms(r, rng.choice([1, 6, 8], n).astype(np.int32)))
    return found


@dataclasses.dataclass(frozen=True)
class Charges(Supervised):
    axes: str = "atoms"

    container: ClassVar = Atoms
    inputs: ClassVar = (positions, atomic_numbers)
    symmetry: ClassVar = (Orthogonal(), Translations(), Permutations())
    scores: ClassVar = (Score("mae", "charge", absolute, "e"),)

    @classmethod
    def name(cls):
        return "test/charges"

    @property
    def outputs(self):
        return (dataclasses.replace(CHARGE, axes=self.axes),)

    def truth(self, split):
        counts = {"train": 64, "validation": 16, "calibration": 16, "test": 16}
        inputs = molecules(counts[split], len(split))
        return Samples(inputs, {"charge": [charges(x["positions"], x["atomic_numbers"]) for x in inputs]})


def test_values_of_atoms_and_of_pairs_are_padded_with_their_atoms_and_cut_again():
    inputs = molecules(6, 0)
    n = [len(x["atomic_numbers"]) for x in inputs]
    outputs = {"charge": [np.arange(k) + 1.0 for k in n], "coulomb": [np.ones((k, k)) for k in n]}
    (bucket,) = pack(inputs, outputs, (CHARGE, COULOMB))
    assert bucket.outputs["charge"].shape == (6, max(n)) and bucket.outputs["coulomb"].shape == (6, max(n), max(n))
    assert bucket.outputs["coulomb"].sum() == sum(k * k for k in n)

    def both(x):
        r = x["positions"]
        return {"charge": r[:, 0], "coulomb": r[:, None, 0] - r[None, :, 0]}

    found = predict(both, inputs, quantities=(CHARGE, COULOMB))
    for x, q, j in zip(inputs, found["charge"], found["coulomb"], strict=True):
        first = np.asarray(x["positions"], np.float32)[:, 0]
        np.testing.assert_array_equal(q, first)
        np.testing.assert_allclose(j, first[:, None] - first[None], atol=1e-6)


def test_charges_train_beat_the_mean_of_their_element_and_are_predicted_one_for_each_atom(tmp_path):
    method = PaiNN(channels=16, layers=2, training=Training(rate=5e-3, batch=16))
    done = run(Charges(), method, budget="150steps", runs=tmp_path, quiet=True)
    test, train = Charges().truth("test"), Charges().truth("train")
    known = np.concatenate([x["atomic_numbers"] for x in train.inputs]), np.concatenate(train.outputs["charge"])
    means = {z: known[1][known[0] == z].mean() for z in (1, 6, 8)}
    dull = [absolute([means[z] for z in x["atomic_numbers"]], q) for x, q in zip(test.inputs, test.outputs["charge"])]
    assert done.record.score("mae").value < 0.4 * np.mean(dull)
    assert isinstance(done.fitted, Predictor) and not [r for r in done.record.symmetry if r.error > r.tolerance]
    found = predict(done.fitted, test.inputs, quantities=Charges().outputs)["charge"]
    assert [len(q) for q in found] == [len(x["atomic_numbers"]) for x in test.inputs]
    alone = [np.asarray(done.fitted(x)["charge"]) for x in test.inputs[:3]]
    for one, many in zip(alone, found):
        np.testing.assert_allclose(one, many, atol=1e-5)


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ("atoms atoms", r"has the shape \(3, 3\) here; came: \(3,\)"),
        ("grid", r"came: 'grid' of 'grid'; there are 'atoms'"),
    ],
)
def test_axes_that_the_values_do_not_have_are_refused_before_the_fit(axes, words, tmp_path):
    with pytest.raises(Invalid, match=words):
        run(Charges(axes), PaiNN(), budget="1steps", runs=tmp_path, quiet=True)


def test_values_of_pairs_are_refused_by_networks_that_have_none():
    class Pairs(Charges):
        def truth(self, split):
            one = super().truth(split)
            pairs = [np.zeros((len(q), len(q))) for q in one.outputs["charge"]]
            return Samples(one.inputs, {"charge": pairs})

    with pytest.raises(Invalid, match="answer for the system or for each atom"):
        PaiNN(channels=8, layers=1).fit(Pairs("atoms atoms"), Budget(steps=1), key=jax.random.key(0))
