"""Files of atoms: what goes out comes back in every format, labels keep their meaning, bad files are named."""

from __future__ import annotations

import gzip
import lzma
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.data.label_units import ENERGIES, LabelUnits, electronic_energy
from erlangen.data.readers import Frame, read_atoms, read_samples, write_atoms

ACAC = Path(__file__).parent / "files" / "acac_20.xyz"


def edited(tmp_path, change, name="bad.xyz"):
    path = tmp_path / name
    path.write_text(change(ACAC.read_text()))
    return path


def refused(path, **asked):
    with pytest.raises(Invalid) as caught:
        read_atoms(path, **asked)
    assert str(path) in str(caught.value) and caught.value.do
    return str(caught.value)


def test_acac_as_published():
    frames = read_atoms(ACAC, need=("energy", "forces"))
    first = frames[0]
    assert len(frames) == 20 and np.bincount(first.atoms.atomic_numbers).tolist() == [0, 8, 0, 0, 0, 0, 5, 0, 2]
    assert first.labels["energy"] == -9391.45554428476 and not first.atoms.pbc.any() and not first.atoms.cell.any()
    assert first.atoms.positions[0].tolist() == [0.07874433, 1.40230941, 0.08237721]
    assert first.labels["forces"][0].tolist() == [1.47339228, 1.13796366, 0.06391102]
    assert first.info["config_type"] == "300K_MD"
    assert abs(np.sum(first.labels["forces"], axis=0)).max() < 1e-3  # no net force on an isolated molecule
    samples = read_samples(ACAC)
    assert len(samples) == 20 and samples.outputs["forces"][3].shape == (15, 3)


@pytest.mark.parametrize("packer", [lzma, gzip])
def test_compressed_text_reads_the_same(tmp_path, packer):
    path = tmp_path / f"acac.xyz.{'xz' if packer is lzma else 'gz'}"
    path.write_bytes(packer.compress(ACAC.read_bytes()))
    assert read_atoms(path)[7].labels["energy"] == read_atoms(ACAC)[7].labels["energy"]
    cut = tmp_path / f"cut.{path.name}"
    cut.write_bytes(path.read_bytes()[:3000])
    assert "truncated" in refused(cut)


finite = st.floats(-1e6, 1e6, allow_subnormal=False)


@st.composite
def frames(draw, room=True):
    """A frame, with labels and further values where the format has room for them."""
    n = draw(st.integers(1, 6))
    numbers = draw(hnp.arrays(np.int32, n, elements=st.integers(1, 86)))
    positions = draw(hnp.arrays(np.float64, (n, 3), elements=st.floats(-99, 99, allow_subnormal=False)))
    if not room:
        return Frame(Atoms(positions, numbers))
    periodic = draw(st.booleans())
    cell = np.diag(draw(hnp.arrays(np.float64, 3, elements=st.floats(2, 50)))) + np.tri(3, k=-1) * 0.3
    labels = {"energy": draw(finite), "forces": draw(hnp.arrays(np.float64, (n, 3), elements=finite))}
    if periodic:
        stress = draw(hnp.arrays(np.float64, (3, 3), elements=finite))
        labels["stress"] = np.triu(stress) + np.triu(stress, 1).T
    atoms = Atoms(positions, numbers, cell * periodic, np.full(3, periodic))
    info = {"temperature": draw(finite), "config_type": draw(st.sampled_from(["300K", "it's", 'a "b"', "H-removal"]))}
    return Frame(atoms, labels, info, {"charge_guess": draw(hnp.arrays(np.float64, n, elements=finite))})


