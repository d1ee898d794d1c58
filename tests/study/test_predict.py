"""Predictions for a file of one's own: same format back, intervals, units, and refusal of what was not trained on."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest

from erlangen import registry
from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms, Field
from erlangen.data.field_files import read_fields, write_fields
from erlangen.data.readers import Frame, read_atoms, write_atoms
from erlangen.methods.wrappers.conformal import Conformal
from erlangen.numerics.precision import double
from erlangen.study.predict import predict
from erlangen.study.run import load, run

PLUGIN = Path(__file__).parents[2] / "examples" / "plugin"


@pytest.fixture(scope="module")
def water(tmp_path_factory):
    """A run of the forces of water, with intervals, and its test frames."""
    task = registry.load_task("molecules/forces")
    task = task(**task.toy)
    done = run(
        task, Conformal(registry.load_method("kernel_ridge")()), runs=tmp_path_factory.mktemp("runs"), quiet=True
    )
    return done.folder, task.truth("test")


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    """A run of a field on a ring, with bands, and its test samples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ERLANGEN_PATH", str(PLUGIN))
        task = registry.load_task("mechanics/ring")
        task = task(**task.toy)
        method = Conformal(registry.load_method("wave_regression")(ridge=1e-3))
        done = run(task, method, budget="5steps", runs=tmp_path_factory.mktemp("runs"), quiet=True)
        yield done.folder, task.truth("test")


def frames_of(samples, count: int = 5, labelled: bool = True) -> list[Frame]:
    labels = [{k: v[i] for k, v in samples.outputs.items()} if labelled else {} for i in range(count)]
    return [Frame(x, one) for x, one in zip(samples.inputs, labels)]


@pytest.mark.parametrize("name", ["mine.xyz", "mine.extxyz.gz", "mine.sdf"])
def test_atoms_come_back_with_predictions_and_intervals(water, tmp_path, name):
    folder, samples = water
    write_atoms(tmp_path / name, frames_of(samples))
    done = predict(folder, tmp_path / name)
    assert done.path.name == name.replace("mine", "mine.predicted") and (done.count, done.level) == (5, 0.9)
    fitted = load(folder).fitted
    for given, frame in zip(read_atoms(tmp_path / name), read_atoms(done.path)):
        with double():
            expected = fitted(given.atoms)
        np.testing.assert_allclose(frame.info["predicted_energy"], expected["energy"], atol=1e-6)
        np.testing.assert_allclose(frame.columns["predicted_forces"], expected["forces"], atol=1e-5)
        assert np.all(frame.columns["predicted_forces_lower"] <= frame.columns["predicted_forces"])
        assert np.all(frame.columns["predicted_forces"] <= frame.columns["predicted_forces_upper"])
        assert frame.info["predicted_energy_lower"] < frame.info["predicted_energy_upper"]
    assert 0 < done.errors["forces [eV/A]"] < 1


def test_files_without_labels_are_answered_too(water, tmp_path):
    folder, samples = water
    write_atoms(tmp_path / "mine.xyz", frames_of(samples, labelled=False))
    assert predict(folder, tmp_path / "mine.xyz", tmp_path / "out" / "answers.xyz").errors == {}
    assert len(read_atoms(tmp_path / "out" / "answers.xyz")) == 5


def test_formats_without_room_come_back_as_extended_xyz(water, tmp_path):
    folder, samples = water
    write_atoms(tmp_path / "mine.pdb", frames_of(samples, labelled=False))
    done = predict(folder, tmp_path / "mine.pdb")
    assert done.path.name == "mine.pdb.predicted.extxyz"
    assert "predicted_forces" in read_atoms(done.path)[0].columns
    with pytest.raises(Invalid, match="room for labels"):
        predict(folder, tmp_path / "mine.pdb", tmp_path / "other.pdb")


def test_an_element_that_was_not_trained_on_is_refused_with_the_list(water, tmp_path):
    folder, samples = water
    x = samples.inputs[0]
    strange = Atoms(x.positions, np.array([16, 1, 9], np.int32))
    write_atoms(tmp_path / "mine.xyz", [Frame(x), Frame(strange)])
    with pytest.raises(Invalid, match=r"\(H, O\).*frame 2: F, S"):
        predict(folder, tmp_path / "mine.xyz")
    assert not (tmp_path / "mine.predicted.xyz").exists()


