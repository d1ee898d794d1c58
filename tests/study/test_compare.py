"""Comparisons with the example plug-in: what is run, what is taken again, and which differences are called real."""

from __future__ import annotations

import csv
import dataclasses
import io
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from erlangen import registry
from erlangen.app.cli import main
from erlangen.core.errors import Invalid
from erlangen.data.sources import Source
from erlangen.study import compare as comparison
from erlangen.study import store
from erlangen.study.compare import compare
from erlangen.study.record import Record

sys.path.insert(0, str(Path(__file__).parent))
from records import burgers


@pytest.fixture
def regression(ring):
    return registry.load_method("wave_regression")


def test_methods_are_ranked_and_told_apart(ring, regression, tmp_path):
    found = compare([ring], [regression(ridge=1.0), regression()], budget="5steps", runs=tmp_path)
    first, second = found.rows
    assert "ridge=1.0" in second.method and first.scores[0].value < second.scores[0].value
    assert (first.groups["nrmse"], second.groups["nrmse"]) == ("a", "b")
    text = found.text()
    assert max(map(len, text.splitlines())) <= 100 and "Holm" in text
    assert "wave_regression (ridge=1e-06)" in text and " % a" in text and " % b" in text


def test_answers_that_are_the_same_share_a_letter(ring, regression, tmp_path):
    found = compare([ring], [regression(ridge=1e-9), regression(ridge=2e-9)], budget="5steps", runs=tmp_path)
    assert [row.groups["nrmse"] for row in found.rows] == ["a", "a"]


def test_finished_runs_are_taken_again_and_only_those(ring, regression, tmp_path):
    def count() -> int:
        return len(store.runs(tmp_path))

    again = {"budget": "5steps", "runs": tmp_path}
    first = compare([ring], [regression()], seeds=2, **again)
    assert count() == 2 and len(first.rows[0].folders) == 2
    second = compare([ring], [regression()], seeds=2, **again)
    assert count() == 2 and second.rows[0].folders == first.rows[0].folders
    compare([ring], [regression()], seeds=[7], **again)
    assert count() == 3
    compare([ring], [regression()], budget="6steps", runs=tmp_path)
    assert count() == 4
    compare([ring], [regression()], reuse=False, **again)
    assert count() == 5


def test_a_run_is_repeated_where_its_file_holds_other_or_its_version_is_older(tmp_path, ring, monkeypatch):
    @dataclasses.dataclass(frozen=True)
    class Question:
        data: str

        fields = property(lambda self: {"data": self.data})
        sources = property(lambda self: (Source.parse(self.data),))

        def name(self) -> str:
            return "own/question"

    file = tmp_path / "mine.xyz"
    file.write_text("first")
    task, method = Question(str(file)), registry.load_method("wave_regression")()
    name, fields, wraps = comparison.describe(method)
    record = dataclasses.replace(
        burgers(), task=task.name(), task_fields=task.fields, method=name, method_fields=fields, wraps=wraps
    )
    record.data["sources"] = [source.taken() for source in task.sources]
    record.versions = comparison.environment.versions()
    folder = store.new_run(tmp_path / "runs", record.task, name, 0)
    store.add(record, folder)
    job = comparison.Job(task, method, record.budget, 0, str(tmp_path / "runs"), True)
    assert comparison._finished(job) == folder
    os.utime(file, (time.time() + 60, time.time() + 60))
    assert comparison._finished(job) == folder
    moved = file.rename(tmp_path / "elsewhere.xyz")
    assert comparison._finished(dataclasses.replace(job, task=Question(str(moved)))) == folder
    file.write_text("other")
    os.utime(file, (1, 1))
    assert comparison._finished(job) is None
    file.write_text("first")
    monkeypatch.setattr(comparison.environment, "versions", lambda: {"erlangen": "9.9"})
    assert comparison._finished(job) is None