@settings(max_examples=60, deadline=None)
@given(st.lists(frames(), min_size=1, max_size=3))
def test_extended_xyz_keeps_every_bit(tmp_path_factory, given_frames):
    path = tmp_path_factory.mktemp("xyz") / "frames.extxyz"
    write_atoms(path, given_frames)
    for a, b in zip(given_frames, read_atoms(path, units="eV"), strict=True):
        for field in ("positions", "atomic_numbers", "cell", "pbc"):
            assert np.array_equal(getattr(a.atoms, field), getattr(b.atoms, field))
        assert a.labels.keys() == b.labels.keys()
        assert all(np.array_equal(a.labels[k], b.labels[k]) for k in a.labels)
        assert a.info == b.info and np.array_equal(a.columns["charge_guess"], b.columns["charge_guess"])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(frames(room=False), min_size=1, max_size=3),
    st.sampled_from([("sdf", 6e-5), ("pdb", 6e-4), ("mmcif", 6e-4)]),
)
def test_molecular_formats_keep_the_structure(tmp_path_factory, given_frames, kind):
    suffix, tolerance = kind
    path = tmp_path_factory.mktemp(suffix) / f"frames.{suffix}.gz"
    # RDKit tells a flat drawing by z = 0 and gemmi guesses elements from names: keep the molecules off the plane.
    given_frames = [Frame(f.atoms.replace(positions=f.atoms.positions + [0, 0, 1.0])) for f in given_frames]
    write_atoms(path, given_frames)
    for a, b in zip(given_frames, read_atoms(path), strict=True):
        assert np.array_equal(a.atoms.atomic_numbers, b.atoms.atomic_numbers)
        assert np.allclose(a.atoms.positions, b.atoms.positions, rtol=0, atol=tolerance)


@settings(max_examples=40, deadline=None)
@given(frames(), st.sampled_from(["cif", "poscar"]))
def test_crystal_formats_keep_distances(tmp_path_factory, frame, kind):
    path = tmp_path_factory.mktemp("crystal") / f"frame.{kind}"
    grid = np.stack(np.meshgrid(*[[0.1, 0.6]] * 3), -1).reshape(-1, 3)[: len(frame.atoms.positions)]
    cell = np.diag([4.0, 5.0, 6.0]) + np.tri(3, k=-1) * 0.3
    atoms = Atoms(grid @ cell, np.sort(frame.atoms.atomic_numbers), cell, np.ones(3, bool))
    write_atoms(path, [Frame(atoms)])
    (back,) = read_atoms(path)
    assert back.atoms.pbc.all() and sorted(back.atoms.atomic_numbers) == sorted(atoms.atomic_numbers)
    for a in (atoms, back.atoms):
        assert np.allclose(a.cell @ a.cell.T, cell @ cell.T, atol=1e-9)
    order = np.argsort(back.atoms.atomic_numbers, kind="stable")
    distance = lambda x: np.linalg.norm(x[:, None] - x[None], axis=-1)  # noqa: E731
    assert np.allclose(distance(back.atoms.positions[order]), distance(atoms.positions), atol=1e-6)


@pytest.mark.parametrize("name", ["out.xyz", "out.sdf", "out.extxyz.xz", "out.cif", "out.mmcif"])
def test_predictions_with_intervals_are_written_beside_the_structure(tmp_path, name):
    given_frames = read_atoms(ACAC)[:3]
    if name.endswith(".cif"):
        boxed = [f.atoms.replace(cell=np.eye(3) * 12.0, pbc=np.ones(3, bool)) for f in given_frames]
        given_frames = [Frame(atoms) for atoms in boxed]
    extra = [{"energy_low": -1.5, "energy_high": 2.5, "forces_low": np.full((15, 3), -0.25)} for _ in given_frames]
    write_atoms(tmp_path / name, given_frames, extra)
    back = read_atoms(tmp_path / name)
    assert len(back) == 3
    if "cif" in name:
        text = (tmp_path / name).read_text()
        assert "erlangen_forces_low_3" in text and "-0.25" in text and "energy_low" in text and "-1.5" in text
    else:
        assert float(back[2].info["energy_low"]) == -1.5 and float(back[2].info["energy_high"]) == 2.5
        assert np.array_equal(back[1].columns["forces_low"], extra[1]["forces_low"])
        assert back[0].labels["energy"] == given_frames[0].labels["energy"]


@pytest.mark.parametrize("name", ["POSCAR", "out.pdb"])
def test_formats_without_room_say_so(tmp_path, name):
    frame = Frame(Atoms(np.zeros((1, 3)), np.array([6]), np.eye(3) * 5, np.ones(3, bool)))
    with pytest.raises(Invalid, match="structures only"):
        write_atoms(tmp_path / name, [frame], [{"energy": 1.0}])


