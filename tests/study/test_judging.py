"""Judging in parts: what fails leaves the rest standing, a fit is never lost, and time and memory have limits."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from erlangen import registry
from erlangen.app.cli import main
from erlangen.assess import symmetry
from erlangen.contract import Budget, Samples
from erlangen.core.errors import Invalid
from erlangen.methods.wrappers.conformal import Conformal
from erlangen.numerics import chunks
from erlangen.study import judging as judging_room
from erlangen.study import store
from erlangen.study.judging import Judging
from erlangen.study.measures import supervised
from erlangen.study.progress import ProgressLine
from erlangen.study.record import Record
from erlangen.study.run import judge, load, restored, run

sys.path.insert(0, str(Path(__file__).parent))
from records import burgers

PLUGIN = Path(__file__).parents[2] / "examples" / "plugin"


@pytest.fixture
def regression(ring):
    return registry.load_method("wave_regression")()


def fail(error):
    def raises(*arguments, **named):
        raise error

    return raises


def test_a_part_that_fails_leaves_the_rest_and_is_judged_again(ring, regression, tmp_path, monkeypatch, capsys):
    too_much = MemoryError("Unable to allocate 28.0 GiB")
    monkeypatch.setattr(supervised, "predict_interval", fail(too_much))
    monkeypatch.setattr(symmetry, "audit_solver", fail(ZeroDivisionError("no inverse")))
    done = run(ring, Conformal(regression), budget="5steps", runs=tmp_path, quiet=True)
    record = Record.read(done.folder)
    assert record.state == "done" and record.score("nrmse").value < 0.1 and record.cost and record.symmetry
    assert not record.coverage and {row.subject for row in record.symmetry} == {"method", "method, float64"} - (
        {"method, float64"} if not symmetry.is_single(done.fitted) else set()
    )
    failed = record.data["judging"]["failed"]
    assert failed["intervals"] == "not enough memory" and "no inverse" in failed["symmetry of the solver"]
    assert any(
        "intervals could not be judged (not enough memory)" in m and "erlangen judge" in m for m in record.messages
    )
    monkeypatch.undo()
    monkeypatch.setenv("ERLANGEN_PATH", str(PLUGIN))
    assert main(["judge", str(done.folder), "--quiet"]) == 0
    assert "intervals" in capsys.readouterr().out
    again, whole = (
        Record.read(done.folder),
        run(ring, Conformal(regression), budget="5steps", runs=tmp_path, quiet=True),
    )
    assert again.coverage == whole.record.coverage and again.scores == record.scores == whole.record.scores
    assert again.data["fit_seconds"] == record.data["fit_seconds"] and not again.data["judging"]["failed"]
    assert not any("could not be judged" in message for message in again.messages)
    assert [panel.name for panel in again.panels] == [panel.name for panel in whole.record.panels]


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("RESOURCE_EXHAUSTED: Out of memory")], ids=["host", "device"]
)
def test_where_nothing_can_be_answered_the_fit_is_kept(ring, regression, tmp_path, monkeypatch, error):
    monkeypatch.setattr(supervised, "predict", fail(error))
    done = run(ring, regression, budget="5steps", runs=tmp_path, quiet=True)
    assert done.record.state == "fitted" and not any(score.name == "nrmse" for score in done.record.scores)
    assert "This run is fitted" in done.table() and store.runs(tmp_path)[0].state == "fitted"
    monkeypatch.undo()
    monkeypatch.setenv("ERLANGEN_PATH", str(PLUGIN))
    fits = []
    monkeypatch.setattr(type(regression), "fit", lambda *a, **k: fits.append(a))
    resumed = run(ring, regression, budget="5steps", runs=tmp_path, resume=True, quiet=True)
    assert resumed.folder == done.folder and resumed.record.state == "done" and resumed.record.scores and not fits
    x = ring.truth("test").inputs[0]
    np.testing.assert_array_equal(load(done.folder).fitted(x)["u"], resumed.fitted(x)["u"])


def test_a_judging_that_is_stopped_or_breaks_down_keeps_the_fit(ring, regression, tmp_path, monkeypatch):
    for error in (KeyboardInterrupt(), RecursionError("a bug")):
        monkeypatch.setattr(supervised, "measure", fail(error))
        with pytest.raises(type(error)):
            run(ring, regression, budget="5steps", runs=tmp_path / type(error).__name__, quiet=True)
        (only,) = store.runs(tmp_path / type(error).__name__)
        assert only.state == "fitted"
        monkeypatch.undo()
        monkeypatch.setenv("ERLANGEN_PATH", str(PLUGIN))
        assert judge(tmp_path / type(error).__name__ / only.name, quiet=True).record.state == "done"


def test_what_was_not_fitted_or_has_other_files_is_not_judged(tmp_path, monkeypatch):
    record = burgers()
    folder = store.new_run(tmp_path, record.task, record.method, 0)
    store.add(record, folder)
    kept = type("Kept", (), {"record": record, "fitted": None})
    monkeypatch.setattr("erlangen.study.run.load", lambda folder: kept)
    with pytest.raises(Invalid, match=r"has been fitted; came: .* of an earlier erlangen"):
        judge(folder)
    record.data["fit_seconds"], record.data["sources"] = 1.0, [{"source": "a.nc", "content": "sha256:0"}]
    with pytest.raises(Invalid, match="with the files that it was fitted with"):
        judge(folder)


def test_settings_of_a_record_make_the_same_task_and_method(tmp_path):
    painn = registry.load_method("painn")
    method = painn(channels=16, training=painn().training.__class__(rate=0.01, patience=None))
    record = burgers()
    record.method_fields = _plain(method)
    again = restored(painn, Record.from_json(record.to_json()).method_fields)
    assert again == method
    fno = registry.load_method("fno")
    assert restored(fno, {**_plain(fno()), "width": 8}) == fno(width=8)


def _plain(method):
    from erlangen.study.run import describe

    return describe(method)[1]


def test_a_judged_set_too_large_for_its_time_is_sampled_and_that_is_said(monkeypatch):
    said: list[str] = []
    line = ProgressLine("painn", None)
    samples = Samples(list(range(4000)), {"y": list(range(4000))}, np.repeat(np.arange(400), 10))
    clock = [0.0]
    monkeypatch.setattr(judging_room.time, "perf_counter", lambda: clock[0])

    def ask(inputs):
        clock[0] += 0.01 * len(inputs)

    whole = Judging(line, said.append, None).affordable(ask, samples, 0.25, "test")
    assert len(whole) == 4000 and not said
    part = Judging(line, said.append, 60.0).affordable(ask, samples, 0.25, "test")
    assert len(part) == 1500 and part.inputs[0] == 0 and part.inputs[-1] == 3999
    assert part.inputs == part.outputs["y"] and len(part.group) == 1500
    assert said == ["test: judged on 1500 of 4000 samples, evenly taken, in 15 s (all of them: --judging 3m)"]
    assert len(Judging(line, said.append, 60.0).affordable(ask, samples.take(range(200)), 0.01, "test")) == 200


def test_the_limit_of_judging_goes_with_the_budget_of_the_fit():
    within = Judging.within
    assert within(None, Budget(steps=500)) is None and within(Budget.parse("5m"), Budget(steps=500)) == 300
    assert within(None, Budget(seconds=20)) == 60 and within(None, Budget(seconds=1800)) == 450


def test_a_sampled_record_says_so_and_all_rows_are_of_the_same_samples(ring, regression, tmp_path, monkeypatch):
    monkeypatch.setattr(judging_room, "MANY", 16)
    count = len(ring.truth("test"))
    record = run(
        ring, Conformal(regression), budget="5steps", judging=Budget(seconds=1e-9), runs=tmp_path, quiet=True
    ).record
    assert any(f"test: judged on 16 of {count} samples" in message for message in record.messages)
    assert record.data["judging"]["limit"] == 1e-9 and "answers" in record.data["judging"]["seconds"]
    with np.load(next(tmp_path.glob("*/arrays.npz"))) as arrays:
        assert len(arrays["scores/nrmse"]) == len(arrays["group"]) == 16


def test_conformal_and_last_layer_passes_are_planned_too(ring, regression, monkeypatch):
    sizes, usual = [], chunks.planned
    monkeypatch.setattr(chunks, "LARGEST", 1.0)
    monkeypatch.setattr(chunks, "planned", lambda *a, **k: sizes.append(usual(*a, **k)) or sizes[-1])
    import jax

    small = Conformal(regression).fit(ring, Budget(steps=5), key=jax.random.key(0))
    assert sizes and set(sizes) == {1}
    monkeypatch.undo()
    monkeypatch.setenv("ERLANGEN_PATH", str(PLUGIN))
    large = Conformal(regression).fit(ring, Budget(steps=5), key=jax.random.key(0))
    np.testing.assert_allclose(small.quantiles["u"], large.quantiles["u"], rtol=1e-2)
