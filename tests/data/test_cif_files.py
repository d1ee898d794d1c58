"""Crystals in CIF: the group from whatever states it, and sites that are no whole atoms."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest
import spglib

from erlangen.core.errors import Invalid
from erlangen.data.crystal_tables import read_crystals
from erlangen.data.readers import read_atoms

CUBIC = (5.64, 5.64, 5.64, 90, 90, 90)
ROCK_SALT = ("Na1 Na 0 0 0", "Cl1 Cl 0.5 0.5 0.5")
LENGTHS = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")


def cif(symmetry="", cell=CUBIC, sites=ROCK_SALT, columns=("label", "type_symbol", "fract_x", "fract_y", "fract_z")):
    lines = ["data_x", *(f"_cell_{name} {value}" for name, value in zip(LENGTHS, cell)), symmetry, "loop_"]
    return "\n".join([*lines, *(f"_atom_site_{name}" for name in columns), *sites]) + "\n"


def read(tmp_path, text):
    (tmp_path / "a.cif").write_text(text)
    (frame,) = read_atoms(tmp_path / "a.cif", pbc=True)
    return frame.atoms


def refused(tmp_path, text):
    with pytest.raises(Invalid) as caught:
        read(tmp_path, text)
    assert caught.value.do and "a.cif" in str(caught.value)
    return str(caught.value)


def operations(name):
    triplets = [f"'{op.triplet()}'" for op in gemmi.SpaceGroup(name).operations()]
    return "\n".join(["loop_", "_symmetry_equiv_pos_as_xyz", *triplets])


@pytest.mark.parametrize(
    "symmetry",
    [
        "_symmetry_Int_Tables_number 225",
        "_space_group_IT_number 225",
        "_symmetry.space_group_name_H-M 'F m -3 m'",
        "_SYMMETRY_SPACE_GROUP_NAME_H-M Fm-3m",
        "_symmetry_space_group_name_H-M 'F m 3 m'",
        "_space_group_name_Hall '-F 4 2 3'",
        operations("F m -3 m"),
        operations("F m -3 m") + "\n_space_group_name_H-M_alt 'Q 99'",
    ],
)
def test_rock_salt_from_whatever_states_its_group(tmp_path, caplog, symmetry):
    atoms = read(tmp_path, cif(symmetry))
    assert sorted(atoms.atomic_numbers.tolist()) == [11] * 4 + [17] * 4 and not caplog.text
    apart = atoms.positions[:, None] - atoms.positions
    distances = np.linalg.norm(apart - 5.64 * np.round(apart / 5.64), axis=-1)
    assert distances[distances > 0.1].min() == pytest.approx(2.82)


@pytest.mark.parametrize("number", [2, 14, 62, 88, 136, 167, 194, 205, 227])
def test_groups_written_out_are_found_again(tmp_path, number):
    """A general position under a group, in its second setting where it has one: spglib finds the same group."""
    settings = [group for group in gemmi.spacegroup_table() if group.number == number]
    group = settings[min(1, len(settings) - 1)]
    cell = {2: (7, 8, 9, 80, 95, 103), 167: (8, 8, 8, 75, 75, 75), 194: (8, 8, 11, 90, 90, 120)}.get(number)
    if number == 14:
        cell = (7, 8, 9, 90, 97, 90) if group.monoclinic_unique_axis() == "b" else (7, 8, 9, 90, 90, 97)
    cell = cell or ((9,) * 3 if number > 194 else (7, 7, 9) if number > 74 else (7, 8, 9)) + (90, 90, 90)
    atoms = read(tmp_path, cif(operations(group.xhm()), cell, ["C1 C 0.137 0.2171 0.3313"]))
    scaled = atoms.positions @ np.linalg.inv(atoms.cell)
    found = spglib.get_symmetry_dataset((atoms.cell, scaled, atoms.atomic_numbers))
    assert len(scaled) == len(group.operations()) and found.number == number


@pytest.mark.parametrize(
    ("symmetry", "words"),
    [
        ("_symmetry_space_group_name_H-M 'Q 99'", "'Q 99' is not understood"),
        ("_symmetry_space_group_name_H-M 'Q 99'\n_space_group_IT_number 225", "'Q 99' is not understood"),
        ("_space_group_name_Hall 'nonsense'", "Hall symbol 'nonsense' is not understood"),
        ("_space_group_IT_number 231", "number 231"),
        ("_space_group_magn.name_BNS 'F m -3 m'", "_space_group_magn_name_bns, which is not understood"),
        ("_space_group_name_H-M_alt 'F m -3 m'\n_space_group_IT_number 221", "its number 221 is another"),
        (
            operations("P 1") + "\n_space_group_name_H-M_alt 'F m -3 m'",
            "those of P 1, its name or number says",
        ),
        ("loop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\n-x,-y,z\nx+1/3,y,z", "not a group"),
        ("loop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\n-x,-y,q", "operations are not understood"),
    ],
)
def test_a_group_that_is_not_understood_is_no_p1(tmp_path, symmetry, words):
    assert words in refused(tmp_path, cif(symmetry))


def test_a_group_must_fit_the_cell_and_a_standard_setting_is_said(tmp_path, caplog):
    name = "_space_group_name_H-M_alt 'F m -3 m'"
    assert "does not have the symmetry" in refused(tmp_path, cif(name, (5.64, 5.64, 5.9, 90, 90, 90)))
    assert len(read(tmp_path, cif("_space_group_IT_number 62", (5, 6, 7, 90, 90, 90), ROCK_SALT[:1])).positions) == 4
    assert "62: read in the standard setting P n m a" in caplog.text
    caplog.clear()
    assert len(read(tmp_path, cif()).positions) == 2
    assert "no symmetry is stated, taken as P 1" in caplog.text


SILICON = ((5.43, 5.43, 5.43, 90, 90, 90), ["Si1 Si 0 0 0"])


def test_two_origins_are_told_apart(tmp_path):
    """Diamond: 8 atoms where the origin lies on an atom (choice 1), 16 places where it lies on a bond (choice 2)."""
    name = "_symmetry_space_group_name_H-M '{}'"
    came = refused(tmp_path, cif(name.format("F d -3 m"), *SILICON))
    assert "8 atoms in the cell for F d -3 m:1, 16 atoms in the cell for F d -3 m:2" in came
    assert "8 atoms in the cell for F d -3 m:1" in refused(tmp_path, cif("_space_group_IT_number 227", *SILICON))
    for one in (
        name.format("F d -3 m S"),
        name.format("F d -3 m:1"),
        name.format("F d -3 m") + "\n_space_group_IT_coordinate_system_code 1",
        name.format("F d -3 m") + "\n_chemical_formula_sum Si\n_cell_formula_units_Z 8",
    ):
        assert len(read(tmp_path, cif(one, *SILICON)).positions) == 8
    columns = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "symmetry_multiplicity")
    text = cif(name.format("F d -3 m"), SILICON[0], ["Si1 Si 0.125 0.125 0.125 8"], columns)
    atoms = read(tmp_path, text)
    assert len(atoms.positions) == 8
    assert "P n n n:2" in refused(tmp_path, cif(name.format("P n n n"), (5, 6, 7, 90, 90, 90), SILICON[1]))


GENERAL = ("label", "type_symbol", "fract_x", "fract_y", "fract_z")


@pytest.mark.parametrize(
    ("column", "sites", "words"),
    [
        ("occupancy", ["Na1 Na 0 0 0 1", "H1 H ? ? ? 1"], "every site has coordinates; came"),
        ("occupancy", ["Na1 Na 0 0 0 1", "H1 H 0.1 . 0.3 1"], "e.g. H1"),
        ("occupancy", ["Na1 Na 0 0 0 1", "H1 H 0.1 x 0.3 1"], "e.g. H1"),
        (
            "disorder_group",
            ["C1 C .1 .1 .1 1", "C2 C .17 .1 .1 2", "O1 O .5 .5 .5 ."],
            "2 alternative sites, e.g. C1, C2",
        ),
        ("disorder_group", ["C1 C .1 .1 .1 -1", "O1 O .5 .5 .5 ."], "1 alternative sites, e.g. C1"),
        ("attached_hydrogens", ["C1 C .1 .1 .1 3", "C2 C .37 .1 .1 3"], "2 sites with attached hydrogens"),
        ("occupancy", ["'Al,Cutet' '0.615(5)Cu + 0.385(5)Al' 0 0 0 1"], "partly occupied by several elements"),
        ("occupancy", ["M1 Fe/Mn 0 0 0 1"], "partly occupied by several elements"),
        ("occupancy", ["O1 OH 0 0 0 1"], "no element for the site O1 ('OH')"),
        ("occupancy", ["O1 Wat 0 0 0 1"], "no element for the site O1 ('Wat')"),
    ],
)
def test_sites_that_are_no_whole_atoms_are_named(tmp_path, column, sites, words):
    assert words in refused(tmp_path, cif("_space_group_IT_number 1", sites=sites, columns=(*GENERAL, column)))


def test_dummy_sites_are_left_out_with_a_word(tmp_path, caplog):
    sites = ["Na1 Na 0 0 0 d", "X1 C 0.2 0.2 0.2 dum", "Cl1 Cl 0.5 0.5 0.5 d"]
    atoms = read(tmp_path, cif("_space_group_IT_number 225", sites=sites, columns=(*GENERAL, "calc_flag")))
    assert np.bincount(atoms.atomic_numbers)[[6, 11, 17]].tolist() == [0, 4, 4]
    assert "dummy sites left out: X1" in caplog.text


def test_symbols_carry_charges_and_labels_alone_must_be_plain(tmp_path):
    text = cif(
        "_space_group_IT_number 1", sites=["Na1 Na1+ 0 0 0", "Fe1 Fe+3 .5 .5 0", "D1 D .2 0 .7", "a O2- .5 .5 .5"]
    )
    assert read(tmp_path, text).atomic_numbers.tolist() == [11, 26, 1, 8]
    labels = GENERAL[:1] + GENERAL[2:]
    text = cif("_space_group_IT_number 1", sites=["Ca1 0 0 0", "O1A .5 .5 .5"], columns=labels)
    assert read(tmp_path, text).atomic_numbers.tolist() == [20, 8]
    text = cif("_space_group_IT_number 1", sites=["HO2 0 0 0"], columns=labels)  # a hydrogen of O2, not holmium
    assert "give _atom_site_type_symbol" in refused(tmp_path, text)


def test_what_the_formula_says_is_compared(tmp_path, caplog):
    """Hydrogens that were never placed show in the sum formula."""
    both = "_space_group_IT_number 225\n_chemical_formula_sum 'Cl Na'\n_cell_formula_units_Z 4"
    read(tmp_path, cif(both))
    assert not caplog.text
    read(tmp_path, cif(both.replace("'Cl Na'", "'Cl H Na'")))
    assert "its cell holds Na4 Cl4, its formula is Cl1 H1 Na1 with Z = 4" in caplog.text


def test_a_tag_that_is_there_twice(tmp_path):
    text = cif("_space_group_IT_number 225\n_cell_length_a 6.0")
    assert "duplicate tag _cell_length_a" in refused(tmp_path, text)
    (tmp_path / "a.mmcif").write_text("data_x\n_cell.length_a 5\n_cell.length_a 6\n")
    with pytest.raises(Invalid, match="duplicate tag"):
        read_atoms(tmp_path / "a.mmcif")
    broken = text.replace('"', '""')
    good = cif("_space_group_IT_number 225").replace('"', '""')
    (tmp_path / "t.csv").write_text(f'y,cif\n1,"{broken}"\n2,"{good}"\n3,"{cif()}"\n4,"{cif()}"\n')
    table = read_crystals(tmp_path / "t.csv", "y")
    assert table.rows.tolist() == [1, 2, 3] and "duplicate tag" in table.faults[0]
    assert len(table.atoms[0].positions) == 8


def test_assumptions_are_said_once_for_many_frames(tmp_path, caplog):
    (tmp_path / "many.cif").write_text("".join(cif().replace("data_x", f"data_{i}") for i in range(5)))
    assert len(read_atoms(tmp_path / "many.cif")) == 5
    assert caplog.text.count("no symmetry is stated") == 1 and "frame 1 and 4 more" in caplog.text
