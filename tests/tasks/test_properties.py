"""Molecular properties: labels against theory, independent splits, held-out chemistry, QM9 files, bad input."""

from __future__ import annotations

import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.data.qm9 import read_qm9
from erlangen.data.splits import scaffolds
from erlangen.physics.electric_response import ElectricResponse
from erlangen.physics.enumeration import small_molecules
from erlangen.physics.molecules import conformers
from erlangen.tasks.molecules.properties import Properties

SPLITS = ("train", "validation", "calibration", "test")
# Number 1 of the set and, with invented numbers, one more in the same format; the first is methane as published.
METHANE = (
    "5\n"
    "gdb 1\t157.7118\t157.70997\t157.70699\t0.\t13.21\t-0.3877\t0.1171\t0.5048\t35.3641\t0.044749\t-40.47893"
    "\t-40.476062\t-40.475117\t-40.498597\t6.469\t\n"
    "C\t-0.0126981359\t 1.0858041578\t 0.0080009958\t-0.535689\n"
    "H\t 2.150416e-03\t-6.0313176*^-3\t 1.9761204*^-3\t 0.133921\n"
    "H\t 1.0117308433\t 1.4637511618\t 2.765748*^-4\t 0.133922\n"
    "H\t-0.540815069\t 1.4475266138\t-0.8766437152\t 0.133923\n"
    "H\t-0.5238136345\t 1.4379326443\t 0.9063972942\t 0.133923\n"
    "1341.307\t1341.3284\t1341.365\t1562.6731\t1562.7453\t3038.3205\t3151.6034\t3151.6788\t3151.7078\n"
    "C\tC\t\nInChI=1S/CH4/h1H4\tInChI=1S/CH4/h1H4\n"
)


def raw_files(folder, count=6):
    for number in range(1, count + 1):
        text = METHANE.replace("gdb 1\t", f"gdb {number}\t").replace("\t13.21\t", f"\t{13.21 + number - 1}\t")
        (folder / f"dsgdb9nsd_{number:06d}.xyz").write_text(text)


def test_the_dipole_is_the_slope_of_the_energy_and_the_polarisability_that_of_the_dipole():
    water = conformers("water")[0]
    response = ElectricResponse(accuracy=1e-4)
    found = response(water.atomic_numbers, water.positions)
    numbers, bohr = np.asarray(water.atomic_numbers), (water.positions - water.positions.mean(0)) / 0.529177210544
    field = np.array([3e-4, -5e-4, 4e-4])
    ends = [response._solve(numbers, bohr, s * field) for s in (1, -1)]
    slope = (ends[0].get("energy") - ends[1].get("energy")) / 2
    mu = found["dipole"] / 0.529177210544
    assert float(slope) == pytest.approx(-mu @ field, abs=1e-9)
    change = (np.array(ends[0].get("dipole")) - np.array(ends[1].get("dipole"))) / 2
    np.testing.assert_allclose(found["polarizability"] @ field / 0.529177210544**3, change, atol=1e-7)


def test_symmetric_molecules_have_the_properties_of_their_point_group():
    methane, benzene = (conformers(name)[0] for name in ("methane", "benzene"))
    response = ElectricResponse()
    found = response(methane.atomic_numbers, methane.positions)
    np.testing.assert_allclose(found["dipole"], 0, atol=1e-5)
    np.testing.assert_allclose(found["polarizability"], np.trace(found["polarizability"]) / 3 * np.eye(3), atol=1e-3)
    ring = np.linalg.eigvalsh(response(benzene.atomic_numbers, benzene.positions)["polarizability"])
    assert ring[2] - ring[1] < 0.01 < ring[1] - ring[0]  # two equal axes in the plane, a smaller one across it


def test_all_molecules_of_two_heavy_atoms():
    one, two = small_molecules(2, "CNO")
    assert one == ["C", "N", "O"]
    wanted = {"CC", "C=C", "C#C", "CN", "C=N", "C#N", "CO", "C=O", "NN", "N=N", "N#N", "NO", "N=O"}
    assert wanted - {"N=N"} <= set(two) <= wanted and "OO" not in two


def test_alkanes_are_complete():
    # Cayley 1875: 1, 1, 1, 2, 3, 5 alkanes with one to six carbon atoms
    levels = small_molecules(6, "C")
    alkanes = [[s for s in level if set(s) <= set("C()")] for level in levels]
    assert [len(level) for level in alkanes] == [1, 1, 1, 2, 3, 5]
    assert "c1ccccc1" in levels[-1] and "C1CCCCC1" in levels[-1]


def test_splits_share_no_molecule_and_what_is_held_out_was_not_trained_on():
    task = Properties(n_heavy=5, elements="CFO", n_train=30, n_test=10)
    parts = {split: set(task._molecules(split)) for split in SPLITS}
    assert sum(map(len, parts.values())) == len(set().union(*parts.values()))
    trained = {s for split in SPLITS for s in parts[split]}
    rings = set(task.shifted("judged_on", "rings")._molecules("test"))
    assert not {f for f in scaffolds(sorted(trained)) if f} & set(scaffolds(sorted(rings)))
    assert all(s.count("F") > 1 for s in task.shifted("judged_on", "fluorine")._molecules("test"))
    assert not trained & set(task.shifted("judged_on", "larger")._molecules("test"))


def test_one_set_of_labels_serves_every_target():
    settings = {**Properties.toy, "n_train": 12, "n_test": 6}
    both = Properties(target="gap,polarizability", **settings).truth("test")
    alone = Properties(target="gap", **settings).truth("test")
    np.testing.assert_array_equal(both.outputs["gap"], alone.outputs["gap"])
    assert np.shape(both.outputs["polarizability"]) == (6, 3, 3)


