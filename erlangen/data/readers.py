"""Atoms from foreign files and back.

    read_atoms(path, *, need=(), units=None, keys=None, pbc=None) -> list[Frame]
    read_samples(path, outputs=("energy", "forces"), *, units=None, keys=None, pbc=None) -> contract.Samples
    write_atoms(path, frames, extra=None) -> None        # extra[i]: {name: value} of frame i, per atom or per frame

A `Frame` is `atoms` (core.systems.Atoms, float64, Angstrom), `labels` ({"energy": eV, "forces": [n, 3] eV/A,
"stress": [3, 3] eV/A^3, positive under tension} where the file has them: `data.labels`), and `info` and `columns`: all
else of the file, kept for writing.
Formats by the name of the file: (ext)xyz, CIF, mmCIF, PDB, SDF/MOL, POSCAR/CONTCAR, and to be read only, JSON like that
of mlearn (`data.frame_lists`); text may be .xz, .gz or .bz2.
"""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..contract import Samples
from ..core import quantity
from ..core.errors import Invalid, unknown
from ..core.quantity import Quantity
from ..core.systems import Atoms
from . import atom_files, frame_lists, limits, plausibility, structure_files, xyz_files
from .atom_files import Table
from .label_units import UNIT_KEYS, LabelUnits, stated_units, suspect, suspect_stress
from .labels import NAMES, Labels, check_doubts, check_levels, find_labels
from .sources import Source

READ: dict[str, atom_files.Reader] = {
    "xyz": xyz_files.read_xyz,
    "poscar": atom_files.read_poscar,
    "cif": structure_files.read_cif,
    "mmcif": structure_files.read_mmcif,
    "pdb": structure_files.read_pdb,
    "sdf": structure_files.read_sdf,
    "json": frame_lists.read_frame_list,
}
WRITE: dict[str, atom_files.Writer] = {
    "xyz": xyz_files.write_xyz,
    "poscar": atom_files.write_poscar,
    "cif": structure_files.write_cif,
    "mmcif": structure_files.write_mmcif,
    "pdb": structure_files.write_pdb,
    "sdf": structure_files.write_sdf,
}
NO_ROOM = {
    "poscar": ".xyz or .cif",
    "pdb": ".mmcif or .xyz",
    "json": ".xyz",
}  # formats that hold a structure only -> where values fit

VACUUM = 15.0  # A: a cell that is nowhere said to repeat, and leaves this much empty, is a box drawn around a molecule
FLAT = 1e-6  # of lattice vectors: smallest singular value against the largest, below which they span no cell
SIZES = (1e-3, 1e7)  # A: of singular values of a cell; beyond them it is no cell, and its reduction loses all digits
# Of these one frame has one, whatever the number of its atoms (beside those that are declared: `core.quantity`).
WHOLE = ("cell", "dipole", "polarizability", "quadrupole", "virial", "virials", "efield", "electric_field")


@dataclasses.dataclass(frozen=True)
class Frame:
    """One structure of a file.

    labels: energy [eV], forces [n, 3] [eV/A], stress [3, 3] [eV/A^3], where the file has them.
    info: other values of the whole frame. columns: other values per atom, [n] or [n, k]. source: what else the same
    format needs to write the frame back (bonds of an SDF record). keys: label -> its name in the file.
    cell: as the file has it [A]; vectors of axes that do not repeat are no part of `atoms`, but written back.
    """

    atoms: Atoms
    labels: dict[str, Any] = dataclasses.field(default_factory=dict)
    info: dict[str, Any] = dataclasses.field(default_factory=dict)
    columns: dict[str, Any] = dataclasses.field(default_factory=dict)
    source: Any = dataclasses.field(default=None, repr=False, compare=False)
    keys: Mapping[str, str] = dataclasses.field(default_factory=dict, compare=False)
    cell: np.ndarray | None = dataclasses.field(default=None, repr=False, compare=False)


