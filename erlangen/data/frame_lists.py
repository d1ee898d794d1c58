"""Lists of labelled crystals in JSON, as those of mlearn came: energies, forces and stresses of elemental crystals.

    read_frame_list(path) -> [Table]        with energy [eV], forces [eV/A], stress [3, 3] in eV/A^3 and `group`

mlearn        {structure (pymatgen), group, description, outputs {energy of the cell, forces, virial_stress}}
ALIGNN        {jid, atoms (JARVIS), total_energy per atom, forces, stresses}: training data of Ni and Cu

Zuo et al. 2020, doi:10.1021/acs.jpca.9b08723. Stresses are in kbar, positive where the crystal is compressed, xx yy zz
first; no file says which shear the other three are. Beside stresses of Stillinger and Weber's silicon and Zhou's metals
(lengths in proportion for Ge and Li) they are xy xz yz, as surfaces say too that are free of traction, but xy yz xz of
all that is lithium and of the elastic cells of Si and Ge. (Shears of the elastic cells of Li turn their sign between
strains of 1 and 2 %: two atoms, few k-points.)
The files of ALIGNN hold training, test and the test once more, the latter two with stresses of training frames: what
repeats itself at the end of a list, and as much before it, is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import Invalid
from . import limits
from .atom_files import Table, broken
from .crystal_tables import crystal_of
from .label_units import GPA
from .text_files import read_text

SHEARS = ((0, 1), (0, 2), (1, 2))
SHEARS_OF_VASP = ((0, 1), (1, 2), (0, 2))
IN_ORDER_OF_VASP = {3: ("AIMD-NVT", "Elastic", "Surface", "Vacancy"), 14: ("Elastic",), 32: ("Elastic",)}  # groups


def read_frame_list(path: Path) -> list[Table]:
    """The frames of a list, without a test block that a list for training holds at its end."""
    rows = _rows(path)
    told = limits.Pace(path, "frames")
    tables = []
    for number, row in enumerate(told.over(rows[: len(rows) - _appended(rows)]), 1):
        try:
            tables.append(_table(row))
        except (KeyError, TypeError, ValueError) as error:
            why = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise broken(path, number, why) from None
    return tables


def _rows(path: Path) -> list[Mapping[str, Any]]:
    text = read_text(path)
    limits.at_most(path, sum(map(text.count, ",[{")), limits.VALUES, "values", do="Cut it into parts.")
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _foreign(path, f"no JSON: {error}") from None
    if not isinstance(rows, list) or not rows or not all(isinstance(r, dict) for r in rows):
        raise _foreign(path, f"a {type(rows).__name__}")
    if not {"structure", "outputs"} <= set(rows[0]) and not {"atoms", "total_energy", "forces"} <= set(rows[0]):
        raise _foreign(path, f"records with {', '.join(sorted(rows[0])[:8])}")
    return rows


def _foreign(path: Path, why: str) -> Invalid:
    return Invalid(
        must="JSON with frames is a list of records with structure and outputs, or with atoms, total_energy and forces",
        came=f"{path}: {why}",
        do="Write it as extended XYZ. Crystals with one value each are for materials/properties.",
    )


def _appended(rows: Sequence[Mapping[str, Any]]) -> int:
    """How many rows at the end are a block and the same block again."""
    if "structure" in rows[0]:
        return 0
    seen = [json.dumps([row.get("total_energy"), row.get("forces")]) for row in rows]
    return next((2 * n for n in range(len(rows) // 2, 0, -1) if seen[-n:] == seen[-2 * n : -n]), 0)


def _table(row: Mapping[str, Any]) -> Table:
    if "structure" in row:
        x, out = crystal_of(row["structure"]), row["outputs"]
        energy, forces, six = float(out["energy"]), out["forces"], out.get("virial_stress")
        info = {name: str(row[name]) for name in ("group", "description") if name in row}
    else:
        x, six, info = crystal_of(row["atoms"]), row.get("stresses"), {}
        energy, forces = float(row["total_energy"]) * len(x.positions), row["forces"]
    columns = {"forces": np.asarray(forces, float)}
    if columns["forces"].shape != np.shape(x.positions):
        raise ValueError(f"forces have shape {columns['forces'].shape} for {len(x.positions)} atoms")
    if six is not None:
        is_of_vasp = info.get("group") in IN_ORDER_OF_VASP.get(int(x.atomic_numbers[0]), ())
        info |= {"stress": -GPA / 10 * _whole(six, SHEARS_OF_VASP if is_of_vasp else SHEARS)}
    return Table(
        np.asarray(x.positions),
        np.asarray(x.atomic_numbers),
        np.asarray(x.cell),
        np.ones(3, bool),
        columns,
        {"energy": energy, **info, "units": "eV"},
    )


def _whole(six: Any, order: Sequence[tuple[int, int]]) -> np.ndarray:
    """[3, 3] from xx yy zz and three shears in that order."""
    values, whole = np.asarray(six, float), np.zeros((3, 3))
    if values.shape != (6,):
        raise ValueError(f"a stress of shape {values.shape} instead of six numbers")
    for value, (i, j) in zip(values, ((0, 0), (1, 1), (2, 2), *order)):
        whole[i, j] = whole[j, i] = value
    return whole
