"""PDE-Refiner: noise falls off and moves with the state, an answer is a function, and training helps."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.assess.metrics import per_sample
from erlangen.assess.symmetry import audit_in_double, audit_method, guilty
from erlangen.contract import Budget
from erlangen.core.errors import Invalid
from erlangen.core.systems import Field
from erlangen.learn.batching import predict
from erlangen.methods.baselines.persistence import Persistence
from erlangen.methods.operators.pde_refiner import PDERefiner, cleaning, laid_from_centre
from erlangen.numerics.precision import double
from erlangen.tasks.continuum.burgers import Burgers
from erlangen.tasks.continuum.darcy import Darcy
from erlangen.tasks.continuum.kolmogorov import Kolmogorov
from erlangen.tasks.continuum.kuramoto_sivashinsky import KuramotoSivashinsky

METHOD = PDERefiner(width=12, modes=8, layers=2, batch=16)
CHAOS, TURBULENCE = KuramotoSivashinsky(**KuramotoSivashinsky.toy), Kolmogorov(**Kolmogorov.toy)
each = pytest.mark.parametrize("task", [CHAOS, TURBULENCE], ids=lambda t: t.name().split("/")[-1])


def test_noise_decreases_exponentially_to_the_least():
    assert PDERefiner(refinements=3, least=1e-3).levels == pytest.approx((0.1, 0.01, 0.001))


@pytest.mark.parametrize("shape", [(24, 1), (12, 16, 2), (15, 1)])
def test_noise_moves_with_the_state_and_keeps_its_size(shape):
    with double():
        noise, x = (jax.random.normal(jax.random.key(k), shape, jnp.float64) for k in (0, 1))
        axes, steps = tuple(range(len(shape) - 1)), (5, 3)[: len(shape) - 1]
        there = laid_from_centre(noise, jnp.roll(x, steps, axes))
        np.testing.assert_allclose(there, jnp.roll(laid_from_centre(noise, x), steps, axes), atol=1e-12)
        kept = np.fft.rfftn(noise, axes=axes)
        for axis in axes:
            n = shape[axis]
            if n % 2 == 0:
                kept[(slice(None),) * axis + (n // 2,)] = 0
        kept = np.fft.irfftn(kept, s=shape[:-1], axes=axes)
        assert float(jnp.std(there)) == pytest.approx(float(np.std(kept)), rel=1e-3)


def test_a_state_without_a_centre_gets_no_noise_and_has_derivatives():
    noise = jax.random.normal(jax.random.key(0), (16, 1))
    assert np.abs(laid_from_centre(noise, jnp.full((16, 1), 2.0))).max() < 1e-6
    slope = jax.jacobian(lambda x: laid_from_centre(noise, x))(jnp.zeros((16, 1)))
    assert np.all(np.isfinite(slope))


@each
def test_shifts_and_boosts_are_kept_before_training(task):
    samples = task.truth("test")
    model = METHOD.build(task, samples, key=jax.random.key(0))
    for check in (audit_method, audit_in_double):
        rows = check(model, METHOD, task, samples, key=jax.random.key(1))
        assert any(row.declared for row in rows) and not guilty(rows), guilty(rows)


def test_an_answer_is_a_function_and_the_key_of_the_fit_decides_on_its_noise():
    samples = CHAOS.truth("test")
    models = [METHOD.build(CHAOS, samples, key=jax.random.key(k)) for k in (0, 1)]
    call = eqx.filter_jit(lambda m, x: m(x)["u_next"])
    x = samples.inputs[0]
    np.testing.assert_array_equal(call(models[0], x), call(models[0], x))
    swapped = eqx.tree_at(lambda m: m.core.draws, models[0], models[1].core.draws)
    assert np.abs(call(swapped, x) - call(models[0], x)).max() > 1e-4


def test_what_the_core_would_have_to_answer_is_the_inverse_of_the_answer():
    samples = CHAOS.truth("test")
    model, x = METHOD.build(CHAOS, samples, key=jax.random.key(0)), samples.inputs[0]
    boosted = x.replace(u=x["u"] + x.spacing[0] / CHAOS.dt)
    seen, change = model.posed(boosted, model(boosted))
    np.testing.assert_allclose(change, model.core(seen), atol=2e-4)


def test_the_loss_of_a_refinement_is_that_of_the_noise_alone():
    samples = CHAOS.truth("test")
    model, x = METHOD.build(CHAOS, samples, key=jax.random.key(0)), samples.inputs[0]
    true = {"u_next": jnp.asarray(samples.outputs["u_next"][0], jnp.float32)}
    silent = eqx.tree_at(lambda m: m.core.network.readout, model, replace_fn=jnp.zeros_like)
    for k, wanted in ((0, float(jnp.std(model.posed(x, true)[1]))), (2, 1.0)):
        drawn = {**true, "refinement": jnp.asarray(k), "seed": jax.random.key_data(jax.random.key(5))}
        assert float(cleaning(silent, x, drawn)) == pytest.approx(wanted, rel=0.35)


@pytest.mark.slow
def test_it_learns_and_refinement_does_no_great_harm():
    task = Burgers(**Burgers.toy)
    samples = task.truth("test")
    fitted = METHOD.fit(task, Budget(steps=300), key=jax.random.key(0))
    bare = eqx.tree_at(lambda m: m.core, fitted, type(fitted.core)(fitted.core.network, fitted.core.draws, ()))
    still = Persistence().fit(task, Budget(steps=1), key=jax.random.key(0))
    refined, once, none = (
        np.mean(per_sample(task.scores[0], predict(m, samples.inputs), samples)) for m in (fitted, bare, still)
    )
    assert refined < 0.5 * none and refined < 2 * once


def test_settings_and_tasks_that_it_refuses():
    with pytest.raises(Invalid, match="least must be"):
        PDERefiner(least=0.0)
    with pytest.raises(Invalid, match="Evolution"):
        PDERefiner().check(Darcy(**Darcy.toy))
    walled = CHAOS.truth("test").take([0])
    walled.inputs[0] = Field(walled.inputs[0]["values"], walled.inputs[0]["spacing"], "walls")
    with pytest.raises(Invalid, match="periodic"):
        METHOD.build(CHAOS, walled, key=jax.random.key(0))
