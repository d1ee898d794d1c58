"""Increment or state: what spreads less among the training data is learned, and said."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from erlangen.contract import Budget, Evolution, Samples, Session
from erlangen.core.quantity import Quantity
from erlangen.core.systems import Field
from erlangen.methods.operators._operator import Core, scaled
from erlangen.methods.operators.fno import FNO
from erlangen.tasks.continuum.burgers import Burgers

SMALL = FNO(width=4, modes=4, layers=1)


@dataclasses.dataclass(frozen=True)
class Decay(Evolution):
    """u(t + dt) = factor u(t), v(t + dt) = v(t), both waves on a line."""

    factor: float
    boundary: str = "periodic"

    container = Field
    inputs = (Quantity("u", "u", "1", "grid"), Quantity("v", "v", "1", "grid"))
    outputs = (Quantity("u_next", "u", "1", "grid", lag=1), Quantity("v_next", "v", "1", "grid", lag=1))
    symmetry, scores = (), ()

    def trajectories(self, split):
        rng = np.random.default_rng(len(split))
        waves = [rng.normal() * np.sin(np.pi * np.linspace(0, 2, 17)) for _ in range(8)]
        inputs = [Field({"u": w, "v": w}, (1 / 16,), self.boundary) for w in waves]
        outputs = {"u_next": [self.factor * w[None] for w in waves], "v_next": [w[None] for w in waves]}
        return Samples(inputs, outputs, np.arange(len(inputs)))

    def feed(self, x, outputs):
        return x.replace(u=outputs["u_next"], v=outputs["v_next"])


class Fixed(Core):
    answer: Array

    def __call__(self, x):
        return self.answer


@pytest.mark.parametrize(("factor", "form"), [(0.9, (True, True)), (1 / 60, (False, True)), (-0.4, (False, True))])
def test_the_form_of_the_smaller_spread_is_chosen_for_each_quantity_and_said(factor, form):
    task, said = Decay(factor), []
    model = SMALL.build(task, task.truth("train"), key=jax.random.key(0))
    assert model.increment == form
    spread = np.std([x["u"] for x in task.truth("train").inputs])
    assert model.out_scale[0] == pytest.approx(spread * (abs(factor - 1) if form[0] else abs(factor)))
    SMALL.fit(task, Budget(steps=1), key=jax.random.key(0), session=Session(say=said.append))
    words = "step for u_next, v_next" if form[0] else "step for v_next; the state after a step for u_next"
    assert f"what is learned, by the smaller spread in the training data: the increment over a {words}" in said


def test_what_the_core_answers_is_the_truth_in_either_form():
    for factor in (0.9, 1 / 60):
        task = Decay(factor)
        samples = task.truth("train")
        model = SMALL.build(task, samples, key=jax.random.key(0))
        x, true = samples.inputs[0], {n: jnp.asarray(v[0], jnp.float32) for n, v in samples.outputs.items()}
        _, change = model.posed(x, true)
        answered = dataclasses.replace(model, core=Fixed(change))(x)
        for name, value in true.items():
            np.testing.assert_allclose(answered[name], value, atol=1e-6)


def test_boosts_hold_where_the_state_is_learned():
    task = Burgers(**Burgers.toy)
    samples = task.truth("test")
    model = dataclasses.replace(SMALL.build(task, samples, key=jax.random.key(0)), increment=(False,))
    x = samples.inputs[0]
    points, c = 3, 3 * x.spacing[0] / task.dt
    boosted = model(x.replace(u=x["u"] + c))["u_next"]
    np.testing.assert_allclose(boosted, jnp.roll(model(x)["u_next"], points) + c, atol=1e-5 * c)


@pytest.mark.parametrize(("lift", "boundary"), [(0.0, "walls"), (1.0, "open")])
def test_answers_vanish_on_walls_only_where_those_of_the_training_data_do(lift, boundary):
    task, seen = Decay(0.9, "walls"), []
    samples = task.truth("train")
    moved = {**samples.outputs, "u_next": [u + lift for u in samples.outputs["u_next"]]}
    scaled(lambda layout: seen.append(layout), task, Samples(samples.inputs, moved))  # type: ignore[arg-type]
    assert [layout.boundary for layout in seen] == [boundary]
