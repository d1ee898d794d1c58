"""Flow tasks: labels are solutions of the equation, splits are independent, solvers converge to the truth."""

from __future__ import annotations

import numpy as np
import pytest

from erlangen.assess.metrics import relative_l2
from erlangen.physics import fluids
from erlangen.tasks.continuum.burgers import Burgers
from erlangen.tasks.continuum.euler import CompressibleEuler
from erlangen.tasks.continuum.gray_scott import GrayScott
from erlangen.tasks.continuum.kolmogorov import Kolmogorov
from erlangen.tasks.continuum.shallow_water import ShallowWater
from tests.physics.test_fluids import cole_hopf

TASKS = [Burgers(**Burgers.toy), Kolmogorov(**Kolmogorov.toy)]


def each(tasks=TASKS):
    return pytest.mark.parametrize("task", tasks, ids=lambda t: t.name())


@each()
def test_samples_are_the_steps_of_the_trajectories(task):
    state, after = task.inputs[0].name, task.outputs[0].name
    whole, steps = task.trajectories("test"), task.truth("test")
    assert len(steps) == len(whole) * task.horizon
    np.testing.assert_array_equal(steps.outputs[after][task.horizon - 1], whole.outputs[after][0][-1])
    np.testing.assert_array_equal(steps.inputs[1][state], whole.outputs[after][0][0])
    np.testing.assert_array_equal(steps.group, np.repeat(np.arange(len(whole)), task.horizon))
    assert steps.outputs[after][0].dtype == np.float64


@each()
def test_reference_solver_reproduces_the_labels(task):
    samples, after = task.truth("test"), task.outputs[0].name
    for i in (0, len(samples) - 1):
        assert relative_l2(task.solve(samples.inputs[i])[after], samples.outputs[after][i]) < 1e-4


@each()
def test_splits_differ_and_repeat(task):
    state = task.inputs[0].name
    firsts = {split: np.asarray(task.trajectories(split).inputs[0][state]) for split in ("train", "validation", "test")}
    assert all(
        np.abs(firsts[a] - firsts[b]).max() > 0.1 * firsts[a].std()
        for a, b in [("train", "test"), ("validation", "test")]
    )
    np.testing.assert_array_equal(firsts["test"], task.trajectories("test").inputs[0][state])


@each()
def test_solvers_get_better_with_resolution(task):
    samples, after = task.truth("test"), task.outputs[0].name
    solver = task.solvers[0]
    picks = samples.take([0, len(samples) // 2, len(samples) - 1])
    errors = [
        np.mean([relative_l2(solver.solve(x, n)[after], y) for x, y in zip(picks.inputs, picks.outputs[after])])
        for n in (solver.settings[0], solver.settings[-1])
    ]
    assert errors[1] < 0.2 * errors[0]


@each([*TASKS, *(task(**task.toy) for task in (GrayScott, CompressibleEuler, ShallowWater))])
def test_a_path_on_the_grid_of_the_task_is_its_steps_one_after_the_other(task):
    solver, x = task.solvers[0], task.trajectories("test").inputs[0]
    setting = task.lmax if isinstance(task, ShallowWater) else task.n
    path = solver.path(x, setting, 2)
    for k in range(2):
        outputs = solver.solve(x, setting)
        for name, values in outputs.items():
            assert relative_l2(path[name][k], values) < 1e-5
        x = task.feed(x, outputs)


@each()
def test_label_floor_is_far_below_the_change_per_step(task):
    samples, after = task.truth("test"), task.outputs[0].name
    change = 100 * np.mean(
        [relative_l2(x[task.inputs[0].name], y) for x, y in zip(samples.inputs, samples.outputs[after])]
    )
    assert 0 <= task.floor(2)["nrmse"] < 0.02 * change


def test_burgers_step_is_the_cole_hopf_solution():
    task = Burgers(n=64, viscosity=0.1, count=10, horizon=1)
    x = 2 * np.pi * np.arange(64) / 64
    start = task.trajectories("test").inputs[0].replace(u=cole_hopf(x, 0.3, 0.1))
    np.testing.assert_allclose(task.solve(start)["u_next"], cole_hopf(x, 0.35, 0.1), atol=1e-7)


def test_every_shift_moves_the_truth():
    for task in TASKS:
        for shift in task.shifts:
            moved = task.shifted(shift.axis, shift.values[-1])
            assert moved != task and len(moved.trajectories("test")) == len(task.trajectories("test"))


def test_truth_of_burgers_resolves_its_fronts():
    assert Burgers().fine == 512
    assert Burgers(viscosity=0.0025).fine == 2048
    assert fluids.steps_needed(512, speed=1.5, dt=0.05) == 6
