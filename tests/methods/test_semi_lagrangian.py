"""A coarse solver with the field carried along its flow: better than the solver; a path is more than its steps."""

import equinox as eqx
import jax
import numpy as np
import pytest

from erlangen.assess.conformal import calibrate
from erlangen.assess.metrics import relative_l2
from erlangen.assess.symmetry import audit_method, guilty
from erlangen.contract import Budget
from erlangen.core.errors import Invalid
from erlangen.learn.rollout import Rollout, unroll
from erlangen.learn.unrolling import Unrolling, changes_of, norms_of, unrolled_loss
from erlangen.methods.operators.semi_lagrangian import SemiLagrangian
from erlangen.tasks.continuum.gray_scott import GrayScott
from erlangen.tasks.continuum.kolmogorov import Kolmogorov
from erlangen.tasks.continuum.navier_stokes import NavierStokes

THIN = NavierStokes(viscosity=2e-5, n=32, fine=128, start=8, horizon=4, count=4, held=5)  # folded waves matter


@pytest.fixture(scope="module")
def samples():
    return THIN.trajectories("test")


def error(paths, samples):
    return np.mean([relative_l2(p, y) for p, y in zip(paths, samples.outputs["w_next"])])


def test_without_training_it_has_a_fraction_of_the_error_of_the_solver_on_the_same_grid(samples):
    model = SemiLagrangian(coarser=1.0).build(THIN, samples, key=jax.random.key(0))
    carried = unroll(model, THIN, samples.inputs, THIN.horizon)["w_next"]
    ask = jax.jit(lambda x: THIN.path_on(x, THIN.n, THIN.horizon)["w_next"])
    solver = error([ask(x) for x in samples.inputs], samples)
    assert error(carried, samples) < 0.5 * solver < 0.1


def test_a_path_begins_with_the_answer_and_is_that_of_a_rollout_inside_intervals_too(samples):
    model = SemiLagrangian().build(THIN, samples, key=jax.random.key(0))
    x = samples.inputs[0]
    path = model.path(x, 3)["w_next"]
    np.testing.assert_allclose(model(x)["w_next"], path[0], atol=1e-5)
    again = model(THIN.feed(x, {"w_next": path[0]}))["w_next"]
    assert 1e-4 < relative_l2(np.asarray(again), np.asarray(path[1])) < 0.1  # what does not show is forgotten
    calibrated = calibrate(model, THIN, THIN.truth("calibration"), level=0.9)
    np.testing.assert_array_equal(Rollout(calibrated, THIN, 3)(x)["w_next"], path)


def test_without_training_it_is_the_solver(samples):
    x, model = samples.inputs[1], SemiLagrangian(coarser=0.75).build(THIN, samples, key=jax.random.key(0))
    solver = next(o for o in THIN.solvers if "Lagrangian" in o.name)
    np.testing.assert_allclose(model.path(x, 2)["w_next"], solver.path(x, 24, 2)["w_next"], atol=2e-5)
    np.testing.assert_allclose(model(x)["w_next"], solver.solve(x, 24)["w_next"], atol=2e-5)


def test_shifts_are_kept_where_the_flow_is_solved_on_the_given_points(samples):
    moved = {}
    for ratio in (1.0, 0.875):
        method = SemiLagrangian(coarser=ratio)
        model = method.build(THIN, samples, key=jax.random.key(0))
        rows = audit_method(model, method, THIN, samples.take([0, 1]), key=jax.random.key(1))
        moved[ratio] = next(row for row in rows if row.group.startswith("shifts"))
    assert moved[1.0].declared and not guilty([moved[1.0]]) and not moved[0.875].declared


def test_numbers_that_are_none_come_out_as_such(samples):
    model = SemiLagrangian().build(THIN, samples, key=jax.random.key(0))
    x = samples.inputs[0]
    assert np.isnan(model(x.replace(w=np.full_like(x["w"], np.nan)))["w_next"]).all()


def test_another_law_on_another_box():
    task = Kolmogorov(n=48, viscosity=0.03, count=4, horizon=4, start=2.0)
    part = task.trajectories("test")
    model = SemiLagrangian(coarser=1.0).build(task, part, key=jax.random.key(0))
    assert error(unroll(model, task, part.inputs, task.horizon)["w_next"], part) < 0.01


@pytest.mark.slow
def test_training_lowers_the_loss_of_held_out_paths(samples):
    method = SemiLagrangian(unrolled=2, batch=2)
    model = method.build(THIN, THIN.trajectories("train"), key=jax.random.key(0))
    fitted = method.fit(THIN, Budget(steps=10), key=jax.random.key(0))
    loss = eqx.filter_jit(unrolled_loss(THIN, Unrolling(2), norms_of(samples, changes_of(THIN, samples), 0.0)))
    cut = [{"w_next": np.asarray(y)[:2]} for y in samples.outputs["w_next"]]
    before, after = (np.mean([loss(m, x, y) for x, y in zip(samples.inputs, cut)]) for m in (model, fitted))
    assert after < before


def test_what_is_not_carried_by_a_flow_of_its_own_is_refused():
    with pytest.raises(Invalid, match="semi_lagrangian"):
        SemiLagrangian().check(GrayScott(**GrayScott.toy))
