"""Tables as spreadsheets and databases write them: separators, marks, line ends, names of columns, line numbers."""

from __future__ import annotations

import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.core.quantity import Quantity
from erlangen.data.compound_files import conflict, read_compounds, read_queries, read_smiles, write_rows
from erlangen.data.containers import Scope, atoms, compound
from erlangen.data.crystal_tables import read_crystals
from erlangen.data.sources import Source
from erlangen.data.text_tables import read_table

PLAIN = "smiles,pIC50\nCCO,5.1\nCCN,6.2\nc1ccccc1,4.4\n"
POSCAR = "CsCl\n1.0\n4.2 0 0\n0 4.2 0\n0 0 4.2\nCs Cl\n1 1\ndirect\n0 0 0\n0.5 0.5 0.5\n"


def table(tmp_path, text, name="t.csv", encoding="utf-8"):
    (tmp_path / name).write_bytes(text.encode(encoding))
    return tmp_path / name


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_one_table_however_it_was_written(tmp_path, separator, ends, encoding, name):
    file = table(tmp_path, PLAIN.replace(",", separator).replace("\n", ends), name, encoding)
    found = read_compounds(file)
    assert found.smiles == ["CCO", "CCN", "c1ccccc1"] and found.value.tolist() == [5.1, 6.2, 4.4]
    assert list(read_queries(file)[1].values()) == found.smiles


@pytest.mark.parametrize(
    "text",
    [
        "smiles;pIC50\nCCO;5,1\nCCN;6,2\nc1ccccc1;4,4\n",  # decimal commas
        "sep=;\nsmiles;pIC50\nCCO;5.1\nCCN;6.2\nc1ccccc1;4.4\n",  # Excel
        "# assay 7, by hand\n\n" + PLAIN,
        ",smiles,pIC50\n0,CCO,5.1\n1,CCN,6.2\n2,c1ccccc1,4.4\n",  # pandas with its index
        "smiles,pIC50\n0,CCO,5.1\n1,CCN,6.2\n2,c1ccccc1,4.4\n",  # R with its index
        "smiles,pIC50,\nCCO,5.1,\nCCN,6.2,\nc1ccccc1,4.4,\n",
        "smiles,pIC50\nCCO,5.1,,\nCCN,6.2,,\nc1ccccc1,4.4\n",
        'Drug_ID,Drug,Y\n"a, b",CCO,5.1\nb,CCN,6.2\nc,c1ccccc1,4.4\n',  # Therapeutics Data Commons
        "Ligand SMILES\tname\tvalue\nCCO\ta;b;c\t5.1\nCCN\tb\t6.2\nc1ccccc1\tc\t4.4\n",  # BindingDB
        " SMILES , pIC50 \nCCO,5.1\nCCN,6.2\nc1ccccc1,4.4\n",
    ],
)
def test_dialects_of_a_table(tmp_path, text):
    found = read_compounds(table(tmp_path, text))
    assert found.smiles == ["CCO", "CCN", "c1ccccc1"] and found.value.tolist() == [5.1, 6.2, 4.4]
    assert not found.left_out


def test_a_field_may_be_long(tmp_path):
    """The csv module stops at 131,072 characters."""
    long = "x" * 200_000
    found = read_compounds(table(tmp_path, f"smiles,value,spectrum\nCCO,5,{long}\nCCN,6,y\n"))
    assert found.smiles == ["CCO", "CCN"]
    crystals = read_crystals(table(tmp_path, f'gap,poscar,x\n1,"{POSCAR}",{long}\n'), "gap")
    assert [float(v) for v in crystals.values] == [1.0]


def test_lines_are_those_of_the_file(tmp_path, caplog):
    """Blank lines, fields of several lines and comments count."""
    text = 'smiles,pIC50,note\n\n\nCCO,5,\nXXX,6,"two\nlines"\nCCN,none,\n\nCCC,7,a,b\n'
    found = read_compounds(table(tmp_path, text))
    assert found.left_out == {
        "more fields than the header": (9,),
        "SMILES that cannot be read": (5,),
        "no value": (7,),
    }
    assert found.smiles == ["CCO"]
    assert read_compounds(table(tmp_path, "# a\n# b\n" + text)).left_out["no value"] == (9,)
    caplog.clear()
    read_queries(table(tmp_path, "name,smiles\n\na,CCO\n\nb,XXX\n"))
    assert "line 5" in caplog.text
    assert read_smiles(table(tmp_path, "smiles\n\nCCO\n\nCCN\n")) == {3: "CCO", 5: "CCN"}
    assert read_smiles(table(tmp_path, "CCO ethanol\x0c\n\nCCN\x0b amine\r\nCCC\n", "t.smi")) == {
        1: "CCO",
        3: "CCN",
        4: "CCC",
    }


def test_a_list_in_a_packed_table(tmp_path):
    import gzip

    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"name,smiles\na,CCO\n"))
    assert read_smiles(tmp_path / "a.csv.gz") == {2: "CCO"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# a\n# b\n", "comments only"),
        ("smiles,value\n", "a header only"),
        ("structure,value\nCCO,1\nCCN,2\n", "t.csv:smiles=COLUMN"),
        ("smiles,dose\nCCO,1\nCCN,2\n", "t.csv:value=COLUMN"),
        ("a smiles,b smiles,value\nCCO,CCO,1\n", "t.csv:smiles=COLUMN"),
        ("smiles,value,Value\nCCO,1,2\nCCN,2,3\n", "several columns 'value'"),
        ("\x00\x01\x02", "zero bytes"),
    ],
)
def test_tables_that_cannot_be_used_are_one_message(tmp_path, text, words):
    with pytest.raises(Invalid, match=words):
        read_compounds(table(tmp_path, text))


