"""Error bars of correlated series against the autoregressive process, whose autocorrelation is known exactly."""

from __future__ import annotations

import math

import numpy as np
import pytest

from erlangen.numerics.autocorrelation import estimate, integrated_time, split_r_hat


def autoregressive(rng, chains, n, rho):
    """x_t = rho x_(t-1) + noise, started in equilibrium: unit variance, tau = (1 + rho) / (1 - rho) / 2."""
    x = np.empty((chains, n))
    x[:, 0] = rng.standard_normal(chains)
    for t in range(1, n):
        x[:, t] = rho * x[:, t - 1] + math.sqrt(1 - rho**2) * rng.standard_normal(chains)
    return x


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_integrated_time_of_an_autoregressive_process(rho):
    series = autoregressive(np.random.default_rng(0), 64, 2000, rho)
    assert integrated_time(series) == pytest.approx((1 + rho) / (1 - rho) / 2, rel=0.05)


@pytest.mark.parametrize("chains, n, rho", [(256, 16, 0.0), (256, 16, 0.5), (64, 128, 0.8), (4, 4000, 0.8)])
def test_90_percent_intervals_cover_the_true_mean(chains, n, rho):
    rng = np.random.default_rng(1)
    found = [estimate(autoregressive(rng, chains, n, rho)) for _ in range(300)]
    covered = np.mean([abs(e.mean) <= 1.645 * e.error for e in found])
    assert 0.86 <= covered <= 0.96


def test_r_hat_sees_chains_that_disagree_and_drift():
    rng = np.random.default_rng(2)
    good = rng.standard_normal((16, 400))
    assert split_r_hat(good) == pytest.approx(1, abs=0.01)
    assert split_r_hat(good + np.arange(16)[:, None]) > 2
    assert split_r_hat(good + np.linspace(0, 5, 400)) > 1.3
    assert math.isnan(split_r_hat(good[:, :3]))


def test_a_constant_series_has_no_error():
    found = estimate(np.full((8, 100), -2.5))
    assert (found.mean, found.error, found.tau, found.r_hat) == (-2.5, 0.0, 0.5, 1.0)


def test_r_hat_of_chains_that_never_move():
    stuck = [[0] * 8, [1] * 8]
    assert split_r_hat(stuck) == math.inf
    assert split_r_hat(np.repeat([[0.1], [0.3]], 9, axis=1)) == math.inf  # means of equal numbers are rounded
    assert split_r_hat(np.repeat([[0.0, 1.0]], 4, axis=1)) == math.inf  # one jump, between the halves
    assert split_r_hat(np.full((4, 8), 0.1)) == 1.0


def test_what_is_no_number_stays_none():
    broken = np.random.default_rng(0).standard_normal((4, 64))
    broken[2, 5] = math.nan
    assert math.isnan(split_r_hat(np.full((2, 8), math.nan))) and math.isnan(split_r_hat(broken))
    assert math.isnan(integrated_time(broken))
    found = estimate(broken)
    assert all(map(math.isnan, (found.mean, found.error, found.variance, found.r_hat)))
    assert math.isnan(split_r_hat(np.where(np.isnan(broken), math.inf, broken)))