def test_a_run_that_fails_is_reported_and_the_others_kept(ring, regression, tmp_path, monkeypatch):
    plain = type(regression()).fit

    def fit(self, task, budget, **rest):
        if self.ridge == 1.0:
            raise ZeroDivisionError("no inverse")
        return plain(self, task, budget, **rest)

    monkeypatch.setattr(regression, "fit", fit)
    found = compare([ring], [regression(ridge=1.0), regression()], budget="5steps", runs=tmp_path)
    assert len(found.rows) == 1 and "no inverse" in found.left_out[0] and "no inverse" in found.text()


def test_pairs_that_do_not_fit_are_left_out_or_refused(ring, regression, tmp_path):
    found = compare([ring], [regression(), "rbm"], budget="5steps", runs=tmp_path)
    assert len(found.rows) == 1 and "rbm" in found.left_out[0]
    with pytest.raises(Invalid, match="at least one method must accept"):
        compare([ring], ["rbm"], runs=tmp_path)
    with pytest.raises(Invalid, match="Name at least one"):
        compare([ring], [], runs=tmp_path)
    with pytest.raises(Invalid, match="known name"):
        compare([ring], ["wave_regresion"], runs=tmp_path)


def test_tables_for_papers_and_programs(ring, regression, tmp_path):
    found = compare([ring], [regression(ridge=1.0), regression()], seeds=2, budget="5steps", runs=tmp_path)
    rows = list(csv.DictReader(io.StringIO(found.csv())))
    assert len(rows) == 2 * len(found.rows[0].scores)
    assert float(rows[0]["value"]) == found.rows[0].scores[0].value and rows[0]["seeds"] == "2"
    lines = found.markdown().splitlines()
    assert lines[0].startswith("### mechanics/ring") and len({line.count("|") for line in lines[2:]}) == 1


def test_letters_say_whether_they_hold_for_methods_or_for_these_fits(ring, regression, tmp_path):
    methods = [regression(ridge=1.0), regression()]
    one = compare([ring], methods, budget="5steps", runs=tmp_path)
    assert "of these\nfits: other seeds may differ (--seeds 3)" in one.text() and "t-test" in one.text()
    two = compare([ring], methods, seeds=2, budget="5steps", runs=tmp_path)
    assert "test samples and seeds" in two.text() and "other seeds" not in two.text()
    assert two.rows[0].groups["nrmse"] == "a"


def test_settings_of_the_task_are_flags(ring, tmp_path, capsys):
    words = ["compare", "mechanics/ring", "--methods", "wave_regression", "--n", "8", "--count=40"]
    assert main([*words, "--task.coupling", "0.9", "--budget", "5steps", "--out", str(tmp_path)]) == 0
    (only,) = store.runs(tmp_path)
    fields = Record.read(tmp_path / only.name).task_fields
    assert (fields["n"], fields["count"], fields["coupling"]) == (8, 40, 0.9)
    assert "wave_regression" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["molecules/forces", "quantum/spins", "--data", "a.xyz"], "every task of the comparison has; came: --data"),
        (["molecules/forces", "--dat", "a.xyz"], "--data"),
        (["molecules/forces", "--n-train", "many"], "a whole number"),
        (["molecules/forces", "--methods", "mean", "--data", "nowhere.xyz"], "nowhere.xyz"),
    ],
)
def test_settings_that_a_task_has_not_or_cannot_read_are_refused_first(words, says, tmp_path, capsys):
    assert main(["compare", *words, "--out", str(tmp_path / "runs")]) == 2 or not list(tmp_path.iterdir())
    assert says in "".join(capsys.readouterr())


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_any_executor_gives_the_same_table(ring, regression, tmp_path, kind):
    spawn = multiprocessing.get_context("spawn")
    pool = ThreadPoolExecutor(2) if kind == "threads" else ProcessPoolExecutor(2, mp_context=spawn)
    with pool as executor:
        found = compare([ring], ["wave_regression"], seeds=2, budget="5steps", runs=tmp_path, executor=executor)
    alone = compare([ring], ["wave_regression"], seeds=2, budget="5steps", runs=tmp_path / "alone")
    np.testing.assert_allclose(found.rows[0].scores[0].value, alone.rows[0].scores[0].value)
    assert len(store.runs(tmp_path)) == 2
