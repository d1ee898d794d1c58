"""Tasks on the periodic line: labels solve the law, its symmetries and invariants hold, solvers converge."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.assess import long_run
from erlangen.assess.metrics import relative_l2
from erlangen.contract import SPLITS
from erlangen.core.errors import Invalid
from erlangen.core.systems import Field
from erlangen.numerics import spectral
from erlangen.numerics.precision import double
from erlangen.physics import fluids, waves
from erlangen.physics.random_fields import smooth_field
from erlangen.tasks.continuum._periodic import seen
from erlangen.tasks.continuum.burgers import Burgers
from erlangen.tasks.continuum.korteweg_de_vries import KortewegDeVries
from erlangen.tasks.continuum.kuramoto_sivashinsky import KuramotoSivashinsky

SOLITONS, CHAOS = KortewegDeVries(**KortewegDeVries.toy), KuramotoSivashinsky(**KuramotoSivashinsky.toy)
each = pytest.mark.parametrize("task", [SOLITONS, CHAOS], ids=lambda t: t.name())


@each
def test_solvers_get_better_with_resolution_down_to_the_floor(task):
    samples, (solver,) = task.truth("test"), task.solvers
    picks = samples.take([0, len(samples) // 2, len(samples) - 1])
    errors = [
        np.mean([relative_l2(solver.solve(x, n)["u_next"], y) for x, y in zip(picks.inputs, picks.outputs["u_next"])])
        for n in solver.settings
    ]
    assert errors[-1] < 1e-3 * errors[0]
    change = np.mean([relative_l2(x["u"], y) for x, y in zip(picks.inputs, picks.outputs["u_next"])])
    assert 0 < task.floor(2)["nrmse"] / 100 < 1e-4 * change


@each
def test_every_shift_moves_the_truth(task):
    for shift in task.shifts:
        moved = task.shifted(shift.axis, shift.values[-1])
        assert moved != task and len(moved.trajectories("test")) == len(task.trajectories("test"))


def test_burgers_is_the_solver_on_the_fine_grid():
    """What the task was before it shared a home: the same numbers, from the solver alone."""
    task = Burgers(n=32, viscosity=0.1, count=20, horizon=4)
    found = task.trajectories("test")
    with double():
        key = jax.random.split(jax.random.fold_in(jax.random.key(0), SPLITS.index("test")), 2)[1]
        u = smooth_field((64,), modes=4, rms=0.3, dtype=jnp.float64, key=key)
        steps = fluids.steps_needed(64, speed=5 * 0.3, dt=0.05)
        states = fluids.burgers(u, viscosity=0.1, dt=0.05, steps=steps, frames=4)
    assert task.fine == 64
    np.testing.assert_allclose(found.inputs[1]["u"], u[::2], atol=1e-12)
    np.testing.assert_allclose(found.outputs["u_next"][1], states[:, ::2], atol=1e-12)


def test_a_soliton_is_carried_by_the_task():
    task = KortewegDeVries(n=256, length=60.0, dt=1.0, count=10, horizon=1)
    (x,) = spectral.grid((256,), length=60.0)
    start, end = (waves.solitons(x - 25, t, speeds=[0.6], positions=[0.0]) for t in (0.0, 1.0))
    carried = task.solve(task.trajectories("test").inputs[0].replace(u=start))["u_next"]
    np.testing.assert_allclose(carried, end, atol=1e-6)


def test_trajectories_keep_what_the_laws_keep():
    for x, after in zip(SOLITONS.trajectories("test").inputs, SOLITONS.trajectories("test").outputs["u_next"]):
        with double():
            drift = long_run.invariant_drift(
                jnp.asarray(np.concatenate([x["u"][None], after])),
                lambda u: waves.korteweg_de_vries_invariants(u, length=SOLITONS.length),
                scale=SOLITONS.amplitude ** np.array([1, 2, 3]),
            )
        assert np.all(drift < 1e-5)
    means = np.mean(CHAOS.trajectories("test").outputs["u_next"], axis=-1)
    np.testing.assert_allclose(means, 0.0, atol=1e-12)


def test_few_points_hold_values_of_burgers_and_waves_of_chaos():
    fine = np.random.default_rng(0).normal(size=64)
    np.testing.assert_array_equal(seen(fine, 16, filtered=False), fine[::4])
    np.testing.assert_allclose(seen(fine, 16, filtered=True), spectral.resample(jnp.asarray(fine), (16,)), atol=1e-6)
    assert CHAOS.filtered and not SOLITONS.filtered
    few = KuramotoSivashinsky(n=16, length=22.0, count=10, horizon=2, spin_up=50.0).trajectories("test")
    assert abs(np.fft.rfft(few.outputs["u_next"][0][1])[8]) < 1e-9  # no Nyquist mode


def test_the_equation_is_the_law_in_the_box_of_the_input():
    with double():
        x = CHAOS.trajectories("test").inputs[0]
        linear, nonlinear, mask = CHAOS.equation(x)
        u_hat = jnp.fft.rfft(jnp.asarray(x["u"]))
        k = 2 * np.pi * np.arange(len(mask)) / CHAOS.length
        np.testing.assert_allclose(linear, k**2 - k**4, rtol=1e-12, atol=1e-12)
        advection = jnp.fft.rfft(-x["u"] * spectral.derivative(jnp.asarray(x["u"]), length=CHAOS.length))
        np.testing.assert_allclose(nonlinear(u_hat)[:8], advection[:8], atol=1e-3 * float(np.abs(advection).max()))
        wider = Field({"u": x["u"]}, (2 * x.spacing[0],))
        np.testing.assert_allclose(CHAOS.equation(wider)[0], (k / 2) ** 2 - (k / 2) ** 4, rtol=1e-12, atol=1e-12)


def test_chaos_begins_on_the_attractor():
    states = np.array([x["u"] for x in CHAOS.trajectories("train").inputs])
    assert 0.9 < states.std() < 1.5 and 2.0 < np.abs(states).max() < waves.KS_SPEED
    start = long_run.energy_spectra(states).mean(axis=0)
    assert start[1:6].sum() > 0.99 * start.sum() and start[12] < 1e-3 * start[3]


def test_grids_of_the_truth():
    assert Burgers().fine == 512
    assert KortewegDeVries().fine == 512 and KortewegDeVries(amplitude=1.0).fine == 1024
    assert KuramotoSivashinsky().fine == 512 and KuramotoSivashinsky(n=64).fine == 256


@pytest.mark.parametrize(
    ("task", "setting", "value"),
    [
        (KortewegDeVries, "amplitude", 0.0),
        (KortewegDeVries, "length", -1.0),
        (KortewegDeVries, "n", 4),
        (KuramotoSivashinsky, "dt", 0.0),
        (KuramotoSivashinsky, "length", 0.0),
        (KuramotoSivashinsky, "spin_up", -1.0),
        (KuramotoSivashinsky, "count", 1),
    ],
)
def test_settings_outside_their_range(task, setting, value):
    with pytest.raises(Invalid, match=f"{setting} must be"):
        task(**{setting: value})
