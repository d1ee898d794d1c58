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
    assert found.error == pytest.approx(np.sqrt(metrics.few(3) ** 2 / 3 + 0.09))
    assert found.by.startswith("3 seeds")
    assert metrics.over_seeds(ones[:1]) is ones[0]


def test_paired_comparison_sees_what_unpaired_error_bars_hide():
    rng = np.random.default_rng(2)
    hard = rng.exponential(size=300)  # difficulty that both runs share
    a, b = hard + 0.05 + 0.02 * rng.normal(size=300), hard
    found = comparison.paired(a, b)
    assert found.difference == pytest.approx(0.05, abs=0.01)
    assert found.p <= 0.001
    assert found.error < 0.1 * metrics.estimate_of(score(), a, key=KEY).error
    assert comparison.paired(a, a).p == 1


def test_p_values_are_uniform_under_the_null():
    rng = np.random.default_rng(3)
    p = [comparison.paired(rng.normal(size=60), rng.normal(size=60)).p for i in range(200)]
    assert np.mean(np.less(p, 0.05)) == pytest.approx(0.05, abs=0.05)
    assert np.mean(np.less(p, 0.5)) == pytest.approx(0.5, abs=0.1)


def equal_methods(rng, sizes, spread=1.0, seeds=1):
    """Log-normal errors of two equal methods on groups that differ, and in each of which samples are alike."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    own = [np.exp(rng.normal(size=(seeds, len(sizes))) * spread)[:, group] for _ in range(2)]
    return *(one * np.exp(0.5 * rng.normal(size=(seeds, len(group)))) for one in own), group


@pytest.mark.parametrize("sizes", [(20,) * 2, (20,) * 3, (20,) * 5, (20,) * 8, (200, 5, 5, 5), (100, 2)], ids=str)
def test_equal_methods_are_called_different_no_more_often_than_promised(sizes):
    rng = np.random.default_rng(11)
    p = [comparison.paired(*equal_methods(rng, sizes)).p for _ in range(2000)]
    assert np.mean(np.less(p, 0.05)) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)


def test_letters_of_equal_methods_hold_their_level_together():
    rng, split = np.random.default_rng(12), 0
    for _ in range(500):
        a, b, group = equal_methods(rng, (20,) * 8)
        c, d, _ = equal_methods(rng, (20,) * 8)
        split += len(set(comparison.letters({"a": a, "b": b, "c": c, "d": d}, group).values())) > 1
    assert split / 500 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 500)


def test_two_groups_can_still_tell_methods_apart():
    rng, group = np.random.default_rng(13), np.repeat([0, 1], 20)
    a = rng.normal(size=40)
    assert comparison.paired(a + 1 + 0.01 * rng.normal(size=40), a, group).p < 0.05
    t = comparison.paired(np.array([1.0, 3.0]), np.zeros(2))
    assert t.p == pytest.approx(2 * np.arctan(1 / 2) / np.pi)  # Cauchy: t = mean 2 / (sqrt(2) / sqrt(2)) with 1 degree
    assert (t.difference, t.error) == (2.0, 1.0)


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_one_method_under_two_names_differs_by_the_spread_of_its_fits(seeds):
    """Fits that differ by 3 %, 200 samples: without the spread two thirds are called different."""
    rng = np.random.default_rng(14)
    hard = np.exp(rng.normal(size=200))

    def fits():
        return hard * (1 + 0.03 * rng.normal(size=(seeds, 1))) * (1 + 0.05 * rng.normal(size=(seeds, 200)))

    p = [comparison.paired(fits(), fits()).p for _ in range(1000)]
    assert np.mean(np.less(p, 0.05)) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1000)
    assert comparison.paired(1.5 * fits(), fits()).p < 0.05
    single = [comparison.paired(fits()[0], fits()[0]).p for _ in range(200)]
    assert np.mean(np.less(single, 0.05)) > 0.5  # of these fits that is true; the table says so


def test_what_blew_up_is_worse_and_rounding_is_no_difference():
    rng = np.random.default_rng(15)
    good, bad = rng.exponential(size=30), rng.exponential(size=30)
    bad[3] = np.nan
    assert comparison.letters({"bad": bad, "good": good}) == {"good": "a", "bad": "b"}
    assert comparison.paired(bad, bad).p == 1
    assert comparison.paired(good * (1 + 1e-15), good).p == 1
    assert comparison.paired(good + 0.25, good).p < 1e-12


@pytest.mark.parametrize("groups", [2, 3, 4, 8, 40])
def test_an_error_bar_holds_two_thirds_of_the_time_with_few_groups_too(groups):
    rng, held = np.random.default_rng(16), []
    key = jax.random.key(0)
    group = np.repeat(np.arange(groups), 5)
    for _ in range(400):
        values = rng.normal(size=groups)[group] + 0.3 * rng.normal(size=5 * groups)
        found = metrics.estimate_of(score(), values, group, key=key)
        held.append(abs(found.value) < found.error)
    assert np.mean(held) == pytest.approx(0.68, abs=3 * np.sqrt(0.68 * 0.32 / 400))


def test_an_error_bar_over_few_seeds_holds_as_often():
    rng, held = np.random.default_rng(17), []
    for _ in range(2000):
        found = metrics.over_seeds([metrics.Estimate("s", v, 0.0, "eV") for v in rng.normal(size=2)])
        held.append(abs(found.value) < found.error)
    assert np.mean(held) == pytest.approx(0.68, abs=0.04)


def test_paired_needs_the_same_samples():
    with pytest.raises(Invalid, match="same test samples"):
        comparison.paired(np.zeros(3), np.zeros(4))


def test_holm_by_hand():
    found = comparison.holm({("a", "b"): 0.01, ("a", "c"): 0.04, ("b", "c"): 0.03})
    assert found == pytest.approx({("a", "b"): 0.03, ("b", "c"): 0.06, ("a", "c"): 0.06})


def test_letters_join_what_cannot_be_told_apart():
    rng = np.random.default_rng(4)
    noise = rng.normal(size=500)
    scores = {"best": noise, "middle": noise + 0.08 * rng.normal(size=500), "worst": noise + 1 + rng.normal(size=500)}
    assert comparison.letters(scores) == {"best": "a", "middle": "a", "worst": "b"}
    upside = comparison.letters({k: -v for k, v in scores.items()}, lower_is_better=False)
    assert upside == {"best": "a", "middle": "a", "worst": "b"}
    assert comparison.letters({"only": noise}) == {"only": "a"}


def test_a_bridge_between_two_groups_gets_both_letters():
    x = np.zeros(400)
    wobble = np.random.default_rng(5).normal(size=400)
    wobble -= wobble.mean()
    # left - right is sure; the middle one is too noisy to be told from either
    scores = {"left": x, "middle": x + 0.05 + wobble, "right": x + 0.1 + 0.1 * wobble}
    assert comparison.letters(scores) == {"left": "a", "middle": "ab", "right": "b"}