@limits.foreign
def read_atoms(
    path: str | os.PathLike[str] | Source,
    *,
    need: Sequence[str] = (),
    units: str | None = None,
    keys: Mapping[str, str] | None = None,
    pbc: bool | None = None,
) -> list[Frame]:
    """All frames of a file of atoms, in eV and Angstrom.

    need: labels that every frame must have: "energy", "forces", "stress", or any other name in the file, unconverted;
    the force on an atom that is alone is 0, said or not.
    units: of the file, e.g. "kcal/mol" or "hartree,hartree/bohr"; default: what the header says, else eV and Angstrom,
    refused where the numbers look like another unit (an explicit units="eV" is believed). keys: {"energy": "my_key"}
    where the names are unusual, {"stress": "-my_key"} with the opposite sign. pbc: overrules the file. All three may be
    written behind the path (`sources`).
    Pitfall: a cell with 15 A of vacuum on every side counts as the box around an isolated molecule, unless pbc is given
    or the frame has a stress.
    """
    source = Source.parse(path).filled(units, keys, pbc)
    path, units, read = source.path, source.units, READ[atom_files.format_of(source.path)]
    tables = read(limits.plain_file(source.required().path))
    limits.at_most(path, len(tables), limits.FRAMES, "frames", do="Thin it, or cut it into parts.")
    asked = _Asked(need, units, dict(source.keys), source.pbc)
    for label, key in asked.keys.items():
        there = {**tables[0].info, **tables[0].columns}
        if key not in there and key.removeprefix("-") not in there:
            raise unknown(f"the key of {label} in {path}", key, there)
    told = limits.Pace(path, "frames")
    pairs = [_frame(path, number, table, asked) for number, table in enumerate(told.over(tables), 1)]
    frames, found = [frame for frame, _ in pairs], [labels for _, labels in pairs]
    check_doubts(path, found, [t.info for t in tables])
    check_levels(path, found, asked.keys)
    _require(path, frames, tables, need)
    if not units and not any(stated_units(t.info) for t in tables):
        _check_scale(path, frames)
    if source.pbc is None:
        _say_boxes(path, tables, frames)
    return frames


@limits.foreign
def read_samples(
    path: str | os.PathLike[str] | Source,
    outputs: Sequence[str] = ("energy", "forces"),
    *,
    units: str | None = None,
    keys: Mapping[str, str] | None = None,
    pbc: bool | None = None,
) -> Samples:
    """The frames of a file as question-answer pairs: inputs are `Atoms`, outputs the labels asked for, all required.

    With forces comes the stress [3, 3] [eV/A^3] where every periodic frame has one; of isolated systems it is 0.
    Refused as well: atoms in one place, mixed charges or spins, energies per atom that are not said to be. Where a
    group is named behind the file, `group` numbers its values.
    """
    source = Source.parse(path).filled(units, keys, pbc)
    return samples_of(source, read_atoms(source, need=[name for name in outputs if name != "stress"]), outputs)


def samples_of(source: Source, frames: Sequence[Frame], outputs: Sequence[str]) -> Samples:
    """The same from frames that have been read."""
    inputs = [f.atoms for f in frames]
    plausibility.check_apart(source.path, inputs)
    plausibility.check_states(source.path, inputs, [f.info for f in frames], outputs)
    if "energy" in outputs and not source.units:
        plausibility.check_totals(source.path, inputs, [f.labels["energy"] for f in frames])
    found: Mapping[str, Sequence[object]] = {n: [f.labels[n] for f in frames] for n in outputs if n != "stress"}
    if "forces" in outputs or "stress" in outputs:
        stress = _stresses(source.path, frames, is_required="stress" in outputs)
        found = found if stress is None else {**found, "stress": stress}
        if stress is not None and {"energy", "forces"} <= set(found):
            plausibility.check_work(source.path, inputs, found)
    return Samples(inputs, found, _groups(source, frames) if source.group else None)


