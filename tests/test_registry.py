"""Tasks and methods are found by path, read without importing, and loaded on demand, inside and outside the package."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

from erlangen import registry
from erlangen.core.errors import Invalid

TASK = '''
"""Length of a vector.

Truth: |x|.
"""
from __future__ import annotations
from dataclasses import dataclass
from typing import ClassVar
from erlangen.contract import Supervised, Samples
from ._draws import draws

@dataclass(frozen=True)
class Length(Supervised):
    scale: float = 2.0     # spread of the entries, dimensionless
    label: str = "a # b"
    n: int = 3
    hidden: ClassVar[int] = 1

    @property
    def symmetry(self):
        return ()

    def truth(self, split):
        return Samples([], {})
'''
METHOD = '''
"""Answer with the mean of the labels."""
from dataclasses import dataclass
from erlangen.contract import Method

@dataclass(frozen=True)
class Guess(Method):
    power: int | None = None

    def fit(self, task, budget, *, key, session=None):
        return None
'''


def write(folder, path, text):
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(textwrap.dedent(text))
    return file


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    write(tmp_path, "tasks/geometry/length.py", TASK)
    write(tmp_path, "tasks/geometry/_draws.py", "draws = 7\n")
    write(tmp_path, "methods/guesses/guess.py", METHOD)
    monkeypatch.setenv("ERLANGEN_PATH", str(tmp_path))
    return tmp_path


def test_source_is_read_without_import(plugin):
    entry = registry.find("task", "geometry/length")
    assert (entry.group, entry.title, entry.class_name) == ("geometry", "Length of a vector.", "Length")
    assert entry.settings == (
        registry.Setting("scale", "float", "2.0", "spread of the entries, dimensionless"),
        registry.Setting("label", "str", "'a # b'", ""),
        registry.Setting("n", "int", "3", ""),
    )
    assert registry.find("method", "guess").group == "guesses"


SHAPE = """
from dataclasses import dataclass
from erlangen.contract import Supervised

@dataclass(frozen=True)
class Shape(Supervised):
    sides: int = 3  # of the polygon
    scale: float = 1.0
"""

POLYGON = """
'''A polygon.'''
from dataclasses import dataclass
from ._shape import Shape

@dataclass(frozen=True)
class Polygon(Shape):
    colour: str = "red"
    scale: float = 2.0  # anew
"""


def test_settings_of_a_class_in_a_private_file_beside_are_inherited(plugin):
    write(plugin, "tasks/geometry/_shape.py", SHAPE)
    write(plugin, "tasks/geometry/polygon.py", POLYGON)
    write(plugin, "tasks/geometry/lost.py", POLYGON.replace("_shape", "_nowhere"))
    assert registry.find("task", "geometry/polygon").settings == (
        registry.Setting("sides", "int", "3", "of the polygon"),
        registry.Setting("scale", "float", "2.0", "anew"),
        registry.Setting("colour", "str", "'red'", ""),
    )
    assert [s.name for s in registry.find("task", "geometry/lost").settings] == ["colour", "scale"]


def test_plugin_classes_load_once_with_relative_imports_and_keep_their_names(plugin):
    cls = registry.load_task("geometry/length")
    assert cls is registry.load_task("geometry/length")
    assert cls(n=4).name() == "geometry/length"
    assert registry.load_method("guess").name() == "guess"


def test_reading_never_imports_the_numeric_stack(plugin):
    code = (
        "import sys; from erlangen import registry; registry.entries('task'); registry.entries('method');"
        "print([m for m in ('jax', 'numpy', 'equinox', 'rich') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def broken(:\n", "SyntaxError"),
        ('"""No class."""\n', "exactly one public class"),
        ("class A(Task): pass\nclass B(Task): pass\n", "found: A, B"),
        ("x = '\\x00'\n\x00", "null bytes"),
    ],
)
def test_a_broken_file_is_reported_and_harms_nobody(plugin, text, reason):
    write(plugin, "tasks/geometry/broken.py", text)
    found = {e.name: e for e in registry.entries("task")}
    assert reason in found["geometry/broken"].problem
    assert not found["geometry/length"].problem
    with pytest.raises(Invalid, match="readable"):
        registry.load_task("geometry/broken")


def test_a_file_that_fails_on_import_says_so(plugin):
    write(plugin, "methods/guesses/late.py", "import no_such_engine\nclass Late(Method): pass\n")
    assert not registry.find("method", "late").problem
    with pytest.raises(Invalid, match="no_such_engine"):
        registry.load_method("late")


def test_unknown_names_offer_the_nearest(plugin):
    with pytest.raises(Invalid, match="geometry/length"):
        registry.load_task("geometry/lenght")
    with pytest.raises(Invalid, match="guess"):
        registry.load_method("gues")


def test_one_name_two_files_is_reported(plugin, monkeypatch, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    write(other, "methods/more/guess.py", METHOD)
    monkeypatch.setenv("ERLANGEN_PATH", os.pathsep.join([str(plugin), str(other)]))
    first, second = [e for e in registry.entries("method") if e.name == "guess"]
    assert not first.problem and "already taken" in second.problem
    assert registry.load_method("guess").__module__.endswith("guesses.guess")


def test_a_package_with_entry_points_is_found(tmp_path, monkeypatch):
    write(tmp_path, "site/orbits/__init__.py", "")
    write(tmp_path, "site/orbits/tasks/geometry/arc.py", TASK.replace("from ._draws import draws", ""))
    write(tmp_path, "site/orbits-1.0.dist-info/METADATA", "Name: orbits\nVersion: 1.0\n")
    points = "[erlangen.tasks]\norbits = orbits.tasks\nlost = nowhere.tasks\n"
    write(tmp_path, "site/orbits-1.0.dist-info/entry_points.txt", points)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.delenv("ERLANGEN_PATH", raising=False)
    assert registry.load_task("geometry/arc").name() == "geometry/arc"
    problems = [e.problem for e in registry.entries("task") if e.source == "entry point lost"]
    assert problems == ["the package it names is not installed"]


def test_every_kind_of_task_in_the_contract_is_known():
    from erlangen import contract

    kinds = {n for n, c in vars(contract).items() if isinstance(c, type) and issubclass(c, contract.Task)}
    assert kinds == set(registry._parents("task"))


def test_every_file_of_the_package_can_be_read_and_loaded():
    for kind, load in (("task", registry.load_task), ("method", registry.load_method)):
        for entry in registry.entries(kind):
            if entry.source == "erlangen":
                assert not entry.problem, f"{entry.path}: {entry.problem}"
                assert entry.title, f"{entry.path} needs a first docstring line"
                assert load(entry.name).name() == entry.name


def test_the_outline_says_the_same_as_the_whole_file(monkeypatch):
    quick = [registry.entries(kind) for kind in ("task", "method")]
    parse = registry._parse
    monkeypatch.setattr(registry, "_parse", lambda text, name, whole: parse(text, name, whole=True))
    assert quick == [registry.entries(kind) for kind in ("task", "method")]


def test_an_outline_that_does_not_parse_falls_back_to_the_whole():
    body = 'def f(\n    x,\n):\n    y = """\nbroken (\n"""\n    return y\n'
    text = f'"""Title."""\n{body}class A(Task):\n    n: int = 1  # count\n'
    with pytest.raises(SyntaxError):
        compile(registry._outline(text), "outline", "exec")
    assert registry._parse(text, "file", whole=False)[0] == text
