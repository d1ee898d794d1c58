"""Heads for the variance: they find the law of the noise, and work on a small potential."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.assess.variance_heads import heads_on
from erlangen.contract import Budget, Features, Samples
from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.methods.baselines.mean import Mean
from erlangen.methods.message_passing.painn import PaiNN
from erlangen.methods.wrappers.conformal import Conformal
from erlangen.methods.wrappers.variance_heads import VarianceHeads
from erlangen.tasks.molecules.forces import Forces

WEIGHT = jnp.ones(3)


class Zero(Features):
    """Answers no force; its features are the coordinates."""

    weight: jax.Array

    def __call__(self, x):
        return {"forces": jnp.zeros((4, 3)) * self.weight}

    def features(self, x):
        return {"forces": jnp.asarray(x["positions"], jnp.float32)[:, None]}


def noisy(count, seed):
    """Forces of standard deviation exp(1 + 0.7 x - 0.4 y) for an atom at (x, y, z)."""
    rng = np.random.default_rng(seed)
    inputs = [Atoms(rng.normal(size=(4, 3)), np.ones(4, int)) for _ in range(count)]
    forces = [np.exp(1 + x.positions @ [0.7, -0.4, 0.0])[:, None] * rng.normal(size=(4, 3)) for x in inputs]
    return Samples(inputs, {"forces": forces})


def test_the_law_of_the_noise_is_found():
    found = heads_on(Zero(WEIGHT), noisy(800, 0))
    assert float(found.biases["forces"]) == pytest.approx(1.0, abs=0.05)
    np.testing.assert_allclose(found.weights["forces"], [0.7, -0.4, 0.0], atol=0.05)
    test = noisy(200, 1)
    ratio = [np.asarray(y) / found.spread(x)["forces"] for x, y in zip(test.inputs, test.outputs["forces"])]
    assert np.std(ratio) == pytest.approx(1.0, abs=0.05)


def test_few_samples_give_one_width_for_all():
    found = heads_on(Zero(WEIGHT), noisy(3, 0))
    widths = np.array([found.spread(x)["forces"] for x in noisy(50, 1).inputs])
    assert np.all(np.isfinite(widths)) and widths.max() < 1000


def test_spreads_of_a_potential_turn_with_the_molecule_and_calibrate():
    task = Forces(molecule="water", n_train=40, n_test=30)
    method = Conformal(VarianceHeads(PaiNN(channels=8, layers=1)))
    fitted = method.fit(task, Budget(steps=30), key=jax.random.key(0))
    x = task.truth("test").inputs[0]
    mirrored = Atoms(np.asarray(x["positions"]) @ np.diag([1.0, -1.0, 1.0]), x["atomic_numbers"])
    for one, other in zip(fitted.interval(x)["energy"], fitted.interval(mirrored)["energy"], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    low, high = fitted.interval(x)["forces"]
    width = np.asarray(high - low)
    assert width.shape == (3, 3) and np.all(width > 0)
    assert width[0, 0] == pytest.approx(width[0, 1]) and width[0, 0] != pytest.approx(width[1, 0], rel=1e-3)


def test_methods_without_features_are_refused():
    with pytest.raises(Invalid, match="variance-heads needs"):
        VarianceHeads(Mean()).fit(
            Forces(molecule="water", n_train=40, n_test=30), Budget(steps=1), key=jax.random.key(0)
        )
