"""Costs: break-even, equal accuracy, counting; and the shift ratio."""

from __future__ import annotations

import dataclasses
import time
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.assess import cost, metrics, shift
from erlangen.assess.metrics import absolute, relative_l2
from erlangen.assess.rows import Estimate, SolverRow
from erlangen.contract import ReferenceSolver, Samples, Score, Shift
from erlangen.core.errors import Invalid
from erlangen.core.systems import Field
from erlangen.numerics import spectral
from erlangen.tasks.continuum.burgers import Burgers

ROWS = [SolverRow("solver", "n", n, s, {"mae": e}) for n, s, e in ((8, 0.1, 1.0), (16, 0.4, 0.1), (32, 1.6, 0.01))]


def mae(value: float) -> Estimate:
    return Estimate("mae", value, 0.0, "1")


def test_equal_accuracy_is_the_cheapest_setting_that_is_at_least_as_good():
    assert cost.equal_accuracy(ROWS, mae(0.5)).setting == 16
    assert cost.equal_accuracy(ROWS, mae(0.1)).setting == 16
    assert cost.equal_accuracy(ROWS, mae(2.0)).setting == 8
    assert cost.equal_accuracy(ROWS, mae(0.001)) is None
    high = Estimate("mae", 0.1, 0.0, "1", lower_is_better=False)
    assert cost.equal_accuracy(ROWS, high).setting == 8


def test_break_even_by_hand():
    assert cost.break_even(100.0, 0.1, 0.6) == pytest.approx(200)
    assert cost.break_even(100.0, 0.6, 0.1) is None
    assert cost.break_even(100.0, 0.6, None) is None
    found = cost.cost([mae(0.5)], ROWS, parameters=7, fit_seconds=60, truth_seconds=30, query_seconds=0.1)
    assert found.solver == "solver, n = 16" and found.solver_seconds == 0.4
    assert found.break_even == pytest.approx(90 / 0.3)
    unmatched = cost.cost([mae(1e-9)], ROWS, parameters=7, fit_seconds=60, truth_seconds=30, query_seconds=0.1)
    assert (unmatched.solver, unmatched.solver_seconds, unmatched.break_even) == ("", None, None)


def test_parameters_are_counted_as_real_numbers():
    tree = {"w": jnp.zeros((3, 4)), "z": jnp.zeros(5, jnp.complex64), "table": np.arange(6), "rate": 0.1}
    assert cost.count_parameters(tree) == 12 + 10


def test_seconds_per_query_leaves_out_the_first_call():
    calls = []

    def f(x):
        calls.append(x)
        time.sleep(0.2 if len(calls) == 1 else 0.01)

    assert 0.01 <= cost.seconds_per_query(f, [0.0], repeats=5) < 0.1
    assert len(calls) == 6


def test_peak_memory_is_that_of_a_process_with_jax():
    assert 50 < cost.peak_memory_mb() < 100_000


def task_with(solve, settings):
    score = Score("mae", "v", absolute, "1")
    return SimpleNamespace(
        scores=(score, Score("far", "v", absolute, "1", steps=5)), solvers=(ReferenceSolver("o", "n", settings, solve),)
    )


def some_fields(n=6):
    u = np.random.default_rng(0).normal(size=(n, 8))
    return Samples([Field({"u": row}, (1.0,)) for row in u], {"v": list(2 * u)})


def test_solvers_are_scored_and_timed_at_every_setting():
    test = some_fields()
    rows = cost.solver_rows(task_with(lambda x, s: {"v": (2 + s) * jnp.asarray(x["u"])}, (0.0, 0.5)), test)
    size = np.mean([absolute(0.5 * x["u"], 0 * x["u"]) for x in test.inputs])
    assert [r.setting for r in rows] == [0.0, 0.5]
    assert rows[0].scores == {"mae": pytest.approx(0, abs=1e-6)}
    assert rows[1].scores["mae"] == pytest.approx(size, rel=1e-5)
    assert all(r.seconds > 0 for r in rows)


