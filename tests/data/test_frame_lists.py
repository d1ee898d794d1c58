"""Frames of mlearn as its authors and ALIGNN wrote them: units, sign and order of stress, the test that is cut."""

from __future__ import annotations

import json
import lzma
from pathlib import Path

import numpy as np
import pytest

from erlangen.contract import SPLITS
from erlangen.core.errors import Invalid
from erlangen.data.frame_sets import FrameSet
from erlangen.data.leakage import leaks
from erlangen.data.mlearn import SAME, mlearn
from erlangen.data.readers import read_atoms, write_atoms
from erlangen.physics.crystal_frames import answer
from erlangen.physics.interatomic.catalogue import law

FILES = Path(__file__).parent / "files" / "mlearn"
GPA = 1 / 160.2176634


def rows(name):
    return json.loads(lzma.decompress((FILES / name).read_bytes()))


def shears(stress):
    """yz, xz, xy."""
    return np.array([stress[1, 2], stress[0, 2], stress[0, 1]])


def test_energies_are_of_the_cell_in_both_layouts():
    silicon = read_atoms(FILES / "Si" / "training.json.xz", need=("energy", "forces", "stress"))
    assert [len(f.atoms.positions) for f in silicon] == [64, 64, 64, 64, 64, 63, 63, 12]
    assert all(-5.5 < f.labels["energy"] / len(f.atoms.positions) < -4.5 for f in silicon)
    assert silicon[5].info["group"] == "Vacancy" and all(f.atoms.pbc.all() for f in silicon)
    copper = read_atoms(FILES / "Cu" / "alignn_id_prop.json.xz", need=("energy", "forces", "stress"))
    assert all(-4.2 < f.labels["energy"] / len(f.atoms.positions) < -3.0 for f in copper)
    row = rows("Cu/alignn_id_prop.json.xz")[0]
    assert copper[0].labels["energy"] == pytest.approx(row["total_energy"] * len(row["forces"]))


def test_stress_is_positive_under_tension_and_its_shears_are_those_of_the_cell():
    """Of the elastic cells by the law of the same crystal; of dynamics by their correlation with it."""
    silicon = read_atoms(FILES / "Si" / "training.json.xz")
    sheared = [shears(f.labels["stress"]) for f in silicon[:3]]
    for frame, dft in zip(silicon[:3], sheared):
        of_law = shears(answer(law("sw"))(frame.atoms)["stress"])
        assert np.argmax(np.abs(dft)) == np.argmax(np.abs(of_law))
        assert dft @ of_law > 0.99 * np.linalg.norm(dft) * np.linalg.norm(of_law)
        assert np.linalg.norm(dft) == pytest.approx(16.347 * GPA, rel=1e-3)
    assert sorted(int(np.argmax(np.abs(s))) for s in sheared) == [0, 1, 2]
    copper = read_atoms(FILES / "Cu" / "alignn_id_prop.json.xz") + read_atoms(FILES / "Cu" / "test.json.xz")
    pairs = [(f.labels["stress"], answer(law("zhou-copper"))(f.atoms)["stress"]) for f in copper]
    dft, of_law = (np.array([shears(s) for s in side]) for side in zip(*pairs))
    assert np.sum(dft * of_law) > 0.95 * np.linalg.norm(dft) * np.linalg.norm(of_law)


def test_a_test_that_was_appended_twice_is_cut():
    whole = rows("Cu/alignn_id_prop.json.xz")
    assert len(whole) == 9 and whole[-2:] != whole[-4:-2]  # other numbers, same frames
    assert len(read_atoms(FILES / "Cu" / "alignn_id_prop.json.xz")) == 5


def test_nothing_of_the_test_is_left_in_training():
    kept = mlearn("Cu", str(FILES / "Cu"))
    parts = {split: kept.part(split) for split in SPLITS}
    assert {s: len(p) for s, p in parts.items()} == {"train": 2, "validation": 1, "calibration": 1, "test": 2}
    assert "1 of 5 frames left out, they are test frames" in kept.partition.how
    rest = [x for s in ("train", "validation", "calibration") for x in parts[s].inputs]
    assert not leaks(rest, parts["test"], SAME)
    as_they_are = FrameSet(kept.data, kept.test)
    assert leaks([x for s in SPLITS[:3] for x in as_they_are.part(s).inputs], parts["test"], SAME)
    assert [q.name for q in kept.outputs] == ["energy", "forces", "stress"]


def test_lists_of_another_kind_are_refused(tmp_path):
    file = tmp_path / "a.json"
    for text, hint in [
        ("{", "no JSON"),
        ('{"a": 1}', "a dict"),
        ('[{"atoms": 1, "energy": 2}]', "records with atoms, energy"),
        ('[{"structure": {}, "outputs": {}}]', "frame 1: a structure with the unknown entries"),
    ]:
        file.write_text(text)
        with pytest.raises(Invalid, match=hint):
            read_atoms(file)
    row = rows("Si/test.json.xz")[0]
    for change, hint in [({"forces": [[0, 0, 0]]}, "forces have shape"), ({"virial_stress": [1, 2]}, "six numbers")]:
        file.write_text(json.dumps([{**row, "outputs": {**row["outputs"], **change}}]))
        with pytest.raises(Invalid, match=hint):
            read_atoms(file)


def test_such_lists_are_not_written(tmp_path):
    frames = read_atoms(FILES / "Si" / "test.json.xz")
    with pytest.raises(Invalid, match="xyz"):
        write_atoms(tmp_path / "b.json", frames)
    write_atoms(tmp_path / "b.xyz", frames)
    again = read_atoms(tmp_path / "b.xyz", need=("energy", "forces", "stress"))
    np.testing.assert_allclose(again[1].labels["stress"], frames[1].labels["stress"], atol=1e-10)


def test_folders_without_the_set_are_refused(tmp_path):
    with pytest.raises(Invalid, match="holds training"):
        mlearn("Si", str(tmp_path))
    with pytest.raises(Invalid, match="element of mlearn"):
        mlearn("Fe")
