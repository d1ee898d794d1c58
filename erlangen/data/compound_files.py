"""Tables of molecules as SMILES with a measured value each: CSV files, row by row, with a word on every row left out.

    read_compounds(path, *, column="", say=None) -> CompoundTable

Left out, with their line numbers: SMILES that do not parse, values that are missing or no number. Copies of a molecule
(the same canonical SMILES) become one row with the mean value, where they do not differ by more than a factor of ten
(`conflict`), else none is kept; a molecule in both parts of a given division is kept in the test part only.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import Invalid
from . import limits
from .sources import Source
from .text_files import plain_suffix, read_text, write_text
from .text_tables import TextTable, read_table, table_text

log = logging.getLogger("erlangen.data")
SMILES = ("smiles", "canonical_smiles", "smi", "molecule", "drug")
VALUES = ("y [pec50/pki]", "pchembl_value", "pki", "pic50", "pec50", "activity", "value", "label", "y", "target")
CONFLICT = 1.0  # decades: more than two assays of one kind differ by
LARGEST_LOGARITHM = 15.0  # of an activity: beyond, in whatever unit, a column holds the quantity itself
LINEAR = re.compile("(?<![a-z])([npuµμm]m|percent|kelvin)(?![a-z])|%", re.IGNORECASE)  # units in the name of a column
TABLES = (".csv", ".tsv", ".tab")
SHOWN = 8  # lines named in one message


@dataclasses.dataclass(frozen=True)
class CompoundTable:
    """Rows of equal length. is_cliff: the table's own mark of activity cliffs (all False where it has none). group: the
    column that is named behind the file, where one is.
    """

    smiles: list[str]
    value: np.ndarray
    is_test: np.ndarray | None
    is_cliff: np.ndarray
    group: np.ndarray | None = None
    left_out: Mapping[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.smiles)


@limits.foreign
def read_compounds(
    path: str | os.PathLike[str] | Source, *, column: str = "", say: Callable[[str], None] | None = None
) -> CompoundTable:
    """Molecules and values of a CSV file with a header.

    column: of the values; default the first of `VALUES` that the file has. This, the column of the SMILES and one that
    says what belongs together may be named behind the file: table.csv:value=pKi:smiles=mol:group=series. A column
    `split` of "train" and "test" and one `cliff_mol` of 0 and 1 are kept. say: gets one line per kind of fault
    (default: the log).
    """
    source, say = Source.parse(path).only("value", "smiles", "group").required(), say or log.warning
    path, said = source.path, dict(source.keys)
    table = read_table(read_text(path), path)
    smiles = table.column(_smiles_name(table, said.get("smiles", ""), path))
    value_name = _value_name(table, said.get("value", column), path)
    groups = table.column(table.pick(source.group, path, "groups")) if source.group else None
    splits, cliffs = (_optional(table, name) for name in ("split", "cliff_mol"))
    left_out: dict[str, list[int]] = {"more fields than the header": list(table.odd)} if table.odd else {}
    kept: dict[str, list[dict[str, Any]]] = {}
    told = limits.Pace(path, "rows")
    for i, (line, text) in enumerate(told.over(list(zip(table.lines, table.column(value_name))))):
        canonical, value = _canonical(smiles[i]), _number(table.number(text))
        if canonical is None or value is None:
            left_out.setdefault("SMILES that cannot be read" if canonical is None else "no value", []).append(line)
            continue
        group = groups[i].strip() if groups is not None else None
        entry = {"line": line, "smiles": smiles[i].strip(), "value": value, "group": group}
        kept.setdefault(canonical, []).append({**entry, "split": splits[i], "cliff": cliffs[i]})
    values = np.array([entry["value"] for entries in kept.values() for entry in entries])
    is_logarithm = not LINEAR.search(value_name) and np.sum(np.abs(values) <= LARGEST_LOGARITHM) >= 0.9 * len(values)
    chosen = [one for entries in kept.values() if (one := _merged(entries, left_out, bool(is_logarithm))) is not None]
    for reason, lines in left_out.items():
        more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
        say(f"{path.name}: {reason}, left out: line {', '.join(map(str, lines[:SHOWN]))}{more}")
    return _table(path, chosen, left_out)


@limits.foreign
def read_queries(path: str | os.PathLike[str] | Source) -> tuple[TextTable, dict[int, str]]:
    """A table as it is, and the SMILES of those rows (by place) whose molecule can be read."""
    source = Source.parse(path).only("value", "smiles", "group").required()
    path = source.path
    table = read_table(read_text(path), path)
    smiles = table.column(_smiles_name(table, dict(source.keys).get("smiles", ""), path))
    if table.odd:
        raise Invalid(
            must="no row has more fields than the header",
            came=f"{path.name}, line {', '.join(map(str, table.odd[:SHOWN]))}",
            do="Put fields that hold the separator into quotes.",
        )
    told = limits.Pace(path, "rows")
    found = {i: text.strip() for i, text in enumerate(told.over(smiles)) if _canonical(text) is not None}
    _warn(path, [line for i, line in enumerate(table.lines) if i not in found])
    return table, found


@limits.foreign
def read_smiles(path: str | os.PathLike[str] | Source) -> dict[int, str]:
    """Line number -> SMILES of a list of molecules: a table (.csv, .tsv) with a column of SMILES, or text with one at
    the start of each line; copies and lines that cannot be read are left out, the latter with a warning.
    """
    source = Source.parse(path).required()
    path = source.path
    if plain_suffix(path) in TABLES:
        table, found = read_queries(source.only("smiles"))
        lines = {table.lines[place]: smiles for place, smiles in found.items()}
    else:
        source.only()
        text = read_text(path).split("\n")
        limits.at_most(path, len(text), limits.ROWS, "rows", do="Cut it into parts.")
        words = {number: line.split(maxsplit=1) for number, line in enumerate(limits.Pace(path, "rows").over(text), 1)}
        asked = {number: word[0] for number, word in words.items() if word and not word[0].startswith("#")}
        lines = {number: smiles for number, smiles in asked.items() if _canonical(smiles) is not None}
        _warn(path, [number for number in asked if number not in lines])
    seen: dict[str, int] = {}
    return {
        number: smiles for number, smiles in lines.items() if seen.setdefault(str(_canonical(smiles)), number) == number
    }


def _warn(path: Path, faults: Sequence[int]) -> None:
    if faults:
        more = f" and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        log.warning("%s: SMILES that cannot be read: line %s%s", path.name, ", ".join(map(str, faults[:SHOWN])), more)


def write_rows(path: str | os.PathLike[str], table: TextTable, extra: Mapping[int, Mapping[str, float]]) -> None:
    """The table with further columns for some of its rows (by place) and empty fields for the others."""
    more = list(dict.fromkeys(name for values in extra.values() for name in values))
    rows = []
    for i, row in enumerate(table.rows):
        found = extra.get(i, {})
        rows.append(row + [f"{float(found[name]):.6g}" if name in found else "" for name in more])
    write_text(Path(path), table_text(dataclasses.replace(table, header=[*table.header, *more], rows=rows)))


def _table(path: Path, rows: Sequence[Mapping[str, Any]], left_out: Mapping[str, list[int]]) -> CompoundTable:
    if not rows:
        raise Invalid(
            must="a table has rows with a valid SMILES and a number",
            came=f"none in {path} ({', '.join(left_out)})",
            do="Name the columns behind the file, as in table.csv:smiles=COLUMN:value=COLUMN.",
        )
    splits = {row["split"] for row in rows}
    if splits - {"", "train", "test"} or ("" in splits and len(splits) > 1):
        raise Invalid(must="split is train or test in every row", came=f"{sorted(splits)} in {path}", do="Correct it.")
    return CompoundTable(
        [row["smiles"] for row in rows],
        np.array([row["value"] for row in rows]),
        None if splits == {""} else np.array([row["split"] == "test" for row in rows]),
        np.array([row["cliff"] in ("1", "1.0", "true") for row in rows]),
        np.array([row["group"] for row in rows]) if rows[0]["group"] is not None else None,
        {reason: tuple(lines) for reason, lines in left_out.items()},
    )


def _merged(entries: list[dict[str, Any]], left_out: dict[str, list[int]], is_logarithm: bool) -> dict[str, Any] | None:
    """One row out of all copies of a molecule, or none where they contradict each other."""
    if len({entry["split"] for entry in entries}) > 1:
        both = [entry["line"] for entry in entries if entry["split"] != "test"]
        left_out.setdefault("training copy of a test molecule", []).extend(both)
        entries = [entry for entry in entries if entry["split"] == "test"]
    values = [entry["value"] for entry in entries]
    if why := conflict(min(values), max(values), is_logarithm):
        left_out.setdefault(why, []).extend(entry["line"] for entry in entries)
        return None
    return {**entries[0], "value": float(np.mean(values))}


def conflict(low: float, high: float, is_logarithm: bool) -> str:
    """Why two values of one molecule cannot both be right, "" where they can: they lie more than a decade apart.

    Logarithms: high - low > 1. Anything else: high > 10 low, for any sign high - low > 0.9 max(|low|, |high|).
    """
    if is_logarithm:
        return f"copies whose values differ by more than {CONFLICT:g}" if high - low > CONFLICT else ""
    factor = 10**CONFLICT
    is_far = high - low > (1 - 1 / factor) * max(abs(low), abs(high))
    return f"copies whose values differ by more than a factor of {factor:g}" if is_far else ""


def _smiles_name(table: TextTable, asked: str, path: Path) -> str:
    """The column that is asked for, else one with a usual name, else the only one with SMILES in its name."""
    if asked:
        return table.pick(asked, path, "SMILES")
    usual = [name for name in SMILES if name in table.names]
    like = usual[:1] or [name for name in table.names if "smiles" in name]
    if len(like) == 1:
        return table.pick(like[0], path, "SMILES")
    raise _no_column(table, path, "SMILES", SMILES, "smiles")


def _value_name(table: TextTable, asked: str, path: Path) -> str:
    usual = [name for name in VALUES if name in table.names]
    if not asked and not usual:
        raise _no_column(table, path, "values", VALUES, "value")
    return table.pick(asked or usual[0], path, "values")


def _no_column(table: TextTable, path: Path, what: str, known: Sequence[str], word: str) -> Invalid:
    return Invalid(
        must=f"a table has a column of {what}: {', '.join(known[:4])}, ...",
        came=f"{path} with {', '.join(table.names.values())}",
        do=f"Name it behind the file, as in {path.name}:{word}=COLUMN.",
    )


def _optional(table: TextTable, name: str) -> list[str]:
    """The fields of a column in lower case; empty ones where there is no such column."""
    if name not in table.names:
        return [""] * len(table.rows)
    return [text.strip().lower() for text in table.column(table.names[name])]


def _canonical(smiles: str | None) -> str | None:
    from rdkit import Chem, rdBase

    smiles = (smiles or "").strip()
    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles) if 0 < len(smiles) <= limits.SMILES else None
    return None if molecule is None or molecule.GetNumAtoms() == 0 else Chem.MolToSmiles(molecule)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