def _stresses(path: Path, frames: Sequence[Frame], *, is_required: bool) -> list[np.ndarray] | None:
    """The stress of every frame, where all that repeat do so in three directions and have one; else None, and why."""
    periodic = [i for i, frame in enumerate(frames) if np.any(frame.atoms.pbc)]
    without = [i for i in periodic if "stress" not in frames[i].labels or not np.all(frames[i].atoms.pbc)]
    if without or not periodic:
        where = f", as frame {without[0] + 1}" if without else ""
        came = f"{path}: {len(without)} of {len(periodic)} periodic frames have none or are open in a direction{where}"
        if is_required:
            raise Invalid(must="every periodic frame has a stress", came=came, do="Leave such frames out.")
        if any("stress" in frames[i].labels for i in periodic):
            warnings.warn(f"{came}: the stress of the others is not used", stacklevel=4)
        return None
    return [frame.labels["stress"] if np.all(frame.atoms.pbc) else np.zeros((3, 3)) for frame in frames]


def _groups(source: Source, frames: Sequence[Frame]) -> np.ndarray:
    """The value of the group of every frame, numbered in the order of appearance."""
    values = [frame.info.get(source.group) for frame in frames]
    if any(value is None for value in values):
        number = values.index(None)
        raise Invalid(
            must=f"every frame has {source.group}, the group named behind the file",
            came=f"{source.path}, frame {number + 1}, with {sorted(frames[number].info)}",
            do="Name another value of the frames, or leave :group= out.",
        )
    known = {value: i for i, value in enumerate(dict.fromkeys(map(str, values)))}
    return np.array([known[str(value)] for value in values])


def write_atoms(
    path: str | os.PathLike[str],
    frames: Sequence[Frame],
    extra: Sequence[Mapping[str, Any]] | None = None,
    *,
    whole: Sequence[str] = (),
) -> None:
    """Write frames in the format that the name of the file stands for, with `extra` values of each frame.

    An extra value becomes a column where its first axis is the number of atoms in every frame. What one frame has one
    of, like a dipole, which has three numbers in a molecule of three atoms too, is known by its name or named in
    `whole`. Labels are written as `energy` (eV), `forces` (eV/A), `stress` (eV/A^3); as `REF_energy` and so on beside a
    plain value of the file that was not taken.
    """
    path = Path(path)
    kind = atom_files.format_of(path)
    more: Sequence[Mapping[str, Any]] = extra if extra is not None else [{}] * len(frames)
    if len(more) != len(frames):
        raise Invalid(
            must="there is one set of extra values per frame",
            came=f"{len(more)} for {len(frames)} frames",
            do="Pass one mapping per frame.",
        )
    is_full = any(frame.labels or values for frame, values in zip(frames, more, strict=True))
    if kind not in WRITE or (kind in NO_ROOM and is_full):
        raise Invalid(
            must="the format has room for labels and predictions",
            came=f"{path.name}: {kind} {'holds structures only' if kind in WRITE else 'is only read'}",
            do=f"Write to {NO_ROOM[kind]}.",
        )
    known = {name for name in {n for values in more for n in values} if not _per_atom(name, frames, more)}
    tables = [_table(frame, values, known.union(whole)) for frame, values in zip(frames, more, strict=True)]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        WRITE[kind](path, tables)
    except OSError as error:
        raise Invalid(
            must="the output can be written", came=f"{path}: {error}", do="Choose another folder or free some space."
        ) from None


@dataclasses.dataclass(frozen=True)
class _Asked:
    """What the caller of `read_atoms` asks for."""

    need: Sequence[str]
    stated: str
    keys: Mapping[str, str]
    pbc: bool | None

    def units(self, path: Path, table: Table) -> LabelUnits:
        """The units of one frame: as asked, as its header says, or eV; refused where the first two differ."""
        header = stated_units(table.info)
        found = LabelUnits.parse(self.stated or header or "eV")
        if self.stated and header and dataclasses.replace(LabelUnits.parse(header), text=found.text) != found:
            raise Invalid(
                must="the units asked for are those of the file",
                came=f"units={self.stated!r}, but {path} states {header!r}",
                do="Leave out units, or correct the header.",
            )
        return found


