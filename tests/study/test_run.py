"""A run from question to record, with the example plug-in: kept, repeatable, resumable after kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from erlangen import registry
from erlangen.assess import cost
from erlangen.contract import Budget, Method, Predictor, Session, Signature
from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.methods.wrappers.conformal import Conformal
from erlangen.study import store
from erlangen.study.record import Record
from erlangen.study.run import load, over_seeds, run


@pytest.fixture
def regression(ring):
    return registry.load_method("wave_regression")()


def test_record_holds_all_that_was_promised(ring, regression, tmp_path):
    done = run(ring, Conformal(regression), budget="5steps", runs=tmp_path, quiet=True)
    record = Record.read(done.folder)
    assert record.state == "done" and record.task == "mechanics/ring" and record.wraps
    assert record.score("nrmse").value < 0.1 and record.score("rollout").value < 1  # per cent; the law is linear
    rows = {(r.subject, r.group): r for r in record.symmetry}
    assert rows["method", "shifts along x"].error < 1e-5 and rows["method", "shifts along x"].declared
    assert not rows["method", "reflection of x"].declared
    assert rows["solver", "reflection of x"].error < 1e-10
    assert {r.where for r in record.coverage} == {"test", "coupling=1.1", "coupling=1.5"}
    assert [r.value for r in record.shifts] == [1.1, 1.5] and record.shifts[1].ratio > 10
    assert record.cost is not None and record.cost.parameters > 0 and record.versions["jax"]
    path = record.rollout_cost  # no solvers here, and still the time of a trajectory
    assert path is not None and path.steps == 20 and path.query_seconds > record.cost.query_seconds > 0
    assert record.solvers == [] and (path.solver_seconds, path.break_even) == (None, None)
    assert [r.name for r in store.runs(tmp_path)] == [done.folder.name]


def test_same_seed_same_record_and_loaded_answer_is_the_same(ring, regression, tmp_path):
    first, second = (run(ring, regression, runs=tmp_path, quiet=True) for _ in range(2))
    assert first.record.scores == second.record.scores and first.folder != second.folder
    x = ring.truth("test").inputs[0]
    np.testing.assert_array_equal(load(first.folder).fitted(x)["u"], first.fitted(x)["u"])
    assert over_seeds([first, second])[0].value == first.record.scores[0].value


def test_method_that_cannot_answer_is_refused_before_anything_runs(ring, tmp_path):
    class OnlyAtoms(Method):
        accepts = Signature(type(ring).__mro__[1], Atoms)

        def fit(self, task, budget: Budget, *, key, session: Session = Session()) -> Predictor:
            raise AssertionError("must not be called")

    with pytest.raises(Invalid, match="needs Atoms"):
        run(ring, OnlyAtoms(), runs=tmp_path, quiet=True)
    assert not list(tmp_path.iterdir())


def test_failure_is_recorded(ring, tmp_path, monkeypatch):
    method = registry.load_method("wave_regression")(ridge=0.1)
    monkeypatch.setattr(type(method), "fit", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(ring, method, runs=tmp_path, quiet=True)
    (only,) = store.runs(tmp_path)
    assert only.state == "failed"


def test_solvers_are_judged_on_steps_and_on_trajectories_with_the_answer_on_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(cost, "JUDGED", 0.0)
    task = registry.load_task("continuum/burgers")(n=16, viscosity=0.2, count=50, horizon=3)
    done = run(task, "persistence", runs=tmp_path, quiet=True)
    record, test = done.record, task.truth("test")
    assert {(row.steps, *row.scores) for row in record.solvers} == {(1, "nrmse"), (3, "rollout")}
    for spent, steps in ((record.cost, 1), (record.rollout_cost, 3)):
        assert spent is not None and spent.steps == steps
        rows = {f"{r.name}, {r.knob} = {r.setting}": r.seconds for r in record.solvers if r.steps == steps}
        assert spent.solver_seconds == rows[spent.solver]
    assert record.floor["rollout"] > 0
    assert {row.samples for row in record.solvers if row.steps == 1} == {8} and len(test) > 8
    score, part = task.scores[0], test.take(cost.places(len(test), 8))
    pairs = zip(part.inputs, part.outputs["u_next"], strict=True)
    by_hand = np.mean([score.factor * score.measure(np.asarray(x["u"]), np.asarray(u)) for x, u in pairs])
    assert record.cost.scores[score.name] == pytest.approx(by_hand, rel=1e-4) != record.score(score.name).value
    assert f"8 of {len(test)} samples" in done.table()


COMMAND = """
from erlangen import registry
from erlangen.study.run import run
task = registry.load_task("continuum/burgers")
method = registry.load_method("fno")
small = method(width=8, modes=4, layers=2)
done = run(task(**task.toy), small, budget="3000steps", runs={runs!r}, resume={resume}, quiet=True)
print(done.record.scores)
"""


def test_kill_minus_nine_then_resume_gives_the_scores_of_the_whole_run(tmp_path):
    def start(runs: Path, resume: bool) -> subprocess.Popen:
        text = COMMAND.format(runs=str(runs), resume=resume)
        return subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)

    whole = start(tmp_path / "whole", False).communicate(timeout=300)[0]
    victim = start(tmp_path / "cut", False)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "cut").glob("*/checkpoint/*.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    (cut,) = (f for f in (tmp_path / "cut").iterdir() if not f.name.startswith("."))
    assert Record.read(cut).state == "running"
    resumed = start(tmp_path / "cut", True).communicate(timeout=300)[0]
    assert whole.startswith("[Estimate") and resumed == whole
    assert any("resumed" in m for m in Record.read(cut).messages)
