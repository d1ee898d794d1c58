"""PDB, mmCIF, SDF and POSCAR as simulation programs and drawing programs leave them."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
from ase.data import chemical_symbols

from erlangen.core.errors import Invalid
from erlangen.data.readers import Frame, read_atoms, write_atoms
from erlangen.data.text_files import read_text, write_text


def atom(name, residue, i=1, x=0.0, element="", kind="ATOM"):
    """A line of PDB. name: from column 13 on, so that a blank in front is part of it."""
    place = f"{x:8.3f}{0:8.3f}{0:8.3f}"
    return f"{kind:6}{i:5d} {name:4} {residue:>3} A{i:4d}    {place}{1:6.2f}{0:6.2f}          {element:>2}"


def box(edge, group="P 1"):
    return f"CRYST1{edge:9.3f}{edge:9.3f}{edge:9.3f}{90:7.2f}{90:7.2f}{90:7.2f} {group}"


def read(tmp_path, *lines, name="a.pdb"):
    (tmp_path / name).write_text("\n".join(lines) + "\n")
    return read_atoms(tmp_path / name)


def refused(tmp_path, *lines, name="a.pdb"):
    with pytest.raises(Invalid) as caught:
        read(tmp_path, *lines, name=name)
    assert caught.value.do and str(caught.value).count("came: ") == 1
    return str(caught.value)


def symbols(frame):
    return [chemical_symbols[z] for z in frame.atoms.atomic_numbers]


WATER = [atom(" O", "HOH", element="O")]


@pytest.mark.parametrize(
    ("lines", "count"),
    [
        ([*WATER, "END", *WATER, "END"], 2),
        ([*WATER, "END" + 77 * " ", *WATER, "END"], 2),
        ([*WATER, "ENDMDL", *WATER, "ENDMDL", *WATER, "ENDMDL"], 3),
        (["MODEL        1", *WATER, "ENDMDL", "MODEL        2", *WATER, "ENDMDL", "END"], 2),
        ([*WATER, *WATER], 1),
    ],
)
def test_every_frame_of_a_pdb_is_read(tmp_path, lines, count):
    assert len(read(tmp_path, *lines)) == count


def test_every_data_block_of_an_mmcif_is_read(tmp_path):
    text = "data_of_a_ligand\n_chem_comp.id X\n"
    for name, count in (("a", 1), ("b", 2)):
        frames = read(tmp_path, *WATER, *[atom(" H", "HOH", 2, 1.0, "H")] * (count - 1))
        write_atoms(tmp_path / "one.mmcif", frames)
        text += f"data_{name}\n" + (tmp_path / "one.mmcif").read_text().split("\n", 1)[1]
    (tmp_path / "a.mmcif").write_text(text)
    assert [symbols(frame) for frame in read_atoms(tmp_path / "a.mmcif")] == [["O"], ["O", "H"]]


def test_each_part_has_its_own_box(tmp_path):
    two = [*WATER, atom(" O", "HOH", 2, 8.0, element="O")]
    frames = read(tmp_path, box(20.0), *two, "END", box(21.0), *two, "END")
    assert [frame.atoms.cell[0, 0] for frame in frames] == [20.0, 21.0] and frames[1].atoms.pbc.all()
    for name in ("b.pdb", "c.pdb.gz"):
        write_atoms(tmp_path / name, frames)
        back = read_atoms(tmp_path / name)
        assert all(np.array_equal(a.atoms.cell, b.atoms.cell) for a, b in zip(frames, back, strict=True))
    write_atoms(tmp_path / "b.mmcif", frames[:1])
    assert np.array_equal(read_atoms(tmp_path / "b.mmcif")[0].atoms.cell, frames[0].atoms.cell)
    with pytest.raises(Invalid, match="share one cell"):
        write_atoms(tmp_path / "b.mmcif", frames)
    turned = dataclasses.replace(frames[0].atoms, cell=np.array([[0, 20.0, 0], [20.0, 0, 0], [0, 0, 20.0]]))
    with pytest.raises(Invalid, match="a along x"):
        write_atoms(tmp_path / "b.pdb", [Frame(turned)])


def test_a_box_that_is_not_used_is_said(tmp_path, caplog):
    (frame,) = read(tmp_path, box(20.0, "P 21 21 21"), *WATER)
    assert not frame.atoms.pbc.any() and "without the copies and the cell of P 21 21 21" in caplog.text
    with pytest.warns(UserWarning, match=r"1 of 1 frames.* read as isolated.*:pbc=yes"):
        (frame,) = read(tmp_path, box(20.0), *WATER)
    assert not frame.atoms.pbc.any()
    xyz = ["1", 'Lattice="30 0 0 0 30 0 0 0 30" Properties=species:S:1:pos:R:3', "H 0 0 0"]
    with pytest.warns(UserWarning, match="read as isolated"):
        assert not read(tmp_path, *xyz, name="a.xyz")[0].atoms.pbc.any()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_atoms(f"{tmp_path / 'a.pdb'}:pbc=yes")[0].atoms.pbc.all()
        assert not read(tmp_path, xyz[0], xyz[1] + ' pbc="F F F"', xyz[2], name="a.xyz")[0].atoms.pbc.any()
        assert not read(tmp_path, box(1.0), *WATER)[0].atoms.pbc.any()  # what NMR models have in place of a cell


@pytest.mark.parametrize(
    "place",
    [
        "31256.96532685.06460403.930",  # predicted models far from the origin
        "********   0.000   0.000",
        "  12.34    5.000    6.000",  # moved by one column
        "1000.0000   0.000   0.000",
        "   0.000        nan   0.000",
    ],
)
def test_coordinates_out_of_their_columns_are_refused(tmp_path, place):
    line = WATER[0].replace("   0.000   0.000   0.000", place)
    assert "columns 31 to 54" in refused(tmp_path, line)


def test_full_columns_are_read(tmp_path):
    line = WATER[0].replace("   0.000   0.000   0.000", "-100.1239200.456-300.789")
    assert read(tmp_path, line)[0].atoms.positions.tolist() == [[-100.123, 9200.456, -300.789]]
    line = WATER[0][:30] + "  1.5     2.25    3.125"
    assert read(tmp_path, line)[0].atoms.positions.tolist() == [[1.5, 2.25, 3.125]]


@pytest.mark.parametrize(
    ("atoms", "wanted"),
    [
        ([("N", "ALA"), ("CA", "ALA"), ("C", "ALA"), ("HA", "ALA"), ("1HB", "ALA")], "N C C H H"),
        ([("CA", "ALA"), ("CD", "GLN"), ("NE2", "GLN"), ("HG", "SER"), ("SD", "MET"), ("OD1", "ASP")], "C C N H S O"),
        ([("CE1", "HSD"), ("ND1", "HIE"), ("OH2", "TIP"), ("P", "DA"), ("SE", "MSE")], "C N O P Se"),
        ([("N", "ALA"), ("CA", "CA"), ("CL", "CL"), ("ZN", "ZN"), ("C1", "LIG")], "N Ca Cl Zn C"),
        ([(" CA", "ALA"), ("CA", "CA"), (" C1", "LIG"), ("CL1", "LIG")], "C Ca C Cl"),
    ],
)
def test_elements_from_names_and_residues(tmp_path, atoms, wanted):
    lines = [atom(name, residue, i, 3.0 * i) for i, (name, residue) in enumerate(atoms, 1)]
    assert sorted(symbols(read(tmp_path, *lines)[0])) == sorted(wanted.split())


def test_elements_that_cannot_be_told_or_are_wrong(tmp_path):
    assert "C or Cl" in refused(tmp_path, atom("N", "ALA"), atom("CL1", "LIG", 2, 3.0))
    assert "'CA'" in refused(tmp_path, atom(" N", "ALA", element="N"), atom(" CA", "ALA", 2, 3.0, element="CA"))


def test_residues_without_hydrogens_are_said(tmp_path, caplog):
    read(tmp_path, atom(" N", "GLY"), atom(" CA", "GLY", 2, 1.5))
    assert "residues without any hydrogen" in caplog.text
    caplog.clear()
    read(tmp_path, atom(" N", "GLY"), atom(" H", "GLY", 2, 1.0))
    assert not caplog.text


@pytest.mark.parametrize("name", ["a.pdb", "a.cif", "a.sdf.gz", "POSCAR"])
def test_encodings_and_line_ends(tmp_path, name):
    """Latin-1 names of authors, a byte order mark, UTF-16, line ends of Windows and of old Macs: the same structure."""
    cell = np.diag([5.0, 6.0, 7.0])
    write_atoms(tmp_path / name, [Frame(read(tmp_path, *WATER)[0].atoms.replace(cell=cell, pbc=np.ones(3, bool)))])
    text = read_text(tmp_path / name)
    first = {"a.pdb": "REMARK   Müller\n" + text, "a.cif": "# Müller\n" + text}.get(name, text)
    if name == "POSCAR":
        first = "Müller\n" + text.split("\n", 1)[1]
    write_text(tmp_path / name, text)
    wanted = read_atoms(tmp_path / name)[0].atoms
    for ends in ("\n", "\r\n", "\r"):
        for encoding in ("utf-8", "utf-8-sig", "latin-1", "utf-16"):
            raw = first.replace("\n", ends).encode(encoding)
            (tmp_path / name.removesuffix(".gz")).write_bytes(raw)
            found = read_atoms(tmp_path / name.removesuffix(".gz"))[0].atoms
            assert np.array_equal(found.positions, wanted.positions) and found.atomic_numbers.tolist() == [8]


ETHANOL = """ethanol
     test             3D

  3  2  0  0  0  0  0  0  0  0999 V2000
    1.1959   -0.2654    0.0000 C   0  0
   -0.0544    0.5705   -0.1000 C   0  0
   -1.1414   -0.3052   -0.0000 O   0  0
  1  2  1  0
  2  3  1  0