def _frame(path: Path, number: int, table: Table, asked: _Asked) -> tuple[Frame, Labels]:
    units = asked.units(path, table)
    elements = np.asarray(table.atomic_numbers, np.int32)
    if np.any(elements <= 0):
        raise atom_files.broken(path, number, "it holds an atom without an element")
    try:
        found = find_labels(table, keys=asked.keys, need=asked.need, units=units, path=path)
    except ValueError as error:
        raise error if isinstance(error, Invalid) else atom_files.broken(path, number, str(error)) from None
    positions = np.asarray(table.positions, float) * units.length
    cell = np.asarray(table.cell, float) * units.length
    labels = found.values
    for name, value in {"positions": positions, "cell": cell, **labels}.items():
        if not np.all(np.isfinite(value)):
            raise Invalid(
                must="positions and labels are finite numbers",
                came=f"{path}, frame {number}: {name} has {np.sum(~np.isfinite(value))} NaN or infinite values",
                do="Remove or recompute that frame (an unfinished calculation, most likely).",
            )
    shape = np.shape(labels.get("forces", positions))
    if shape != positions.shape:
        raise atom_files.broken(path, number, f"forces have shape {shape} for {len(positions)} atoms")
    if "forces" in asked.need and len(positions) == 1:
        labels.setdefault("forces", np.zeros((1, 3)))
    said = None if asked.pbc is None else np.full(3, asked.pbc)
    _check_cell(path, number, cell, table.pbc if said is None else said)
    periodic = _periodic(positions, cell, table.pbc, "stress" in labels) if said is None else said
    atoms = Atoms(positions, elements, np.where(periodic[:, None], cell, 0.0), periodic)
    used = {key for label, key in found.keys.items() if label in NAMES}
    info = {k: v for k, v in table.info.items() if k not in used}
    if stated_units(info) is not None:  # labels are converted: the header may not say that they are in other units
        info = {k: v for k, v in info.items() if k.lower() not in UNIT_KEYS} | {"units": "eV"}
    columns = {k: v for k, v in table.columns.items() if k not in used}
    return Frame(atoms, labels, info, columns, table.source, found.keys, cell), found


def _check_cell(path: Path, number: int, cell: np.ndarray, pbc: np.ndarray | None) -> None:
    """Axes that repeat have independent vectors; where pbc is None all of them repeat, if any vector is there."""
    repeats = np.full(3, bool(np.any(cell))) if pbc is None else np.asarray(pbc, bool)
    sizes = np.linalg.svd(cell[repeats], compute_uv=False) if repeats.any() else np.zeros(0)
    if not repeats.any() or (SIZES[0] < sizes[-1] and sizes[-1] > FLAT * sizes[0] and sizes[0] < SIZES[1]):
        return
    axes = " ".join("FT"[int(one)] for one in repeats)
    rows = "no lattice vectors" if not np.any(cell) else f"the lattice vectors {np.round(cell, 4).tolist()}"
    raise Invalid(
        must="axes that repeat have lattice vectors that span a cell",
        came=f"{path}, frame {number}: pbc {axes} with {rows}",
        do=f"Add the lattice (Lattice=... in a header), or say what does not repeat: {path.name}:pbc=no.",
    )


def _periodic(positions: np.ndarray, cell: np.ndarray, pbc: np.ndarray | None, has_stress: bool) -> np.ndarray:
    if pbc is not None and (has_stress or not np.all(pbc)):
        return np.asarray(pbc, bool)
    if not np.any(cell):
        return np.zeros(3, bool)
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    extent = np.ptp(positions @ np.linalg.inv(cell), axis=0) * heights
    return np.full(3, not np.all(heights - extent > VACUUM))


def _say_boxes(path: Path, tables: Sequence[Table], frames: Sequence[Frame]) -> None:
    """A word on cells that were taken for boxes around molecules, where the file does not say so itself."""
    boxes = [
        bool(np.any(table.cell) and (table.pbc is None or np.all(table.pbc)) and not frame.atoms.pbc.any())
        for table, frame in zip(tables, frames)
    ]
    if any(boxes):
        warnings.warn(
            f"{path}: {sum(boxes)} of {len(boxes)} frames, frame {boxes.index(True) + 1} first, are read as isolated: "
            f"over {VACUUM:g} A of their cell are empty on every side (:pbc=yes behind the file makes them periodic)",
            stacklevel=4,
        )


