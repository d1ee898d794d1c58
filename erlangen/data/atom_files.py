"""Files of atoms, one format at a time, into plain tables and back.

A `Table` holds what one frame of a file says, before anyone decides which column is a label. Compressed files (.xz,
.gz, .bz2) are unpacked in memory first: seeking inside a compressed stream makes line-wise readers 100 times slower.
"""

from __future__ import annotations

import bz2
import codecs
import dataclasses
import gzip
import io
import itertools
import lzma
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import Invalid, unknown

COMPRESSED = {".xz": lzma, ".gz": gzip, ".bz2": bz2}
SUFFIXES = {
    ".xyz": "xyz",
    ".extxyz": "xyz",
    ".cif": "cif",
    ".mmcif": "mmcif",
    ".pdb": "pdb",
    ".ent": "pdb",
    ".sdf": "sdf",
    ".sd": "sdf",
    ".mol": "sdf",
    ".vasp": "poscar",
    ".poscar": "poscar",
    ".contcar": "poscar",
}


@dataclasses.dataclass
class Table:
    """One frame as the file has it: per-atom `columns` [n] or [n, k] and whole-frame `info`, in the file's own units.

    pbc None: the file has a cell but does not say whether it repeats. source: what writing it back needs beyond tables.
    """

    positions: np.ndarray
    atomic_numbers: np.ndarray
    cell: np.ndarray
    pbc: np.ndarray | None
    columns: dict[str, Any]
    info: dict[str, Any]
    source: Any = None


def format_of(path: Path) -> str:
    """The format that the name of a file stands for: xyz, cif, mmcif, pdb, sdf or poscar."""
    suffix = plain_suffix(path)
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    if re.match(r"(poscar|contcar)", path.name.lower()):
        return "poscar"
    raise unknown("the ending of a file of atoms", suffix or path.name, [*SUFFIXES, "POSCAR", "CONTCAR"])


def plain_suffix(path: Path) -> str:
    """The ending of a name in lower case, whatever packed the file: .csv of table.CSV.gz."""
    name = path.name.lower()
    for packed in COMPRESSED:
        name = name.removesuffix(packed)
    return Path(name).suffix


def read_text(path: Path) -> str:
    """The whole text of a plain or compressed file, without a byte order mark."""
    opener = COMPRESSED.get(path.suffix.lower())
    try:
        raw = path.read_bytes()
        text = _decoded(opener.decompress(raw) if opener and raw else raw)
    except FileNotFoundError:
        raise Invalid(must="the file exists", came=f"no file {path}", do="Check the path.") from None
    except (EOFError, lzma.LZMAError, gzip.BadGzipFile, OSError, ValueError) as error:
        raise Invalid(
            must="the file can be read to its end",
            came=f"{path}: {type(error).__name__}: {error}",
            do="It is truncated, damaged or of another kind than its name says: copy it again.",
        ) from None
    if not text.strip():
        raise Invalid(must="the file holds at least one frame", came=f"{path} is empty", do="Check how it was written.")
    return text.replace("\r\n", "\n").replace("\r", "\n")  # of Windows and of old Macs


