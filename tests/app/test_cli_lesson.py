"""`erlangen lesson`: lists, runs, writes notebooks, keeps results."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from erlangen import lessons
from erlangen.app import cli

TEXT = '''"""Sums.

How to add.
"""

# %% [markdown]
# $$1 + 1$$

# %%
from pathlib import Path

Path("left_behind").touch()
print(1 + 1)

# %% exercise
# What is 2 + 2?


def answer():
    """The sum."""
    return 4


assert answer() == 4, "count again"
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    path = tmp_path / "lessons" / "theory" / "sums.py"
    path.parent.mkdir(parents=True)
    path.write_text(TEXT)
    monkeypatch.setattr(lessons, "FOLDERS", (tmp_path / "lessons",))
    monkeypatch.chdir(tmp_path)
    return path.parent


def test_lessons_are_listed_with_their_titles(folder, capsys):
    assert cli.main(["lesson"]) == 0
    assert "theory/sums" in (said := capsys.readouterr().out) and "Sums" in said


def test_a_lesson_runs_in_a_folder_of_its_own_and_is_kept_where_asked(folder, capsys):
    assert cli.main(["lesson", "theory/sums"]) == 0
    assert "How to add.\n\n2\n" in capsys.readouterr().out
    assert not Path("left_behind").exists() and not (folder / "sums.json").exists()
    assert cli.main(["lesson", "theory/sums", "--keep"]) == 0
    assert json.loads((folder / "sums.json").read_text())["outputs"] == ["", "2\n", ""]


def test_what_takes_too_long_is_said_and_ends_with_1(folder, capsys, monkeypatch):
    monkeypatch.setattr(lessons, "SECONDS", -1.0)
    assert cli.main(["lesson", "theory/sums"]) == 1 and "Too long" in capsys.readouterr().err


def test_a_notebook_is_written_without_running(folder, capsys):
    assert cli.main(["lesson", "theory/sums", "--notebook", "sums.ipynb"]) == 0
    assert json.loads(Path("sums.ipynb").read_text())["nbformat"] == 4
    assert cli.main(["lesson", "theory/sums", "--notebook", "nowhere/sums.ipynb"]) == 2
    assert "can be written" in capsys.readouterr().err


def test_an_unknown_lesson_comes_with_the_nearest(folder, capsys):
    assert cli.main(["lesson", "theory/sum"]) == 2 and "theory/sums" in capsys.readouterr().err
