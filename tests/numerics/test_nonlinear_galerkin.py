"""Slaved modes: nothing of them is the truncated rate; on a chaotic field they stand for what the grid cannot hold."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.numerics import spectral
from erlangen.numerics.nonlinear_galerkin import slaved
from erlangen.numerics.precision import double
from erlangen.physics import waves
from erlangen.tasks.continuum.kuramoto_sivashinsky import KuramotoSivashinsky

LENGTH, COARSE, FINE = 64.0, (64,), (96,)


@pytest.fixture(scope="module")
def state():
    """A state on the attractor, on 256 points."""
    task = KuramotoSivashinsky()
    with double():
        u = task.initial(256, key=jax.random.key(3))
        return np.asarray(task.evolve(u, steps=12, frames=300)[-1])


def terms(n):
    return waves.kuramoto_sivashinsky_terms(n, dealiasing="three-halves", length=LENGTH)


def rate(amount):
    linear, nonlinear = terms(96)
    kept = spectral.dealiasing_mask(COARSE, "three-halves")
    return slaved(linear, nonlinear, kept, coarse=COARSE, fine=FINE, time=0.2, amount=amount)


def test_none_of_them_is_the_truncated_rate(state):
    with double():
        u_hat = spectral.transform(spectral.resample(jnp.asarray(state), COARSE))
        np.testing.assert_allclose(rate(0.0)(u_hat), terms(64)[1](u_hat), atol=1e-9)


def test_they_stand_for_the_modes_that_are_missing(state):
    with double():
        u = jnp.asarray(state)
        exact = spectral.resize(terms(256)[1](spectral.transform(u)), (256,), COARSE)
        u_hat = spectral.transform(spectral.resample(u, COARSE))
        without, with_them = (float(jnp.linalg.norm(rate(a)(u_hat) - exact)) for a in (0.0, 1.0))
    assert with_them < 0.1 * without


def test_a_shift_of_the_state_shifts_the_rate(state):
    with double():
        u = spectral.resample(jnp.asarray(state), COARSE)
        moved = rate(1.0)(spectral.transform(spectral.translate(u, (1.7,), length=LENGTH)))
        there = spectral.transform(
            spectral.translate(spectral.inverse(rate(1.0)(spectral.transform(u)), COARSE), (1.7,), length=LENGTH)
        )
        np.testing.assert_allclose(moved, there, atol=1e-9)
