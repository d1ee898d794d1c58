"""XYZ as it is found: encodings, line ends, elements by number, cells that say too little; what is read is written."""

from __future__ import annotations

import re

import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.core.quantity import Quantity, vector
from erlangen.core.systems import Atoms
from erlangen.data.containers import Scope, atoms
from erlangen.data.readers import Frame, read_atoms, write_atoms
from erlangen.data.sources import Source

WATER = "3\n{}\nO 0.0 0.0 0.12\nH 0.0 0.76 -0.47\nH 0.0 -0.76 -0.47\n"


@pytest.fixture
def write(tmp_path):
    def write(text: str | bytes, name: str = "mine.xyz"):
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path / name

    return write


def refused(path, **asked) -> str:
    with pytest.raises(Invalid) as caught:
        read_atoms(path, **asked)
    return str(caught.value)


@pytest.mark.parametrize(
    ("encoding", "mark"), [("utf-8", b"\xef\xbb\xbf"), ("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")]
)
def test_byte_order_marks_are_no_text(write, encoding, mark):
    (frame,) = read_atoms(write(mark + WATER.format("energy=-14.2").encode(encoding)))
    assert frame.labels["energy"] == -14.2 and frame.atoms.atomic_numbers.tolist() == [8, 1, 1]


def test_an_author_in_latin_1_is_an_author(write):
    (frame,) = read_atoms(write(WATER.format('energy=-14.2 author="José Müller"').encode("latin-1")))
    assert frame.info["author"] == "José Müller" and frame.labels["energy"] == -14.2
    assert "zero bytes" in refused(write(b"3\n\0\0\n"))


@pytest.mark.parametrize("character", ["\f", "\v", "\x1c", "\x85", "\u2028"])
def test_only_line_ends_end_lines(write, tmp_path, character):
    for end in ("\n", "\r\n", "\r"):
        text = WATER.format(f'energy=-14.2 note="a{character}b"').replace("\n", end)
        (frame,) = read_atoms(write(text))
        assert frame.labels["energy"] == -14.2 and frame.info["note"] == f"a{character}b"
        write_atoms(tmp_path / "b.xyz", [frame])
        assert read_atoms(tmp_path / "b.xyz")[0].info["note"] == "a b"


def test_backslashes_and_comments_survive(write, tmp_path):
    frames = read_atoms(write(WATER.format(r'path="C:\\data\\x" x=1') + WATER.format("by hand, 3 Å apart")))
    assert frames[0].info["path"] == r"C:\data\x" and frames[1].info == {"comment": "by hand, 3 Å apart"}
    write_atoms(tmp_path / "b.xyz", frames)
    assert [f.info for f in read_atoms(tmp_path / "b.xyz")] == [f.info for f in frames]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("8 {}\n1 {}\n1 {}", [8, 1, 1]),
        ("O {}\n1 {}\nh {}", [8, 1, 1]),
        ("O1 {}\nH12 {}\nD {}", [8, 1, 1]),
        ("CL {}\nna {}\n118 {}", [17, 11, 118]),
    ],
)
@pytest.mark.parametrize("header", ["", "energy=-1", "Properties=species:S:1:pos:R:3", "Properties=Z:I:1:pos:R:3"])
def test_elements_by_symbol_or_number(write, header, rows, expected):
    if "Z:I" in header and not rows.startswith("8"):
        rows, expected = "8 {}\n1 {}\n1 {}", [8, 1, 1]
    text = f"3\n{header}\n" + rows.format("0 0 0.12", "0 0.76 -0.47", "0 -0.76 -0.47") + "\n"
    assert read_atoms(write(text))[0].atoms.atomic_numbers.tolist() == expected


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Xq 0 0 0", "line 5: 'Xq' is no element"),
        ("119 0 0 0", "line 5: '119' is no element"),
        ("0 0 0 0", "without an element"),
        ("H 0 0", "line 5 has 3 of 4 values"),
        ("H 0 0 0.1x", "line 5: '0.1x' is not a number"),
        ("H 0 0 ****", "line 5: '****' is not a number"),
    ],
)
def test_the_line_that_cannot_be_read_is_named(write, line, words):
    said = refused(write("2\n\nO 0 0 0\nH 0 0 1\n".replace("2\n", "3\n").replace("H 0 0 1\n", f"H 0 0 1\n{line}\n")))
    assert words in said and "frame 1" in said


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("Properties=species:S:1:pos:R", "name:type:count"),
        ("Properties=species:S:1:pos:Q:3", "type 'Q'"),
        ("Properties=name:S:1:pos:R:3", "no column of elements"),
        ("Properties=species:S:1:force:R:3", "no column of positions"),
        ("Properties=species:S:1:pos:R:2", "positions have shape"),
        ('Lattice="1 2 3" x=1', "Lattice"),
        ("pbc=maybe", "three times T or F"),
    ],
)
def test_headers_that_say_nonsense(write, header, words):
    assert words in refused(write(WATER.format(header)))


