"""Forces of displaced supercells in the text formats of phonopy: POSCAR, FORCE_SETS, FORCE_CONSTANTS, BORN.

    read_forces(folder, repeats) -> `physics.force_constants.ForceConstants` of the primitive cell

POSCAR-unitcell holds the cell that was repeated; its supercell lists each atom of it with all of its copies, first
along the first vector. FORCE_SETS: displacements [A] with forces [eV/A]; FORCE_CONSTANTS [eV/A^2]: all, or those of the
primitive cell, taken as they are; BORN, where there is one: dielectric tensor and charges. FORCES_FC3 of phono3py
begins with displacements of single atoms, which are read. Togo et al. 2023, doi:10.1088/1361-648X/acd831.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ..core.errors import Invalid
from ..core.systems import Atoms
from ..physics.force_constants import Charges, ForceConstants, from_forces, primitive

Displaced = list[tuple[int, np.ndarray, np.ndarray]]


def read_forces(folder: Path | str, repeats: Sequence[int]) -> ForceConstants:
    """What lies in `folder`, of a supercell that repeats the cell so many times along its vectors."""
    folder = Path(folder)
    cell = read_poscar(
        next((p for p in (folder / "POSCAR-unitcell", folder / "POSCAR") if p.exists()), folder / "POSCAR")
    )
    supercell, x = repeated_as_phonopy(cell, repeats), primitive(cell)
    charges = read_charges(folder / "BORN", len(x.positions)) if (folder / "BORN").exists() else None
    if (folder / "FORCE_CONSTANTS").exists():
        return _whole(folder / "FORCE_CONSTANTS", x, supercell, charges)
    for name, read in (("FORCE_SETS", read_force_sets), ("FORCES_FC3", read_single)):
        if (folder / name).exists():
            return from_forces(x, supercell, read(folder / name, len(supercell.positions)), charges)
    raise Invalid(
        must="a folder with FORCE_SETS, FORCE_CONSTANTS or FORCES_FC3",
        came=f"{folder.name} with {sorted(p.name for p in folder.glob('*'))[:8]}",
        do="Run phonopy's `--fc` or `-f` step first, or name another folder.",
    )


def read_poscar(path: Path) -> Atoms:
    """A crystal in the format of VASP."""
    import ase.io

    if not path.exists():
        raise Invalid(must="a folder with POSCAR-unitcell", came=str(path.name), do="Add the cell that was repeated.")
    found = ase.io.read(path, format="vasp")
    return Atoms(found.positions, found.numbers, found.cell.array, np.ones(3, bool))  # type: ignore[union-attr]


def repeated_as_phonopy(x: Atoms, repeats: Sequence[int]) -> Atoms:
    """The supercell in phonopy's order: each atom with its copies, the first vector running fastest."""
    a, b, c = repeats
    shifts = np.array([(i, j, k) for k, j, i in itertools.product(range(c), range(b), range(a))]) @ np.asarray(x.cell)
    positions = (np.asarray(x.positions)[:, None] + shifts).reshape(-1, 3)
    numbers = np.repeat(np.asarray(x.atomic_numbers), len(shifts))
    return Atoms(positions, numbers, np.asarray(x.cell) * np.array(repeats)[:, None], np.ones(3, bool))


def read_force_sets(path: Path, atoms: int) -> Displaced:
    """(atom, displacement, forces) of each supercell."""
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    count = int(lines[0])
    _same(count, atoms, path)
    found, at = [], 2
    for _ in range(int(lines[1])):
        atom, step = int(lines[at]) - 1, np.array(lines[at + 1].split(), float)
        found.append((atom, step, np.array([line.split() for line in lines[at + 2 : at + 2 + count]], float)))
        at += 2 + count
    return found


def read_single(path: Path, atoms: int) -> Displaced:
    """The supercells of FORCES_FC3 in which one atom alone is displaced."""
    found: Displaced = []
    for block in path.read_text().split("# File:")[1:]:
        lines = [line for line in block.splitlines()[1:] if line.strip()]
        moved = [line.lstrip("# ").split() for line in lines if line.startswith("#")]
        if len(moved) != 1:
            continue
        forces = np.array([line.split() for line in lines if not line.startswith("#")], float)
        _same(len(forces), atoms, path)
        found.append((int(moved[0][0]) - 1, np.array(moved[0][1:4], float), forces))
    return found


def read_charges(path: Path, atoms: int) -> Charges:
    """Dielectric tensor and Born charges, of all atoms of the primitive cell; their sum made 0."""
    rows = [line.split("#")[0].split() for line in path.read_text().splitlines()[1:]]
    values = [np.array(row, float).reshape(3, 3) for row in rows if len(row) == 9]
    if len(values) != atoms + 1:
        raise Invalid(
            must=f"BORN holds a dielectric tensor and the charges of the {atoms} atoms of the primitive cell",
            came=f"{len(values)} rows of 9 numbers",
            do="Write the charges of all atoms, also of those that symmetry makes equal.",
        )
    born = np.array(values[1:])
    return Charges(born - born.mean(0), values[0])


def _whole(path: Path, x: Atoms, supercell: Atoms, charges: Charges | None) -> ForceConstants:
    """From all force constants those of the primitive cell."""
    head, *rest = path.read_text().split("\n", 1)
    rows, columns = (int(head.split()[0]), int(head.split()[-1]))
    _same(columns, len(supercell.positions), path)
    numbers: Float[np.ndarray, " values"] = np.array(rest[0].split(), float).reshape(rows * columns, 11)
    values = numbers[:, 2:].reshape(rows, columns, 3, 3)
    lattice = np.asarray(supercell.cell, float)
    inside = (np.asarray(supercell.positions)[None] - np.asarray(x.positions)[:, None]) @ np.linalg.inv(lattice)
    own = np.argmin(np.abs(inside - np.rint(inside)).max(2), 1)
    places = {int(first) - 1: row for row, first in enumerate(numbers[::columns, 0])}
    if not set(own.tolist()) <= set(places):
        raise Invalid(
            must="FORCE_CONSTANTS hold the rows of the atoms of the primitive cell",
            came=f"rows of the atoms {sorted(place + 1 for place in places)[:8]}",
            do="Write all of them (phonopy --full-fc).",
        )
    return ForceConstants(x, supercell, values[[places[int(place)] for place in own]], charges)


def _same(came: int, atoms: int, path: Path) -> None:
    if came != atoms:
        raise Invalid(
            must=f"forces of a supercell of {atoms} atoms",
            came=f"{came} in {path.name}",
            do="Say how often the cell was repeated along each vector.",
        )
