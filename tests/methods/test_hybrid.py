"""The spectral-core hybrid: untrained it is the solver, it keeps the mean and shifts, and training helps."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.assess.metrics import relative_l2
from erlangen.contract import Budget
from erlangen.core.errors import Invalid
from erlangen.learn.rollout import unroll, windows
from erlangen.learn.unrolling import Unrolling, changes_of, norms_of, unrolled_loss
from erlangen.methods.operators.hybrid import Hybrid
from erlangen.tasks.continuum.euler import CompressibleEuler
from erlangen.tasks.continuum.gray_scott import GrayScott
from erlangen.tasks.continuum.navier_stokes import NavierStokes
from erlangen.tasks.continuum.shallow_water import ShallowWater

TASK = NavierStokes(**NavierStokes.toy)


@pytest.fixture(scope="module")
def samples():
    return TASK.trajectories("train")


def random_readout(model, scale=0.3):
    readout = model.corrector.readout
    noise = scale * jax.random.normal(jax.random.key(3), readout.shape, readout.dtype)
    model = dataclasses.replace(model, out_scale=0.1)  # the toy is resolved: its own errors are rounding
    return eqx.tree_at(lambda m: m.corrector.readout, model, noise)


def test_without_training_it_is_the_solver(samples):
    model = Hybrid(corrections=1, width=4, modes=5).build(TASK, samples, key=jax.random.key(0))
    x = samples.inputs[0]
    np.testing.assert_allclose(model(x)["w_next"], TASK.solve_on(x, TASK.n)["w_next"], atol=2e-6)


@pytest.mark.parametrize("task", [GrayScott(**GrayScott.toy), ShallowWater(**ShallowWater.toy)], ids=str)
def test_of_several_fields_it_is_the_solver_too_and_its_numbers_act_on_each(task):
    """Two species on a torus, depth and wind on a sphere: untrained, after a nudge, and in the derivative of a loss."""
    data = task.trajectories("test")
    model, x = Hybrid(width=4, modes=5).build(task, data, key=jax.random.key(0)), data.inputs[0]
    on_sphere = isinstance(task, ShallowWater)
    assert (model.corrector is None) == on_sphere and model.rate.shape == (3 if on_sphere else 2, 5)
    solver = task.path_on(x, task.lmax if on_sphere else task.n, 1)
    call = jax.jit(lambda m, x: m(x))
    for name, field in call(model, x).items():
        scale = float(np.std(solver[name]))
        np.testing.assert_allclose(field, solver[name][0], atol=2e-4 * scale)

    def gap(rate):
        found = dataclasses.replace(model, rate=rate)(x)
        return jnp.stack([jnp.mean((found[name] - solver[name][0]) ** 2) / np.var(solver[name]) for name in found])

    nudged = jnp.zeros_like(model.rate).at[0].set(1.0)
    sizes, slopes = jax.jit(gap)(nudged), jax.jit(jax.jacrev(lambda rate: jnp.sum(gap(rate))))(nudged)
    assert np.all(np.isfinite(slopes)) and float(jnp.max(sizes)) > 1e-6 and np.abs(slopes[0]).max() > 0


def test_further_modes_need_a_torus():
    task = ShallowWater(**ShallowWater.toy)
    with pytest.raises(Invalid, match="periodic grid"):
        Hybrid(finer=1.5).build(task, task.trajectories("test"), key=jax.random.key(0))


def test_corrections_add_nothing_to_the_mean_and_move_with_the_field(samples):
    model = random_readout(Hybrid(corrections=2, width=4, modes=5).build(TASK, samples, key=jax.random.key(0)))
    x, call = samples.inputs[1], jax.jit(lambda m, x: m(x)["w_next"])
    after = call(model, x)
    solver = Hybrid(corrections=2, width=4, modes=5).build(TASK, samples, key=jax.random.key(0))
    assert np.abs(after - call(solver, x)).max() > 1e-3  # it does something
    assert abs(float(jnp.mean(after))) < 1e-6
    moved = call(model, x.replace(w=jnp.roll(x["w"], (3, 5), (0, 1)), source=jnp.roll(x["source"], (3, 5), (0, 1))))
    np.testing.assert_allclose(moved, jnp.roll(after, (3, 5), (0, 1)), atol=1e-5)


def test_windows_follow_their_trajectories(samples):
    cut = windows(TASK, samples, 3)
    assert len(cut) == len(samples) * (TASK.horizon - 2)
    path = samples.outputs["w_next"][0]
    np.testing.assert_array_equal(cut.inputs[1]["w"], path[0])
    np.testing.assert_array_equal(cut.outputs["w_next"][1], path[1:4])


def test_the_gradient_through_the_solver_is_that_of_finite_differences(samples):
    model = random_readout(Hybrid(corrections=2, width=3, modes=4).build(TASK, samples, key=jax.random.key(0)))
    cut = windows(TASK, samples, 2)
    norms = norms_of(cut, changes_of(TASK, cut), 0.0)
    x, true = cut.inputs[0], {"w_next": 1.5 * jnp.asarray(cut.outputs["w_next"][0])}  # far off, for single precision
    loss = eqx.filter_jit(lambda m: unrolled_loss(TASK, Unrolling(2), norms)(m, x, true))
    slope = eqx.filter_grad(loss)(model).rate[1]
    shifted = [eqx.tree_at(lambda m: m.rate, model, model.rate.at[1].add(h)) for h in (0.05, -0.05)]
    assert float(slope) == pytest.approx(float(loss(shifted[0]) - loss(shifted[1])) / 0.1, rel=2e-2)


@dataclasses.dataclass(frozen=True)
class Inviscid(NavierStokes):
    """States of a viscous flow, an equation that has forgotten the viscosity."""

    def equation(self, x):
        _, nonlinear, mask = super().equation(x)
        return jnp.zeros_like(mask), nonlinear, mask


@pytest.mark.slow
def test_training_finds_what_the_equation_lacks():
    task = Inviscid(**{**NavierStokes.toy, "viscosity": 3e-3})
    method = Hybrid(corrections=2, width=6, modes=6, unrolled=1)
    fitted = method.fit(task, Budget(steps=80), key=jax.random.key(0))
    solver, test = method.build(task, task.trajectories("train"), key=jax.random.key(0)), task.trajectories("test")
    before, after = (
        np.mean([relative_l2(p, w) for p, w in zip(unroll(m, task, test.inputs, 2)["w_next"], true)])
        for true in [[w[:2] for w in test.outputs["w_next"]]]
        for m in (solver, fitted)
    )
    assert after < 0.4 * before


def test_tasks_without_a_known_equation_are_refused():
    with pytest.raises(Invalid, match="Semilinear"):
        Hybrid().check(CompressibleEuler(**CompressibleEuler.toy))
