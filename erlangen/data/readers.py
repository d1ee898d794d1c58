"""Atoms from foreign files and back.

    read_atoms(path, *, need=(), units=None, keys=None, pbc=None) -> list[Frame]
    read_samples(path, outputs=("energy", "forces"), *, units=None, keys=None, pbc=None) -> contract.Samples
    write_atoms(path, frames, extra=None) -> None        # extra[i]: {name: value} of frame i, per atom or per frame

A `Frame` is `atoms` (core.systems.Atoms, float64, Angstrom), `labels` ({"energy": eV, "forces": [n, 3] eV/A,
"stress": [3, 3] eV/A^3} where the file has them), and `info` and `columns`: all else of the file, kept for writing.
Formats by the name of the file: (ext)xyz, CIF, mmCIF, PDB, SDF/MOL, POSCAR/CONTCAR; text may be .xz, .gz or .bz2.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..contract import Samples
from ..core.errors import Invalid, unknown
from ..core.systems import Atoms
from . import atom_files, plausibility, structure_files
from .atom_files import Table
from .label_units import LabelUnits, stated_units, suspect
from .sources import Source

READ: dict[str, atom_files.Reader] = {
    "xyz": atom_files.read_xyz,
    "poscar": atom_files.read_poscar,
    "cif": structure_files.read_cif,
    "mmcif": structure_files.read_mmcif,
    "pdb": structure_files.read_pdb,
    "sdf": structure_files.read_sdf,
}
WRITE: dict[str, atom_files.Writer] = {
    "xyz": atom_files.write_xyz,
    "poscar": atom_files.write_poscar,
    "cif": structure_files.write_cif,
    "mmcif": structure_files.write_mmcif,
    "pdb": structure_files.write_pdb,
    "sdf": structure_files.write_sdf,
}
NO_ROOM = {"poscar": ".xyz or .cif", "pdb": ".mmcif or .xyz"}  # formats that hold a structure only -> where values fit

# Names in use for each label, the most explicit first: fitting codes write REF_* beside a calculator's own values.
NAMES = {
    "energy": ("ref_energy", "dft_energy", "energy", "total_energy", "totenergy", "potential_energy", "free_energy"),
    "forces": ("ref_forces", "ref_force", "dft_forces", "dft_force", "forces", "force"),
    "stress": ("ref_stress", "dft_stress", "stress"),
}
GRADIENTS = ("ref_gradient", "gradient", "gradients")
VIRIALS = ("ref_virial", "dft_virial", "virial", "virials")
VACUUM = 15.0  # A: a cell that is nowhere said to repeat, and leaves this much empty, is a box drawn around a molecule


@dataclasses.dataclass(frozen=True)
class Frame:
    """One structure of a file.

    labels: energy [eV], forces [n, 3] [eV/A], stress [3, 3] [eV/A^3], where the file has them.
    info: other values of the whole frame. columns: other values per atom, [n] or [n, k]. source: what else the same
    format needs to write the frame back (bonds of an SDF record).
    """

    atoms: Atoms
    labels: dict[str, Any] = dataclasses.field(default_factory=dict)
    info: dict[str, Any] = dataclasses.field(default_factory=dict)
    columns: dict[str, Any] = dataclasses.field(default_factory=dict)
    source: Any = dataclasses.field(default=None, repr=False, compare=False)


def read_atoms(
    path: str | os.PathLike[str] | Source,
    *,
    need: Sequence[str] = (),
    units: str | None = None,
    keys: Mapping[str, str] | None = None,
    pbc: bool | None = None,
) -> list[Frame]:
    """All frames of a file of atoms, in eV and Angstrom.

    need: labels that every frame must have: "energy", "forces", "stress", or any other name in the file, unconverted.
    units: of the file, e.g. "kcal/mol" or "hartree,hartree/bohr"; default: what the header says, else eV and Angstrom,
    refused where the numbers look like another unit (an explicit units="eV" is believed). keys: {"energy": "my_key"}
    where the names are unusual. pbc: overrules the file. All three may be written behind the path (`sources`).
    Pitfall: a cell with 15 A of vacuum on every side counts as the box around an isolated molecule, unless pbc is given
    or the frame has a stress.
    """
    source = Source.parse(path).filled(units, keys, pbc)
    path, units, read = source.path, source.units, READ[atom_files.format_of(source.path)]
    tables = read(source.required().path)
    asked = _Asked(need, units, dict(source.keys), source.pbc)
    for label, key in asked.keys.items():
        if key not in {**tables[0].info, **tables[0].columns}:
            raise unknown(f"the key of {label} in {path}", key, {**tables[0].info, **tables[0].columns})
    frames = [_frame(path, number, table, asked) for number, table in enumerate(tables, 1)]
    _require(path, frames, tables, need)
    if not units and not any(stated_units(t.info) for t in tables):
        _check_scale(path, frames)
    return frames


def read_samples(
    path: str | os.PathLike[str] | Source,
    outputs: Sequence[str] = ("energy", "forces"),
    *,
    units: str | None = None,
    keys: Mapping[str, str] | None = None,
    pbc: bool | None = None,
) -> Samples:
    """The frames of a file as question-answer pairs: inputs are `Atoms`, outputs the labels asked for, all required.

    Refused as well: atoms in one place, mixed charges or spins, energies per atom that are not said to be. Where a
    group is named behind the file, `group` numbers its values.
    """
    source = Source.parse(path).filled(units, keys, pbc)
    return samples_of(source, read_atoms(source, need=outputs), outputs)


def samples_of(source: Source, frames: Sequence[Frame], outputs: Sequence[str]) -> Samples:
    """The same from frames that have been read, all of which have the outputs."""
    inputs = [f.atoms for f in frames]
    plausibility.check_apart(source.path, inputs)
    plausibility.check_states(source.path, inputs, [f.info for f in frames], outputs)
    if "energy" in outputs and not source.units:
        plausibility.check_totals(source.path, inputs, [f.labels["energy"] for f in frames])
    group = _groups(source, frames) if source.group else None
    return Samples(inputs, {name: [f.labels[name] for f in frames] for name in outputs}, group)


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

    An extra value whose first axis is the number of atoms becomes a column, any other belongs to the frame, as do those
    named in `whole` (a dipole in a molecule of three atoms has three numbers too). Labels are written as `energy` (eV),
    `forces` (eV/A), `stress` (eV/A^3).
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
    if kind in NO_ROOM and any(frame.labels or values for frame, values in zip(frames, more, strict=True)):
        raise Invalid(
            must="the format has room for labels and predictions",
            came=f"{path.name}: {kind} holds structures only",
            do=f"Write to {NO_ROOM[kind]}.",
        )
    tables = [_table(frame, values, whole) for frame, values in zip(frames, more, strict=True)]
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


def _pick(values: Mapping[str, object], names: Sequence[str]) -> str | None:
    """The first of `names` that is a key of `values`, whatever its case."""
    lower = {key.lower(): key for key in reversed(list(values))}
    return next((lower[name] for name in names if name in lower), None)


def _labels(
    table: Table, keys: Mapping[str, str], need: Sequence[str], units: LabelUnits, path: Path
) -> tuple[dict[str, Any], set[str]]:
    """Labels in eV and Angstrom, and the file's keys that they came from."""
    whole, per_atom = table.info, table.columns
    found: dict[str, tuple[str, Any]] = {}
    for label, names in NAMES.items():
        source = per_atom if label == "forces" else whole
        key = keys.get(label) or _pick(source, names)
        if key is not None and source.get(key) is not None:
            found[label] = key, _number(source[key], label)
    if "forces" not in found and (key := _pick(per_atom, GRADIENTS)):
        found["forces"] = key, -_number(per_atom[key], "forces")
    volume = abs(np.linalg.det(table.cell))
    if "stress" not in found and volume > 0 and (key := _pick(whole, VIRIALS)):
        found["stress"] = key, -_number(whole[key], "stress") / volume
    for label in {*keys, *need} - {*NAMES}:
        key = keys.get(label) or _pick({**whole, **per_atom}, (label.lower(),))
        if key is not None and (value := whole.get(key, per_atom.get(key))) is not None:
            found[label] = key, _number(value, label)
    atoms = len(table.atomic_numbers) if units.per_atom else 1
    factor = {"energy": units.energy * atoms, "stress": units.energy / units.length**3}
    if "forces" in found:
        factor["forces"] = units.require_force(path)
    labels = {label: value * factor.get(label, 1.0) for label, (_, value) in found.items()}
    if "energy" in labels:
        labels["energy"] = labels["energy"].item()
    return labels, {key for key, _ in found.values()}


