"""Tables of crystals with one value per crystal, as property databases write them.

    read_crystals(path, column, shape=None) -> CrystalTable

JSON: a list of records (JARVIS: "atoms" with lattice_mat, coords, elements; Materials Project: "structure" as a
pymatgen dictionary), one record per line, a mapping of columns or of rows, or {"columns", "data"}. CSV: a header, cells
that hold CIF or POSCAR text, nested lists or dictionaries. Compressed by .gz, .xz or .bz2. Rows that cannot be used are
listed and left out.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import Invalid, unknown
from ..core.systems import Atoms
from . import limits
from .atom_files import poscar
from .cif_files import cif_blocks, crystal
from .text_files import read_text
from .text_tables import read_table

log = logging.getLogger("erlangen.data")
# POSCAR first: unlike CIF it keeps the frame in which the tensors of a row were calculated
STRUCTURES = ("poscar", "structure", "atoms", "final_structure", "initial_structure", "cif")
BLANK = re.compile(r"\s*")
MISSING = ("", "na", "nan", "none", "null", "n/a")
SHOWN = 5  # faults in a message


@dataclasses.dataclass(frozen=True)
class CrystalTable:
    """Crystals, their values (float64, of one shape), their rows (from 0), and one line per row left out; the group of
    each crystal, where a column of groups was asked for.
    """

    atoms: list[Atoms]
    values: list[np.ndarray]
    rows: np.ndarray
    faults: list[str]
    groups: list[str] = dataclasses.field(default_factory=list)

    def __len__(self) -> int:
        return len(self.atoms)


@limits.foreign
def read_crystals(path: str | Path, column: str, shape: tuple[int, ...] | None = None, group: str = "") -> CrystalTable:
    """Crystals and the values of `column`, each of `shape`: () for a number, (3, 3) for a tensor of rank 2.

    shape None: that of most values. group: a column that says which crystals belong together.

    Raises `Invalid` where the column does not exist, no row has a structure, or no row is complete; rows whose
    structure does not parse, or whose value is missing, not finite or of another shape, are logged and left out.
    """
    path = Path(path)
    records = _records(path)
    for name in filter(None, (column, group)):
        if name not in records[0] and not any(name in r for r in records[:100]):
            raise unknown(f"the column of {path}", name, [k for k in records[0] if k not in STRUCTURES])
    atoms, values, rows, faults = [], [], [], []
    words: dict[str, list[int]] = {}
    found = [_value(record.get(column)) for record in records]
    shape = _usual([value for value in found if isinstance(value, np.ndarray)]) if shape is None else shape
    told = limits.Pace(path, "rows")
    for number, (record, value) in enumerate(told.over(list(zip(records, found))), 1):
        try:
            if isinstance(value, str):
                raise ValueError(value)
            if value.shape != shape:
                raise ValueError(f"its value has shape {value.shape} instead of {shape}")
            atoms.append(_structure(record, lambda word: words.setdefault(word, []).append(number)))
        except Exception as error:  # foreign text in any cell
            faults.append(f"row {number}: {_why(error)}")
            continue
        values.append(value)
        rows.append(number - 1)
    for word, those in words.items():
        log.warning("%s, row %d%s: %s", path, those[0], f" and {len(those) - 1} more" * (len(those) > 1), word)
    listed = "; ".join(faults[:SHOWN]) + ("; ..." if len(faults) > SHOWN else "")
    if not atoms:
        raise Invalid(
            must=f"at least one row has a structure and a value of {column}",
            came=f"{path}: none of {len(records)} ({listed})",
            do=f"Structures are looked for under {', '.join(STRUCTURES)}: as CIF, POSCAR, JARVIS or pymatgen text.",
        )
    if faults:
        log.warning("%s: %d of %d rows left out: %s", path, len(faults), len(records), listed)
    groups = [str(records[row].get(group)) for row in rows] if group else []
    return CrystalTable(atoms, values, np.array(rows), faults, groups)


def _why(error: Exception) -> str:
    if isinstance(error, Invalid):
        return f"{error.came} ({error.must})"
    return f"{type(error).__name__}: {error}" if not isinstance(error, ValueError) else str(error)


def _usual(values: Sequence[np.ndarray]) -> tuple[int, ...]:
    """The shape that most of the values have, the earlier one of two equally frequent."""
    shapes = [value.shape for value in values]
    return max(dict.fromkeys(shapes), key=shapes.count, default=())


def _records(path: Path) -> list[dict[str, Any]]:
    """One mapping from column to cell per row."""
    text = read_text(path)
    if text.lstrip()[:1] in "[{":
        return _of_json(_decoded(text, path), path)
    table = read_table(text, path)
    if len(table.header) < 2 or not table.rows:
        raise _unreadable(path, f"one column, {table.header[0]!r}" if table.rows else "no row that fits the header")
    return [dict(zip(table.header, row)) for row in table.rows]


def _decoded(text: str, path: Path) -> object:
    """The value of a JSON text, or the list of those that stand behind one another (JSON lines)."""
    decoder, found, at = json.JSONDecoder(), [], 0
    text = text.strip()
    limits.at_most(path, sum(map(text.count, ",[{")), limits.VALUES, "values", do="Leave out columns.")
    try:
        while at < len(text):
            value, at = decoder.raw_decode(text, at)
            found.append(value)
            at = BLANK.match(text, at).end()  # type: ignore[union-attr]
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, f"no JSON: {error}") from None
    return found[0] if len(found) == 1 and not _is_record(found[0]) else found


def _is_record(found: object) -> bool:
    """Whether a mapping is one crystal with its values, rather than a table of them."""
    return isinstance(found, dict) and any(name in found and _is_structure(found[name]) for name in STRUCTURES)


def _is_structure(cell: object) -> bool:
    return isinstance(cell, str) or (isinstance(cell, dict) and bool({"sites", "lattice_mat"} & set(cell)))


def _of_json(found: object, path: Path) -> list[dict[str, Any]]:
    """Records from the ways in which pandas writes a table: records, split, table, index (of rows), columns."""
    if isinstance(found, dict) and {"columns", "data"} <= set(found):
        found = [dict(zip(found["columns"], row)) for row in found["data"]]
    elif isinstance(found, dict) and isinstance(found.get("data"), list):
        found = found["data"]
    elif isinstance(found, dict) and any(map(_is_record, found.values())):
        found = list(found.values())
    elif isinstance(found, dict):
        keys = list(next((v for v in found.values() if isinstance(v, dict)), {}))
        found = [{c: v.get(k) for c, v in found.items() if isinstance(v, dict)} for k in keys]
    if not isinstance(found, list) or not found or not all(isinstance(r, dict) for r in found):
        raise _unreadable(path, "no list of records")
    return found


def _unreadable(path: Path, why: str) -> Invalid:
    return Invalid(
        must="a table of crystals is a JSON list of records or a CSV file with a header",
        came=f"{path}: {why}",
        do="See the formats: erlangen.data.crystal_tables.",
    )


def _value(cell: object) -> np.ndarray | str:
    """The numbers of a cell, or why there are none."""
    if cell is None or (isinstance(cell, str) and cell.strip().lower() in MISSING):
        return "its value is missing"
    try:
        array = np.asarray(ast.literal_eval(cell.strip()) if isinstance(cell, str) else cell, float)
    except (ValueError, SyntaxError, TypeError, OverflowError, RecursionError, MemoryError):
        return f"its value is {str(cell)[:30]!r} instead of numbers"
    return array if np.all(np.isfinite(array)) else "its value is not finite"


def _structure(record: Mapping[str, Any], say: Callable[[str], None]) -> Atoms:
    """The crystal of a row, from the first cell that holds one."""
    for name in STRUCTURES:
        cell = record.get(name)
        if cell not in (None, ""):
            return crystal_of(cell, say)
    if isinstance(meta := record.get("meta"), str) and "poscar" in meta:
        return _structure({k: v for k, v in ast.literal_eval(meta).items() if k == "poscar"}, say)
    raise ValueError(f"no structure among {sorted(record)[:8]}")


def crystal_of(cell: Any, say: Callable[[str], None] = log.warning) -> Atoms:
    """A crystal from a pymatgen or JARVIS dictionary (or their JSON text), from CIF or from POSCAR text.

    say: gets a word on what was assumed.
    """
    if isinstance(cell, str):
        text = cell.strip()
        if text.startswith("{"):
            return crystal_of(json.loads(text) if '"' in text[:20] else ast.literal_eval(text), say)
        return _of_cif(text, say) if "_cell_length_a" in text else _of_poscar(text)
    if "sites" in cell:
        names = [_only_species(site) for site in cell["sites"]]
        lattice = np.array(cell["lattice"]["matrix"], float)
        return _checked(np.array([site["abc"] for site in cell["sites"]], float) @ lattice, names, lattice)
    if "lattice_mat" in cell:
        lattice, coordinates = np.array(cell["lattice_mat"], float), np.array(cell["coords"], float)
        return _checked(coordinates if cell.get("cartesian") else coordinates @ lattice, cell["elements"], lattice)
    raise ValueError(f"a structure with the unknown entries {sorted(cell)[:6]}")


def _only_species(site: Mapping[str, Any]) -> str:
    species = site["species"]
    if len(species) != 1 or species[0].get("occu", 1) < 0.999:
        raise ValueError(f"a site with partial occupation {species}")
    return species[0]["element"]


def _of_cif(text: str, say: Callable[[str], None]) -> Atoms:
    path = Path("CIF text")
    block = cif_blocks(path, text[max(text.find("data_"), 0) :])[0]
    table = crystal(path, 1, block, say)
    return _checked(table.positions, table.atomic_numbers, table.cell)


def _of_poscar(text: str) -> Atoms:
    try:
        found = poscar(text)
    except ValueError as error:
        raise ValueError(f"neither CIF nor POSCAR ({error})") from None
    return _checked(found.positions, found.numbers, found.cell.array)


def _checked(positions: np.ndarray, elements: Sequence[str | int] | np.ndarray, cell: np.ndarray) -> Atoms:
    from ase.data import atomic_numbers as known

    if any(isinstance(e, str) and e.strip() not in known for e in elements):
        raise ValueError(f"an unknown element among {sorted({str(e) for e in elements})}")
    numbers = np.array([known[e.strip()] if isinstance(e, str) else int(e) for e in elements], np.int32)
    positions, cell = np.asarray(positions, float), np.asarray(cell, float)
    if cell.shape != (3, 3) or positions.shape != (len(numbers), 3) or not len(numbers):
        raise ValueError(f"cell of shape {cell.shape} and positions {positions.shape} for {len(numbers)} elements")
    if not np.all(np.isfinite(positions)) or not np.all(np.isfinite(cell)):
        raise ValueError("positions or cell are not finite")
    if abs(np.linalg.det(cell)) < 0.1:
        raise ValueError(f"a cell of volume {abs(np.linalg.det(cell)):.2g} A^3")
    return Atoms(positions, numbers, cell, np.ones(3, bool))