def test_numbers_of_fortran(write):
    (frame,) = read_atoms(write("1\n\nHe 1.5D+00 -2.0d-1 3.e0\n"))
    assert frame.atoms.positions.tolist() == [[1.5, -0.2, 3.0]]


def test_columns_keep_their_names_and_types(write, tmp_path):
    """Also those that ASE would take for results, constraints or initial values, and tensors of atoms."""
    layout = "species:S:1:pos:R:3:charge:R:1:move_mask:L:1:tag:I:1:site:S:1:born:R:9"
    row = "{} 0.5 T 7 a1 1 2 3 4 5 6 7 8 9\n"
    text = f'1\nProperties={layout} magmom=1.5 dipole="1 2 3"\n' + row.format("He 0 0 0")
    (frame,) = read_atoms(write(text))
    assert {k: v.tolist() for k, v in frame.columns.items()} == {
        "charge": [0.5],
        "move_mask": [True],
        "tag": [7],
        "site": ["a1"],
        "born": [[1, 2, 3, 4, 5, 6, 7, 8, 9]],
    }
    frame.columns["born"] = frame.columns["born"].reshape(1, 3, 3)
    write_atoms(tmp_path / "b.xyz", [frame])
    assert "born:R:9" in (tmp_path / "b.xyz").read_text()
    (again,) = read_atoms(tmp_path / "b.xyz")
    assert again.info["magmom"] == 1.5 and again.info["dipole"].tolist() == [1, 2, 3]
    assert again.columns["born"].tolist() == [[1, 2, 3, 4, 5, 6, 7, 8, 9]] and again.columns["move_mask"].dtype == bool


@pytest.mark.parametrize(
    "header",
    [
        'pbc="T T T"',
        'pbc="F F T"',
        "pbc=T",
        'pbc="T T T" Lattice="0 0 0 0 0 0 0 0 0"',
        'pbc="T T T" Lattice="5 0 0 0 5 0 0 0 0"',
        'pbc="T T T" Lattice="5 0 0 0 5 0 5 5 0"',
        'Lattice="5 0 0 0 5 0 0 0 0"',
        'Lattice="1e-5 0 0 0 1e-5 0 0 0 1e-5"',
        'Lattice="1e300 0 0 0 1e300 0 0 0 1e300"',
    ],
)
def test_what_repeats_has_a_lattice(write, header):
    path = write(WATER.format(f"{header} energy=-1"))
    said = refused(path)
    assert "span a cell" in said and "frame 1" in said and "pbc=no" in said
    assert not read_atoms(f"{path}:pbc=no")[0].atoms.pbc.any()


def test_periodic_on_the_command_line_needs_a_lattice_too(write):
    assert "no lattice vectors" in refused(f"{write(WATER.format('energy=-1'))}:pbc=yes")
    assert "NaN" in refused(write(WATER.format('Lattice="5 0 0 0 nan 0 0 0 5" pbc="T T T"')))


@pytest.mark.parametrize("key", ["Lattice", "lattice", "cell", "LATTICE"])
def test_the_lattice_whatever_its_case(write, key):
    (frame,) = read_atoms(write(WATER.format(f'{key}="4 0 0 1 5 0 0 0 6" energy=-1')))
    assert frame.atoms.pbc.all() and frame.atoms.cell.tolist() == [[4, 0, 0], [1, 5, 0], [0, 0, 6]]
    assert key not in frame.info


def test_lattice_vectors_in_lines_of_their_own(write):
    (frame,) = read_atoms(write(WATER.format("") + "VEC1 9 0 0\nVEC2 0 8 0\n"))
    assert frame.atoms.pbc.tolist() == [True, True, False] and frame.atoms.cell.tolist()[1] == [0, 8, 0]


@pytest.mark.parametrize("name", ["slab.xyz", "POSCAR", "slab.cif"])
@pytest.mark.parametrize("pbc", ["T T F", "F T F", "F F F"])
def test_vectors_that_do_not_repeat_are_written_back(write, tmp_path, name, pbc):
    (frame,) = read_atoms(write(WATER.format(f'Lattice="10 0 0 1 11 0 0 0 30" pbc="{pbc}"')))
    assert not frame.atoms.cell[2].any() and not frame.atoms.pbc.all()
    write_atoms(tmp_path / name, [frame])
    (again,) = read_atoms(tmp_path / name)
    lengths = np.linalg.norm([[10, 0, 0], [1, 11, 0], [0, 0, 30]], axis=1)
    np.testing.assert_allclose(np.linalg.norm(again.cell, axis=1), lengths, rtol=1e-9)
    if name == "slab.xyz":
        assert again.atoms.pbc.tolist() == [one == "T" for one in pbc.split()]
        assert again.cell.tolist() == [[10, 0, 0], [1, 11, 0], [0, 0, 30]]