def _number(value: object, label: str) -> np.ndarray:
    """A label as an array; ValueError where it is something else. Six components of a stress are xx yy zz yz xz xy."""
    try:
        array = np.asarray(value, float)
    except (ValueError, TypeError):
        raise ValueError(f"{label} is {value!r} instead of numbers") from None
    if label == "energy" and array.size != 1:
        raise ValueError(f"energy has {array.size} values")
    if label == "stress":
        if array.size not in (6, 9):
            raise ValueError(f"stress has {array.size} components")
        array = array.ravel()[[0, 5, 4, 5, 1, 3, 4, 3, 2]] if array.size == 6 else array
        array = array.reshape(3, 3)
    return array


def _frame(path: Path, number: int, table: Table, asked: _Asked) -> Frame:
    units, pbc = asked.units(path, table), asked.pbc
    if np.any(np.asarray(table.atomic_numbers) <= 0):
        raise atom_files.broken(path, number, "it holds an atom without an element")
    try:
        labels, used = _labels(table, asked.keys, asked.need, units, path)
    except ValueError as error:
        raise error if isinstance(error, Invalid) else atom_files.broken(path, number, str(error)) from None
    positions = np.asarray(table.positions, float) * units.length
    cell = np.asarray(table.cell, float) * units.length
    for name, value in {"positions": positions, "cell": cell, **labels}.items():
        if not np.all(np.isfinite(value)):
            raise Invalid(
                must="positions and labels are finite numbers",
                came=f"{path}, frame {number}: {name} has {np.sum(~np.isfinite(value))} NaN or infinite values",
                do="Remove or recompute that frame (an unfinished calculation, most likely).",
            )
    if "forces" in labels and labels["forces"].shape != positions.shape:
        raise atom_files.broken(path, number, f"forces have shape {labels['forces'].shape} for {len(positions)} atoms")
    periodic = _periodic(positions, cell, table.pbc, "stress" in labels) if pbc is None else np.full(3, pbc)
    atoms = Atoms(
        positions, np.asarray(table.atomic_numbers, np.int32), np.where(periodic[:, None], cell, 0.0), periodic
    )
    info = {k: v for k, v in table.info.items() if k not in used}
    return Frame(atoms, labels, info, {k: v for k, v in table.columns.items() if k not in used}, table.source)


def _periodic(positions: np.ndarray, cell: np.ndarray, pbc: np.ndarray | None, has_stress: bool) -> np.ndarray:
    if pbc is not None and (has_stress or not np.all(pbc)):
        return np.asarray(pbc, bool)
    if abs(np.linalg.det(cell)) == 0:
        return np.zeros(3, bool)
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    extent = np.ptp(positions @ np.linalg.inv(cell), axis=0) * heights
    return np.full(3, not np.all(heights - extent > VACUUM))


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


def _table(frame: Frame, extra: Mapping[str, Any], whole: Sequence[str]) -> Table:
    atoms, n = frame.atoms, len(frame.atoms.positions)
    info, columns = dict(frame.info), dict(frame.columns)
    for name, value in {**frame.labels, **extra}.items():
        value = np.asarray(value)
        is_column = value.ndim > 0 and len(value) == n and name not in ("stress", "cell", *whole)
        (columns if is_column else info)[name] = value if value.ndim else value.item()
    cell, pbc = np.asarray(atoms.cell), np.asarray(atoms.pbc)
    return Table(np.asarray(atoms.positions), np.asarray(atoms.atomic_numbers), cell, pbc, columns, info, frame.source)
