"""The hybrid on the periodic line: untrained it is the solver on the same grid, with all symmetries of the law."""

import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.assess.symmetry import audit, audit_in_double, audit_method, guilty
from erlangen.contract import Budget
from erlangen.core.groups import Broken
from erlangen.learn.batching import predict
from erlangen.methods.operators.hybrid import Hybrid, division
from erlangen.numerics.precision import double
from erlangen.tasks.continuum.burgers import Burgers
from erlangen.tasks.continuum.korteweg_de_vries import KortewegDeVries
from erlangen.tasks.continuum.kuramoto_sivashinsky import KuramotoSivashinsky

METHOD = Hybrid(corrections=1, width=4, modes=8, finer=1.5)
TASKS = [task(**task.toy) for task in (Burgers, KortewegDeVries, KuramotoSivashinsky)]
each = pytest.mark.parametrize("task", TASKS, ids=lambda t: t.name().split("/")[-1])


def built(task):
    return METHOD.build(task, task.trajectories("train"), key=jax.random.key(0))


def stirred(model, scale=0.3):
    readout = model.corrector.readout
    noise = scale * jax.random.normal(jax.random.key(3), readout.shape, readout.dtype)
    model = dataclasses.replace(model, out_scale=0.1)  # toys are resolved: the errors of their solvers are small
    return eqx.tree_at(lambda m: (m.corrector.readout, m.share), model, (noise, model.share + 0.1))


@each
def test_without_training_it_is_the_solver_on_that_grid(task):
    x, steps = task.truth("test").inputs[2], math.prod(division(task.substeps))
    for moved in (x, x.replace(u=x["u"] + 0.7)):
        u = jnp.asarray(moved["u"], jnp.float32)
        solved = task.evolve(u, steps=steps, frames=1, dealiasing=task.coarse)[0]
        np.testing.assert_allclose(built(task)(moved)["u_next"], solved, atol=3e-6 * float(jnp.std(u)) + 1e-6)


@each
def test_without_training_it_has_every_symmetry_of_the_law(task):
    declared = {group.name: not isinstance(group, Broken) for group in task.symmetry}
    with double():
        rows = audit(
            "method", eqx.filter_jit(built(task)), task, task.truth("test"), declared, 5e-6,
            key=jax.random.key(1), inputs=2, count=3,
        )  # fmt: skip
    assert {row.group for row in rows} == {group.name for group in task.symmetry}
    assert not guilty(rows), guilty(rows)


@each
def test_with_corrections_shifts_and_boosts_are_kept_and_the_mean_stays(task):
    model, samples = stirred(built(task)), task.truth("test")
    for check in (audit_method, audit_in_double):
        rows = check(model, METHOD, task, samples, key=jax.random.key(2))
        assert sum(row.declared for row in rows) == 2 and not guilty(rows), guilty(rows)
    x = samples.inputs[0]
    change = np.abs(model(x)["u_next"] - built(task)(x)["u_next"]).max()
    assert change > 1e-3 * np.std(x["u"])
    assert abs(float(jnp.mean(model(x)["u_next"]) - np.mean(x["u"]))) < 1e-6


@pytest.mark.slow
def test_training_makes_a_coarse_solver_of_chaos_better():
    task = KuramotoSivashinsky(n=32, length=32.0, count=40, horizon=8, spin_up=50.0)
    method = Hybrid(width=8, modes=16, unrolled=2)
    test, solver = task.truth("test"), method.build(task, task.trajectories("train"), key=jax.random.key(0))
    fitted = method.fit(task, Budget(steps=300), key=jax.random.key(0))
    before, after = (
        np.linalg.norm(np.subtract(predict(m, test.inputs)["u_next"], test.outputs["u_next"])) for m in (solver, fitted)
    )
    assert after < 0.85 * before  # after so few steps; found: 0.74


@pytest.mark.slow
def test_training_slaves_the_modes_that_the_grid_cannot_hold():
    task = KuramotoSivashinsky(n=32, length=32.0, count=40, horizon=8, spin_up=50.0)
    method = Hybrid(width=0, finer=1.5, unrolled=2, rate=0.02)
    test, solver = task.truth("test"), method.build(task, task.trajectories("train"), key=jax.random.key(0))
    fitted = method.fit(task, Budget(steps=300), key=jax.random.key(0))
    before, after = (
        np.linalg.norm(np.subtract(predict(m, test.inputs)["u_next"], test.outputs["u_next"])) for m in (solver, fitted)
    )
    assert after < 0.3 * before  # after so few steps; found: 0.12


def test_a_correction_is_as_large_as_the_error_of_the_solver():
    task = TASKS[0]
    truth, model = task.trajectories("train"), built(task)
    gaps = [model(x)["u_next"] - y[0] for x, y in zip(truth.inputs, truth.outputs["u_next"])]
    assert model.out_scale == pytest.approx(float(np.sqrt(np.mean(np.square(gaps)))), rel=1e-3)
