"""Own files from the flag to the record: what was taken, how it was divided, what test and training share; reuse."""

from __future__ import annotations

import shutil
import warnings

import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.data.readers import Frame, write_atoms
from erlangen.methods.baselines.mean import Mean
from erlangen.study import store
from erlangen.study.compare import compare
from erlangen.study.predict import predict
from erlangen.study.record import Record
from erlangen.study.run import run
from erlangen.tasks.molecules.forces import Forces


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A water molecule in slow motion, 120 frames in which the angle swings thrice, and every frame comes back."""
    frames = []
    for k in range(120):
        angle = np.deg2rad(104.5 + 10 * np.sin(2 * np.pi * k / 40))
        oxygen, first = np.zeros(3), np.array([0.96, 0, 0])
        second = 0.96 * np.array([np.cos(angle), np.sin(angle), 0])
        labels = {"energy": float((angle - 1.82) ** 2), "forces": np.full((3, 3), 0.1)}
        frames.append(Frame(Atoms(np.stack([oxygen, first, second]), np.array([8, 1, 1])), labels))
    path = tmp_path_factory.mktemp("film") / "water.xyz"
    write_atoms(path, frames)
    return path


def test_the_record_says_what_was_taken_and_what_leaks(film, tmp_path):
    done = run(Forces(data=f"{film}:units=eV"), Mean(), budget="1steps", runs=tmp_path, quiet=True)
    (source,) = done.record.data["sources"]
    assert source["source"] == f"{film}:units=eV" and source["bytes"] == film.stat().st_size
    assert done.record.data["partition"].startswith("20 blocks of time (frames follow each other")
    overlap = done.record.data["overlap"]
    assert overlap["shared"] == overlap["compared"] > 0  # an oscillation returns: no cut in time can help
    said = "\n".join(done.record.messages)
    assert "own samples divided: 20 blocks of time" in said and "the test is easier than it looks" in said
    assert Record.read(done.folder).data["overlap"] == overlap


def test_a_run_of_the_same_content_is_taken_again_and_of_another_is_not(film, tmp_path):
    def folders(path):
        (row,) = compare([Forces(data=str(path))], [Mean()], budget="1steps", runs=tmp_path / "runs").rows
        return row.folders

    first = folders(film)
    copy = shutil.copy(film, tmp_path / "copy.xyz")
    assert folders(copy) == first and len(store.runs(tmp_path / "runs")) == 1
    text = (tmp_path / "copy.xyz").read_text()
    (tmp_path / "copy.xyz").write_text(text.replace("energy=", "energy=1", 1))
    assert folders(copy) != first and len(store.runs(tmp_path / "runs")) == 2


def test_a_file_that_is_not_there_leaves_no_run_behind(film, tmp_path):
    with pytest.raises(Invalid, match=r"no file .*watr.xyz.*Did you mean: water.xyz"):
        run(Forces(data=str(film.with_name("watr.xyz"))), Mean(), budget="1steps", runs=tmp_path / "runs", quiet=True)
    assert not (tmp_path / "runs").exists()


def test_energies_that_one_composition_leaves_open_are_said_when_fitting_and_when_predicting(film, tmp_path):
    """Isolated atoms, which feel no force and need no column of it, fix them."""
    methane = Atoms(np.eye(3)[[0, 0, 1, 2]] + np.arange(4.0)[:, None], np.array([8, 8, 1, 1], np.int32))
    write_atoms(tmp_path / "other.xyz", [Frame(Atoms(np.zeros((1, 3)), np.array([1], np.int32))), Frame(methane)])
    write_atoms(tmp_path / "same.xyz", [Frame(Atoms(np.eye(3), np.array([1, 8, 1], np.int32)))])
    with pytest.warns(UserWarning, match=r"one composition \(H2O\) of 2 elements"):
        done = run(Forces(data=f"{film}:units=eV"), Mean(), budget="1steps", runs=tmp_path, quiet=True)
    assert Record.read(done.folder).data["compositions"] == [[2, 1]]
    with pytest.warns(UserWarning, match=r"energy of H \(frame 1\), H2O2 \(frame 2\) cannot be told"):
        predict(done.folder, tmp_path / "other.xyz")
    atoms = "".join(
        f'1\nProperties=species:S:1:pos:R:3 energy={e} pbc="F F F"\n{z} 0 0 0\n' for z, e in (("H", -13), ("O", -41))
    )
    (tmp_path / "fixed.xyz").write_text(film.read_text() + 20 * atoms)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        predict(done.folder, tmp_path / "same.xyz")
        data = f"{tmp_path / 'fixed.xyz'}:units=eV"
        done = run(Forces(data=data), Mean(), budget="1steps", runs=tmp_path, quiet=True)
        predict(done.folder, tmp_path / "other.xyz", force=True)
    assert "compositions" not in done.record.data
