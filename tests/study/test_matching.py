"""The catalogue of what fits: true, asked once and again where a file changed, never stopped by a broken file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from erlangen import registry
from erlangen.core.errors import Invalid
from erlangen.study import matching

PLUGIN = Path(__file__).parents[2] / "examples" / "plugin"
BROKEN = """'''A method that needs what is not there.'''
from erlangen.contract import Method
{}

class Mine(Method):
    pass
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """The example plug-in with a method that cannot be imported; a cache folder of its own."""
    folder = shutil.copytree(PLUGIN, tmp_path / "plugin")
    (folder / "methods" / "mine").mkdir()
    (folder / "methods" / "mine" / "broken_one.py").write_text(BROKEN.format("import not_installed_anywhere"))
    monkeypatch.setenv("ERLANGEN_PATH", str(folder))
    monkeypatch.setenv("ERLANGEN_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def loaded(monkeypatch):
    """Names of what is imported, as it is."""
    names, load = [], registry.load
    monkeypatch.setattr(registry, "load", lambda entry: (names.append(entry.name), load(entry))[1])
    return names


def accepted(task):
    """The truth: every method asked."""
    found, question = [], registry.load_task(task)()
    for entry in registry.entries("method"):
        try:
            registry.load_method(entry.name)().check(question)
        except (Invalid, TypeError):
            continue
        found.append(entry.name)
    return found


def test_what_is_said_is_true_and_asked_once(plugin, loaded):
    found = matching.fitting_methods("mechanics/ring")
    assert found == accepted("mechanics/ring") and {"wave_regression", "fno"} <= set(found)
    loaded.clear()
    assert matching.fitting_methods("mechanics/ring") == found and loaded == []
    entry = registry.find("task", "mechanics/ring")
    lines = matching.describe(entry)
    assert f"Answered by: {', '.join(found)}" in lines and loaded == []
    assert "mechanics/ring" in matching.fitting_tasks("wave_regression")
    assert "continuum/burgers" in loaded  # that was not asked before


def test_only_what_changed_is_asked_again(plugin, loaded):
    matching.fitting_methods("mechanics/ring")
    loaded.clear()
    file = next((plugin / "methods").glob("*/wave_regression.py"))
    file.write_text(file.read_text() + "\n# why\n")
    matching.fitting_methods("mechanics/ring")
    assert sorted(loaded) == ["mechanics/ring", "wave_regression"]
    loaded.clear()
    os.utime(file, (1, 1))
    matching.fitting_methods("mechanics/ring")
    assert loaded == []


def test_a_file_beside_an_entry_counts(plugin, loaded):
    task = next((plugin / "tasks").glob("*/ring.py"))
    (task.parent / "_law.py").write_text("RATE = 1\n")
    task.write_text(task.read_text() + "\nfrom . import _law  # noqa\nfrom ._law import RATE  # noqa\n")
    sys.modules.pop(registry.find("task", "mechanics/ring").module, None)
    matching.fitting_methods("mechanics/ring")
    loaded.clear()
    (task.parent / "_law.py").write_text("RATE = 2\n")
    matching.fitting_methods("mechanics/ring")
    assert "mechanics/ring" in loaded


def test_a_broken_file_is_a_row_with_its_problem_until_it_is_repaired(plugin, loaded):
    lines = matching.describe(registry.find("task", "mechanics/ring"))
    assert [line for line in lines if line.startswith("Not asked:")] == [
        "Not asked:   broken_one (ModuleNotFoundError: No module named 'not_installed_anywhere')"
    ]
    with pytest.raises(Invalid, match=r"broken_one must import.*not_installed_anywhere.*Repair .*broken_one\.py"):
        matching.describe(registry.find("method", "broken_one"))
    file = plugin / "methods" / "mine" / "broken_one.py"
    file.write_text(BROKEN.format(""))
    problem = matching.catalogue([], [registry.find("method", "broken_one")]).rows[str(file)].problem
    assert "abstract" in problem  # it can be imported, but not asked: it answers nothing


@pytest.mark.parametrize("content", ["", "{", '{"header": ["0.0", "3"], "rows": {}, "pairs": {}}', '{"header": 1}'])
def test_a_damaged_file_is_made_anew(plugin, content, tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / matching.FILE).write_text(content)
    found = matching.fitting_tasks("wave_regression")
    assert "mechanics/ring" in found
    assert json.loads((tmp_path / "cache" / matching.FILE).read_text())["header"] == matching.HEADER


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(plugin, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ERLANGEN_CACHE", str(tmp_path / "file" / "below"))
    assert "wave_regression" in matching.fitting_methods("mechanics/ring")
    assert (tmp_path / "file").read_text() == ""


def test_the_second_question_is_answered_from_the_file_alone(plugin):
    """In a process of its own: nothing is imported, so that the answer takes a third of a second."""
    matching.fitting_methods("mechanics/ring")
    script = "import sys; from erlangen.app.cli import main; main(sys.argv[1:]); sys.exit('jax' in sys.modules)"
    for words, answer in (
        (["show", "mechanics/ring"], "Answered by: "),
        (["run", "mechanics/ring"], "Methods that answer mechanics/ring: "),
    ):
        done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True)
        assert answer in done.stdout + done.stderr and "wave_regression" in done.stdout + done.stderr
        assert done.returncode == 0, done.stderr