def test_a_solver_that_fails_is_left_out_and_the_others_stand():
    def solve(x, setting):
        if setting == 1:
            raise Invalid(must="the cycle converges", came="250 cycles", do="Look\nagain.")
        if setting == 2 and float(np.sum(x["u"])) == float(np.sum(test.inputs[-1]["u"])):  # on one input of eight
            raise MemoryError
        return {"v": 2 * np.asarray(x["u"])}

    test, said = some_fields(), []
    rows = cost.solver_rows(task_with(solve, (0, 1, 2, 3)), test, say=said.append)
    assert [row.setting for row in rows] == [0, 3]
    assert said == [
        "o with n = 1 is left out: the cycle converges; came: 250 cycles. Look again.",
        "o with n = 2 is left out: MemoryError",
    ]


def test_so_is_one_that_solves_a_law():
    def solve(x, setting):
        if setting == 1:
            raise RuntimeError("no convergence")
        return {"energy": setting}

    said = []
    rows = cost.solvers_of_laws((ReferenceSolver("o", "n", (0, 1, 2), solve),), dict, say=said.append)
    assert [(row.setting, row.scores) for row in rows] == [(0, {"energy": 0.0}), (2, {"energy": 2.0})]
    assert said == ["o with n = 1 is left out: RuntimeError: no convergence"]


def test_a_solver_that_can_be_batched_is_timed_in_a_batch():
    def slow_alone(x, setting):
        u = x["u"]
        if not isinstance(u, jax.core.Tracer):
            time.sleep(0.02)
        return {"v": 2 * jnp.asarray(u)}

    def only_alone(x, setting):
        time.sleep(0.005)
        return {"v": 2 * np.asarray(x["u"])}

    test = some_fields()
    assert cost.solver_rows(task_with(slow_alone, (0,)), test)[0].seconds < 0.005
    assert cost.solver_rows(task_with(only_alone, (0,)), test)[0].seconds > 0.004


@pytest.mark.parametrize("numbers", [np, jnp], ids=["one by one", "in batches"])
def test_solvers_are_judged_on_all_samples_where_that_is_quick_and_else_on_the_same_ones(numbers, monkeypatch):
    test = some_fields(50)
    task = task_with(lambda x, s: {"v": (2 + s) * numbers.asarray(x["u"])}, (0.0, 0.5))
    rows = cost.solver_rows(task, test)
    assert [row.samples for row in rows] == [50, 50]
    assert rows[1].scores["mae"] == pytest.approx(np.mean([absolute(0.5 * x["u"], 0 * x["u"]) for x in test.inputs]))
    monkeypatch.setattr(cost, "JUDGED", 0.0)
    few = cost.solver_rows(task, test)
    part = test.take(cost.places(50, few[0].samples))
    assert [row.samples for row in few] == [8, 8]
    assert few[1].scores["mae"] == pytest.approx(np.mean([absolute(0.5 * x["u"], 0 * x["u"]) for x in part.inputs]))


def test_a_solver_that_fails_on_one_sample_of_many_keeps_what_it_answered():
    test, said = some_fields(50), []

    def solve(x, setting):
        if np.asarray(x["u"])[0] == test.inputs[3]["u"][0]:
            raise ArithmeticError("no convergence")
        return {"v": 2 * np.asarray(x["u"])}

    (row,) = cost.solver_rows(task_with(solve, (1,)), test, say=said.append)
    assert row.samples == 8 and row.scores["mae"] == 0 and "no convergence" in said[0]


def test_equal_accuracy_is_judged_on_equal_samples():
    rows = [dataclasses.replace(row, samples=8) for row in ROWS]
    found = cost.cost([mae(0.5)], rows, parameters=7, fit_seconds=60, truth_seconds=30, query_seconds=0.1)
    assert (found.samples, found.scores, found.errors) == (8, {"mae": 0.5}, {"mae": 0.0})


BURGERS = Burgers(**Burgers.toy)


