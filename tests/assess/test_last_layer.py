"""Uncertainty of the last layer against Bayesian linear regression, and on a small potential."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.assess.last_layer import gaussian
from erlangen.contract import Budget, Samples, Spread, Tangents
from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.methods.baselines.mean import Mean
from erlangen.methods.message_passing.painn import PaiNN
from erlangen.methods.wrappers.conformal import Conformal
from erlangen.methods.wrappers.last_layer import LastLayer
from erlangen.tasks.molecules.forces import Forces

NOISE = 0.1


class Regression(Tangents):
    """y = w . phi(x), phi the first coordinates of all atoms."""

    weights: jax.Array

    def __call__(self, x):
        return {"energy": self.tangents(x)["energy"] @ self.weights}

    def tangents(self, x):
        return {"energy": jnp.asarray(x["positions"], jnp.float32)[:, 0]}


def samples(count, scale, seed, weights):
    rng = np.random.default_rng(seed)
    inputs = [Atoms(np.c_[scale * rng.normal(size=4), np.zeros((4, 2))], np.ones(4, int)) for _ in range(count)]
    labels = [x.positions[:, 0] @ weights + NOISE * rng.normal() for x in inputs]
    return Samples(inputs, {"energy": labels})


def test_variance_is_that_of_bayesian_linear_regression():
    truth = np.array([1.0, -2.0, 0.5, 0.0])
    train, validation = samples(12, 1.0, 0, truth), samples(4000, 1.0, 1, truth)
    phi, y = np.stack([x.positions[:, 0] for x in train.inputs]), np.array(train.outputs["energy"])
    weights = np.linalg.lstsq(phi, y, rcond=None)[0]
    found = gaussian(Regression(jnp.asarray(weights, jnp.float32)), train, validation)
    assert isinstance(found, Spread)
    far = samples(4000, 5.0, 2, truth)
    spread = np.array([float(found.spread(x)["energy"]) for x in far.inputs[:200]])
    covariance = NOISE**2 * np.linalg.inv(phi.T @ phi)
    points = np.stack([x.positions[:, 0] for x in far.inputs[:200]])
    exact = np.sqrt(np.einsum("na,ab,nb->n", points, covariance, points) + NOISE**2)
    assert np.corrcoef(spread, exact)[0, 1] > 0.9
    residuals = np.array([float(found(x)["energy"]) for x in far.inputs[:200]]) - np.array(far.outputs["energy"][:200])
    assert 0.5 < np.sqrt(np.mean((residuals / spread) ** 2)) < 2.0


def test_spreads_of_a_potential_turn_with_the_molecule_and_calibrate():
    task = Forces(molecule="water", n_train=40, n_test=30)
    method = Conformal(LastLayer(PaiNN(channels=8, layers=1)))
    fitted = method.fit(task, Budget(steps=30), key=jax.random.key(0))
    x = task.truth("test").inputs[0]
    mirrored = Atoms(np.asarray(x["positions"]) @ np.diag([1.0, -1.0, 1.0]), x["atomic_numbers"])
    for one, other in zip(fitted.interval(x)["energy"], fitted.interval(mirrored)["energy"], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    low, high = fitted.interval(x)["forces"]
    assert np.shape(low) == (3, 3) and np.all(np.asarray(high) > np.asarray(low))


def test_methods_without_features_are_refused():
    with pytest.raises(Invalid, match="last-layer needs"):
        LastLayer(Mean()).fit(Forces(molecule="water", n_train=40, n_test=30), Budget(steps=1), key=jax.random.key(0))
