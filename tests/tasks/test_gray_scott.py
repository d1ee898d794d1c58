"""The task of reacting species: labels solve the equations, patterns live, solvers converge to the truth."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from erlangen.assess.metrics import relative_l2
from erlangen.core.errors import Invalid
from erlangen.numerics import spectral
from erlangen.numerics.precision import double
from erlangen.tasks.continuum import gray_scott
from erlangen.tasks.continuum.gray_scott import GrayScott

TASK = GrayScott(**GrayScott.toy)


def test_steps_follow_each_other_and_the_solver_gives_them():
    whole, steps = TASK.trajectories("test"), TASK.truth("test")
    for name in ("u", "v"):
        np.testing.assert_array_equal(steps.inputs[1][name], whole.outputs[f"{name}_next"][0][0])
        np.testing.assert_array_equal(steps.outputs[f"{name}_next"][3], whole.outputs[f"{name}_next"][0][3])
        for i in (0, len(steps) - 1):
            answer = TASK.solve(steps.inputs[i])[f"{name}_next"]
            assert relative_l2(answer, steps.outputs[f"{name}_next"][i]) < 1e-5


def test_patterns_live_and_change():
    for split in ("train", "test"):
        for x, v in zip(TASK.trajectories(split).inputs, TASK.trajectories(split).outputs["v_next"]):
            assert np.std(x["v"]) > 0.05 and np.min(v) > -1e-3 and np.max(v) < 0.6
            assert relative_l2(x["v"], v[0]) > 1e-3


def test_solvers_get_better_with_resolution_down_to_the_floor():
    samples, (solver,) = TASK.truth("test"), TASK.solvers
    picks = samples.take([0, len(samples) // 2])
    pairs = list(zip(picks.inputs, picks.outputs["v_next"]))
    errors = [np.mean([relative_l2(solver.solve(x, n)["v_next"], y) for x, y in pairs]) for n in solver.settings]
    assert errors[-1] < 1e-3 * errors[0]
    assert 0 < TASK.floor(2)["nrmse"] / 100 < 1e-4 * np.mean([relative_l2(x["v"], y) for x, y in pairs])


def test_patterns_that_die_out_are_drawn_again_but_not_for_ever():
    with pytest.raises(Invalid, match="at least every fourth pattern lasts"):
        GrayScott(**{**GrayScott.toy, "kill_rate": 0.1, "count": 5, "horizon": 1}).trajectories("test")


def test_drops_are_the_same_function_on_every_grid():
    with double():
        coarse, fine = (gray_scott.initial(TASK, n, key=jax.random.key(0)) for n in (32, 96))
        np.testing.assert_allclose(coarse, fine[:, ::3, ::3], atol=1e-14)
        np.testing.assert_allclose(spectral.resample(coarse[1], (96, 96)), fine[1], atol=1e-6)


def test_the_settings_of_the_well():
    rates = {(p.feed_rate, p.kill_rate) for p in (gray_scott.gliders, gray_scott.bubbles, gray_scott.maze)}
    assert rates == {(0.014, 0.054), (0.098, 0.057), (0.029, 0.057)}
    assert gray_scott.spots == GrayScott()


@pytest.mark.parametrize(
    ("setting", "value"),
    [("feed_rate", 0.0), ("kill_rate", -0.06), ("diffusion", 0.0), ("dt", 0.0), ("n", 6), ("count", 1), ("horizon", 0)],
)
def test_settings_outside_their_range(setting, value):
    with pytest.raises(Invalid, match=f"{setting} must be"):
        GrayScott(**{setting: value})
