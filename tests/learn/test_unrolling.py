"""Unrolled fits against what can be worked out by hand: gradients of a linear map, Parseval, persistence."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.contract import Budget, Predictor
from erlangen.core.errors import Invalid
from erlangen.learn.rollout import windows
from erlangen.learn.supervised import Training
from erlangen.learn.unrolling import Unrolling, changes_of, fit_unrolled, noisy, norms_of, unrolled_loss
from erlangen.methods.operators.fno import FNO
from erlangen.numerics.precision import double
from erlangen.tasks.continuum.burgers import Burgers
from erlangen.tasks.continuum.kolmogorov import Kolmogorov
from erlangen.tasks.molecules.forces import Forces

BURGERS, KOLMOGOROV = Burgers(**Burgers.toy), Kolmogorov(**Kolmogorov.toy)


class Factor(Predictor):
    """u -> a u."""

    a: jax.Array

    def __call__(self, x):
        return {"u_next": self.a * x["u"]}


@pytest.mark.parametrize("gradient", ["all", "last"])
def test_gradient_of_a_linear_map(gradient):
    """u_k = a^k u_0 against zero: |u_k| = a^k r; d/da is k a^(k-1) r through all steps, a^(k-1) r through the last."""
    x = BURGERS.truth("test").inputs[0]
    r, a, steps = np.sqrt(np.mean(np.asarray(x["u"]) ** 2)), 1.3, 3
    norms = {"u_next": lambda gap: jnp.sqrt(jnp.mean(gap**2))}
    loss = unrolled_loss(BURGERS, Unrolling(steps=steps, gradient=gradient), norms)
    with double():
        found = jax.grad(lambda a: loss(Factor(a), x, {"u_next": jnp.zeros((steps, 32))}))(jnp.asarray(a))
    expected = np.mean([(k if gradient == "all" else 1) * a ** (k - 1) for k in (1, 2, 3)]) * r
    assert float(found) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("task", [BURGERS, KOLMOGOROV], ids=lambda t: t.name())
@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_persistence_has_the_loss_one_in_every_norm(task, exponent):
    samples = windows(task, task.trajectories("train"), 1)
    changes = changes_of(task, samples)
    (name,) = changes
    norm = norms_of(samples, changes, exponent)[name]
    squares = [float(norm(jnp.asarray(c, jnp.float32))) ** 2 for c in changes[name]]
    # shells that are weaker than the floor count less than a whole share, so that the sum stays just below one
    assert np.mean(squares) == pytest.approx(1.0, abs=1e-4) if exponent < 1 else 0.3 < np.mean(squares) < 1 + 1e-4


def test_no_exponent_is_parseval():
    samples = windows(KOLMOGOROV, KOLMOGOROV.trajectories("train"), 1)
    changes = changes_of(KOLMOGOROV, samples)
    plain, tiny = (norms_of(samples, changes, p)["w_next"] for p in (0.0, 1e-9))
    gap = jax.random.normal(jax.random.key(0), (24, 24))
    assert float(tiny(gap)) == pytest.approx(float(plain(gap)), rel=1e-5)


def test_weak_shells_count_more_with_the_exponent():
    samples = windows(KOLMOGOROV, KOLMOGOROV.trajectories("train"), 1)
    changes, x = changes_of(KOLMOGOROV, samples), np.arange(24) * 2 * np.pi / 24
    slow, fast = (jnp.asarray(np.cos(m * x)[:, None] * np.ones(24), jnp.float32) for m in (2, 7))
    ratios = [float(n(fast) / n(slow)) for p in (0.0, 0.5, 1.0) for n in [norms_of(samples, changes, p)["w_next"]]]
    assert ratios[0] == pytest.approx(1, rel=1e-5) and ratios[0] < 0.5 * ratios[1] < 0.25 * ratios[2]


def test_noise_is_of_its_size_on_the_state_alone_and_follows_the_key():
    samples = windows(KOLMOGOROV, KOLMOGOROV.trajectories("train"), 2)
    changes = changes_of(KOLMOGOROV, samples)
    stir, x = noisy(KOLMOGOROV, 0.3, changes), samples.inputs[0]
    labels = {"w_next": samples.outputs["w_next"][0]}
    one, kept = stir(x, labels, jax.random.key(0))
    gap = np.asarray(one["w"] - x["w"])
    assert np.std(gap) == pytest.approx(0.3 * np.sqrt(np.mean(changes["w_next"] ** 2)), rel=0.1)
    assert kept is labels and one["source"] is x["source"]
    np.testing.assert_array_equal(stir(x, labels, jax.random.key(0))[0]["w"], one["w"])
    assert np.any(stir(x, labels, jax.random.key(1))[0]["w"] != one["w"])


def test_fits_repeat_bit_for_bit_and_learn():
    task, small = BURGERS, FNO(width=8, modes=6, layers=2)
    options = {
        "training": Training(rate=3e-3, batch=16, checks=2),
        "budget": Budget(steps=40),
        "key": jax.random.key(1),
    }
    model = small.build(task, task.truth("train"), key=jax.random.key(0))
    unrolling = Unrolling(steps=2, gradient="last", noise=0.1, shells=0.5)
    one, two = (fit_unrolled(model, task, unrolling, **options) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two)))
    test = windows(task, task.trajectories("test"), 2)
    loss = eqx.filter_jit(unrolled_loss(task, unrolling, norms_of(test, changes_of(task, test), 0.5)))
    samples = list(zip(test.inputs, test.outputs["u_next"]))
    before, after = (np.mean([float(loss(f, x, {"u_next": y})) for x, y in samples]) for f in (model, one))
    assert after < 0.7 * before


def test_what_cannot_be_unrolled():
    options = {"training": Training(), "budget": Budget(steps=1), "key": jax.random.key(0)}
    with pytest.raises(Invalid, match="at most 4"):
        fit_unrolled(None, BURGERS, Unrolling(steps=5), **options)
    with pytest.raises(Invalid, match=r"Did you mean: (all, )?last"):
        Unrolling(gradient="lst")  # pyright: ignore[reportArgumentType]
    for settings in ({"noise": -0.1}, {"noise": float("nan")}, {"shells": 2.0}):
        with pytest.raises(Invalid, match="noise is at least 0"):
            Unrolling(**settings)
    with pytest.raises(Invalid, match="an evolution"):
        fit_unrolled(None, Forces(), Unrolling(steps=2), **options)
    with pytest.raises(Invalid, match="steps must be 1 to 1000"):
        Unrolling(steps=0)
    samples = windows(BURGERS, BURGERS.trajectories("test"), 1)
    import dataclasses

    walls = [dataclasses.replace(x, boundary="walls") for x in samples.inputs]
    with pytest.raises(Invalid, match="periodic grid"):
        norms_of(dataclasses.replace(samples, inputs=walls), changes_of(BURGERS, samples), 0.5)
