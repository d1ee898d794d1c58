"""The record: strict, whole, without NaN, small; earlier formats are refused; panels can be drawn from it alone."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from erlangen import registry
from erlangen.app.report_plots import DRAWERS, figures
from erlangen.assess.conformal import LEVELS
from erlangen.core.errors import Invalid
from erlangen.methods.wrappers.conformal import Conformal
from erlangen.study.measures import _ground_state
from erlangen.study.panels import Panel, Series, Sheet
from erlangen.study.predict import predict
from erlangen.study.record import Record
from erlangen.study.row_panels import of_history
from erlangen.study.run import run

sys.path.insert(0, str(Path(__file__).parent))
from records import burgers, burgers_arrays, ethanol, ethanol_arrays, ising, ising_arrays


def refuse(word: str):
    raise AssertionError(f"{word} is no JSON")


def test_no_nan_reaches_json_and_none_is_lost():
    record = burgers()
    record.scores[0].error = math.nan
    record.solvers[2].scores["nrmse"] = math.inf
    record.floor["nrmse"] = -math.inf
    record.data["a.key"] = {"with.dots": [1.0, math.nan]}
    raw = json.loads(record.to_json(), parse_constant=refuse)
    assert raw["scores"][0]["error"] is None and raw["solvers"][2]["scores"]["nrmse"] is None
    assert raw["absent"] == {
        "scores.0.error": "not a number",
        "floor.nrmse": "minus infinite",
        "solvers.2.scores.nrmse": "infinite",
        "data.a.key.with.dots.1": "not a number",
        **{path: word for path, word in raw["absent"].items() if path.startswith("coverage")},
    }
    back = Record.from_json(record.to_json())
    assert math.isnan(back.scores[0].error) and back.solvers[2].scores["nrmse"] == math.inf
    assert back.floor["nrmse"] == -math.inf and math.isnan(back.data["a.key"]["with.dots"][1])
    back.scores[0].error = record.scores[0].error = 0.0
    back.data = record.data = {}
    assert back == record


@pytest.mark.parametrize(
    "change",
    [
        {"format": "erlangen-record-3"},
        {"scores": [{"name": "half"}]},
        {"absent": {"scores.7.error": "infinite"}},
        {"absent": {"scores.0.error": "large"}},
        {"panels": [{"name": "a"}]},
        {"unknown": 1},
    ],
)
def test_what_is_no_record_is_refused(change):
    raw = json.loads(burgers().to_json()) | change
    with pytest.raises(Invalid, match="erlangen-record-2"):
        Record.from_json(json.dumps(raw))


def test_a_folder_of_the_first_format_is_refused_in_one_sentence_that_says_what_to_do(tmp_path):
    old = json.loads(burgers().to_json()) | {"format": "erlangen-record-1", "history": []}
    for name in ("absent", "panels", "container", "inputs", "outputs"):
        del old[name]
    (tmp_path / "record.json").write_text(json.dumps(old))
    words = "erlangen-record-1, of an earlier.*erlangen run continuum/burgers --method fno --seed 0 --budget 120s$"
    for ask in (lambda: Record.read(tmp_path), lambda: predict(tmp_path, "mine.nc")):
        with pytest.raises(Invalid, match=words) as caught:
            ask()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("record", "arrays"), [(burgers, burgers_arrays), (ethanol, ethanol_arrays), (ising, ising_arrays)]
)
def test_panels_name_arrays_that_are_there_and_draw_without_the_task(record, arrays, monkeypatch):
    found, kept = Record.from_json(record().to_json()), arrays()
    assert found.panels and found.panels == record().panels
    for panel in found.panels:
        assert (
            panel.kind in DRAWERS and panel.title and panel.caption and len(panel.axes) >= 1 + (panel.kind != "parity")
        )
        assert all(name in kept for one in panel.series for name in one.arrays.values())
    monkeypatch.setattr(registry, "load_task", lambda name: refuse("the task"))
    text = "".join(figures(found, kept))
    assert all(f"alt='{panel.name}'" in text for panel in found.panels)


def test_series_without_numbers_are_left_out_and_panels_without_series():
    sheet = Sheet([])
    axes = [("x", "1"), ("y", "1")]
    nothing, there = {"x": [0.0], "y": [math.nan]}, {"x": [0.0, 1.0], "y": [1.0, 2.0], "error": [math.nan] * 2}
    sheet.add("curve", "a", "A", axes, ("none", "answer", nothing), ("level", "level", {"y": 1.0}))
    assert sheet.panels == []
    sheet.add("curve", "b", "B", axes, ("none", "answer", nothing), ("some", "answer", there))
    assert sheet.panels == [
        Panel("b", "curve", "B", axes, [Series("some", {"x": "b/0/x", "y": "b/0/y"})])  # type: ignore[arg-type]
    ]
    assert set(sheet.arrays) >= {"b/0/x", "b/0/y"} and "b/0/error" not in sheet.arrays


def test_histories_are_columns_beside_the_record():
    sheet = Sheet([])
    of_history(sheet, [{"step": 0.0, "loss": 1.0}, {"step": 1.0, "validation": 0.5, "loss": 0.7}])
    np.testing.assert_array_equal(sheet.arrays["history/validation"], [math.nan, 0.5])
    assert [one.label for one in sheet.panels[0].series] == ["training", "validation"]
    of_history(empty := Sheet([]), [])
    assert empty == Sheet([])


@pytest.fixture(scope="module")
def waters(tmp_path_factory):
    """A run on molecules of one kind, with intervals."""
    task = registry.load_task("molecules/forces")
    task = task(**task.toy)
    root = tmp_path_factory.mktemp("runs")
    return run(task, Conformal(registry.load_method("kernel_ridge")()), runs=root, quiet=True), task


def test_a_run_keeps_what_it_was_judged_on_with_shapes(waters):
    done, task = waters
    test = task.truth("test")
    with np.load(done.folder / "arrays.npz") as file:
        arrays = dict(file)
    n = len(test.inputs[0].atomic_numbers)
    assert arrays["test/forces/true"].shape == (len(test), n, 3) and arrays["test/energy/upper"].shape == (len(test),)
    for i, row in enumerate(arrays["samples/rows"]):
        x = test.inputs[row]
        for name in ("positions", "atomic_numbers", "cell", "pbc"):
            np.testing.assert_array_equal(arrays[f"samples/{i}/input/{name}"], x[name])
        np.testing.assert_array_equal(arrays[f"samples/{i}/forces/true"], test.outputs["forces"][row])
        assert arrays[f"samples/{i}/forces/lower"].shape == (n, 3)
    errors = [
        np.sqrt(np.mean(np.square(p - t))) for p, t in zip(arrays["test/energy/predicted"], test.outputs["energy"])
    ]
    best, typical, worst = (errors[row] for row in arrays["samples/rows"])
    assert best == min(errors) and worst == max(errors) and sorted(errors)[len(errors) // 2] == typical
    assert (done.folder / "record.json").stat().st_size < 60_000


def test_intervals_are_judged_at_several_levels(waters):
    done, task = waters
    rows = [row for row in done.record.coverage if row.where == "test" and row.output == "forces"]
    held = len(task.truth("calibration"))
    assert [row.level for row in rows] == [level for level in LEVELS if level <= held / (held + 1)]
    widths = [row.mean_width for row in rows]
    assert widths == sorted(widths) and [r.coverage for r in rows] == sorted(r.coverage for r in rows)
    fitted, x = done.fitted, task.truth("test").inputs[0]
    other = dataclasses.replace(fitted, quantiles={n: v[..., 0] for n, v in fitted.others.items()})
    low, high = other.interval(x)["forces"]
    own_low, own_high = fitted.interval(x)["forces"]
    ratio = fitted.widening(x, LEVELS[0])["forces"] * np.ones((1, 3))
    np.testing.assert_allclose((high - low) / (own_high - own_low), ratio, rtol=1e-4)


def test_fits_that_follow_each_other_are_drawn_one_after_the_other():
    steps = [0, 1, 2, 1, 2, 5, 1, 2]
    sheet = Sheet([])
    _ground_state.energy_panels(sheet, [{"step": float(k), "energy": -2.0, "variance": 1.0} for k in steps], -4.0)
    np.testing.assert_array_equal(sheet.arrays["energy/0/x"], [0, 1, 2, 3, 4, 7, 8, 9])
    np.testing.assert_array_equal(sheet.arrays["energy/0/y"], 0.5)
    assert sheet.panels[0].scales == ["linear", "log"]
