"""The learned limiter: untrained it is WENO-Z, it conserves and stays sound whatever it says, and training helps."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.contract import Budget
from erlangen.learn.rollout import windows
from erlangen.learn.unrolling import Unrolling, changes_of, norms_of, unrolled_loss
from erlangen.methods.operators.flux_limiter import FluxLimiter
from erlangen.numerics import weno
from erlangen.numerics.precision import double
from erlangen.tasks.continuum.euler import CompressibleEuler

TASK = CompressibleEuler(n=48, count=20, horizon=4)


@pytest.fixture(scope="module")
def samples():
    return TASK.trajectories("train")


def opinionated(model, scale=2.0):
    """With a last layer that says something."""
    *inner, (weight, bias) = model.layers
    last = scale * jax.random.normal(jax.random.key(5), weight.shape, weight.dtype), bias
    return eqx.tree_at(lambda m: m.layers, model, [*inner, last])


def test_without_training_it_is_the_solver(samples):
    model = FluxLimiter().build(TASK, samples, key=jax.random.key(0))
    x = samples.inputs[0]
    wanted = TASK.solve_on(x, TASK.n)
    for name, value in eqx.filter_jit(model)(x).items():
        np.testing.assert_allclose(value, wanted[name], atol=2e-5)


def test_whatever_it_says_mass_momentum_and_energy_are_kept_and_fronts_stay_between_their_sides(samples):
    model = opinionated(FluxLimiter().build(TASK, samples, key=jax.random.key(0)))
    solver = FluxLimiter().build(TASK, samples, key=jax.random.key(0))
    q = TASK.cells(samples.inputs[1], jnp.float32)
    move = eqx.filter_jit(lambda model, q: TASK.moved(q, model.faces, model.steps))
    after, plain = move(model, q), move(solver, q)
    assert np.abs(after - plain).max() > 1e-2  # it does something
    np.testing.assert_allclose(after.sum(1), q.sum(1), atol=3e-5 * float(np.abs(q).sum(1).max()))
    assert after[0].min() > 0


def test_a_steepened_value_stays_between_the_averages_and_smooth_flow_is_left_alone(samples):
    model = opinionated(FluxLimiter().build(TASK, samples, key=jax.random.key(0)))
    jump = jnp.asarray(np.r_[np.zeros(8), 0.3, np.ones(7)][None])
    cells = [jnp.roll(jump, 2 - k, 1) for k in range(6)]
    left, _ = model.faces(cells)
    plain, _ = weno.fifth_order()(cells)
    between = (plain - cells[2]) * (cells[3] - plain) > 0
    low, high = jnp.minimum(cells[2], cells[3]), jnp.maximum(cells[2], cells[3])
    assert np.all(np.where(between, (left >= low) & (left <= high), True))
    with double():
        gaps = []
        for n in (64, 128):
            wave = jnp.sin(2 * np.pi * (jnp.arange(n) + 0.3) / n)[None]
            cells = [jnp.roll(wave, 2 - k, 1) for k in range(6)]
            gaps.append(float(np.mean(np.abs(model.faces(cells)[0] - weno.fifth_order()(cells)[0]))))
    assert np.log2(gaps[0] / gaps[1]) > 5  # of higher order than the scheme


def test_the_gradient_through_the_solver_is_that_of_finite_differences(samples):
    with double():
        wide = jax.tree.map(
            lambda a: a.astype(jnp.float64), FluxLimiter(width=4).build(TASK, samples, key=jax.random.key(0))
        )
        model = opinionated(wide, 0.3)
        cut = windows(TASK, samples, 1)
        norms = norms_of(cut, changes_of(TASK, cut), 0.0)
        x, true = cut.inputs[3], {name: jnp.asarray(v[3]) for name, v in cut.outputs.items()}
        loss = eqx.filter_jit(lambda m: unrolled_loss(TASK, Unrolling(1), norms)(m, x, true))
        slope = eqx.filter_grad(loss)(model).layers[-1][1][3]
        at = lambda h: eqx.tree_at(lambda m: m.layers[-1][1], model, model.layers[-1][1].at[3].add(h))  # noqa: E731
        assert float(slope) == pytest.approx(float(loss(at(1e-5)) - loss(at(-1e-5))) / 2e-5, rel=1e-4)


@pytest.mark.slow
def test_training_lowers_the_error_on_held_out_states(samples):
    untrained = FluxLimiter().build(TASK, samples, key=jax.random.key(0))
    fitted = FluxLimiter(unrolled=1, rate=1e-2).fit(TASK, Budget.parse("30steps"), key=jax.random.key(0))
    test = TASK.truth("test")

    def error(model):
        ask = eqx.filter_jit(model)
        gaps = [ask(x)["density_next"] - u for x, u in zip(test.inputs, test.outputs["density_next"])]
        return float(np.sqrt(np.mean(np.square(gaps))))

    assert error(fitted) < 0.98 * error(untrained)
