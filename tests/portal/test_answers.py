"""Every answer is what its type declares, and says what the record says."""

from __future__ import annotations

import json
from urllib.parse import quote

import numpy as np
import pytest
from portal.declared import faults
from portal.shelves import HOSTILE

from erlangen.core.errors import Invalid
from erlangen.data import array_files, atom_files
from erlangen.portal import api, learn
from erlangen.portal.answers import maps, reading, records
from erlangen.portal.library import Library
from erlangen.study.record import Record

BURGERS, WORSE = "2026-11-22-1744-burgers-fno-s0", "2026-11-22-1745-burgers-mean-s1"
FORCES = "2026-11-22-1750-forces-painn-s0"
KINDS = {
    "map": maps.MapAnswer,
    "area": maps.AreaAnswer,
    "leaf": maps.LeafAnswer,
    "methods": maps.MethodsAnswer,
    "method": maps.MethodAnswer,
    "runs": records.RunsAnswer,
    "run": records.RunAnswer,
    "history": records.HistoryAnswer,
    "plots": records.PlotsAnswer,
    "samples": records.SampleAnswer,
    "search": reading.SearchAnswer,
    "resources": reading.ResourcesAnswer,
    "lessons": reading.LessonsAnswer,
    "lesson": reading.LessonAnswer,
    "about": reading.AboutAnswer,
    "predictors": reading.PredictAnswer,
}


def kind_of(path: str):
    first, *rest = path.split("/")
    part = next((word for word in rest[1:2] if word in ("history", "plots", "samples")), first)
    return KINDS[part]


def test_every_answer_is_json_of_its_declared_type(library):
    paths = list(api.paths(library))
    assert len(paths) > 100 and any("samples" in path for path in paths)
    for path in paths:
        if path in (f"run/{name}" for name in ("half", "newer")):
            continue
        text = api.encoded(api.answer(library, path, {}))
        assert not (found := faults(json.loads(text), kind_of(path), path)), found[:3]


def test_a_run_says_what_its_record_says(library, runs):
    record = Record.read(runs / FORCES)
    found = api.answer(library, f"run/{FORCES}", {})
    assert [one["figure"]["value"] for one in found["scores"]] == [one.value for one in record.scores]
    assert [row["error"] for row in found["certificate"]] == [row.error for row in record.symmetry]
    assert found["record"]["coverage"][0]["coverage"] == record.coverage[0].coverage
    assert [one["name"] for one in found["files"]] == ["record.json", "arrays.npz", "fitted.safetensors"]
    assert found["parts"] == ["history", "plots"] and "--channels" not in found["record"]
    assert found["command"].startswith("erlangen run molecules/forces --method painn")


def test_what_json_does_not_know_is_null_with_its_reason(library):
    found = api.answer(library, "run/2026-11-22-1746-burgers-bad-s0", {})
    figure = found["scores"][0]["figure"]
    assert figure["value"] is None and figure["absent"] == "not a number"
    assert found["record"]["scores"][0]["value"] is None and "scores.0.value" in found["record"]["absent"]


def test_plots_bin_all_values_and_thin_curves(library, runs):
    arrays = np.load(runs / FORCES / "arrays.npz")
    panels = {one["name"]: one for one in api.answer(library, f"run/{FORCES}/plots", {})["panels"]}
    parity = next(one for one in panels.values() if one["kind"] == "parity" and "forces" in one["name"])
    grid = parity["series"][0]["grid"]
    true, predicted = arrays["test/forces/true"], arrays["test/forces/predicted"]
    assert grid["total"] == true.size == sum(count for _, _, count in grid["counts"])
    assert grid["mae"] == pytest.approx(np.mean(np.abs(predicted - true)), rel=1e-6)
    assert grid["rmse"] == pytest.approx(np.sqrt(np.mean((predicted - true) ** 2)), rel=1e-6)
    assert len(parity["series"][0]["columns"]["true"]["values"]) <= 500
    history = api.answer(library, f"run/{FORCES}/history", {})
    assert history["columns"]["loss"] == pytest.approx(arrays["history/loss"].tolist(), rel=1e-6)


def test_the_list_is_filtered_ordered_and_names_what_was_left_out(library):
    found = api.answer(library, "runs", {"task": "continuum", "state": "done", "order": "score"})
    assert {row["task"] for row in found["runs"]} == {"continuum/burgers"}
    values = [row["figure"]["value"] for row in found["runs"] if row["figure"]["value"] is not None]
    assert values == sorted(values)
    everything = api.answer(library, "runs", {})
    assert len(everything["left_out"]) == 2 and any("newer" in line for line in everything["left_out"])
    assert HOSTILE in [row["name"] for row in everything["runs"]]
    with pytest.raises(Invalid, match="order is a known one"):
        api.answer(library, "runs", {"order": "x; DROP TABLE runs"})