def test_columns_are_named_behind_the_file(tmp_path):
    file = table(tmp_path, "structure;dose\nCCO;1,5\nCCN;2\n")
    assert read_compounds(f"{file}:smiles=Structure:value=dose").value.tolist() == [1.5, 2.0]
    assert list(read_queries(f"{file}:smiles=structure")[1].values()) == ["CCO", "CCN"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("value\nCCO,100\nOCC,102\nCCN,50\n", {"CCO": 101.0, "CCN": 50.0}),  # nM
        ("IC50_uM\nCCO,5\nOCC,7\nCCN,1\n", {"CCO": 6.0, "CCN": 1.0}),  # small numbers, but no logarithms
        ("value\nCCO,100\nOCC,2000\nCCN,50\n", {"CCN": 50.0}),
        ("pIC50\nCCO,5\nOCC,7\nCCN,1\n", {"CCN": 1.0}),
        ("pIC50\nCCO,5\nOCC,5.5\nCCN,1\n", {"CCO": 5.25, "CCN": 1.0}),
        ("melting point\nCCO,-114\nOCC,-115\nCCN,-81\n", {"CCO": -114.5, "CCN": -81.0}),
    ],
)
def test_copies_agree_on_the_scale_of_their_values(tmp_path, text, kept):
    column = text.split("\n", 1)[0]
    found = read_compounds(table(tmp_path, "smiles," + text), column=column)
    assert dict(zip(found.smiles, found.value.tolist())) == kept
    assert len(kept) == 2 or any("differ by more than" in reason for reason in found.left_out)


def test_a_conflict_does_not_depend_on_the_sign_of_a_quantity():
    for low, high in [(-30.0, -29.0), (0.0, 0.0), (20.0, 150.0)]:
        assert not conflict(low, high, False) and not conflict(-high, -low, False)
    for low, high in [(-5.0, 3.0), (0.0, 50.0), (20.0, 250.0)]:
        assert conflict(low, high, False) and conflict(-high, -low, False)


SCOPE = Scope("run", "molecules/activity", {}, (), (Quantity("activity", "y", "1", ""),), {})


def test_predictions_never_take_the_place_of_a_column(tmp_path):
    for head in ("smiles,predicted_activity", "smiles,Predicted_Activity", "smiles,predicted_activity_lower"):
        with pytest.raises(Invalid, match="names of the predictions are free"):
            compound.read(Source(table(tmp_path, f"{head}\nCCO,1\n")), SCOPE)
    scope = Scope("run", "molecules/forces", {}, (), (Quantity("energy", "E", "eV", ""),), {})
    for head in ("predicted_energy=1.0", "predicted_energy_upper=2"):
        with pytest.raises(Invalid, match="names of the predictions are free"):
            atoms.read(Source(table(tmp_path, f"1\n{head}\nH 0 0 0\n", "a.xyz")), scope)


def test_a_table_goes_out_as_it_came_in(tmp_path):
    """Separator, an index without a name, equal names and decimal commas stay; only new columns are added."""
    text = ';smiles;dose;dose\n0;CCO;1,5;"a;b"\n1;XXX;;\n2;CCN;2;c\n'
    rows, smiles = read_queries(table(tmp_path, text))
    assert list(smiles) == [0, 2]
    write_rows(tmp_path / "out.csv", rows, {0: {"predicted_y": 1.5}, 2: {"predicted_y": -2.0}})
    lines = ["smiles;dose;dose;predicted_y", '0;CCO;1,5;"a;b";1.5', "1;XXX;;;", "2;CCN;2;c;-2"]
    assert (tmp_path / "out.csv").read_text().splitlines() == [";" + lines[0], *lines[1:]]
    assert read_table((tmp_path / "out.csv").read_text(), tmp_path).column("predicted_y") == ["1.5", "", "-2"]
    assert np.all(np.array(rows.lines) == [2, 3, 4])
    with pytest.raises(Invalid, match="more fields than the header"):
        read_queries(table(tmp_path, "smiles,name\nCCO,a,b,c\nCCN,b\n"))


def test_a_list_to_be_labelled_may_be_any_table(tmp_path):
    from erlangen.tasks.molecules.properties import Properties

    names = ["C" * n + end for n in range(1, 5) for end in ("O", "N", "", "F", "C#N", "=O")]
    text = "id\tstructure\n" + "".join(f"{i}\t{name}\n" for i, name in enumerate(names))
    task = Properties(data=f"{table(tmp_path, text, 'mine.TSV')}:smiles=structure", n_train=8, n_test=3)
    assert task.partition is not None and sum(map(len, task.partition.rows.values())) == 24
    with pytest.raises(Invalid, match="a word behind"):
        read_smiles(f"{table(tmp_path, 'CCO', 't.smi')}:smiles=a")
