"""What comes from folders outside the package, with no edit inside: a kind of question with task, method, answer and
measure; a wrapper.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from erlangen import registry
from erlangen.core.errors import Invalid
from erlangen.study.run import run

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def outside(tmp_path, monkeypatch):
    shutil.copytree(EXAMPLES / "ranking", tmp_path / "plugin", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("ERLANGEN_PATH", str(tmp_path / "plugin"))
    return tmp_path


def test_a_kind_of_question_from_outside_is_listed_run_measured_kept_and_read_back(outside):
    from erlangen.contract import kind_of
    from erlangen.study.run import load

    names = {e.name: e for kind in ("task", "method", "measure") for e in registry.entries(kind)}
    assert not any(names[n].problem for n in ("choice/by_weight", "sorting", "ranking"))
    task = registry.load_task("choice/by_weight")()
    assert kind_of(task) == "Ranking"
    done = run("choice/by_weight", "sorting", budget="1steps", runs=outside / "runs", quiet=True)
    assert done.record.score("tau").value == pytest.approx(1) and "tau" in done.table()
    assert load(done.folder).fitted.order(np.array([3.0, 1.0, 2.0])).tolist() == [2, 0, 1]
    worst = run(task, registry.load_method("sorting")(sign=-1.0), budget="1steps", runs=outside / "runs", quiet=True)
    assert worst.record.score("tau").value == pytest.approx(-1)
    with pytest.raises(Invalid, match="needs a task of kind Supervised, choice/by_weight is Ranking"):
        run("choice/by_weight", "svm", runs=outside / "runs", quiet=True)


def test_a_plug_in_of_the_old_contract_is_told_what_changed(outside):
    old = outside / "plugin/methods/ranking/aged.py"
    old.write_text(
        '"""Old. Trivial."""\nfrom dataclasses import dataclass\nfrom erlangen.contract import Fitted, Method\n\n'
        "@dataclass(frozen=True)\nclass Aged(Method):\n    pass\n"
    )
    with pytest.raises(Invalid, match=r"Fitted is now Predictor, or another Answer"):
        registry.load_method("aged")


def test_a_wrapper_from_outside_makes_a_symmetry_exact_that_the_method_inside_does_not_keep(tmp_path, monkeypatch):
    monkeypatch.setenv("ERLANGEN_PATH", os.pathsep.join(str(EXAMPLES / name) for name in ("plugin", "mirror")))
    ring = registry.load_task("mechanics/ring")(n=8, count=40)
    plain, mirrored = registry.load_method("wave_regression")(ridge=1.0), registry.load_wrapper("mirrored")
    rows = {}
    for method in (plain, mirrored(plain)):
        done = run(ring, method, runs=tmp_path, quiet=True)
        rows[method] = next(r for r in done.record.symmetry if "reflection" in r.group and r.subject == "method")
    without, kept = rows.values()
    assert kept.declared and kept.error <= kept.tolerance < without.error and not without.declared
    assert [wrap["name"] for wrap in done.record.wraps] == ["mirrored"]
    with pytest.raises(Invalid, match="a reflection leaves as it is"):
        run("molecules/activity", mirrored(registry.load_method("svm")()), runs=tmp_path, quiet=True)
