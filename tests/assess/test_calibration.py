"""Proper scores and calibration figures against closed forms, quadrature and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from erlangen.assess import calibration

real = st.floats(-5, 5)
positive = st.floats(0.05, 5)


@settings(max_examples=40, deadline=None)
@given(real, positive, real)
def test_gaussian_crps_is_the_integral_that_defines_it(mean, sigma, y):
    def squared_gap(t):
        return (stats.norm.cdf(t, mean, sigma) - (t >= y)) ** 2

    low, high = min(y, mean) - 12 * sigma, max(y, mean) + 12 * sigma
    expected = sum(integrate.quad(squared_gap, *ends, epsabs=1e-10)[0] for ends in ((low, y), (y, high)))
    assert calibration.crps_gaussian(mean, sigma, y) == pytest.approx(expected, abs=1e-6)


def test_ensemble_crps_is_unbiased_for_the_gaussian_one():
    rng = np.random.default_rng(0)
    members = rng.normal(1.0, 2.0, size=(5, 200_000))
    found = calibration.crps_ensemble(members, np.full(200_000, 2.5)).mean()
    assert found == pytest.approx(float(calibration.crps_gaussian(1.0, 2.0, 2.5)), abs=0.01)
    # by hand: members 0 and 2, truth 1: mean |x - y| = 1, mean gap over distinct pairs / 2 = 1
    assert calibration.crps_ensemble([0.0, 2.0], 1.0) == pytest.approx(0.0)
    assert calibration.crps_ensemble([0.0, 0.0, 0.0], 1.0) == pytest.approx(1.0)


@settings(max_examples=40, deadline=None)
@given(real, positive, real)
def test_likelihood_is_that_of_scipy(mean, sigma, y):
    assert calibration.nll_gaussian(mean, sigma, y) == pytest.approx(-stats.norm.logpdf(y, mean, sigma), abs=1e-9)


def test_interval_score_charges_width_and_misses():
    found = calibration.interval_score(np.zeros(3), np.ones(3), np.array([0.5, -0.1, 1.2]), 0.9)
    assert found == pytest.approx([1.0, 1 + 20 * 0.1, 1 + 20 * 0.2])


def test_the_interval_of_true_quantiles_has_the_best_interval_score():
    y = np.random.default_rng(1).normal(size=100_000)
    scores = {q: calibration.interval_score(-q, q, y, 0.9).mean() for q in (1.2, 1.645, 2.2)}
    assert min(scores, key=lambda q: scores[q]) == 1.645


def test_miscalibration_area_from_calibrated_to_hopeless():
    y = np.random.default_rng(2).normal(size=20_000)
    assert calibration.miscalibration_area(0, np.ones(20_000), y) < 0.01
    assert calibration.miscalibration_area(0, 1e-9 * np.ones(20_000), y) == pytest.approx(0.5, abs=1e-3)
    assert calibration.miscalibration_area(0, 1e9 * np.ones(20_000), y) == pytest.approx(0.5, abs=1e-3)
    # one sample, entering at p = erf(1/sqrt 2): two triangles
    p = float(stats.norm.cdf(1) - stats.norm.cdf(-1))
    assert calibration.miscalibration_area(0.0, [1.0], [1.0]) == pytest.approx(p**2 / 2 + (1 - p) ** 2 / 2)


def test_miscalibration_area_of_a_wrong_scale_is_the_integral():
    scale = 2.0  # claimed sigma is twice the true one: the curve is erf(2 erfinv(p))
    y = np.random.default_rng(3).normal(size=200_000)
    from scipy.special import erf, erfinv

    expected = integrate.quad(lambda p: erf(scale * erfinv(p)) - p, 0, 1)[0]
    assert calibration.miscalibration_area(0, scale * np.ones(200_000), y) == pytest.approx(expected, abs=3e-3)


def test_sparsification_is_zero_for_an_oracle_and_positive_for_noise():
    rng = np.random.default_rng(4)
    error = rng.exponential(size=5000)
    assert calibration.sparsification_error(error, 3 * error) == pytest.approx(0)
    noise = calibration.sparsification_error(error, rng.uniform(size=5000))
    assert 0 < noise < calibration.sparsification_error(error, -error)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=30))
def test_rank_correlation_is_that_of_scipy(pairs):
    error, sigma = np.array(pairs, float).T
    if np.ptp(error) == 0 or np.ptp(sigma) == 0:
        assert calibration.rank_correlation(error, sigma) == 0
    else:
        expected = stats.spearmanr(error, sigma).statistic
        assert calibration.rank_correlation(error, sigma) == pytest.approx(expected, abs=1e-9)
