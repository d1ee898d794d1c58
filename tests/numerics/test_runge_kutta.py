"""One Runge-Kutta step: its order, the order of its error estimate, the control of its length."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.numerics import runge_kutta
from erlangen.numerics.precision import double


def pendulum(y):
    return jnp.stack([y[1], -jnp.sin(y[0])])


def integrated(steps):
    y = jnp.array([1.0, 0.0])
    for _ in range(steps):
        y, _ = runge_kutta.step(pendulum, y, 1.0 / steps)
    return np.asarray(y)


def test_the_error_falls_with_the_third_power_of_the_step_and_its_estimate_too():
    with double():
        truth = integrated(512)
        errors = [np.linalg.norm(integrated(n) - truth) for n in (4, 8, 16, 32)]
        estimates = [
            np.linalg.norm(runge_kutta.step(pendulum, jnp.array([1.0, 0.3]), dt)[1]) for dt in (0.2, 0.1, 0.05)
        ]
    assert np.log2(np.array(errors[:-1]) / errors[1:]) == pytest.approx(3, abs=0.25)
    assert np.log2(np.array(estimates[:-1]) / estimates[1:]) == pytest.approx(3, abs=0.25)


def test_the_next_step_follows_the_error_within_limits():
    assert runge_kutta.next_step(0.1, 0.8e-3, 1e-3) == pytest.approx(0.1)
    assert runge_kutta.next_step(0.1, 0.0, 1e-3) == pytest.approx(0.2)
    assert runge_kutta.next_step(0.1, 1e9, 1e-3) == pytest.approx(0.02)
    assert runge_kutta.next_step(0.1, float("nan"), 1e-3) == pytest.approx(0.02)
