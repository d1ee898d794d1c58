"""Tables of molecules as SMILES with a measured value each: CSV files, row by row, with a word on every row left out.

    read_compounds(path, *, column="", say=None) -> CompoundTable

Left out, with their line numbers: SMILES that do not parse, values that are missing or no number. Copies of a molecule
(the same canonical SMILES) become one row with the mean value; where they differ by more than `CONFLICT` none is kept,
and a molecule in both parts of a given division is kept in the test part only.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import logging
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import Invalid, unknown
from .atom_files import read_text, write_text
from .sources import Source

log = logging.getLogger("erlangen.data")
SMILES = ("smiles", "canonical_smiles", "smi", "molecule")
VALUES = ("y [pec50/pki]", "pchembl_value", "pki", "pic50", "pec50", "activity", "value", "label", "y", "target")
CONFLICT = 1.0  # a factor of ten for logarithmic activities: more than two assays of one kind differ by
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
    rows = list(csv.DictReader(io.StringIO(read_text(path))))
    if not rows:
        raise Invalid(must="a table has rows", came=f"{path} has a header only", do="Check how it was written.")
    names = {name.strip().lower(): name for name in rows[0] if name}
    smiles_name = _pick(names, SMILES, said.get("smiles", ""), path, "SMILES")
    value_name = _pick(names, VALUES, said.get("value", column), path, "values")
    group_name = _pick(names, (), source.group, path, "groups") if source.group else ""
    left_out: dict[str, list[int]] = {}
    kept: dict[str, list[dict[str, Any]]] = {}
    for line, row in enumerate(rows, 2):
        canonical, value = _canonical(row[smiles_name]), _number(row[value_name])
        if canonical is None or value is None:
            left_out.setdefault("SMILES that cannot be read" if canonical is None else "no value", []).append(line)
            continue
        split, cliff = (str(row.get(names.get(n, ""), "") or "").strip().lower() for n in ("split", "cliff_mol"))
        entry = {"line": line, "smiles": row[smiles_name].strip(), "value": value, "split": split, "cliff": cliff}
        entry["group"] = (row[group_name] or "").strip() if group_name else None
        kept.setdefault(canonical, []).append(entry)
    chosen = [one for entries in kept.values() if (one := _merged(entries, left_out)) is not None]
    for reason, lines in left_out.items():
        more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
        say(f"{path.name}: {reason}, left out: line {', '.join(map(str, lines[:SHOWN]))}{more}")
    return _table(path, chosen, left_out)


def read_queries(path: str | os.PathLike[str] | Source) -> tuple[list[dict[str, str]], dict[int, str]]:
    """All rows of a table as they are, and the SMILES of those rows (by place) whose molecule can be read."""
    source = Source.parse(path).only("value", "smiles", "group")
    path = source.path
    rows = [{k: v or "" for k, v in row.items() if k} for row in csv.DictReader(io.StringIO(read_text(path)))]
    names = {name.strip().lower(): name for row in rows[:1] for name in row}
    column = _pick(names, SMILES, dict(source.keys).get("smiles", ""), path, "SMILES")
    found = {i: row[column].strip() for i, row in enumerate(rows) if _canonical(row[column]) is not None}
    _warn(path, [i + 2 for i in range(len(rows)) if i not in found])
    return rows, found


def read_smiles(path: str | os.PathLike[str]) -> dict[int, str]:
    """Line number -> SMILES of a list of molecules: a .csv with a column of SMILES, or text with one at the start of
    each line; copies and lines that cannot be read are left out, the latter with a warning.
    """
    path = Path(path)
    if path.suffix.lower() == ".csv":
        lines = {place + 2: smiles for place, smiles in read_queries(path)[1].items()}
    else:
        words = {number: line.split() for number, line in enumerate(read_text(path).splitlines(), 1)}
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


def write_rows(
    path: str | os.PathLike[str], rows: Sequence[Mapping[str, str]], extra: Mapping[int, Mapping[str, float]]
) -> None:
    """The rows as a table, with further columns for some of them (by place) and empty fields for the others."""
    more = list(dict.fromkeys(name for values in extra.values() for name in values))
    text = io.StringIO()
    writer = csv.DictWriter(text, [*rows[0], *more], restval="", lineterminator="\n")
    writer.writeheader()
    for i, row in enumerate(rows):
        writer.writerow({**row, **{name: f"{float(value):.6g}" for name, value in extra.get(i, {}).items()}})
    write_text(Path(path), text.getvalue())


def _table(path: Path, rows: Sequence[Mapping[str, Any]], left_out: Mapping[str, list[int]]) -> CompoundTable:
    if not rows:
        raise Invalid(
            must="a table has rows with a valid SMILES and a number",
            came=f"none in {path} ({', '.join(left_out)})",
            do="Check the columns and the separator (a comma).",
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


def _merged(entries: list[dict[str, Any]], left_out: dict[str, list[int]]) -> dict[str, Any] | None:
    """One row out of all copies of a molecule, or none where they contradict each other."""
    if len({entry["split"] for entry in entries}) > 1:
        both = [entry["line"] for entry in entries if entry["split"] != "test"]
        left_out.setdefault("training copy of a test molecule", []).extend(both)
        entries = [entry for entry in entries if entry["split"] == "test"]
    values = [entry["value"] for entry in entries]
    if max(values) - min(values) > CONFLICT:
        lines = [entry["line"] for entry in entries]
        left_out.setdefault(f"copies whose values differ by more than {CONFLICT:g}", []).extend(lines)
        return None
    return {**entries[0], "value": float(np.mean(values))}


def _pick(names: Mapping[str, str], known: Sequence[str], asked: str, path: Path, what: str) -> str:
    if asked:
        if asked.lower() not in names:
            raise unknown(f"the column of {what} in {path.name}", asked, names.values())
        return names[asked.lower()]
    found = next((names[name] for name in known if name in names), None)
    if found is None:
        raise Invalid(
            must=f"a table has a column of {what}: {', '.join(known[:4])}, ...",
            came=f"{path} with {', '.join(names.values())}",
            do=f"Rename the column of {what}.",
        )
    return found


def _canonical(smiles: str | None) -> str | None:
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles.strip()) if smiles and smiles.strip() else None
    return None if molecule is None or molecule.GetNumAtoms() == 0 else Chem.MolToSmiles(molecule)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