def test_atoms_of_equal_names_stay_and_second_conformers_go(tmp_path):
    line = "HETATM{:5d}  C  {}LIG A   1    {:8.3f}   0.000   1.000  0.50 10.00           C\n"
    (tmp_path / "a.pdb").write_text("".join(line.format(i, " ", float(i)) for i in (1, 2, 3)) + "END\n")
    assert len(read_atoms(tmp_path / "a.pdb")[0].atoms.positions) == 3
    (tmp_path / "b.pdb").write_text("".join(line.format(i, "ABA"[i], float(i)) for i in range(3)) + "END\n")
    assert read_atoms(tmp_path / "b.pdb")[0].atoms.positions[:, 0].tolist() == [0.0, 2.0]


def test_bonds_of_an_sdf_survive(tmp_path):
    from rdkit import Chem
    from rdkit.Chem import AllChem

    molecule = Chem.AddHs(Chem.MolFromSmiles("C=O"))
    AllChem.EmbedMolecule(molecule, randomSeed=1)
    with Chem.SDWriter(str(tmp_path / "a.sdf")) as writer:
        writer.write(molecule)
    write_atoms(tmp_path / "b.sdf", read_atoms(tmp_path / "a.sdf"), [{"energy": -3.0}])
    back = next(Chem.SDMolSupplier(str(tmp_path / "b.sdf"), removeHs=False))
    assert Chem.MolToSmiles(Chem.RemoveHs(back)) == "C=O" and back.GetProp("energy") == "-3.0"
    flat = Chem.MolFromSmiles("CCO")
    AllChem.Compute2DCoords(flat)
    (tmp_path / "flat.mol").write_text(Chem.MolToMolBlock(flat))
    assert "flat drawing" in refused(tmp_path / "flat.mol")


# Rock salt from its space group alone: 8 atoms in the cell, Na-Cl distance a/2.
ROCK_SALT = """data_NaCl
_cell_length_a 5.64
_cell_length_b 5.64
_cell_length_c 5.64
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'F m -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Na1 Na 0 0 0 1
Cl1 Cl 0.5 0.5 0.5 1
"""


def test_cif_expands_symmetry_once(tmp_path):
    path = tmp_path / "salt.cif"
    path.write_text(ROCK_SALT)
    atoms = read_atoms(path)[0].atoms
    assert sorted(atoms.atomic_numbers.tolist()) == [11] * 4 + [17] * 4 and np.allclose(atoms.cell, np.eye(3) * 5.64)
    path.write_text(ROCK_SALT + "Na2 Na 0.5 0.5 0 1\n")  # a copy that the group makes already
    assert len(read_atoms(path)[0].atoms.positions) == 8
    path.write_text(ROCK_SALT + "K1 K 0.5 0.5 0 1\n")
    assert "share one place" in refused(path)
    path.write_text(ROCK_SALT.replace("0.5 1\n", "0.5 0.4\n"))
    assert "fully occupied" in refused(path)
    path.write_text(ROCK_SALT.replace("data_NaCl", "data_NaCl\n_citation_author 'M. O',\n"))
    assert len(read_atoms(path)[0].atoms.positions) == 8
    path.write_text(ROCK_SALT[:-30])
    assert "frame 1" in refused(path)


@pytest.mark.parametrize("energy", ["Energy", "REF_energy", "TotEnergy", "dft_energy"])
@pytest.mark.parametrize("forces", ["force", "REF_forces", "dft_forces"])
def test_usual_names_of_labels(tmp_path, energy, forces):
    path = edited(tmp_path, lambda t: t.replace("energy=", f"{energy}=").replace("forces:R", f"{forces}:R"))
    (a, b) = read_samples(path), read_samples(ACAC)
    assert a.outputs["energy"] == b.outputs["energy"] and np.array_equal(a.outputs["forces"], b.outputs["forces"])


