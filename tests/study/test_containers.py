"""Containers and files: an answer is applied through the adapter of its container, and asks nothing but its folder."""

from __future__ import annotations

import dataclasses
import inspect
import shutil
from pathlib import Path

import numpy as np
import pytest

from erlangen import registry
from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms, Compound, Field
from erlangen.data.containers import Contents, Scope
from erlangen.data.readers import Frame, read_atoms, write_atoms
from erlangen.methods.wrappers.conformal import Conformal
from erlangen.study.predict import predict
from erlangen.study.record import Record
from erlangen.study.run import run

WORDS = Path(__file__).parents[2] / "examples" / "words"  # a container from elsewhere: words over four letters


@pytest.fixture
def words(tmp_path, monkeypatch):
    """A folder of plug-ins that brings a container, a task and a method."""
    folder = shutil.copytree(WORDS, tmp_path / "plugin", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("ERLANGEN_PATH", str(folder))
    return tmp_path


def test_a_container_from_outside_is_run_described_and_predicted(words):
    done = run("words/weight", Conformal(registry.load_method("counting")()), runs=words / "runs", quiet=True)
    assert done.record.container == "Sequence" and done.record.data["length"] == 6
    assert done.record.score("mae").value < 1e-5
    with np.load(done.folder / "arrays.npz") as arrays:
        assert arrays["samples/0/input/tokens"].shape == (6,) and arrays["test/profile/true"].shape == (40, 6)
    (words / "mine.txt").write_text("AAAAAA\nACGTAC\n")
    found = predict(done.folder, words / "mine.txt")
    assert found.path.read_text() == "AAAAAA 6.0000\nACGTAC 18.0000" and found.count == 2
    (words / "long.txt").write_text("AAAAAA\nACGTACG\n")
    with pytest.raises(Invalid, match=r"6 letters; came: .*long\.txt, line 2"):
        predict(done.folder, words / "long.txt")


def test_a_container_without_a_file_says_so(words):
    (words / "plugin/containers/sequence.py").rename(words / "plugin/tasks/_sequence.py")
    for path in ("tasks/words/weight.py", "methods/counting/counting.py"):
        file = words / "plugin" / path
        where = ".._sequence" if path.startswith("tasks") else "...tasks._sequence"
        file.write_text(file.read_text().replace("...containers.sequence", where))
    done = run("words/weight", "counting", runs=words / "runs", quiet=True)
    (words / "mine.txt").write_text("AAAAAA\n")
    with pytest.raises(Invalid, match=r"inputs that files can hold.*Sequence"):
        predict(done.folder, words / "mine.txt")


@pytest.mark.parametrize("container", [Atoms, Compound, Field])
def test_every_container_with_files_has_an_adapter_of_one_form(container):
    adapter = registry.load_container(container.__name__)
    assert adapter is not None
    wanted = {"read": 2, "write": 4, "describe": 1, "accepts": 3}
    assert {name: len(inspect.signature(getattr(adapter, name)).parameters) for name in wanted} == wanted


def test_containers_that_no_file_holds_have_none():
    assert registry.load_container("SpinLattice") is None


def test_accepted_are_known_elements_and_domains_only():
    def scope(**data) -> Scope:
        return Scope("run", "area/task", {"viscosity": 0.1}, (), (), data)

    atoms, field = registry.load_container("Atoms"), registry.load_container("Field")
    water, helium = (Atoms(np.zeros((1, 3)), np.array([z], np.int32)) for z in (8, 2))
    assert atoms.accepts([water], scope(elements=[8]), "f") == [water]
    with pytest.raises(Invalid, match=r"\(O\); came: f, frame 2: He"):
        atoms.accepts([water, helium], scope(elements=[8]), "f")
    x = Field({"u": np.zeros(4)}, (0.5,), parameters={"c": np.float64(3.0)})
    described = field.describe([x])
    assert described["grid"]["lengths"] == [2.0] and described["grid"]["parameters"] == {"c": 3.0}
    bare = Field({"u": np.zeros(8)}, (0.25,))
    assert field.accepts([bare], scope(**described), "f")[0].parameters == {"c": 3.0}
    with pytest.raises(Invalid, match=r"viscosity is what run was trained at, 0\.1; came: f: viscosity = 0\.2"):
        field.accepts([Field({"u": np.zeros(4)}, (0.5,), parameters={"viscosity": 0.2})], scope(**described), "f")
    assert field.describe([]) == {} and isinstance(Contents([x]).source, type(None))


@pytest.fixture
def dipoles(tmp_path):
    """A run of properties on an own file that is not there any more, whose task cannot be made any more."""
    rng, frames = np.random.default_rng(0), []
    for _ in range(60):
        d = 0.9 + 0.1 * rng.random()
        x = Atoms(np.array([[0, 0, 0], [d, 0, 0], [-0.2, d, 0]]), np.array([8, 1, 1], np.int32))
        frames.append(Frame(x, {}, {"dipole": np.array([0.1 * d, 0.2, 0.0])}))
    write_atoms(tmp_path / "train.xyz", frames)
    task = registry.load_task("molecules/properties")
    settings = {"target": "dipole", "data": str(tmp_path / "train.xyz"), "n_train": 30, "n_test": 10}
    done = run(task(**settings), "mean", runs=tmp_path / "runs", quiet=True)
    (tmp_path / "train.xyz").unlink()
    write_atoms(tmp_path / "mine.xyz", frames[:3])
    return done.folder, tmp_path / "mine.xyz"


def test_a_property_run_predicts_without_its_task_and_its_training_file(dipoles, monkeypatch):
    from erlangen.app.report import report

    folder, file = dipoles
    task = registry.load_task("molecules/properties")

    def refuse(self) -> None:
        raise AssertionError("the task must not be asked")

    monkeypatch.setattr(task, "__post_init__", refuse)
    found = predict(folder, file)
    assert found.count == 3 and found.errors["dipole [e A]"] < 0.2
    assert read_atoms(found.path)[0].info["predicted_dipole"].shape == (3,)
    assert "dipole" in report(folder, file.parent / "page.html").read_text()


def test_a_record_keeps_what_the_task_declares(dipoles):
    record = Record.read(dipoles[0])
    task = registry.load_task("molecules/properties")
    assert record.container == "Atoms" and record.data["elements"] == [1, 8]
    assert record.outputs == list(task(target="dipole").outputs) and record.inputs == list(task.inputs)
    assert dataclasses.asdict(record.outputs[0])["rep"]["rank"] == 1
