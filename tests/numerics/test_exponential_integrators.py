"""Exponential Runge-Kutta: coefficients against series, orders against an equation with a closed solution."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.numerics import exponential_integrators as etd
from erlangen.numerics.precision import double


def series(order: int, z: complex) -> complex:
    """phi_order(z) = sum_j z^j / (j + order)!"""
    return sum(z**j / math.factorial(j + order) for j in range(40))


@pytest.mark.parametrize("z", [0.0, 1e-9, -1e-3, -0.5, -2.0, 0.7j, -1 + 2j])
def test_phi_functions_keep_all_digits_near_zero(z):
    values = etd.phi_functions(np.asarray([z]))
    for order, value in enumerate(values, start=1):
        np.testing.assert_allclose(value[0], series(order, z), rtol=2e-14)


def test_phi_functions_of_very_stiff_modes():
    z = np.array([-50.0, -1e4, -1e8])
    p1, p2, p3 = etd.phi_functions(z)
    np.testing.assert_allclose(p1, -1 / z, rtol=1e-12)
    np.testing.assert_allclose(p2, -(1 + 1 / z) / z, rtol=1e-12)
    np.testing.assert_allclose(p3, -(0.5 + 1 / z + 1 / z**2) / z, rtol=1e-12)


def bernoulli_error(scheme, steps: int) -> float:
    """u' = -c u + u^2 from u(0) = u0:  u = c / (1 + (c / u0 - 1) e^{c t})."""
    c, u0 = np.array([0.3, 2.0, 5.0]), np.array([0.2, 1.5, 4.5])
    with double():
        step = scheme(-c, lambda u: u * u, 1.0 / steps)
        u = etd.trajectory(step, jnp.asarray(u0), frames=1, substeps=steps)[-1]
        return float(np.max(np.abs(np.asarray(u) - c / (1 + (c / u0 - 1) * np.exp(c)))))


@pytest.mark.parametrize(("scheme", "order"), [(etd.etdrk2, 2), (etd.etdrk4, 4)])
def test_convergence_order(scheme, order):
    errors = [bernoulli_error(scheme, steps) for steps in (20, 40, 80)]
    measured = np.log2(np.array(errors[:-1]) / np.array(errors[1:]))
    np.testing.assert_allclose(measured, order, atol=0.2)


@pytest.mark.parametrize("scheme", [etd.etdrk2, etd.etdrk4])
def test_linear_part_is_exact_at_any_step(scheme):
    with double():
        linear = np.array([-1e6, -3.0, 0.0, 2j])
        step = scheme(linear, jnp.zeros_like, 0.7)
        u = step(jnp.ones(4, jnp.complex128))
        np.testing.assert_allclose(u, np.exp(0.7 * linear), rtol=1e-14)


def test_gradient_with_respect_to_the_linear_part_and_the_step():
    with double():

        def end(c, dt):
            return etd.trajectory(
                etd.etdrk4(-c * jnp.ones(1), lambda u: u * u, dt), jnp.array([0.4]), frames=2, substeps=3
            )[-1, 0]

        for argument in (0, 1):
            x = [1.3, 0.05]
            h = 1e-5
            high, low = list(x), list(x)
            high[argument] += h
            low[argument] -= h
            numeric = (end(*high) - end(*low)) / (2 * h)
            np.testing.assert_allclose(jax.grad(end, argnums=argument)(*x), numeric, rtol=1e-8)


def test_trajectory_frames_are_every_substeps_th_state():
    with double():
        step = etd.etdrk2(np.array([-0.5]), lambda u: -u * u, 0.1)
        every = etd.trajectory(step, jnp.ones(1), frames=6)
        np.testing.assert_allclose(etd.trajectory(step, jnp.ones(1), frames=2, substeps=3), every[2::3], rtol=1e-14)