M  END
"""


def test_hydrogens_that_the_bonds_leave_room_for(tmp_path, caplog):
    assert "none of the 6" in refused(tmp_path, ETHANOL + "$$$$", name="a.sdf")
    assert "none of the 6" in refused(tmp_path, ETHANOL, name="a.mol")
    with_one = ETHANOL.replace("  3  2  0", "  4  3  0").replace("  1  2  1  0", "  1  2  1  0\n  3  4  1  0")
    with_one = with_one.replace(" O   0  0\n", " O   0  0\n   -1.1128    1.5137   -0.4442 H   0  0\n")
    assert len(read(tmp_path, with_one, name="a.mol")[0].atoms.positions) == 4
    assert "5 hydrogens fewer" in caplog.text
    caplog.clear()
    carbon_dioxide = ETHANOL.replace("1  2  1  0", "1  2  2  0").replace("2  3  1  0", "2  3  2  0")
    carbon_dioxide = carbon_dioxide.replace(" C   0  0\n   -0.05", " O   0  0\n   -0.05")
    assert symbols(read(tmp_path, carbon_dioxide, name="a.mol")[0]) == ["O", "C", "O"]
    no_bonds = ETHANOL.replace("  3  2  0", "  3  0  0").replace("  1  2  1  0\n  2  3  1  0\n", "")
    assert len(read(tmp_path, no_bonds, name="a.mol")[0].atoms.positions) == 3 and not caplog.text


@pytest.mark.parametrize("value", ["\n", " \n", "\n\n", " \n \n"])
def test_an_empty_data_field_is_no_value(tmp_path, value):
    no_bonds = ETHANOL.replace("  3  2  0", "  3  0  0").replace("  1  2  1  0\n  2  3  1  0\n", "")
    (frame,) = read(tmp_path, f"{no_bonds}>  <energy>\n{value}\n>  <note>\nfine\n\n$$$$", name="a.sdf")
    assert "energy" not in frame.labels and frame.info["note"] == "fine"


BODY = "1.0\n5.64 0 0\n0 5.64 0\n0 0 5.64\n{}\nDirect\n0 0 0\n0.5 0.5 0.5\n"


@pytest.mark.parametrize(
    ("title", "counts", "words"),
    [
        ("rock salt, relaxed", "1 1", "VASP 5 names are needed"),
        ("In a salt", "1 1", "VASP 5 names are needed"),
        ("Na", "1 1", "VASP 5 names are needed"),
        ("", "1 1", "VASP 5 names are needed"),
        ("anything", "Na Xx\n1 1", "line 6 must name elements"),
        ("anything", "A B\n1 1", "line 6 must name elements"),
    ],
)
def test_a_poscar_without_names_of_elements(tmp_path, title, counts, words):
    assert words in refused(tmp_path, f"{title}\n{BODY.format(counts)}", name="POSCAR")


@pytest.mark.parametrize(
    ("title", "counts"),
    [("Na Cl", "1 1"), ("NaCl", "1 1"), ("rock salt", "Na Cl\n1 1"), ("rock salt", "Na_pv/6a2f Cl\n1 1")],
)
def test_a_poscar_with_names_of_elements(tmp_path, title, counts):
    (frame,) = read(tmp_path, f"{title}\n{BODY.format(counts)}", name="POSCAR_relaxed")
    assert symbols(frame) == ["Na", "Cl"]


def test_an_ending_that_is_known_wins_over_the_beginning(tmp_path):
    for name in ("poscar_frames.xyz", "POSCAR.extxyz", "CONTCAR-1.xyz.gz"):
        write_text(tmp_path / name, "1\n\nH 0 0 0\n")
        assert len(read_atoms(tmp_path / name)) == 1
    assert symbols(read(tmp_path, *WATER, name="contcar_7.pdb")[0]) == ["O"]
    poscar = f"Na Cl\n{BODY.format('1 1')}"
    for name in ("POSCAR.3", "contcar", "a.vasp"):
        assert symbols(read(tmp_path, poscar, name=name)[0]) == ["Na", "Cl"]
