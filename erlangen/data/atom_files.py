"""Files of atoms, one format at a time, into plain tables and back.

A `Table` holds what one frame of a file says, before anyone decides which column is a label.
"""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import Invalid, unknown
from . import limits
from .text_files import plain_suffix, read_text, write_text

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
    ".json": "json",
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
    """The format that the name of a file stands for: xyz, cif, mmcif, pdb, sdf, poscar or json."""
    suffix = plain_suffix(path)
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    if re.match(r"(poscar|contcar)", path.name.lower()):
        return "poscar"
    raise unknown("the ending of a file of atoms", suffix or path.name, [*SUFFIXES, "POSCAR", "CONTCAR"])


def broken(path: Path, frame: int, why: str) -> Invalid:
    """The message for a frame that cannot be read; `frame` counts from 1."""
    return Invalid(
        must="every frame of the file is complete",
        came=f"{path}, frame {frame}: {why}",
        do="Repair or cut the file there.",
    )


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
    _check_counts(lines[6].split())
    try:
        return ase.io.read(io.StringIO("\n".join(lines)), format="vasp")
    except Exception as error:  # the parser raises whatever it stumbles over
        raise ValueError(f"{type(error).__name__}: {error}") from None


def _check_counts(words: Sequence[str]) -> None:
    """ValueError for more atoms than a frame may have: the parser makes room for them before it reads any."""
    if any(len(word) > 9 or (word.isdigit() and int(word) > limits.ATOMS) for word in words):
        raise ValueError(f"more than {limits.ATOMS:,} atoms: {' '.join(words)[:60]}")


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
