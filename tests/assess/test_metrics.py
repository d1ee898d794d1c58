"""Scores and their error bars against closed forms and known sampling distributions."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from erlangen.assess import comparison, metrics
from erlangen.contract import Samples, Score
from erlangen.core.errors import Invalid

KEY = jax.random.key(7)
finite = st.floats(-1e3, 1e3)


def score(measure=metrics.absolute, **changes) -> Score:
    return Score(name="s", quantity="y", measure=measure, unit="eV", **changes)


def samples_of(y, group=None) -> Samples:
    return Samples([None] * len(y), {"y": list(y)}, group)


@settings(max_examples=50, deadline=None)
@given(arrays(float, 6, elements=finite), finite.filter(lambda c: abs(c) > 1e-6))
def test_measures_of_a_constant_offset(y, offset):
    assert np.isclose(metrics.absolute(y + offset, y), abs(offset), atol=1e-9)
    assert np.isclose(metrics.squared(y + offset, y), offset**2, rtol=1e-6, atol=1e-9)
    assert np.isclose(metrics.largest(y + offset, y), abs(offset), atol=1e-9)
    assert metrics.absolute(y, y) == metrics.squared(y, y) == metrics.relative_l2(y, y) == 0


def test_relative_error_and_correlation_of_simple_vectors():
    assert metrics.relative_l2([3.0, 4.0], [0.0, 4.0]) == pytest.approx(0.75)
    assert metrics.relative_l2([0.0], [0.0]) == 0
    assert metrics.relative_l2([1.0], [0.0]) == np.inf
    x = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    # cos(phase) is the correlation of two shifted sines
    assert metrics.correlation(np.sin(x + 0.3), np.sin(x)) == pytest.approx(np.cos(0.3), abs=1e-12)
    assert metrics.correlation(np.ones(3), np.ones(3)) == 1
    assert metrics.correlation(np.ones(3), np.arange(3.0)) == 0


def test_correlation_time_counts_the_steps_before_the_first_fall():
    x = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    true = np.stack([np.sin(x)] * 6)
    drifting = np.stack([np.sin(x + 0.1 * (i + 1)) for i in range(6)])  # cos(0.4) < 0.95 < cos(0.3)
    assert metrics.correlation_time(dt=0.5)(drifting, true) == pytest.approx(1.5)
    assert metrics.correlation_time(dt=0.5)(true, true) == pytest.approx(3.0)


def test_wrong_shape_and_unknown_output_are_named():
    with pytest.raises(Invalid, match=r"shape of the truth; came: \(2,\) against \(3,\)"):
        metrics.absolute(np.zeros(2), np.zeros(3))
    with pytest.raises(Invalid, match="Did you mean: energy"):
        metrics.per_sample(Score("s", "energie", metrics.absolute, "eV"), {"energy": []}, samples_of([]))
    with pytest.raises(Invalid, match="1 for 2 samples"):
        metrics.per_sample(score(), {"y": [0.0]}, samples_of([0.0, 1.0]))


def test_bootstrap_error_of_a_mean_is_the_standard_error():
    y = np.random.default_rng(0).normal(size=400)
    found = metrics.estimate(score(lambda p, t: p), {"y": y}, samples_of(y), key=KEY)
    assert found.value == pytest.approx(y.mean())
    assert found.error == pytest.approx(y.std() / 20, rel=0.08)
    again = metrics.estimate(score(lambda p, t: p), {"y": y}, samples_of(y), key=KEY)
    assert again == found


def test_root_aggregate_and_factor():
    truth = np.zeros((50, 3))
    found = metrics.estimate(
        score(metrics.squared, aggregate="root", factor=1000), {"y": truth + 0.002}, samples_of(truth), key=KEY
    )
    assert found.value == pytest.approx(2.0)
    assert found.error == pytest.approx(0, abs=1e-9)


def test_groups_widen_the_error_bar_as_they_must():
    rng = np.random.default_rng(1)
    between = np.repeat(rng.normal(size=40), 25)  # all samples of a group alike: 40 independent numbers, not 1000
    group = np.repeat(np.arange(40), 25)
    grouped = metrics.estimate_of(score(), between, group, key=KEY)
    naive = metrics.estimate_of(score(), between, key=KEY)
    assert grouped.error == pytest.approx(between.std() / np.sqrt(40), rel=0.1)
    assert grouped.error / naive.error == pytest.approx(5, rel=0.15)
    assert "40 groups" in grouped.by


def test_one_group_is_cut_into_blocks_and_too_little_gives_no_error_bar():
    assert "10 blocks of one group" in metrics.estimate_of(score(), np.arange(100.0), np.zeros(100), key=KEY).by
    few = metrics.estimate_of(score(), np.arange(5.0), np.zeros(5), key=KEY)
    assert np.isnan(few.error) and "no error bar" in few.by
    assert np.isnan(metrics.estimate_of(score(), np.ones(1), key=KEY).error)


def test_seeds_add_training_and_test_errors_in_quadrature():
    ones = [metrics.Estimate("s", v, 0.3, "eV") for v in (1.0, 2.0, 3.0)]
    found = metrics.over_seeds(ones)
    assert found.value == 2
    assert found.error == pytest.approx(np.sqrt(1 / 3 + 0.09))
    assert found.by.startswith("3 seeds")
    assert metrics.over_seeds(ones[:1]) is ones[0]


def test_paired_comparison_sees_what_unpaired_error_bars_hide():
    rng = np.random.default_rng(2)
    hard = rng.exponential(size=300)  # difficulty that both runs share
    a, b = hard + 0.05 + 0.02 * rng.normal(size=300), hard
    found = comparison.paired(a, b, key=KEY)
    assert found.difference == pytest.approx(0.05, abs=0.01)
    assert found.p <= 0.001
    assert found.error < 0.1 * metrics.estimate_of(score(), a, key=KEY).error
    assert comparison.paired(a, a, key=KEY).p == 1


def test_p_values_are_uniform_under_the_null():
    rng = np.random.default_rng(3)
    p = [comparison.paired(rng.normal(size=60), rng.normal(size=60), key=jax.random.key(i)).p for i in range(200)]
    assert np.mean(np.less(p, 0.05)) == pytest.approx(0.05, abs=0.05)
    assert np.mean(np.less(p, 0.5)) == pytest.approx(0.5, abs=0.1)


def test_paired_needs_the_same_samples():
    with pytest.raises(Invalid, match="same test samples"):
        comparison.paired(np.zeros(3), np.zeros(4), key=KEY)


def test_holm_by_hand():
    found = comparison.holm({("a", "b"): 0.01, ("a", "c"): 0.04, ("b", "c"): 0.03})
    assert found == pytest.approx({("a", "b"): 0.03, ("b", "c"): 0.06, ("a", "c"): 0.06})


def test_letters_join_what_cannot_be_told_apart():
    rng = np.random.default_rng(4)
    noise = rng.normal(size=500)
    scores = {"best": noise, "middle": noise + 0.08 * rng.normal(size=500), "worst": noise + 1 + rng.normal(size=500)}
    assert comparison.letters(scores, key=KEY) == {"best": "a", "middle": "a", "worst": "b"}
    upside = comparison.letters({k: -v for k, v in scores.items()}, lower_is_better=False, key=KEY)
    assert upside == {"best": "a", "middle": "a", "worst": "b"}
    assert comparison.letters({"only": noise}, key=KEY) == {"only": "a"}


def test_a_bridge_between_two_groups_gets_both_letters():
    x = np.zeros(400)
    wobble = np.random.default_rng(5).normal(size=400)
    wobble -= wobble.mean()
    # left - right is sure; the middle one is too noisy to be told from either
    scores = {"left": x, "middle": x + 0.05 + wobble, "right": x + 0.1 + 0.1 * wobble}
    assert comparison.letters(scores, key=KEY) == {"left": "a", "middle": "ab", "right": "b"}