def _require(path: Path, frames: Sequence[Frame], tables: Sequence[Table], need: Sequence[str]) -> None:
    for label in need:
        missing = [i for i, frame in enumerate(frames) if label not in frame.labels]
        if missing:
            seen = sorted({*tables[missing[0]].info, *tables[missing[0]].columns})
            raise Invalid(
                must=f"every frame has {label}",
                came=f"{path}: {len(missing)} of {len(frames)} frames have none, as frame {missing[0] + 1} with {seen}",
                do=f"Name its key behind the file, as in {path.name}:{label}=KEY, or leave such frames out.",
            )


def _check_scale(path: Path, frames: Sequence[Frame]) -> None:
    labelled = [f for f in frames if "energy" in f.labels] or frames
    labelled = [f for f in labelled if len(f.atoms.positions) > 1] or labelled
    energies = [f.labels["energy"] for f in labelled if "energy" in f.labels]
    forces = [f.labels["forces"] for f in labelled if "forces" in f.labels]
    why = suspect([np.asarray(f.atoms.atomic_numbers) for f in labelled], energies, forces)
    if why:
        raise Invalid(
            must="energies are in eV and forces in eV/A unless stated otherwise",
            came=f"{path}: {why}",
            do=f"State it behind the file, as in {path.name}:units=kcal/mol or :units=hartree+hartree/bohr, or in the "
            "header of the first frame; units=eV if the numbers are right.",
        )
    stressed = [f for f in frames if "stress" in f.labels and f.cell is not None]
    volumes = [abs(np.linalg.det(f.cell)) / len(f.atoms.positions) for f in stressed if f.cell is not None]
    found = suspect_stress([f.labels["stress"] for f in stressed], volumes)
    if found is None:
        return
    do = f"State it behind the file, as in {path.name}:units=eV+GPa or, written by VASP in kBar and with its sign, "
    do += ":stress=-stress:units=eV+kbar; units=eV if the numbers are right."
    if found[1]:
        raise Invalid(
            must="a stress is in eV/A^3 and positive under tension unless stated otherwise",
            came=f"{path}: {found[0]}",
            do=do,
        )
    warnings.warn(f"{path}: {found[0]}. {do}", stacklevel=4)


def _per_atom(name: str, frames: Sequence[Frame], extra: Sequence[Mapping[str, object]]) -> bool:
    """Whether a value belongs to atoms: by its name where that is known, else by its first axis in every frame."""
    plain = name.lower()
    for end in ("_lower", "_upper"):
        plain = plain.removesuffix(end)
    for start in ("predicted_", "ref_", "dft_"):
        plain = plain.removeprefix(start)
    declared = getattr(quantity, plain, None)
    if isinstance(declared, Quantity):
        return "atoms" in declared.axes
    values = [(frame, np.asarray(v[name])) for frame, v in zip(frames, extra) if name in v]
    return plain not in WHOLE and all(v.ndim > 0 and len(v) == len(f.atoms.positions) for f, v in values)


def _table(frame: Frame, extra: Mapping[str, Any], whole: Collection[str]) -> Table:
    atoms = frame.atoms
    info, columns = dict(frame.info), dict(frame.columns)
    for label, value in frame.labels.items():
        if label in NAMES:
            home = columns if label == "forces" else info
            home[f"REF_{label}" if label in home else label] = value  # a plain one that was not taken stays
        elif not {label, frame.keys.get(label)} & {*info, *columns}:
            (columns if _per_atom(label, [frame], [frame.labels]) else info)[label] = value
    for name, value in extra.items():
        value = np.asarray(value)
        (info if name in whole else columns)[name] = value if value.ndim else value.item()
    pbc, cell = np.asarray(atoms.pbc), np.asarray(atoms.cell)
    if frame.cell is not None:
        cell = np.where(pbc[:, None], cell, frame.cell)
    return Table(np.asarray(atoms.positions), np.asarray(atoms.atomic_numbers), cell, pbc, columns, info, frame.source)
