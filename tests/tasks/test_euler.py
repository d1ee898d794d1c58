"""The gas task: labels solve the equations, its groups act on every field, solvers converge to the truth."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from erlangen.assess.metrics import relative_l2
from erlangen.contract import SPLITS
from erlangen.core.errors import Invalid
from erlangen.core.flow_groups import Boost, MassUnit
from erlangen.core.groups import act
from erlangen.core.systems import Field
from erlangen.numerics import weno
from erlangen.numerics.precision import double
from erlangen.physics import euler, riemann
from erlangen.physics.riemann import Gas
from erlangen.tasks.continuum.euler import FIELDS, CompressibleEuler, initial

TASK = CompressibleEuler(**CompressibleEuler.toy)


def cells(x):
    return euler.conserved(Gas(*(np.asarray(x[name], np.float64) for name in FIELDS)), TASK.gamma)


def test_labels_keep_mass_momentum_and_energy_and_stay_positive():
    samples = TASK.truth("test")
    with double():
        for i in (0, len(samples) - 1):
            after = Gas(*(samples.outputs[q.name][i] for q in TASK.outputs))
            before, q = cells(samples.inputs[i]), euler.conserved(Gas(*map(np.asarray, after)), TASK.gamma)
            np.testing.assert_allclose(np.mean(q, 1), np.mean(before, 1), atol=1e-13)
            assert np.min(after.density) > 0 and np.min(after.pressure) > 0


def test_a_start_whose_parabolas_are_no_gas_has_labels():
    """Trajectory 5 of the default test split: at a jump of the velocity refined cells had a pressure below zero."""
    task = CompressibleEuler()
    with double():
        keys = jax.random.split(jax.random.fold_in(jax.random.key(task.seed), SPLITS.index("test")), 20)
        q = euler.conserved(initial(task, key=keys[5]), task.gamma)
        resting = euler.boosted(q, -np.sum(q[1]) / np.sum(q[0]))
        assert not np.all(euler.Euler().is_state(weno.refine(resting, 4)))
        x = Field(dict(zip(FIELDS, euler.primitive(q, task.gamma))), (1 / task.n,))
        for values in (*task.solve(x).values(), *task.solve_on(x, 256).values()):
            assert np.all(np.isfinite(values))


def test_steps_follow_each_other():
    whole, steps = TASK.trajectories("test"), TASK.truth("test")
    np.testing.assert_array_equal(steps.inputs[1]["pressure"], whole.outputs["pressure_next"][0][0])
    np.testing.assert_array_equal(steps.outputs["velocity_next"][3], whole.outputs["velocity_next"][0][3])


def test_a_shock_tube_is_the_exact_one():
    """Sod's tube and its mirror on a ring, for a time in which their waves do not meet."""
    task = CompressibleEuler(n=64, dt=0.1)
    inside = (np.arange(64) >= 16) & (np.arange(64) < 48)
    left, right = Gas(1.0, 0.0, 1.0), Gas(0.125, 0.0, 0.1)
    x = TASK.trajectories("test").inputs[0]
    x = type(x)({n: np.where(inside, a, b) for n, a, b in zip(FIELDS, left, right)}, (1 / 64,))
    with double():
        points = (np.arange(32 * 16) + 0.5) / (64 * 16)
        exact = riemann.euler(left, right, np.asarray((points - 0.25) / 0.1)).density.reshape(32, 16).mean(1)
        after = task.solve(x)["density_next"]
    assert np.mean(np.abs(after[32:] - exact)) < 4e-3  # of 256 fine cells on the ring, 128 on this half
    np.testing.assert_allclose(after[:32], after[:31:-1], atol=1e-12)


def test_boost_and_mass_unit_act_on_every_field():
    x = TASK.trajectories("test").inputs[0]
    boost, mass = Boost(0.5), MassUnit()
    g = boost.sample(x, key=jax.random.key(0))
    with double():
        moved = act(boost, g, x, TASK.inputs)
        np.testing.assert_allclose(moved["velocity"], x["velocity"] + g[1])
        np.testing.assert_array_equal(moved["density"], x["density"])
        later = boost.act(g, TASK.outputs[0], x["density"])
        np.testing.assert_array_equal(later, np.roll(x["density"], g[0]))
        scaled = act(mass, 3.0, x, TASK.inputs)
        for name, factor in zip(FIELDS, (3, 1, 3)):
            np.testing.assert_allclose(scaled[name], factor * x[name])
    assert boost.name == "Galilean boost" and mass.name == "unit of mass"
    assert 1 / 4 <= float(mass.sample(x, key=jax.random.key(1))) <= 4


@pytest.mark.parametrize("number", [0, 1])
def test_solvers_get_better_with_resolution(number):
    samples, solver = TASK.truth("test"), TASK.solvers[number]
    picks = samples.take([0, len(samples) // 2])
    errors = [
        np.mean(
            [
                relative_l2(solver.solve(x, n)["density_next"], y)
                for x, y in zip(picks.inputs, picks.outputs["density_next"])
            ]
        )
        for n in (solver.settings[0], solver.settings[-1])
    ]
    assert errors[1] < 0.4 * errors[0]


def test_settings_out_of_range_are_named():
    with pytest.raises(Invalid, match="gamma"):
        CompressibleEuler(gamma=1.0)
    with pytest.raises(Invalid, match="n must be"):
        CompressibleEuler(n=8)
