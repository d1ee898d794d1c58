"""Damaged and hostile files: every reader gives what is in a file or one message, soon, whatever is in it.

Some hundred cases; `make fuzz` has ten thousand, with limits of time and memory for each.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
import logging
import re
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from fuzz import hostile
from fuzz.pool import judged
from fuzz.seeds import CELL, FIELDS, JARVIS, PAULI, TABLE, XYZ, targets, write_fields_of

from erlangen.core.errors import Invalid, unknown
from erlangen.core.systems import Field
from erlangen.data import limits
from erlangen.data.compound_files import read_compounds
from erlangen.data.crystal_tables import read_crystals
from erlangen.data.field_files import read_fields
from erlangen.data.hdf5_heaps import check_heaps
from erlangen.data.pauli_files import read_pauli_sum
from erlangen.data.readers import read_atoms
from erlangen.data.sources import Source
from erlangen.learn.checkpoint import FITTED, load_fitted, save_fitted
from erlangen.study.record import Record
from erlangen.study.record_types import check_types

CASES = 30
DOCS = Path(__file__).parents[2] / "docs" / "limits.md"


@pytest.fixture(autouse=True)
def quiet():
    logging.getLogger("erlangen.data").setLevel(logging.ERROR)
    yield
    logging.getLogger("erlangen.data").setLevel(logging.NOTSET)


@pytest.mark.parametrize("name", targets())
def test_damaged_files_are_read_or_refused(tmp_path, name):
    target = targets()[name]
    seeds = target.make(tmp_path / "seeds")
    for seed in seeds:
        target.read(seed)
    kinds = []
    for number in range(CASES):
        path = target.damage(seeds, 10**6 + number, tmp_path / "case")
        kind, words = judged(lambda path=path: target.read(path))
        assert kind != "fault", f"case {10**6 + number}: {words}"
        kinds.append(kind)
    assert kinds.count("read") < CASES  # the damage is real


def test_a_case_is_the_same_file_every_time(tmp_path):
    target = targets()["xyz"]
    seeds = target.make(tmp_path / "seeds")
    first, again = (target.damage(seeds, 7, tmp_path / name).read_bytes() for name in "ab")
    assert first == again != target.damage(seeds, 8, tmp_path / "c").read_bytes()


QUICK = ("columns without end", "atoms without end", "long words", "endless", "endless inside", "loops", "archives")


@pytest.mark.parametrize("name", [*QUICK, "arrays of nothing", "deep json", "strange molecules", "foreign storage"])
def test_hostile_files_are_refused_or_read(tmp_path, name):
    begun = time.process_time()
    for variant in range(19 if name == "endless" else 3):
        kind, words = judged(hostile.ATTACKS[name](tmp_path / "attack", variant))
        assert kind != "fault", f"variant {variant}: {words}"
    assert time.process_time() - begun < 10


@pytest.mark.parametrize(("ending", "packer"), hostile.PACKERS)
@pytest.mark.parametrize("kind", ["xyz", "csv"])
def test_bombs_are_refused_by_what_they_claim_to_hold(tmp_path, ending, packer, kind):
    text = b"1\ntitle" + b" " * (1 << 20) + b"\nH 0 0 0\n" if kind == "xyz" else b"smiles,pIC50\n" * 80_000
    path = tmp_path / f"a.{kind}{ending}"
    path.write_bytes(packer.compress(text) * 70)  # packed streams may follow each other
    with pytest.raises(Invalid, match="at most 100 times its size"):
        (read_atoms if kind == "xyz" else read_compounds)(path)


def test_packed_files_of_ordinary_numbers_are_no_bombs(tmp_path):
    rng = np.random.default_rng(0)
    rows = "".join(f"H {a:.6f} {b:.6f} {c:.6f}\n" for a, b, c in rng.normal(0, 1000, (3000, 3)))
    path = tmp_path / "a.xyz.gz"
    path.write_bytes(gzip.compress(f"3000\n\n{rows}".encode()))
    assert len(read_atoms(path)[0].atoms.positions) == 3000


LIMITED = {
    "FRAMES": ("a.xyz", XYZ, read_atoms, 1, "at most 1 frames; came: .*a.xyz: 2"),
    "ATOMS": ("a.xyz", XYZ, read_atoms, 2, "at most 2 atoms in a frame"),
    "LINE": ("a.xyz", XYZ, read_atoms, 40, "line 2: 41"),
    "WORD": ("a.extxyz", CELL, read_atoms, 2, "a number of 3 characters"),
    "SITES": ("a.cif", targets()["cif"].seeds["a.cif"].decode(), read_atoms, 1, "at most 1 sites"),
    "ROWS": ("a.csv", TABLE, read_compounds, 3, "at most 3 rows"),
    "FIELDS": ("a.csv", TABLE, read_compounds, 9, "at most 9 fields"),
    "STRINGS": ("a.txt", PAULI, read_pauli_sum, 2, "at most 2 strings"),
    "VALUES": ("a.json", json.dumps(JARVIS), lambda path: read_crystals(path, "bulk"), 9, "at most 9 values"),
    "TEXT": ("a.csv", TABLE, read_compounds, 10, "at most 10 bytes of text"),
    "STREAM": ("a.xyz", XYZ, read_atoms, 10, "at most 10 bytes of text"),
}


@pytest.mark.parametrize("limit", LIMITED)
def test_each_limit_is_in_its_message(tmp_path, monkeypatch, limit):
    name, text, read, most, words = LIMITED[limit]
    (tmp_path / name).write_text(text)
    read(tmp_path / name)
    monkeypatch.setattr(limits, limit, most)
    with pytest.raises(Invalid, match=words):
        read(tmp_path / name)


@pytest.mark.parametrize("ending", [".h5", ".nc", ".npz", ".zarr"])
def test_limits_of_arrays(tmp_path, monkeypatch, ending):
    path = tmp_path / f"a{ending}"
    write_fields_of(path, FIELDS)
    assert len(read_fields(path)) == 10
    monkeypatch.setattr(limits, "ARRAYS", 2)
    with pytest.raises(Invalid, match="at most 2 arrays"):
        read_fields(path)


def test_the_limits_of_the_docs_are_those_of_the_code():
    text = DOCS.read_text()
    rows = dict(re.findall(r"^\| `([A-Z]+)` \| ([\d,]+)", text, re.MULTILINE))
    stated = {name: int(value.replace(",", "")) for name, value in rows.items()}
    mega = {"TEXT", "STREAM", "UNSUSPICIOUS", "LINE", "RECORD"}
    known = {n: v >> 20 if n in mega else v for n, v in vars(limits).items() if n.isupper() and isinstance(v, int)}
    assert stated == known


def test_long_reading_says_how_far_it_is(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(limits, "FIRST", 0.0)
    (tmp_path / "a.xyz").write_text(XYZ)
    with caplog.at_level(logging.WARNING, "erlangen.data"):
        read_atoms(tmp_path / "a.xyz")
    assert re.search(r"a.xyz: \d frames read, .*/s", caplog.text)


def test_a_text_is_decoded_byte_by_byte_where_it_has_two_encodings(tmp_path):
    path = tmp_path / "a.xyz"
    path.write_bytes(b"1\nauthor=" + "Å".encode() + b" place=\xc5\rH 0 0 0\r\n")
    (frame,) = read_atoms(path)
    assert frame.info["author"] == frame.info["place"] == "Å"


def test_other_exceptions_keep_their_cause(tmp_path):
    path = tmp_path / "a.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(200))
    with pytest.raises(Invalid, match="of the kind that their names say") as found:
        read_fields(path)
    assert isinstance(found.value.__cause__, Exception)


def test_messages_have_an_end():
    begun = time.process_time()
    error = unknown("the column", "x" * 10**6, [f"{'y' * 10**4}{i}" for i in range(5000)])
    assert len(str(error)) < 5000 and time.process_time() - begun < 2


def test_a_record_whose_fields_have_other_types_is_refused(tmp_path):
    target = targets()["run folder"]
    (folder,) = target.make(tmp_path)
    raw = json.loads((folder / "record.json").read_text())
    assert Record.from_json(json.dumps(raw)).task == raw["task"]
    for name, value in {"task": 5, "seed": "0", "messages": [1], "data": [], "state": "gone", "wraps": [3]}.items():
        with pytest.raises(Invalid, match=f"Record.{name}"):
            Record.from_json(json.dumps(raw | {name: value}))
    deep = '{"format": ' + "[" * 100_000 + "]" * 100_000 + "}"
    with pytest.raises(Invalid, match="a record is a JSON file"):
        Record.from_json(deep)


@dataclasses.dataclass
class _Row:
    name: str
    pair: tuple[str, float]
    more: list[int] | None = None


def test_types_of_fields():
    assert check_types(_Row("a", ("b", 1))).name == "a"
    for wrong in (_Row(1, ("b", 1.0)), _Row("a", ("b",)), _Row("a", ("b", True)), _Row("a", ("b", 1), [1.5])):  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="instead of"):
            check_types(wrong)


def test_an_answer_whose_structure_was_changed_is_not_whole(tmp_path):
    path = save_fitted(tmp_path, Field({"u": np.arange(4.0)}, (0.25,)))
    assert load_fitted(tmp_path).spacing == (0.25,)
    raw = path.read_bytes()
    assert raw.count(b"0.25") == 1
    (tmp_path / FITTED).write_bytes(raw.replace(b"0.25", b"0.75"))
    with pytest.raises(Invalid, match="is whole"):
        load_fitted(tmp_path)


def test_a_device_is_no_source():
    with pytest.raises(Invalid, match="a device or a pipe"):
        _ = Source.parse("/dev/zero").content


def test_a_heap_without_end_is_not_walked(tmp_path):
    path = tmp_path / "a.h5"
    write_fields_of(path, FIELDS)
    check_heaps(path)
    raw = bytearray(path.read_bytes())
    place = raw.index(b"GCOL") + 16
    while int.from_bytes(raw[place : place + 2], "little"):
        place += 16 + -(-int.from_bytes(raw[place + 8 : place + 16], "little") // 8) * 8
    raw[place + 8 : place + 16] = bytes(8)  # no size for the free space
    path.write_bytes(raw)
    with pytest.raises(Invalid, match="an object of 0 bytes in the heap"):
        read_fields(path)


@pytest.mark.parametrize("name", ["DIMENSION_LABELS", "DIMENSION_LIST"])
@pytest.mark.parametrize("value", [3, "x", [1.0, 2.0, 3.0]])
def test_damaged_names_of_dimensions_do_no_harm(tmp_path, name, value):
    path = tmp_path / "a.h5"
    write_fields_of(path, FIELDS)
    with h5py.File(path, "r+") as file:
        del file["u"].attrs["DIMENSION_LABELS"]
        file["u"].attrs[name] = value
    assert judged(lambda: read_fields(path))[0] != "fault"