def test_the_roll_out_of_a_solver_stays_on_its_own_grid():
    paths = BURGERS.trajectories("test")
    rows = cost.solver_rows(BURGERS, paths, steps=BURGERS.horizon)
    assert [row.setting for row in rows] == list(BURGERS.solvers[0].settings)
    assert all(row.steps == BURGERS.horizon and row.seconds > 0 and set(row.scores) == {"rollout"} for row in rows)
    n, found = 24, []
    for x, true in zip(paths.inputs, paths.outputs["u_next"]):
        u = spectral.resample(jnp.asarray(x["u"], jnp.float32), (n,))
        for _ in range(BURGERS.horizon):
            u = BURGERS.evolve(u, steps=BURGERS.steps(n, BURGERS.speed), frames=1)[0]
        found.append(100 * relative_l2(spectral.resample(u, (BURGERS.n,)), true[-1]))
    row = next(row for row in rows if row.setting == n)
    assert row.scores["rollout"] == pytest.approx(np.mean(found), rel=1e-3)
    assert row.errors["rollout"] == pytest.approx(
        metrics.few(len(found)) * np.std(found, ddof=1) / len(found) ** 0.5, rel=0.2
    )


def evolution(solve, settings=(1.0,), horizon=3):
    """Growth by a factor per step, whose whole path is judged."""
    score = Score("far", "v", absolute, "1", steps=horizon, whole=True)
    return SimpleNamespace(
        scores=(Score("mae", "v", absolute, "1"), score),
        solvers=(ReferenceSolver("o", "rate", settings, solve),),
        feed=lambda x, outputs: x.replace(u=outputs["v"]),
    )


@pytest.mark.parametrize("numbers", [np, jnp])
def test_a_solver_of_single_steps_is_fed_its_own_output(numbers):
    u = np.random.default_rng(0).normal(size=(4, 8))
    paths = Samples([Field({"u": row}, (1.0,)) for row in u], {"v": [np.zeros((3, 8))] * 4})
    task = evolution(lambda x, rate: {"v": rate * numbers.asarray(x["u"], np.float32)}, (1.0, 2.0))
    rows = cost.solver_rows(task, paths, steps=3)
    size = np.mean(np.abs(u))
    assert [row.scores["far"] for row in rows] == pytest.approx([size, size * (2 + 4 + 8) / 3], rel=1e-5)


def test_settings_that_would_take_too_long_are_left_out_and_named():
    def slow(x, setting):
        time.sleep(0.02)
        return {"v": np.asarray(x["u"])}

    paths, said = Samples(some_fields(2).inputs, {"v": [np.zeros((3, 8))] * 2}), []
    rows = cost.solver_rows(evolution(slow, (1, 2, 3)), paths, steps=3, limit=0.1, say=said.append)
    assert [row.setting for row in rows] == [1]
    assert said == ["o: 3 steps with rate = 2, 3 are left out, they take too long"]


def test_break_even_of_trajectories_counts_labels_and_fit():
    rows = [SolverRow("solver", "n", n, s, {"far": e}, steps=20) for n, s, e in ((8, 2.0, 1.0), (16, 8.0, 0.1))]
    scores = [mae(0.5), Estimate("far", 0.5, 0.0, "%")]
    found = cost.cost(scores, rows, parameters=7, fit_seconds=60, truth_seconds=30, query_seconds=0.5, steps=20)
    assert (found.solver, found.solver_seconds, found.steps) == ("solver, n = 16", 8.0, 20)
    assert found.break_even == pytest.approx((60 + 30) / (8.0 - 0.5))


def test_an_answer_that_blew_up_is_matched_by_the_cheapest_solver():
    assert cost.equal_accuracy(ROWS, mae(float("nan"))).setting == 8


def test_shift_ratio_is_error_there_over_error_at_home():
    test = some_fields()
    task = task_with(None, ())
    home = [Estimate("mae", 0.25, 0.01, "1")]
    predictions = {"v": [y + 1.0 for y in test.outputs["v"]]}
    row = shift.shift_row(task, Shift("n", (2,), unit="points"), 2, predictions, test, home, key=jax.random.key(0))
    assert row.ratio == pytest.approx(4) and row.scores[0].value == pytest.approx(1) and row.unit == "points"
    assert np.isnan(shift.ratio(row.scores, []))
