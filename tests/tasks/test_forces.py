"""The task: independent splits, own files, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import molecule
from ase.io import write

from erlangen.core.errors import Invalid
from erlangen.tasks.molecules.forces import Forces


@pytest.fixture
def file(tmp_path):
    """A factory of extended XYZ files with noisy frames of one molecule."""

    def make(name, formula="H2O", frames=20, forces=True, spoil=None):
        from ase.calculators.singlepoint import SinglePointCalculator

        rng, images = np.random.default_rng(len(name)), []
        for i in range(frames):
            atoms = molecule(formula)
            atoms.positions += 0.05 * rng.normal(size=atoms.positions.shape)
            labels = {"energy": -14.0 + 0.1 * rng.normal(), "forces": rng.normal(size=atoms.positions.shape)}
            if not forces:
                del labels["forces"]
            if spoil == i:
                labels["energy"] = np.nan
            atoms.calc = SinglePointCalculator(atoms, **labels)
            images.append(atoms)
        write(tmp_path / name, images, format="extxyz")
        return str(tmp_path / name)

    return make


def test_splits_are_independent_trajectories():
    task = Forces(molecule="water", n_train=8, n_test=6)
    parts = {s: task.truth(s) for s in ("train", "validation", "calibration", "test")}
    assert [len(p) for p in parts.values()] == [8, 2, 6, 6]
    places = np.concatenate([np.array([x.positions for x in p.inputs]) for p in parts.values()]).reshape(22, -1)
    apart = np.linalg.norm(places[:, None] - places, axis=-1) + 9 * np.eye(22)
    assert apart.min() > 1e-3
    again = Forces(molecule="water", n_train=8, n_test=6).truth("test")
    np.testing.assert_array_equal(again.inputs[3].positions, parts["test"].inputs[3].positions)


def test_solver_reproduces_the_labels_and_reference_solvers_are_the_reference_itself():
    task = Forces(**Forces.toy)
    test = task.truth("test")
    found = task.solve(test.inputs[0])
    assert float(found["energy"]) == pytest.approx(float(test.outputs["energy"][0]), abs=1e-5)
    same = task.solvers[0].solve(test.inputs[0], "gfn2")
    np.testing.assert_allclose(same["forces"], test.outputs["forces"][0], atol=1e-3)
    assert "energy" not in task.solvers[0].solve(test.inputs[0], "gfn1")


def test_several_molecules_share_an_answer_and_others_judge_it():
    task = Forces(molecule="water, [OH-]", n_train=5, n_test=3, judged_on="OO")
    train = task.truth("train")
    assert [len(x.positions) for x in train.inputs] == [3, 3, 3, 2, 2]
    assert train.group.tolist() == [0, 0, 0, 1, 1]
    for i in (0, 4):  # each with its own charge
        found = task.solve(train.inputs[i])
        assert float(found["energy"]) == pytest.approx(float(train.outputs["energy"][i]), abs=1e-5)
    unseen = task.shifted("molecule", "OO").truth("test")
    assert {len(x.positions) for x in unseen.inputs} == {4}
    with pytest.raises(Invalid, match="C in methane"):
        Forces(molecule="water", judged_on="methane")


def test_shifts_are_hotter_frames():
    task = Forces(**Forces.toy)
    axis = task.shifts[0]
    hot = task.shifted(axis.axis, axis.values[-1])
    assert hot.temperature == 1000
    assert np.std(hot.truth("test").outputs["energy"]) > np.std(task.truth("test").outputs["energy"])


def test_dft_labels_frames_that_tight_binding_sampled():
    task = Forces(molecule="H2", engine="hf/sto-3g", n_train=3, n_test=3)
    test = task.truth("test")
    # Szabo and Ostlund, table 3.5: -1.117 Hartree at the minimum in STO-3G
    assert -31.0 < min(float(e) for e in test.outputs["energy"]) < -29.0


def test_own_file_is_split_without_overlap(file):
    task = Forces(data=file("train.xyz"), test=file("other.xyz", frames=7))
    sizes = {s: len(task.truth(s)) for s in ("train", "validation", "calibration", "test")}
    assert sizes == {"train": 17, "validation": 1, "calibration": 2, "test": 7}
    alone = Forces(data=task.data)
    rows = [x.positions for s in sizes for x in alone.truth(s).inputs]
    assert len(rows) == 20 == len({r.tobytes() for r in rows})


def test_own_shift_files_become_a_shift_axis(file):
    task = Forces(
        data=file("train.xyz"), test=file("test.xyz"), judged_on=f"{file('a.xyz')}, {file('bb.xyz', frames=5)}"
    )
    axis = task.shifts[0]
    assert [len(task.shifted(axis.axis, v).truth("test")) for v in axis.values] == [20, 5]


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"engine": "gfn3"}, "gfn2"),
        ({"temperature": -1.0}, "temperature"),
        ({"n_train": 0}, "n_train"),
        ({"test": "x.xyz"}, "data"),
        ({"molecule": "ethnol"}, "ethanol"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, hint):
    with pytest.raises(Invalid, match=hint):
        Forces(**settings).truth("train")


def test_files_that_make_no_sense_are_refused(file):
    for path, hint in [
        ("nowhere.xyz", "exist"),
        (file("noforces.xyz", forces=False), "forces"),
        (file("nan.xyz", spoil=3), "finite|NaN"),
        (file("tiny.xyz", frames=2), "at least"),
    ]:
        with pytest.raises(Invalid, match=hint):
            Forces(data=path).truth("train")


def test_an_element_that_was_not_trained_on_is_refused(file):
    task = Forces(data=file("water.xyz"), test=file("methane.xyz", formula="CH4"))
    with pytest.raises(Invalid, match="C in"):
        task.truth("test")
