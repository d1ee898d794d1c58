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
import lzma
import re
from collections.abc import Callable, Sequence
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
    name = path.name.lower()
    for packed in COMPRESSED:
        name = name.removesuffix(packed)
    if re.match(r"(poscar|contcar)", name):
        return "poscar"
    suffix = Path(name).suffix
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    raise unknown("the ending of a file of atoms", suffix or path.name, [*SUFFIXES, "POSCAR", "CONTCAR"])


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
    return text


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


Reader = Callable[[Path], list[Table]]
Writer = Callable[[Path, Sequence[Table]], None]


def _ase_read(path: Path, kind: str) -> list[Table]:
    import ase.io

    atoms: Any = ase.io.read(io.StringIO(read_text(path)), format=kind)
    return [Table(atoms.positions, atoms.numbers, np.array(atoms.cell), np.ones(3, bool), {}, {})]


def read_poscar(path: Path) -> list[Table]:
    """POSCAR and CONTCAR of VASP 5 and later (with a line of element names)."""
    try:
        return _ase_read(path, "vasp")
    except Invalid:
        raise
    except Exception as error:
        raise broken(path, 1, f"{type(error).__name__}: {error}") from None


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
