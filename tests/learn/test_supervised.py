"""The supervised engine: it learns, repeats exactly, resumes exactly, and recovers from NaN."""

from __future__ import annotations

import contextlib
import re
import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.contract import Budget, Samples, Session
from erlangen.core.errors import Invalid
from erlangen.core.systems import Field
from erlangen.learn import checkpoint
from erlangen.learn.batching import pack, thinned
from erlangen.learn.pace import Progress, judged, replan
from erlangen.learn.supervised import Training, fit, in_time, schedule, squared_error


class Linear(eqx.Module):
    weight: jax.Array

    def __call__(self, x):
        return {"v": self.weight @ x["u"]}


def samples(n, seed, matrix):
    u = np.random.default_rng(seed).normal(size=(n, 4)).astype(np.float32)
    return Samples([Field({"u": row}, (1.0,)) for row in u], {"v": list(u @ matrix.T)})


MATRIX = np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32)


def run(budget, folder=None, resume=False, stop_at=None, train=None, checks=10):
    said = []

    def progress(step, total, figures):
        if stop_at is not None and step >= stop_at:
            raise KeyboardInterrupt

    session = Session(folder=folder, resume=resume, say=said.append, progress=progress)
    model = Linear(jnp.zeros((4, 4)))
    data = (train or samples(200, 1, MATRIX), samples(50, 2, MATRIX))
    how = {"training": Training(rate=0.05, batch=20, checks=checks), "budget": Budget.parse(budget)}
    fitted = fit(model, squared_error({"v": 1.0}), *data, **how, key=jax.random.key(3), session=session)
    return fitted, said


def test_linear_map_is_recovered():
    fitted, _ = run("600steps")
    np.testing.assert_allclose(fitted.weight, MATRIX, atol=1e-3)


def test_same_key_same_bits():
    assert np.array_equal(run("60steps")[0].weight, run("60steps")[0].weight)


def test_killed_fit_resumes_bit_for_bit(tmp_path):
    whole, _ = run("100steps")
    with pytest.raises(KeyboardInterrupt):
        run("100steps", folder=tmp_path, stop_at=45)
    resumed, said = run("100steps", folder=tmp_path, resume=True)
    assert "resumed at step 50" in said[0]
    assert np.array_equal(whole.weight, resumed.weight)


def test_seconds_are_kept():
    tick = time.perf_counter()
    run("3s")
    assert time.perf_counter() - tick < 8


def test_compiling_is_part_of_the_budget_but_not_of_the_pace():
    """14 of 20 s went into compiling, steps take 0.1 s: at the first look there is time for 55 more, not for 3."""
    progress = Progress(step=3, total=58, every=3, seconds=14.4, planned=14.0)
    replan(progress, Budget(seconds=20.0))
    assert 40 <= progress.total <= 58
    slower = Progress(step=10, total=100, every=4, seconds=24.0, planned=4.0)
    replan(slower, Budget(seconds=30.0))
    assert slower.total == 13  # two seconds a step
    over = Progress(step=10, total=100, seconds=31.0, planned=4.0)
    replan(over, Budget(seconds=30.0))
    assert over.total == 10


def test_a_budget_that_is_no_training_says_so_and_ends():
    class Slow(Linear):
        def __call__(self, x):
            jax.debug.callback(lambda: time.sleep(0.05))
            return super().__call__(x)

    said, stages = [], []

    @contextlib.contextmanager
    def during(what):
        stages.append(what)
        yield lambda done, total: None

    data, training = (samples(40, 1, MATRIX), samples(10, 2, MATRIX)), Training(rate=0.05, batch=20)
    tick = time.perf_counter()
    how = {"training": training, "budget": Budget(seconds=1.0), "key": jax.random.key(0)}
    session = Session(say=said.append, during=during)
    fit(Slow(jnp.zeros((4, 4))), squared_error({"v": 1.0}), *data, **how, session=session)
    assert time.perf_counter() - tick < 4 and stages == ["compiling"]
    assert re.match(r"the time for the fit, 1s, was enough for \d+ steps? of training .* hardly trained", said[0])
    how["budget"] = Budget(steps=3)
    said.clear()
    fit(Linear(jnp.zeros((4, 4))), squared_error({"v": 1.0}), *data, **how, session=session)
    assert not said, "three steps were asked for"


