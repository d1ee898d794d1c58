"""Scores of long runs on cases whose answer is known."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.assess import long_run
from erlangen.core.errors import Invalid
from erlangen.numerics import spectral
from erlangen.numerics.precision import double
from erlangen.physics import waves

X = 2 * np.pi * np.arange(64) / 64


def turning(steps: int, dt: float, rate: float):
    """A wave whose phase runs away at `rate`: its correlation with sin x is cos(rate t)."""
    return np.array([np.sin(X + rate * dt * (k + 1)) for k in range(steps)])


def lorenz(dt: float):
    """Fourth-order Runge-Kutta step of Lorenz 1963, doi:10.1175/1520-0469(1963)020<0130:DNF>2.0.CO;2."""

    def rate(u):
        x, y, z = u
        return (jnp if isinstance(u, jnp.ndarray) else np).stack([10 * (y - x), x * (28 - z) - y, x * y - 8 * z / 3])

    def step(u):
        a = rate(u)
        b = rate(u + dt / 2 * a)
        c = rate(u + dt / 2 * b)
        return u + dt / 6 * (a + 2 * b + 2 * c + rate(u + dt * c))

    return step


def test_correlation_of_a_wave_that_runs_away():
    dt, rate = 0.05, 0.3
    predicted, true = turning(100, dt, rate), turning(100, dt, 0.0)
    np.testing.assert_allclose(
        long_run.correlations(predicted, true), np.cos(rate * dt * np.arange(1, 101)), atol=1e-12
    )
    exact = np.arccos(0.8) / rate
    assert long_run.correlation_time(predicted, true, dt=dt) == pytest.approx(exact, abs=1e-3)  # dt is 0.05


def test_a_run_that_holds_to_its_end_and_one_that_blows_up():
    true = turning(10, 0.1, 0.0)
    assert long_run.correlation_time(true, true, dt=0.1) == pytest.approx(1.0)
    broken = np.where(np.arange(10)[:, None] < 4, true, np.nan)
    assert 0.4 < long_run.correlation_time(broken, true, dt=0.1) < 0.5
    assert long_run.log_spectrum_error(broken, true) == np.inf


def test_mean_correlation_time_has_the_error_of_a_mean():
    rates = np.random.default_rng(0).uniform(0.3, 0.6, 40)
    true = [turning(100, 0.05, 0.0)] * 40
    found = long_run.correlation_times([turning(100, 0.05, r) for r in rates], true, dt=0.05)
    exact = np.arccos(0.8) / rates
    assert found.value == pytest.approx(exact.mean(), abs=1e-3)
    assert found.error == pytest.approx(exact.std(ddof=1) / np.sqrt(40), rel=1e-2)
    assert not found.lower_is_better and found.by == "40 trajectories"
    assert "2 of them longer than the run" in long_run.correlation_times(true[:2], true[:2]).by
    with pytest.raises(Invalid, match="one predicted trajectory for every true one; came: 1 for 2"):
        long_run.correlation_times(true[:1], true[:2])
    with pytest.raises(Invalid, match="shape of the truth"):
        long_run.correlation_time(true[0][:50], true[0])


@pytest.mark.parametrize("shape", [(32,), (33,), (16, 16), (8, 9, 10)])
def test_spectra_are_those_of_the_solvers(shape):
    u = np.random.default_rng(1).normal(size=(2, *shape))
    with double():
        exact = np.array([spectral.energy_spectrum(jnp.asarray(one)) for one in u])
    found = long_run.energy_spectra(u)
    np.testing.assert_allclose(found, exact, atol=1e-14)
    np.testing.assert_allclose(found.sum(axis=1), 0.5 * (u**2).reshape(2, -1).mean(axis=1))


def test_log_spectrum_error_counts_decades():
    true = turning(20, 0.1, 1.0) + 1e-3 * np.sin(5 * X)
    weaker = turning(20, 0.1, 1.0) + 1e-4 * np.sin(5 * X)  # two decades of energy in one of two shells
    assert long_run.log_spectrum_error(weaker, true) == pytest.approx(1.0, abs=1e-6)
    assert long_run.log_spectrum_error(true[::-1][:11], true) == pytest.approx(0.0, abs=1e-6)  # order does not matter
    with pytest.raises(Invalid, match="same grid"):
        long_run.log_spectrum_error(weaker[:, ::2], true)


def test_drift_of_invariants():
    states = np.array([[3.0, 4.0], [4.0, 3.0], [5.0, 1.0]])
    drift = long_run.invariant_drift(states, lambda u: [np.sum(u), np.sum(u**2)])
    np.testing.assert_allclose(drift, [1 / 7, 1 / 25])
    zero = states - states.mean(axis=1, keepdims=True)
    with pytest.raises(Invalid, match=r"units above zero.*scale="):
        long_run.invariant_drift(zero, np.mean)
    assert long_run.invariant_drift(zero, np.mean, scale=1.0) == 0


def test_exponents_of_maps_that_are_known_exactly():
    cat = np.array([[2.0, 1.0], [1.0, 1.0]])  # Arnold's cat without the torus: the golden mean squared
    exact = np.log((3 + np.sqrt(5)) / 2)
    with double():
        found = long_run.lyapunov_exponent(
            lambda u: jnp.asarray(cat) @ u % 1.0, jnp.array([0.1, 0.3]), dt=1.0, steps=200, transient=20
        )
        assert found.value == pytest.approx(exact, abs=1e-9)
        logistic = long_run.lyapunov_exponent(
            lambda u: 4 * u * (1 - u), jnp.array([0.3123]), dt=0.5, steps=40_000, transient=100
        )
    assert logistic.value == pytest.approx(2 * np.log(2), abs=0.01)  # ln 2 per step
    shrinking = long_run.lyapunov_exponent_of_pairs(lambda u: 0.5 * u, np.ones(3), dt=0.1, steps=20)
    assert shrinking.value == pytest.approx(np.log(0.5) / 0.1, rel=1e-6)
    with pytest.raises(Invalid, match="10 steps or more"):
        long_run.lyapunov_exponent_of_pairs(lambda u: u, np.ones(3), dt=0.1, steps=3)


def test_lorenz_attractor():
    """0.9056 (Sprott, Chaos and Time-Series Analysis, Oxford 2003, ISBN 978-0198508403)."""
    with double():
        found = long_run.lyapunov_exponent(
            lorenz(0.01), jnp.array([1.0, 1.0, 20.0]), dt=0.01, steps=200_000, transient=2000
        )
    assert found.value == pytest.approx(0.9056, abs=max(3 * found.error, 0.01)) and found.error < 0.01
    pairs = long_run.lyapunov_exponent_of_pairs(
        lorenz(0.01), np.array([1.0, 1.0, 20.0]), dt=0.01, steps=20_000, transient=500
    )
    assert pairs.value == pytest.approx(0.9056, abs=3 * pairs.error) and pairs.error < 0.06


def test_kuramoto_sivashinsky_in_a_box_of_22():
    """0.048 (Cvitanovic, Davidchack and Siminos 2010, doi:10.1137/070705623). A run of four times the length gives
    0.0484 +- 0.0009, one on 64 points with dt = 0.1 gives 0.0503 +- 0.0007.
    """
    with double():
        (x,) = spectral.grid((48,), length=22.0)
        start = jnp.asarray(np.cos(2 * np.pi * x / 22) + 0.1 * np.sin(4 * np.pi * x / 22))

        def step(u):
            return waves.kuramoto_sivashinsky(u, dt=0.25, steps=1, length=22.0)[0]

        found = long_run.lyapunov_exponent(step, start, dt=0.25, steps=40_000, transient=2000)
    assert found.value == pytest.approx(0.048, abs=max(3 * found.error, 0.004)) and found.error < 0.005