def test_a_cell_that_has_changed_is_written_and_not_the_old_one(write, tmp_path):
    (frame,) = read_atoms(write(WATER.format('Lattice="10 0 0 0 11 0 0 0 30" pbc="T T F"')))
    stretched = Frame(frame.atoms.replace(cell=frame.atoms.cell * 1.1), cell=frame.cell)
    write_atoms(tmp_path / "b.xyz", [stretched])
    np.testing.assert_allclose(read_atoms(tmp_path / "b.xyz")[0].cell, np.diag([11.0, 12.1, 30.0]))


def triatomics(*sizes: int) -> list[Frame]:
    return [Frame(Atoms(np.arange(3.0 * n).reshape(n, 3), np.ones(n, np.int32))) for n in sizes]


@pytest.mark.parametrize("name", ["dipole", "predicted_dipole", "predicted_dipole_lower", "REF_dipole", "virial"])
def test_vectors_of_triatomic_molecules_belong_to_the_frame(tmp_path, name):
    value = np.array([1.0, 2.0, 3.0]) if name != "virial" else np.eye(3)
    write_atoms(tmp_path / "a.xyz", triatomics(3, 3), [{name: value}] * 2)
    (read, _) = read_atoms(tmp_path / "a.xyz", need=(name,))
    assert np.array_equal(np.asarray(read.info[name]), value) and name not in read.columns
    write_atoms(tmp_path / "b.xyz", [read])  # and as a label of the file
    assert np.array_equal(np.asarray(read_atoms(tmp_path / "b.xyz")[0].info[name]), value)


@pytest.mark.parametrize("value", [np.eye(3), np.arange(9.0).reshape(3, 3)])
def test_tensors_of_triatomic_molecules_belong_to_the_frame(tmp_path, value):
    names = ("stress", "predicted_stress", "predicted_stress_upper", "polarizability")
    write_atoms(tmp_path / "a.xyz", triatomics(3), [dict.fromkeys(names, value)])
    text = (tmp_path / "a.xyz").read_text()
    assert not any(re.search(rf"{name}:R", text) for name in names)
    (read,) = read_atoms(tmp_path / "a.xyz", units="eV")
    np.testing.assert_array_equal(np.asarray(read.info["predicted_stress"]), value)


def test_predicted_vectors_of_water_are_written_as_their_quantity_is_declared(write, tmp_path):
    source = Source.parse(write(WATER.format('moment="1 2 3"')))
    scope = Scope(
        "run", "task", {}, (), (Quantity("moment", "m", "e A", "", vector), Quantity("q", "q", "e", "atoms")), {}
    )
    contents = atoms.read(source, scope)
    assert contents.labels[0]["moment"].tolist() == [1, 2, 3]
    ends = {f"predicted_moment{end}": np.array([1.0, 2.0, 3.0]) for end in ("", "_lower", "_upper")}
    atoms.write(tmp_path / "b.xyz", contents, [{**ends, "predicted_q": np.array([-0.8, 0.4, 0.4])}], scope)
    (frame,) = read_atoms(tmp_path / "b.xyz")
    assert all(frame.info[name].tolist() == [1, 2, 3] for name in (*ends, "moment"))
    assert list(frame.columns) == ["predicted_q"]


def test_a_value_of_unknown_name_is_of_atoms_only_if_it_is_in_every_frame(tmp_path):
    vector = np.array([1.0, 2.0, 3.0])
    write_atoms(tmp_path / "a.xyz", triatomics(3, 4), [{"mine": vector}] * 2)
    assert "mine" in read_atoms(tmp_path / "a.xyz")[0].info
    write_atoms(tmp_path / "b.xyz", triatomics(3, 4), [{"mine": np.zeros(3)}, {"mine": np.zeros(4)}])
    assert "mine" in read_atoms(tmp_path / "b.xyz")[0].columns
    forces = [{"predicted_forces": np.ones((3, 3))}]
    write_atoms(tmp_path / "c.xyz", triatomics(3), forces)
    assert read_atoms(tmp_path / "c.xyz")[0].columns["predicted_forces"].shape == (3, 3)