def test_qm9_from_folder_archive_and_sdf(tmp_path):
    import tarfile

    folder = tmp_path / "gdb9"
    folder.mkdir()
    raw_files(folder)
    (folder / "uncharacterized.txt").write_text("Index  SMILES\n=====\n     3  CC  C\n     1 compounds\n")
    found = read_qm9(folder, ("u0", "alpha", "mu", "homo"))
    assert len(found) == 5
    assert float(found.outputs["u0"][0]) == pytest.approx(-1101.4878, abs=1e-3)  # -40.47893 Hartree
    assert float(found.outputs["alpha"][0]) == pytest.approx(1.9575, abs=1e-3)  # 13.21 Bohr^3
    assert found.inputs[0].positions[1, 1] == pytest.approx(-6.0313176e-3)
    with tarfile.open(tmp_path / "dsgdb9nsd.xyz.tar.bz2", "w:bz2") as archive:
        for file in folder.glob("*.xyz"):
            archive.add(file, file.name)
    assert len(read_qm9(tmp_path / "dsgdb9nsd.xyz.tar.bz2")) == 6
    table = "mol_id,mu,alpha,homo,lumo,gap,r2,zpve,u0,u298,h298,g298,cv\n"
    row = "gdb_1,0.0,13.21,-0.3877,0.1171,0.5048,35.3641,0.044749,-40.47893,-40.476062,-40.475117,-40.498597,6.469\n"
    (tmp_path / "gdb9.sdf.csv").write_text(table + row)
    atom = "   -0.0127    1.0858    0.0080 C   0  0\n"
    block = f"gdb_1\n\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n{atom}M  END\n$$$$\n"
    (tmp_path / "gdb9.sdf").write_text(block)
    again = read_qm9(tmp_path / "gdb9.sdf")
    assert float(again.outputs["u0"][0]) == float(found.outputs["u0"][0])


def test_qm9_as_a_task(tmp_path):
    folder = tmp_path / "gdb9"
    folder.mkdir()
    raw_files(folder, 20)
    task = Properties(target="gap,zpve", data=str(folder))
    assert [len(task.truth(s)) for s in SPLITS] == [14, 1, 2, 3]
    assert task.shifts == () and task.solvers == () and task.solve(task.truth("test").inputs[0]) is None
    assert [q.unit for q in task.outputs] == ["eV", "eV"]


def test_an_own_file_with_a_tensor_of_its_own(tmp_path):
    frame = '2\nproperties=species:S:1:pos:R:3 polarizability="1 0 0 0 2 0 0 0 3"\nH 0 0 0\nH 0 0 0.7\n'
    (tmp_path / "own.xyz").write_text(frame.replace("properties", "Properties") * 6)
    task = Properties(target="polarizability", data=str(tmp_path / "own.xyz"))
    np.testing.assert_array_equal(task.truth("test").outputs["polarizability"][0], np.diag([1.0, 2.0, 3.0]))


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"target": "dipol"}, "dipole"),
        ({"engine": "gfn3"}, "gfn2"),
        ({"elements": "CX"}, "C, N, O and F"),
        ({"n_heavy": 2, "n_train": 500}, "n_heavy"),
        ({"judged_on": "large"}, "larger"),
        ({"data": "nowhere_gdb9.sdf", "target": "gap"}, "no file nowhere"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, hint):
    with pytest.raises(Invalid, match=hint):
        Properties(**settings).truth("train")


def test_radicals_and_elements_without_parameters_are_refused():
    response = ElectricResponse()
    with pytest.raises(Invalid, match="9 electrons"):
        response(np.array([8, 1]), np.array([[0, 0, 0], [0, 0, 1.0]]))
    with pytest.raises(Invalid, match="elements"):
        response(np.array([95, 1]), np.array([[0, 0, 0], [0, 0, 2.0]]))


def test_a_damaged_qm9_file_is_named(tmp_path):
    raw_files(tmp_path, 2)
    (tmp_path / "dsgdb9nsd_000002.xyz").write_text("5\ngdb 2\t1.0\nC 0 0 0\n")
    with pytest.raises(Invalid, match="dsgdb9nsd_000002"):
        read_qm9(tmp_path)


def test_an_own_list_of_smiles_is_labelled_and_what_cannot_be_is_named(tmp_path, caplog, monkeypatch):
    monkeypatch.setenv("ERLANGEN_CACHE", str(tmp_path / "cache"))  # a list of the same content may have been labelled
    chains = "\n".join("C" * n + end for n in range(1, 9) for end in ("O", "N", "F", "C=O", "C#N"))
    (tmp_path / "list.smi").write_text(f"# chains\n{chains}\nC1CC bad\n[CH3] radical\n[Na+] ion\nOC copy\n[U] x\n")
    task = Properties(target="dipole,gap", data=str(tmp_path / "list.smi"), n_train=40, n_test=10)
    sizes = [len(task.truth(split)) for split in SPLITS]
    assert sum(sizes) == 40 and min(sizes) >= 1
    assert "C1CC" not in caplog.text and "line 42" in caplog.text
    for smiles, why in (("[CH3]", "1 unpaired"), ("[Na+]", "charge +1"), ("[U]", "")):
        assert f"{smiles} ({why}" in caplog.text


def test_smiles_that_are_also_names_of_radicals_and_gases_are_read_as_smiles():
    from erlangen.physics.molecules import from_smiles

    sizes = {smiles: len(from_smiles(smiles)[0].atomic_numbers) for smiles in ("C", "CO", "CN", "N", "CF")}
    assert sizes == {"C": 5, "CO": 6, "CN": 7, "N": 4, "CF": 5}
    chosen = [s for split in SPLITS for s in Properties(**Properties.toy)._molecules(split)]
    assert {"C", "CO", "CN"} <= set(chosen)
