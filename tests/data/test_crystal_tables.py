"""Tables of crystals in the dialects of the databases, and rows that cannot be used."""

from __future__ import annotations

import json

import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.data.crystal_tables import crystal_of, read_crystals

CELL = [[4.2, 0.0, 0.0], [0.0, 4.2, 0.0], [0.0, 0.0, 4.2]]
JARVIS = {"lattice_mat": CELL, "coords": [[0, 0, 0], [0.5, 0.5, 0.5]], "elements": ["Cs ", "Cl"], "cartesian": False}
PYMATGEN = {
    "lattice": {"matrix": CELL},
    "sites": [
        {"species": [{"element": "Cs", "occu": 1}], "abc": [0, 0, 0]},
        {"species": [{"element": "Cl", "occu": 1}], "abc": [0.5, 0.5, 0.5]},
    ],
}
POSCAR = "CsCl\n1.0\n4.2 0 0\n0 4.2 0\n0 0 4.2\nCs Cl\n1 1\ndirect\n0 0 0\n0.5 0.5 0.5\n"
CIF = """data_CsCl
_cell_length_a 4.2
_cell_length_b 4.2
_cell_length_c 4.2
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P 1'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Cs1 Cs 0 0 0
Cl1 Cl 0.5 0.5 0.5
"""
DIALECTS = {"jarvis": JARVIS, "pymatgen": PYMATGEN, "pymatgen text": json.dumps(PYMATGEN), "cif": CIF, "poscar": POSCAR}


@pytest.mark.parametrize("name", DIALECTS)
def test_one_crystal_in_every_dialect(name):
    atoms = crystal_of(DIALECTS[name])
    assert atoms.atomic_numbers.tolist() == [55, 17]
    assert np.allclose(atoms.cell, CELL)
    assert np.allclose(atoms.positions, [[0, 0, 0], [2.1, 2.1, 2.1]])


def test_records_columns_and_text_tables_agree(tmp_path):
    values = [1.5, 2.5]
    (tmp_path / "jarvis.json").write_text(json.dumps([{"atoms": JARVIS, "gap": v} for v in values]))
    (tmp_path / "split.json").write_text(
        json.dumps({"columns": ["structure", "gap"], "index": [0, 1], "data": [[PYMATGEN, v] for v in values]})
    )
    (tmp_path / "columns.json").write_text(
        json.dumps({"structure": {"0": PYMATGEN, "1": PYMATGEN}, "gap": {"0": 1.5, "1": 2.5}})
    )
    cell = '"' + CIF.replace('"', '""') + '"'
    rows = "".join(f"{i},{v},{cell}\n" for i, v in enumerate(values))  # with an index that has no name
    (tmp_path / "table.csv").write_text("# source\ngap,cif\n" + rows)
    for name in ("jarvis.json", "split.json", "columns.json", "table.csv"):
        table = read_crystals(tmp_path / name, "gap")
        assert [float(v) for v in table.values] == values, name
        assert not table.faults


def test_tensors_as_text(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text(f'eps,poscar\n"[[2, 0, 0], [0, 2, 0], [0, 0, 3]]","{POSCAR}"\n"[1, 2]","{POSCAR}"\n')
    table = read_crystals(file, "eps", (3, 3))
    assert table.values[0][2, 2] == 3
    assert table.faults == ["row 2: its value has shape (2,) instead of (3, 3)"]


def test_rows_that_cannot_be_used_are_listed(tmp_path, caplog):
    partial = json.loads(json.dumps(PYMATGEN))
    partial["sites"][0]["species"][0]["occu"] = 0.5
    flat = {**JARVIS, "lattice_mat": [[1, 0, 0], [2, 0, 0], [0, 0, 1]]}
    strange = {**JARVIS, "elements": ["Xx", "Cl"]}
    rows = [
        {"atoms": JARVIS, "gap": 1.0},
        {"atoms": JARVIS, "gap": "na"},
        {"atoms": JARVIS, "gap": float("nan")},
        {"atoms": "no structure", "gap": 1.0},
        {"atoms": flat, "gap": 1.0},
        {"atoms": strange, "gap": 1.0},
        {"structure": partial, "gap": 1.0},
        {"gap": 1.0},
    ]
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(rows))
    table = read_crystals(file, "gap")
    assert table.rows.tolist() == [0]
    assert [f.split(":")[0] for f in table.faults] == [f"row {i}" for i in range(2, 9)]
    assert "7 of 8 rows left out" in caplog.text


def test_what_pandas_writes(tmp_path):
    """orient = records, columns, index, split and table, lines; one record alone; a mark in front; other line ends."""
    rows = {"mp-1": {"atoms": JARVIS, "gap": 1.5}, "mp-2": {"atoms": JARVIS, "gap": 2.5}}
    records = list(rows.values())
    lines = "\n".join(map(json.dumps, records)) + "\n"
    files = {
        "index": json.dumps(rows),
        "columns": json.dumps({name: {k: row[name] for k, row in rows.items()} for name in ("atoms", "gap")}),
        "table": json.dumps({"schema": {"fields": []}, "data": records}),
        "lines": lines,
        "one": lines.split("\n")[0] + "\n" + json.dumps(records[1], indent=1),
        "mark": "\ufeff" + lines,
        "cr": lines.replace("\n", "\r"),
        "semicolons": f'gap;atoms\n1,5;"{JARVIS}"\n2.5;"{JARVIS}"\n'.replace("1,5", "1.5"),
        "tabs and cr": f'gap\tatoms\r1.5\t"{JARVIS}"\r2.5\t"{JARVIS}"\r',
    }
    for name, text in files.items():
        (tmp_path / name).write_bytes(text.encode())
        table = read_crystals(tmp_path / name, "gap")
        assert [float(v) for v in table.values] == [1.5, 2.5] and not table.faults, name
        with pytest.raises(Invalid, match="Did you mean: gap"):
            read_crystals(tmp_path / name, "gaps")
    (tmp_path / "single.jsonl").write_text(json.dumps(records[0]))
    assert len(read_crystals(tmp_path / "single.jsonl", "gap")) == 1


def test_most_values_say_what_shape_there_is(tmp_path):
    for odd, others in (([1, 2], [3.0, 4.0]), (5.0, [[1, 2], [3, 4]])):
        rows = [{"atoms": JARVIS, "y": value} for value in (odd, *others)]
        (tmp_path / "t.json").write_text(json.dumps(rows))
        table = read_crystals(tmp_path / "t.json", "y")
        assert table.rows.tolist() == [1, 2] and table.faults[0].startswith("row 1: its value has shape")


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ('[{"atoms": 1, "band_gap": 1}]', "bandgap", "Did you mean: band_gap"),
        ('[{"atoms": "?", "gap": 1}]', "gap", "none of 1"),
        ("[1, 2", "gap", "no JSON"),
        ('{"atoms": 1}\n{"atoms"', "gap", "no JSON"),
        ("[" * 100_000, "gap", "no JSON"),
        ("# a\n# b\n", "gap", "comments only"),
        ("[1, 2]", "gap", "no list of records"),
        ("gap\n1\n", "gap", "one column, 'gap'"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, text, column, message):
    (tmp_path / "bad").write_text(text)
    with pytest.raises(Invalid, match=message):
        read_crystals(tmp_path / "bad", column)