def test_a_leaf_ranks_ours_among_solvers_and_marks_published(library):
    found = api.answer(library, "leaf/continuum/burgers", {})
    board = found["board"]
    kinds = {row["kind"] for row in board["rows"]}
    assert kinds == {"ours", "opponent", "published"} and board["score"] == "nrmse"
    values = [row["figures"]["nrmse"]["value"] for row in board["rows"] if "nrmse" in row["figures"]]
    known = [value for value in values if value is not None]
    assert known == sorted(known) and found["best"]["run"] in (BURGERS, HOSTILE)
    assert next(row for row in board["rows"] if row["kind"] == "published")["href"].startswith("https://arxiv.org/")


def test_comparisons_are_paired_and_corrected(library, runs):
    found = api.answer(library, "compare", {"runs": f"{BURGERS},{WORSE}"})
    assert not faults(json.loads(api.encoded(found)), records.CompareAnswer)
    gap = next(one for one in found["differences"] if one["score"] == "nrmse")
    a, b = (np.load(runs / name / "arrays.npz")["scores/nrmse"] for name in (BURGERS, WORSE))
    assert gap["figure"]["value"] == pytest.approx(np.mean(a - b)) and gap["significant"]
    means = np.array([np.mean(one) for one in np.split(a - b, len(a) // 2)])  # groups of two samples
    assert gap["figure"]["error"] == pytest.approx(np.std(means, ddof=1) / np.sqrt(len(means)), rel=1e-6)
    assert next(one for one in found["scores"] if one["score"]["name"] == "nrmse")["letters"] == ["a", "b"]
    assert {one["name"] for one in found["settings"] if one["differs"]} == {"method", "seed"}
    apart = api.answer(library, "compare", {"runs": f"{BURGERS},{FORCES}"})
    assert apart["differences"] == [] and "not compared" in apart["notes"][0]


def test_search_finds_leaves_methods_and_settings(library):
    entries = api.answer(library, "search", {})["entries"]
    assert any("ethanol" in one["text"] and one["href"] == "leaf/molecules/forces/" for one in entries)
    assert {"area", "leaf", "method", "run"} <= {one["kind"] for one in entries}


def test_unknown_names_come_with_the_nearest(library):
    with pytest.raises(Invalid, match="quantum/spins"):
        api.answer(library, "leaf/quantum/spinz", {})
    for path in ("run/..%2F..%2Fetc", "run/half", "nowhere", f"run/{FORCES}/samples/99", f"run/{BURGERS}/samples/x"):
        with pytest.raises(Invalid):
            api.answer(library, path, {})
    assert api.answer(library, f"run/{quote(HOSTILE, safe='')}", {})["run"] == HOSTILE


def test_links_that_lead_out_of_a_run_folder_are_no_files(tmp_path, runs):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    folder = tmp_path / "runs" / "linked"
    folder.mkdir(parents=True)
    (folder / "record.json").write_bytes((runs / BURGERS / "record.json").read_bytes())
    (folder / "arrays.npz").symlink_to(secret)
    own = Library(tmp_path / "runs")
    assert own.file("linked", "record.json") and own.file("linked", "arrays.npz") is None
    assert own.file("linked", "../../secret") is None


def test_a_plugin_leaf_without_a_map_entry_is_shown_and_marked(tmp_path, monkeypatch):
    area = tmp_path / "plugin" / "tasks" / "mine"
    area.mkdir(parents=True)
    (area / "odd.py").write_text(
        '"""An odd one."""\nfrom erlangen.contract import Task\n\nclass Odd(Task):\n    n: int = 3\n'
    )
    monkeypatch.setenv("ERLANGEN_PATH", str(tmp_path / "plugin"))
    found = api.answer(Library(None), "map", {})
    leaf = next(leaf for area in found["areas"] for leaf in area["leaves"] if leaf["path"] == "mine/odd")
    assert leaf["charted"] is False and leaf["title"] == "Odd"


def test_endings_are_those_that_the_readers_know():
    fields = {ending for ending in array_files.SUFFIXES if ending != ".zarr"}  # a folder cannot be uploaded
    assert set(learn.ENDINGS) == set(atom_files.SUFFIXES) | fields
