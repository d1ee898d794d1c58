"""Fourier neural operator: symmetries it declares, and what it learns in seconds."""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.assess.metrics import per_sample
from erlangen.assess.symmetry import audit_method, guilty
from erlangen.contract import Budget
from erlangen.core.errors import Invalid
from erlangen.learn.batching import predict
from erlangen.methods.baselines.persistence import Persistence
from erlangen.methods.operators._operator import root_mean_square
from erlangen.methods.operators.fno import FNO
from erlangen.tasks.continuum.burgers import Burgers
from erlangen.tasks.continuum.darcy import Darcy
from erlangen.tasks.continuum.kolmogorov import Kolmogorov

SMALL = FNO(width=12, modes=8, layers=3, batch=16)
TASKS = [Burgers(**Burgers.toy), Kolmogorov(**Kolmogorov.toy)]


@pytest.mark.parametrize("task", TASKS, ids=lambda t: t.name())
def test_declared_symmetries_hold_before_training(task):
    samples = task.truth("test")
    network = SMALL.build(task, samples, key=jax.random.key(0))
    rows = audit_method(network, SMALL, task, samples, key=jax.random.key(1))
    assert any(row.declared for row in rows)
    assert not guilty(rows), guilty(rows)


def test_boost_by_any_velocity_moves_and_lifts_the_answer():
    task = Burgers(**Burgers.toy)
    samples = task.truth("test")
    network = SMALL.build(task, samples, key=jax.random.key(0))
    x = samples.inputs[0]
    points, c = 3, 3 * x.spacing[0] / task.dt
    boosted = network(x.replace(u=x["u"] + c))["u_next"]
    np.testing.assert_allclose(boosted, jnp.roll(network(x)["u_next"], points) + c, atol=1e-5 * c)


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS, ids=lambda t: t.name())
def test_learns_more_than_persistence_in_a_few_steps(task):
    samples = task.truth("test")
    figures = []
    for method in (SMALL, Persistence()):
        fitted = method.fit(task, Budget(steps=200), key=jax.random.key(0))
        figures.append(np.mean(per_sample(task.scores[0], predict(fitted, samples.inputs), samples)))
    assert figures[0] < 0.7 * figures[1]


def test_the_increment_is_scaled_to_the_labels():
    task = Burgers(**Burgers.toy)
    samples = task.truth("train")
    network = SMALL.build(task, samples, key=jax.random.key(0))
    change = np.stack([y - x["u"] for x, y in zip(samples.inputs, samples.outputs["u_next"])])
    assert network.increment and network.lag == task.dt
    np.testing.assert_allclose(network.out_scale, [change.std()], rtol=1e-12)


@pytest.mark.parametrize("kind", [Burgers, Kolmogorov, Darcy])
def test_a_step_against_the_gradient_lowers_the_loss_as_it_says(kind):
    samples = kind(**kind.toy).truth("test").take([0])
    model = SMALL.build(kind(**kind.toy), samples, key=jax.random.key(0))
    true = {name: jnp.asarray(values[0], jnp.float32) for name, values in samples.outputs.items()}
    sloped = eqx.filter_jit(eqx.filter_value_and_grad(root_mean_square))
    before, gradient = sloped(model, samples.inputs[0], true)
    size = sum(float(jnp.sum(leaf**2)) for leaf in jax.tree.leaves(gradient))
    step = jax.tree.map(lambda leaf: -0.02 * before / size * leaf, gradient)  # 2 % lower, were the loss linear
    after, _ = sloped(eqx.apply_updates(model, step), samples.inputs[0], true)
    assert 0.97 * before < after < 0.99 * before


@pytest.mark.parametrize("kind", [Burgers, Darcy])
def test_a_fit_leaves_the_scales_alone(kind):
    task = kind(**kind.toy)
    before = SMALL.build(task, task.truth("train"), key=jax.random.key(0))
    after = SMALL.fit(task, Budget(steps=3), key=jax.random.key(0))
    assert before.in_scale == after.in_scale and before.out_scale == after.out_scale


def test_runs_on_a_finer_grid_than_it_was_built_on():
    task = Burgers(**Burgers.toy)
    network = SMALL.build(task, task.truth("test"), key=jax.random.key(0))
    fine = task.shifted("n", 64).truth("test")
    coarse = network(fine.inputs[0].replace(u=fine.inputs[0]["u"][::2]))["u_next"]
    gap = np.abs(network(fine.inputs[0])["u_next"][::2] - coarse).max()
    assert gap < 0.02 * float(
        network.out_scale[0]
    )  # both grids resolve the field; what is left is the nonlinearity's aliasing


def test_oversampled_layers_depend_less_on_the_grid():
    task = Burgers(**Burgers.toy)
    fine = task.shifted("n", 64).truth("test")
    gaps = []
    for times in (1, 2):
        method = dataclasses.replace(SMALL, oversampling=times)
        network = method.build(task, task.truth("test"), key=jax.random.key(0))
        coarse = network(fine.inputs[0].replace(u=fine.inputs[0]["u"][::2]))["u_next"]
        gaps.append(np.abs(network(fine.inputs[0])["u_next"][::2] - coarse).max())
        assert not guilty(audit_method(network, method, task, fine.take([0, 1]), key=jax.random.key(1)))
    assert gaps[1] < 0.3 * gaps[0]


def test_oversampling_between_walls_is_refused():
    task = Darcy(**Darcy.toy)
    with pytest.raises(Invalid, match="periodic"):
        dataclasses.replace(SMALL, oversampling=2).build(task, task.truth("test"), key=jax.random.key(0))


def test_modes_never_exceed_the_grid():
    task = Kolmogorov(**Kolmogorov.toy)
    network = FNO(width=4, modes=50, layers=1).build(task, task.truth("test"), key=jax.random.key(0))
    assert network.core.blocks[0].spectral.modes == (12, 12)
    assert network(task.truth("test").inputs[0])["w_next"].shape == (24, 24)


def test_between_walls_the_answer_vanishes_on_them_and_turns_with_the_square():
    task = Darcy(**Darcy.toy)
    samples = task.truth("test")
    network = SMALL.build(task, samples, key=jax.random.key(0))
    u = np.asarray(network(samples.inputs[0])["u"])
    assert np.abs(np.concatenate([u[0], u[-1], u[:, 0], u[:, -1]])).max() == 0 < np.abs(u[1:-1, 1:-1]).min()
    rows = audit_method(network, SMALL, task, samples, key=jax.random.key(1))
    assert [row.declared for row in rows] == [True] and not guilty(rows), rows
    finer = network(Darcy(**{**Darcy.toy, "fine": 33}).shifted("n", 33).truth("test").inputs[0])["u"]
    assert finer.shape == (33, 33)


@pytest.mark.slow
def test_between_walls_it_learns_more_than_the_mean_pressure():
    task = Darcy(**Darcy.toy)
    samples, mean = task.truth("test"), np.mean(task.truth("train").outputs["u"], axis=0)
    fitted = SMALL.fit(task, Budget(steps=150), key=jax.random.key(0))
    figures = [
        np.mean(per_sample(task.scores[0], answers, samples))
        for answers in (predict(fitted, samples.inputs), {"u": [mean] * len(samples)})
    ]
    assert figures[0] < 0.7 * figures[1]
