"""Lessons: they read as lessons, run on toy settings, and their exercises refuse wrong answers."""

from __future__ import annotations

import contextlib
import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest

from erlangen import lessons
from erlangen.lessons import Lesson

ROOT = Path(__file__).parent.parent / "lessons"
FILES = lessons.lesson_files(ROOT)
LONGEST = 30  # lines of code of a lesson without its imports, settings and exercise


@pytest.fixture
def toy(monkeypatch, tmp_path):
    """Toy settings in a folder of their own. What all runs share and the contract suite covers is judged in part: one
    setting of a solver, the certificate without its twin in float64.
    """
    from erlangen.assess import cost, symmetry

    class OneSetting:
        def __init__(self, task):
            self.task = task
            self.solvers = [dataclasses.replace(s, settings=s.settings[-1:]) for s in task.solvers[:1]]

        def __getattr__(self, name):
            return getattr(self.task, name)

    rows = cost.solver_rows
    monkeypatch.setattr(cost, "solver_rows", lambda task, *args, **known: rows(OneSetting(task), *args, **known))
    monkeypatch.setattr(symmetry, "is_single", lambda fitted: False)
    monkeypatch.setattr(symmetry, "audit_solver", lambda *args, **known: [])
    monkeypatch.setenv(lessons.SCALE, "toy")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_a_lesson_has_statement_equation_code_and_exercise(name):
    one = lessons.read(FILES[name])
    texts = [cell.text for cell in one.cells if cell.kind == "text"]
    assert one.cells[0].kind == "text" and "$$" in one.cells[0].text, "it opens with the statement and its equation"
    assert len(texts) > 1, "it ends with its result read aloud"
    assert any(cell.kind == "code" and "print(" in cell.text for cell in one.cells), "it prints a result"
    assert "TO BE READ" not in "".join(texts) and one.exercise.check.count("assert ") >= 1
    assert lessons.YOURS in one.exercise.asked
    own = [row for cell in one.cells if cell.kind == "code" for row in cell.text.splitlines()]
    plain = [
        row for row in own if row.strip() and not row.startswith(("import ", "from ", "#", "FULL", "TOY", "at = "))
    ]
    assert len(plain) <= LONGEST, f"{len(plain)} lines of code"


@pytest.mark.parametrize("name", FILES)
def test_results_are_those_of_the_code(name):
    found = lessons.kept(lessons.read(FILES[name]))
    assert found is not None and not found.stale, f"run it: make lessons ONLY={name}"
    assert found.seconds <= lessons.SECONDS and any(found.outputs)


@pytest.mark.parametrize("name", FILES)
def test_a_lesson_runs_and_its_exercise_refuses_a_wrong_answer(name, toy):
    one = lessons.read(FILES[name])
    ran = lessons.execute(one)
    assert all(printed for cell, printed in zip(one.cells, ran.outputs) if "print(" in cell.text)
    with pytest.raises(AssertionError, match=r"\w+ \w+"), contextlib.redirect_stdout(io.StringIO()):
        exec(wrong(one), dict(ran.names, _spoiled=spoiled))


def wrong(one: Lesson) -> str:
    """The exercise with everything that its answer gives spoiled."""
    ours = one.exercise
    spoil = "_right = answer\ndef answer(*args, **known):\n    return _spoiled(_right(*args, **known))"
    return "\n\n".join((ours.setup, ours.answer, spoil, ours.check))


def spoiled(found):
    """A value of the same type and shape that is not the right one."""
    if isinstance(found, dict):
        return {name: spoiled(value) for name, value in found.items()}
    if isinstance(found, (list, tuple)):
        return type(found)(map(spoiled, found))
    if callable(found):
        return lambda *args, **known: spoiled(found(*args, **known))
    if isinstance(found, str):
        return found + "?"
    if isinstance(found, (bool, np.bool_)):
        return not found
    return found * 1.5 + 0.7 if np.asarray(found).dtype.kind in "fc" else found + 1