def test_the_input_is_never_overwritten(water, tmp_path):
    folder, samples = water
    write_atoms(tmp_path / "mine.xyz", frames_of(samples))
    before = (tmp_path / "mine.xyz").read_bytes()
    with pytest.raises(Invalid, match="is kept"):
        predict(folder, tmp_path / "mine.xyz", tmp_path / "mine.xyz")
    assert (tmp_path / "mine.xyz").read_bytes() == before


@pytest.mark.parametrize("name", ["mine.xyz", "mine.extxyz.gz"])
def test_nothing_is_replaced_unasked_and_a_full_disk_leaves_what_was_there(water, tmp_path, name):
    folder, samples = water
    write_atoms(tmp_path / name, frames_of(samples))
    first = predict(folder, tmp_path / name).path
    before = first.read_bytes()
    with pytest.raises(Invalid, match=r"replaced unasked.*exists"):
        predict(folder, tmp_path / name)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
    try:
        with pytest.raises(Invalid, match=rf"can be written.*{first.name}"):
            predict(folder, tmp_path / name, force=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert first.read_bytes() == before and len(list(tmp_path.iterdir())) == 2
    assert predict(folder, tmp_path / name, force=True).count == 5


def test_bad_files_and_folders_are_refused(water, tmp_path):
    (tmp_path / "empty.xyz").write_text("")
    (tmp_path / "cut.xyz").write_text("3\n\nO 0 0 0\nH 0 0 1\n")
    for name, words in (("empty.xyz", "empty"), ("cut.xyz", "2 of 3"), ("none.xyz", "no file"), ("x.docx", "ending")):
        with pytest.raises(Invalid, match=words):
            predict(water[0], tmp_path / name)
    with pytest.raises(Invalid, match="run folder"):
        predict(tmp_path, tmp_path / "cut.xyz")


@pytest.mark.parametrize("name", ["mine.nc", "mine.h5", "mine.npz"])
def test_fields_come_back_with_predictions_and_bands(ring, tmp_path, name):
    folder, samples = ring
    fields = list(samples.inputs[:4])
    write_fields(tmp_path / name, fields)
    done = predict(folder, tmp_path / name)
    assert done.path.name == name.replace("mine", "mine.predicted") and done.count == 4 and done.level == 0.9
    fitted = load(folder).fitted
    for x, back in zip(fields, read_fields(done.path)):
        np.testing.assert_allclose(back["u"], x["u"], rtol=1e-6)
        np.testing.assert_allclose(back["predicted_u"], fitted(x)["u"], atol=1e-5)
        low, high = fitted.interval(x)["u"]
        np.testing.assert_allclose(back["predicted_u_lower"], low, atol=1e-5)
        np.testing.assert_allclose(back["predicted_u_upper"], high, atol=1e-5)


def test_fields_of_another_problem_are_refused(ring, tmp_path):
    folder, samples = ring
    x = samples.inputs[0]

    def answered(field: Field, units=None):
        write_fields(tmp_path / "mine.nc", [field], units=units)
        return predict(folder, tmp_path / "mine.nc")

    with pytest.raises(Invalid, match="lengths of the training data"):
        answered(Field(x.values, tuple(2 * h for h in x.spacing), x.boundary, x.parameters))
    with pytest.raises(Invalid, match=r"coupling is what .* trained at, 1; .*coupling = 3"):
        answered(Field(x.values, x.spacing, x.boundary, {"coupling": 3.0}))
    with pytest.raises(Invalid, match="boundary"):
        answered(Field(x.values, x.spacing, "walls", x.parameters))
    with pytest.raises(Invalid):
        answered(x, units={"u": "m/s"})
    with pytest.raises(Invalid, match="finite"):
        answered(Field({k: np.full_like(v, np.nan) for k, v in x.values.items()}, x.spacing, x.boundary))