def _decoded(raw: bytes) -> str:
    """UTF-8; UTF-16 where a mark says so; else Latin-1, which an author's name in an old file is written in."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16")
    if b"\0" in raw:
        raise ValueError("zero bytes, which no text has")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def write_text(path: Path, text: str) -> None:
    """Write text, compressed where the name says so."""
    opener = COMPRESSED.get(path.suffix.lower())
    raw = text.encode("utf-8")
    path.write_bytes(opener.compress(raw) if opener else raw)


def broken(path: Path, frame: int, why: str) -> Invalid:
    """The message for a frame that cannot be read; `frame` counts from 1."""
    return Invalid(
        must="every frame of the file is complete",
        came=f"{path}, frame {frame}: {why}",
        do="Repair or cut the file there.",
    )


def _xyz_frames(path: Path, text: str) -> Iterator[str]:
    """Cut an xyz text into frames; ASE alone would stop silently at the first blank line between two frames."""
    lines = text.splitlines()
    at, frame = 0, 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        frame += 1
        count = lines[at].strip()
        if not count.isdigit() or count == "0":
            raise broken(path, frame, f"line {at + 1} must be the number of atoms, is {lines[at][:60]!r}")
        end = at + 2 + int(count)
        if end > len(lines):
            raise broken(path, frame, f"ends after {max(len(lines) - at - 2, 0)} of {count} atoms")
        while end < len(lines) and lines[end].lstrip().startswith("VEC"):
            end += 1
        yield "\n".join(lines[at:end]) + "\n"
        at = end


def read_xyz(path: Path) -> list[Table]:
    """Plain and extended XYZ. Key=value pairs become `info`, further columns `columns`, none hidden in a calculator."""
    from ase.io.extxyz import read_xyz as ase_frames
    from ase.stress import voigt_6_to_full_3x3_stress

    tables = []
    for number, block in enumerate(_xyz_frames(path, read_text(path)), 1):
        try:
            atoms = next(ase_frames(io.StringIO(block), 0))
        except Exception as error:
            raise broken(path, number, f"{type(error).__name__}: {error}") from None
        columns = {k: v for k, v in atoms.arrays.items() if k not in ("numbers", "positions")}
        info = dict(atoms.info)
        for name, value in (atoms.calc.results if atoms.calc else {}).items():
            if name == "stress" and np.shape(value) == (6,):
                value = voigt_6_to_full_3x3_stress(value)
            per_atom = np.ndim(value) > 0 and name != "stress" and len(value) == len(atoms) and name != "dipole"
            (columns if per_atom else info)[name] = value
        header = block.split("\n", 2)[1]
        stated = "pbc=" in header or "Lattice" not in header
        tables.append(
            Table(atoms.positions, atoms.numbers, np.array(atoms.cell), atoms.pbc if stated else None, columns, info)
        )
    return tables


def _column_type(values: np.ndarray) -> str:
    return {"f": "R", "i": "I", "u": "I", "b": "L"}.get(values.dtype.kind, "S")


def _column_text(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return "T" if value else "F"
    if isinstance(value, float | np.floating):
        return repr(float(value))
    # Columns are separated by blanks: an empty insertion code of a PDB file would shift all that follow.
    return "_".join(str(value).split()) or "-"


def write_xyz(path: Path, tables: Sequence[Table]) -> None:
    """Extended XYZ with every digit (ASE writes columns with eight decimals only, too few for small intervals)."""
    from ase.data import chemical_symbols
    from ase.io.extxyz import key_val_dict_to_str

    out = []
    for table in tables:
        columns = {"pos": np.asarray(table.positions, float)} | {k: np.asarray(v) for k, v in table.columns.items()}
        kinds = [f"{k}:{_column_type(v)}:{v.shape[1] if v.ndim == 2 else 1}" for k, v in columns.items()]
        header = ":".join(["Properties=species:S:1", *kinds])
        if np.any(table.cell):
            header = f'Lattice="{" ".join(repr(float(x)) for x in np.ravel(table.cell))}" {header}'
        info = dict(table.info) | {"pbc": np.asarray(table.pbc if table.pbc is not None else [False] * 3, bool)}
        out += [str(len(table.atomic_numbers)), f"{header} {key_val_dict_to_str(info)}"]
        for i, number in enumerate(table.atomic_numbers):
            cells = itertools.chain.from_iterable(np.ravel(v[i]) for v in columns.values())
            out.append(" ".join([chemical_symbols[int(number)], *map(_column_text, cells)]))
    write_text(path, "\n".join(out) + "\n")


Reader = Callable[[Path], list[Table]]
Writer = Callable[[Path, Sequence[Table]], None]


def read_poscar(path: Path) -> list[Table]:
    """POSCAR and CONTCAR, one structure."""
    text = read_text(path)
    try:
        atoms = poscar(text)
    except ValueError as error:
        raise broken(path, 1, str(error)) from None
    return [Table(atoms.positions, atoms.numbers, np.array(atoms.cell), np.ones(3, bool), {}, {})]


def poscar(text: str) -> Any:
    """The ase.Atoms of a POSCAR text of VASP 5 and later, which names the elements in line 6, or of VASP 4 where the
    title is nothing but their names. ValueError where it cannot be read.
    """
    import ase.io
    from ase.data import atomic_numbers

    lines = text.split("\n") + [""] * 6
    words = lines[5].split()
    if words and all(word.isdigit() for word in words):
        symbols = re.findall("[A-Z][a-z]?", lines[0])
        if re.sub(r"[A-Z][a-z]?|[\d\s,._=^-]", "", lines[0]) or len(symbols) != len(words):
            title = lines[0].strip()[:40]
            raise ValueError(f"VASP 5 names are needed: elements in line 6, above {words}; the title is {title!r}")
        lines.insert(5, " ".join(symbols))
    if strange := [word for word in lines[5].split() if re.split("[_/]", word)[0] not in atomic_numbers]:
        raise ValueError(f"line 6 must name elements (VASP 5), it has {' '.join(strange)[:40]!r}")
    try:
        return ase.io.read(io.StringIO("\n".join(lines)), format="vasp")
    except Exception as error:  # the parser raises whatever it stumbles over
        raise ValueError(f"{type(error).__name__}: {error}") from None


def write_poscar(path: Path, tables: Sequence[Table]) -> None:
    """One structure, Cartesian coordinates."""
    import ase
    import ase.io

    if len(tables) != 1:
        raise Invalid(must="a POSCAR holds one structure", came=f"{len(tables)} frames", do="Write them as .xyz.")
    table = tables[0]
    text = io.StringIO()
    atoms = ase.Atoms(table.atomic_numbers, table.positions, cell=table.cell, pbc=True)
    ase.io.write(text, atoms, format="vasp", direct=False)
    write_text(path, text.getvalue())