def test_own_names_gradients_virials_and_preference(tmp_path):
    path = edited(tmp_path, lambda t: t.replace("energy=", "my_e=").replace("forces:R", "gradient:R"))
    assert "forces" in read_atoms(path)[0].labels and "energy" not in read_atoms(path)[0].labels
    frame = read_atoms(path, keys={"energy": "my_e"})[0]
    assert frame.labels["energy"] == -9391.45554428476 and frame.labels["forces"][0, 0] == -1.47339228
    with pytest.raises(Invalid, match=r"Did you mean: .*my_e"):
        read_atoms(path, keys={"energy": "my_energy"})
    angles = read_samples(path, ("dihedral_angle",)).outputs["dihedral_angle"]
    assert angles[0] == 8.02164373962562
    path = edited(tmp_path, lambda t: t.replace("energy=", "energy=-5.0 REF_energy="))
    assert read_atoms(path)[0].labels["energy"] == -9391.45554428476
    path = edited(tmp_path, lambda t: t.replace('pbc="F F F"', 'pbc="T T T" virial="1 0 0 0 2 0 0 0 3"'))
    assert np.allclose(read_atoms(path)[0].labels["stress"], -np.diag([1, 2, 3]) / 50.0**3)
    path = edited(tmp_path, lambda t: t.replace('pbc="F F F"', 'pbc="T T T" REF_stress="1 2 3 4 5 6"'))
    assert read_atoms(path)[0].labels["stress"].tolist() == [[1, 6, 5], [6, 2, 4], [5, 4, 3]]


def test_units_are_converted_at_the_border(tmp_path):
    """The same molecule in four units, all read to the same eV; constants against ASE's CODATA table."""
    import ase.units

    for unit, factor in {"hartree": ase.units.Hartree, "kcal/mol": ase.units.kcal / ase.units.mol}.items():
        assert ENERGIES[unit] == pytest.approx(factor, rel=1e-6)
    frames_eV = read_atoms(ACAC)
    for unit in ("hartree,hartree/bohr", "hartree,bohr,hartree/bohr", "kcal/mol", "kJ/mol,kJ/mol/nm", "eV"):
        u = LabelUnits.parse(unit)
        path, headed = tmp_path / "u.xyz", tmp_path / "headed.xyz"
        scaled = [
            Frame(
                f.atoms.replace(positions=f.atoms.positions / u.length),
                {"energy": f.labels["energy"] / u.energy, "forces": f.labels["forces"] / u.force},
            )
            for f in frames_eV
        ]
        write_atoms(path, scaled)
        write_atoms(headed, [Frame(f.atoms, f.labels, {"units": unit}) for f in scaled])
        for back in (read_atoms(path, units=unit), read_atoms(headed)):
            assert back[3].labels["energy"] == pytest.approx(frames_eV[3].labels["energy"], rel=1e-12)
            assert np.allclose(back[3].labels["forces"], frames_eV[3].labels["forces"], rtol=1e-12)
            assert np.allclose(back[3].atoms.positions, frames_eV[3].atoms.positions, rtol=1e-12)
        if unit != "eV":
            assert "in eV" in refused(path)  # the suspicion
            with pytest.raises(Invalid, match="states"):
                read_atoms(headed, units="eV")
    with pytest.raises(Invalid, match="hartree/bohr"):
        read_atoms(path, units="hartree")
    with pytest.raises(Invalid, match=r"Did you mean: .*kcal/mol"):
        read_atoms(path, units="kcal/mole")


def test_energies_that_look_like_hartree_are_believed_where_the_forces_fit(tmp_path):
    """A valence-only method can come out near the Hartree number: shifted energies keep their spread."""
    frames = read_atoms(ACAC)
    total = electronic_energy(frames[0].atoms.atomic_numbers)
    mean = np.mean([f.labels["energy"] for f in frames])
    shifted = [Frame(f.atoms, {**f.labels, "energy": f.labels["energy"] - mean + total}) for f in frames]
    write_atoms(tmp_path / "fits.xyz", shifted)
    assert len(read_atoms(tmp_path / "fits.xyz")) == 20
    write_atoms(tmp_path / "alone.xyz", shifted[:1])
    assert "all-electron energies of these atoms in hartree" in refused(tmp_path / "alone.xyz")
    assert read_atoms(tmp_path / "alone.xyz", units="eV")[0].labels["energy"] == shifted[0].labels["energy"]