def test_validations_take_a_quarter_of_the_time_at_most():
    total, every = in_time(300.0, 0.1, 0.5, 20)  # cheap: all twenty
    assert (total, every) == (2900, 145)
    total, every = in_time(300.0, 1.5, 12.0, 40)  # dear: six
    assert total == 152 and every == 25
    assert in_time(-3.0, 1.0, 1.0, 20) == (1, 1)


def test_dear_validations_look_at_fewer_samples():
    assert judged(300.0, 0.01, 32, 5000) == 5000  # 15 s of 0.1 ms a sample: all
    assert judged(120.0, 2.0, 8, 340) == 72  # six seconds of 83 ms
    assert judged(2.0, 5.0, 8, 340) == 16 and judged(2.0, 5.0, 8, 10) == 10
    buckets = pack(samples(90, 1, MATRIX).inputs, samples(90, 1, MATRIX).outputs)
    (part,) = thinned(buckets, 9)
    assert part.rows.tolist() == [0, 11, 22, 33, 44, 55, 66, 77, 89]
    np.testing.assert_array_equal(part.outputs["v"], buckets[0].outputs["v"][part.rows])


def test_a_program_slow_to_compile_ends_the_fit_not_long_after_its_budget():
    """Two seconds to compile and three for every step or sixteenth of a validation, in a budget of one second."""
    calls = []

    class Slow(Linear):
        def __call__(self, x):
            jax.debug.callback(lambda: calls.append(time.sleep(0.02)))
            return super().__call__(x)

    said = []
    data = (samples(40, 1, MATRIX), samples(400, 2, MATRIX))
    how = {"training": Training(batch=20), "budget": Budget(seconds=0.1), "key": jax.random.key(0)}
    fit(Slow(jnp.zeros((4, 4))), squared_error({"v": 1.0}), *data, **how, session=Session(say=said.append))
    assert said[0].startswith("validated on 16 of 400 samples") and "enough for 1 step of training" in said[1]
    assert len(calls) <= 4 * 20 + 3 * 16  # two steps and a validation to plan, one step and one validation


def test_a_fit_that_learns_nothing_says_so():
    data, said = (samples(40, 1, MATRIX), samples(40, 2, np.zeros((4, 4), np.float32))), []
    how = {"training": Training(rate=1e-9, batch=20), "budget": Budget(steps=3), "key": jax.random.key(0)}
    of_zero = float(np.mean(np.square(data[1].outputs["v"]))) or 1e-9
    for trivial in (None, of_zero, 10.0):
        model = Linear(jnp.eye(4))
        fit(model, squared_error({"v": 1.0}), *data, **how, session=Session(say=said.append), trivial=trivial)
    assert len(said) == 1 and said[0].startswith("nothing was learned")


def test_nan_is_rolled_back_and_reported():
    broken = samples(200, 1, MATRIX)
    broken.outputs["v"][3] = np.full(4, np.nan, np.float32)
    with pytest.raises(Invalid, match="finite"):
        run("100steps", train=broken)


def test_damaged_checkpoint_is_set_aside(tmp_path):
    run("50steps", folder=tmp_path)
    path = tmp_path / checkpoint.STATE
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 0xFF
    path.write_bytes(raw)
    assert checkpoint.load_state(tmp_path, like={}) is None
    assert path.with_suffix(".damaged").exists()


def test_fitted_round_trip_keeps_structure_and_bits(tmp_path):
    from erlangen.learn.rollout import Rollout  # any module of the package

    tree = Rollout({"a": jnp.arange(3.0), "b": (1 + 2j) * jnp.ones(2)}, None, 4)
    checkpoint.save_fitted(tmp_path, tree)
    back = checkpoint.load_fitted(tmp_path)
    assert isinstance(back, Rollout) and back.steps == 4
    np.testing.assert_array_equal(back.fitted["a"], tree.fitted["a"])
    np.testing.assert_array_equal(back.fitted["b"], tree.fitted["b"])


def test_schedule_rises_then_falls():
    training = Training()
    rates = [schedule(p, training) for p in np.linspace(0, 0.999, 200)]
    peak = int(np.argmax(rates))
    assert rates[0] < 0.1 and rates[-1] < 0.01 and max(rates) == pytest.approx(1.0, abs=0.02)
    assert all(a <= b for a, b in zip(rates[:peak], rates[1 : peak + 1])) and all(
        a >= b for a, b in zip(rates[peak:], rates[peak + 1 :])
    )
