"""Lessons: they read as lessons, run on toy settings, and their exercises refuse wrong answers."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest

from erlangen import lessons
from erlangen.core.errors import Invalid
from erlangen.lessons import Lesson

ROOT = Path(__file__).parent.parent / "lessons"
FILES = lessons.lesson_files(ROOT)
LONGEST = 25  # lines of code in a cell: without imports, settings, docstrings and comments


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
    for cell in one.cells:
        rows = lines_of_code(cell.text) if cell.kind == "code" else []
        assert len(rows) <= LONGEST, f"{len(rows)} lines of code: about fifteen can be read at once"


def lines_of_code(text: str) -> set[int]:
    """Numbers of the lines that hold a statement."""
    tree = ast.parse(text)
    told = (ast.Import, ast.ImportFrom)
    settings = ("FULL", "TOY", "at")
    rows = {row for row in range(1, text.count("\n") + 2) if text.splitlines()[row - 1].split("#")[0].strip()}
    for node in ast.walk(tree):
        named = (
            isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in settings
        )
        is_doc = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, told) or named or is_doc:
            rows -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return rows


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


@pytest.mark.parametrize("name", FILES)
def test_its_notebook_has_the_structure_of_nbformat_4_5(name):
    one = lessons.read(FILES[name])
    found = json.loads(json.dumps(lessons.notebook(one)))
    assert set(found) == {"cells", "metadata", "nbformat", "nbformat_minor"}
    assert (found["nbformat"], found["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in found["cells"]]
    assert len(set(ids)) == len(ids) and all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", one) for one in ids)
    for cell in found["cells"]:
        wanted = {"cell_type", "id", "metadata", "source"}
        wanted |= {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert set(cell) == wanted and all(isinstance(row, str) for row in cell["source"])
        for printed in cell.get("outputs", []):
            assert set(printed) == {"output_type", "name", "text"} and printed["output_type"] == "stream"
    code = ["".join(cell["source"]) for cell in found["cells"] if cell["cell_type"] == "code"]
    assert lessons.YOURS in code[-2] and one.exercise.answer in code[-1]
    compile("\n".join(code), name, "exec")


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


GOOD = '''"""Title.

A line.
"""

# %% [markdown]
# ## What
#
# $$x$$

# %% Look
print(1)

# %% exercise
# How many?
given = 2


def answer(n):
    """n squared."""
    return n**2


assert answer(given) == 4, "no"
'''


def written(tmp_path, text):
    path = tmp_path / "area" / "one.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_a_file_is_read_run_kept_and_asked_without_its_answer(tmp_path):
    one = lessons.read(written(tmp_path, GOOD))
    assert (one.name, one.title, one.line) == ("area/one", "Title", "A line.")
    assert [(c.kind, c.caption, c.line) for c in one.cells] == [
        ("text", "", 7),
        ("code", "Look", 12),
        ("exercise", "", 15),
    ]
    blank = 'def answer(n):\n    """n squared."""\n    ...  # your answer'
    assert one.exercise.asked == f'given = 2\n\n\n{blank}\n\n\nassert answer(given) == 4, "no"'
    ran = lessons.execute(one)
    assert ran.outputs == ("", "1\n", "") and lessons.kept(one) is None
    lessons.keep(ran, seconds=1.26, device="a cpu")
    found = lessons.kept(one)
    assert found and (found.outputs, found.seconds, found.device, found.stale) == (ran.outputs, 1.3, "a cpu", False)
    assert not lessons.kept(lessons.read(written(tmp_path, GOOD.replace("# How many?", "# How many are it?")))).stale
    assert lessons.kept(lessons.read(written(tmp_path, GOOD.replace("print(1)", "print(2)")))).stale


def test_an_error_of_a_lesson_names_its_line(tmp_path):
    one = lessons.read(written(tmp_path, GOOD.replace("print(1)", "1 / 0")))
    with pytest.raises(ZeroDivisionError) as error:
        lessons.execute(one)
    assert (error.traceback[-1].path, error.traceback[-1].lineno + 1) == (one.path, 12)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("A line.", "", "has a title, a line and cells"),
        ("print(1)", "print(", "is Python"),
        ("# %% exercise", "# %%", "ends with its exercise"),
        ("# How many?\n", "", "no question"),
        ("def answer", "def reply", "one function called answer"),
    ],
)
def test_what_is_no_lesson_is_refused(tmp_path, old, new, said):
    with pytest.raises(Invalid, match=said):
        lessons.read(written(tmp_path, GOOD.replace(old, new))).exercise  # noqa: B018


def test_scale_is_full_unless_asked(monkeypatch):
    monkeypatch.delenv(lessons.SCALE, raising=False)
    assert lessons.scale(1, 2) == 1
    monkeypatch.setenv(lessons.SCALE, "toy")
    assert lessons.scale(1, 2) == 2
    monkeypatch.setenv(lessons.SCALE, "tiny")
    with pytest.raises(Invalid, match="full or toy"):
        lessons.scale(1, 2)
