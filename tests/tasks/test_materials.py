"""Crystal properties: the embedded law, public sets from a file, own files, bad input; springs against the mean."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import numpy as np
import pytest

from erlangen.contract import SPLITS, Budget, Samples
from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.data.property_sets import PUBLIC
from erlangen.learn.batching import predict
from erlangen.methods.baselines._crystal_descriptors import describe
from erlangen.methods.baselines.mean import Mean
from erlangen.methods.baselines.springs import Springs
from erlangen.physics.springs import Bonds, elements
from erlangen.tasks.materials.properties import Properties, forbidden, frobenius

PHONONS = str(Path(__file__).parent.parent / "data" / "files" / "matbench_phonons_40.json")


def test_labels_of_symmetric_crystals_have_exact_zeros():
    task = Properties(n_train=12, n_test=12)
    test = task.truth("test")
    ideal = [e for e in test.outputs["dielectric"] if np.all(e[~np.eye(3, dtype=bool)] == 0)]
    assert len(ideal) >= 6
    assert all(f > 0 for f in test.outputs["frequency"])


def test_new_pairs_do_not_occur_in_training():
    def pairs(task, split):
        numbers = [x["atomic_numbers"] for x in task.truth(split).inputs]
        halogens = (9, 17, 35, 53)
        return {(a, b) for z in numbers for a in z for b in z if a not in halogens and b in halogens}

    known, new = Properties(n_train=60, n_test=30), Properties(n_train=3, n_test=30, pairs="new")
    rare = {p for p in pairs(new, "test") if (p[0] + 2 * (p[1] // 9)) % 5 == 0}
    assert rare
    assert not rare & pairs(known, "train")


def test_official_folds():
    """First test crystals of every fold in the published results (Dunn et al. 2020), counted from 1."""
    from erlangen.data.property_sets import _divide

    published = [[2, 3, 7], [5, 9, 12], [14, 20, 23], [4, 8, 11], [1, 6, 15]]
    nothing = Samples([Atoms(np.zeros((1, 3)), np.ones(1))] * 1265, {})
    parts = [_divide(nothing, "", True, fold).rows for fold in range(5)]
    assert [(p["test"][:3] + 1).tolist() for p in parts] == published
    assert np.array_equal(np.sort(np.concatenate([p["test"] for p in parts])), np.arange(1265))
    for part in parts:
        assert np.array_equal(np.sort(np.concatenate(list(part.values()))), np.arange(1265))


@pytest.mark.parametrize("fold", [0, 4])
def test_splits_share_no_chemical_system(fold):
    task = Properties(target="phonons", data=PHONONS, fold=fold)
    groups = {s: set(task.truth(s).group.tolist()) for s in ("train", "validation", "calibration", "test")}
    assert sum(len(g) for g in groups.values()) == len(set.union(*groups.values()))
    assert sum(len(task.truth(s)) for s in groups) == 40
    assert task.published[0].value == 28.76


def test_piezoelectric_tensors_of_a_table_get_their_zeros(tmp_path):
    zinc_blende = "ZnS\n1.0\n0 2.7 2.7\n2.7 0 2.7\n2.7 2.7 0\nZn S\n1 1\ndirect\n0 0 0\n0.25 0.25 0.25\n"
    rock_salt = zinc_blende.replace("0.25 0.25 0.25", "0.5 0.5 0.5")
    noisy = "[[1e-4, 0, 0, 0.2, 0, 0], [0, 0, 0, 0, 0.2001, 0], [0, 0, 0, 0, 0, 0.2]]"
    rows = [f'{i},{i},"{noisy}","{zinc_blende}"\n' for i in range(12)] + [f'12,12,"{noisy}","{rock_salt}"\n']
    file = tmp_path / "piezo.csv"
    file.write_text("# source\nidx,piezoelectric_tensor,poscar\n" + "".join(rows))
    task = Properties(target="piezoelectric", data=str(file))
    labels = [e for s in ("train", "test") for e in task.truth(s).outputs["piezoelectric"]]
    assert 0 < len(labels) <= 12  # the centrosymmetric row contradicts its tensor
    assert all(np.count_nonzero(e) == 6 for e in labels)


def test_scores_of_tensors():
    true = np.diag([2.0, 2.0, 3.0])
    guess = true + 0.1 * np.ones((3, 3))
    assert frobenius(guess, true) == pytest.approx(0.3)
    assert forbidden(guess, true) == pytest.approx(0.1)
    assert forbidden(true, true) == 0


def test_own_file_with_a_column_of_its_own(tmp_path):
    rng, rows = np.random.default_rng(0), []
    for i in range(20):
        cell = (4 + 0.1 * i) * np.eye(3)
        atoms = {"lattice_mat": cell.tolist(), "coords": [[0, 0, 0], [0.5] * 3], "elements": ["Na", ["Cl", "F"][i % 2]]}
        rows.append({"atoms": atoms, "bulk modulus": 10 + rng.random()})
    (tmp_path / "own.json").write_text(json.dumps(rows))
    task = Properties(target="bulk modulus", data=str(tmp_path / "own.json"))
    assert [q.name for q in task.outputs] == ["bulk_modulus"]
    assert [len(task.truth(s)) for s in ("train", "validation", "calibration", "test")] == [14, 1, 1, 4]


def test_words_behind_an_own_file(tmp_path):
    """The column of the target, its unit, and which crystals belong together."""
    rows = [
        {
            "atoms": {"lattice_mat": (4 * np.eye(3)).tolist(), "coords": [[0, 0, 0]], "elements": ["Cu"]},
            "K_VRH": 100.0 + i,
            "paper": f"p{i % 25}",
        }
        for i in range(100)
    ]
    (tmp_path / "own.json").write_text(json.dumps(rows))
    task = Properties(target="bulk", data=f"{tmp_path}/own.json:bulk=K_VRH:units=GPa:group=paper")
    assert [(q.name, q.unit) for q in task.outputs] == [("bulk", "GPa")]
    values = [{int(v) % 25 for v in task.truth(split).outputs["bulk"]} for split in SPLITS]
    assert sum(map(len, values)) == 25 and task.partition.how == "whole groups of paper; fold 0 of 5"
    with pytest.raises(Invalid, match=r"a word behind .*'bulc'.*Did you mean: bulk"):
        Properties(target="bulk", data=f"{tmp_path}/own.json:bulc=K_VRH").truth("train")
    with pytest.raises(Invalid, match=r"the column of .*'papr'.*Did you mean: paper"):
        Properties(target="bulk", data=f"{tmp_path}/own.json:bulk=K_VRH:group=papr").truth("train")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": "hardness"}, "column of an own file"),
        ({"fold": 5}, "fold must be 0 to 4"),
        ({"pairs": "all"}, "known or new"),
        ({"data": "x.json"}, "name of one of its columns"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(Invalid, match=message):
        Properties(**settings)


def test_a_missing_file_and_a_missing_column(tmp_path):
    with pytest.raises(Invalid, match="no file"):
        Properties(target="phonons", data=str(tmp_path / "none.json")).truth("test")
    with pytest.raises(Invalid, match="last phdos peak"):
        _ = Properties(target="last phdos peek", data=PHONONS).outputs


def test_public_sets_are_in_the_catalogue():
    from erlangen.data.downloads import catalogue

    for one in PUBLIC.values():
        assert one.file in catalogue()[one.name].files


def test_springs_of_a_diatomic_molecule():
    """omega^2 = k (1 + t) (1/m + 1/m')."""
    numbers, distance = np.array([6, 8]), 1.13
    bonds = Bonds.of(np.array([[0, 0, 0], [0, 0, distance]]), numbers, 30 * np.eye(3))
    radius, mass = elements()["covalent_radius"][numbers], elements()["mass"][numbers]
    k = np.exp(-(distance - radius.sum()) / 0.4) * 0.5 * (1 + np.cos(np.pi * distance / 6.5))
    modes = bonds.modes(bonds.stiffness(0.4), 0.1)
    assert modes.frequencies[:, -1] == pytest.approx(np.sqrt(k * 1.1 * np.sum(1 / mass)), rel=1e-12)
    assert modes.motion[0] == pytest.approx(1 / mass / np.sum(1 / mass))


def test_descriptors_know_neither_frame_nor_cell():
    x = Properties(target="phonons", data=PHONONS).truth("train").inputs[3]
    rng = np.random.default_rng(0)
    turn, order = np.linalg.qr(rng.normal(size=(3, 3)))[0], rng.permutation(len(x["atomic_numbers"]))
    plain = describe(x["positions"], x["atomic_numbers"], x["cell"], x["pbc"])
    basis = np.array([[1, 1, 0], [0, 1, 2], [0, 0, 1]])
    moved, cell = (x["positions"] @ turn.T + 1.7)[order], basis @ x["cell"] @ turn.T
    assert np.allclose(describe(moved, x["atomic_numbers"][order], cell, x["pbc"]), plain, atol=1e-9)
    double = np.concatenate([x["positions"], x["positions"] + x["cell"][2]])
    larger = np.diag([1, 1, 2]) @ x["cell"]
    assert np.allclose(describe(double, np.tile(x["atomic_numbers"], 2), larger, x["pbc"]), plain, atol=1e-6)


def test_springs_beat_the_mean_on_real_phonons():
    task = Properties(target="phonons", data=PHONONS)
    test = task.truth("test")
    true = np.asarray(test.outputs["frequency"], float)
    errors = []
    for method in (Springs(trees=100), Mean()):
        fitted = method.fit(task, Budget(steps=1), key=jax.random.key(0))
        errors.append(np.mean(np.abs(np.asarray(predict(fitted, test.inputs)["frequency"], float) - true)))
    assert errors[0] < 0.6 * errors[1]


def test_springs_know_the_direction_of_bonds():
    task = Properties(n_train=60, n_test=12)
    test = task.truth("test")
    fitted = Springs(trees=30).fit(task, Budget(steps=1), key=jax.random.key(0))
    found = predict(fitted, test.inputs)["dielectric"]
    true = [np.asarray(t, float) for t in test.outputs["dielectric"]]
    isotropic = [np.trace(f) / 3 * np.eye(3) for f in found]
    assert np.mean(list(map(frobenius, found, true))) < np.mean(list(map(frobenius, isotropic, true)))
    assert max(map(forbidden, found, true)) < 1e-5


def test_trees_answer_inside_a_compiled_derivative_too():
    """Fresh from a fit, before they were kept and read again."""
    task = Properties(target="phonons", data=PHONONS)
    fitted = Springs(trees=20).fit(task, Budget(steps=1), key=jax.random.key(0))
    x = task.truth("test").inputs[0]
    turned = jax.jit(lambda t: fitted(x.replace(positions=x["positions"] * (1 + t)))["frequency"])
    value, slope = jax.jvp(turned, (0.0,), (1.0,))
    assert np.isfinite(float(value)) and np.isfinite(float(slope))