def test_electronic_energies_of_atoms():
    """Exact non-relativistic energies in Hartree: He -2.9037, C -37.845, O -75.067, Ar -527.54 (Chakravorty et al.,
    Phys. Rev. A 47, 3649 (1993), doi:10.1103/PhysRevA.47.3649)."""
    for z, exact in {2: -2.9037, 6: -37.845, 8: -75.067, 18: -527.54}.items():
        assert electronic_energy(np.array([z])) == pytest.approx(exact, rel=0.02 if z >= 6 else 0.08)


def test_box_around_a_molecule_is_not_a_crystal(tmp_path):
    def box(t):
        return t.replace(' pbc="F F F"', "")

    assert not read_atoms(edited(tmp_path, box))[0].atoms.pbc.any()
    assert read_atoms(edited(tmp_path, box), pbc=True)[0].atoms.pbc.all()
    tight = read_atoms(edited(tmp_path, lambda t: box(t).replace("50.0", "12.0")))[0].atoms
    assert tight.pbc.all() and tight.cell[1, 1] == 12.0


def _without_forces(text):
    return text.replace(":forces:R:3", "")


BAD = {
    "missing forces": (_without_forces, "every frame has forces"),
    "missing energy": (lambda t: t.replace("energy=", "enrgy=", 1), "frame 1"),
    "nan": (lambda t: t.replace("energy=-9391.45554428476", "energy=nan"), "frame 1: energy has 1 NaN"),
    "inf": (lambda t: t.replace("1.47339228", "inf"), "frame 1: forces has 1 NaN"),
    "truncated": (lambda t: t[: len(t) // 2 + 500], "frame 11"),
    "cut line": (lambda t: t[:-40], "frame 20"),
    "no count": (lambda t: t.replace("15\n", "", 1), "number of atoms"),
    "not a number": (lambda t: t.replace("0.07874433", "abc"), "frame 1"),
    "unknown element": (lambda t: t.replace("\nC ", "\nXq ", 1), "frame 1"),
    "no element": (lambda t: t.replace("\nC ", "\nX ", 1), "without an element"),
    "two energies": (lambda t: t.replace("energy=-9391.45554428476", 'energy="1 2"'), "energy has 2 values"),
    "text energy": (lambda t: t.replace("energy=-9391.45554428476", "energy=none"), "instead of numbers"),
    "empty": (lambda t: "", "empty"),
    "blank": (lambda t: " \n\n", "empty"),
    "more atoms": (lambda t: t.replace("15\n", "16\n", 1), "frame 2"),
    "fewer atoms": (lambda t: t.replace("15\n", "14\n", 1), "frame 2"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_xyz(tmp_path, name):
    change, words = BAD[name]
    assert words in refused(edited(tmp_path, change), need=("energy", "forces"))


def test_blank_lines_between_frames_lose_nothing(tmp_path):
    assert len(read_atoms(edited(tmp_path, lambda t: re.sub("^15$", "\n15", t, flags=re.M) + "\n\n"))) == 20


def test_bad_files_of_other_kinds(tmp_path):
    with pytest.raises(Invalid, match="no file"):
        read_atoms(tmp_path / "none.xyz")
    with pytest.raises(Invalid, match=r"Did you mean: .*\.extxyz"):
        read_atoms(tmp_path / "frames.extxy")
    for name in ("a.cif", "a.pdb", "a.sdf", "a.mmcif", "POSCAR", "a.xyz"):
        path = tmp_path / name
        path.write_text("once upon a time\n")
        refused(path)
        path.write_bytes(bytes(range(256)))
        refused(path)
    with pytest.raises(Invalid, match="one set of extra values"):
        write_atoms(tmp_path / "a.xyz", read_atoms(ACAC), [{}])
    (tmp_path / "file").write_text("")
    with pytest.raises(Invalid, match="can be written"):
        write_atoms(tmp_path / "file" / "a.xyz", read_atoms(ACAC))
