"""Properties of crystals from public sets and own files, in splits that a chemist would accept.

    property_samples(target, name, data, fold) -> {split: Samples};  property_partition(...) -> Partition

phonons: the five official folds of Matbench (shuffled, seed 18012019). Everything else: whole chemical systems (sets
of elements) lie in one split, so that no compound is judged after its polymorph was seen. Of what is not test,
a twentieth each is for validation and calibration.
Tensors: the crystal and its tensor are made exactly symmetric (physics.crystal_symmetry) and turned to the standard
axes of the space group. The piezoelectric source gives tensors in standard axes, not in those of its structures; rows
that no order of the axes brings to agreement with the point group are listed and left out.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import logging
from collections.abc import Callable

import numpy as np

from ..contract import SPLITS, Samples, Split
from ..core.errors import Invalid
from ..core.systems import Atoms
from ..physics.crystal_symmetry import forbidden, invariant, piezoelectric_from_voigt, symmetrised, turned
from . import partition
from .crystal_tables import CrystalTable, read_crystals
from .downloads import fetch
from .partition import Partition
from .sources import Source

log = logging.getLogger("erlangen.data")
SHARE = 0.05  # of the crystals that are not test: for validation, and as much for calibration
NOISE = 0.02  # largest forbidden component of a published tensor, relative to its largest component
MATBENCH_SEED = 18012019  # Dunn et al. 2020, doi:10.1038/s41524-020-00406-3
AXES = [np.eye(3)[list(order)] for order in itertools.permutations(range(3))]


@dataclasses.dataclass(frozen=True)
class PublicSet:
    """A set of the catalogue: its file, the column of the values, their shape there."""

    name: str
    file: str
    column: str
    shape: tuple[int, ...]


PUBLIC = {
    "phonons": PublicSet("matbench-phonons", "matbench_phonons.json.gz", "last phdos peak", ()),
    "dielectric": PublicSet("dielectric-tensors", "dielectric_constant.csv", "e_electronic", (3, 3)),
    "piezoelectric": PublicSet("piezoelectric-tensors", "piezoelectric_tensor.csv", "piezoelectric_tensor", (3, 6)),
}


def property_samples(target: str, name: str, data: str, fold: int) -> dict[Split, Samples]:
    """The four splits of a public set (`data` "": downloaded, else a local copy) or of the column `target` of a file.

    name: of the output. fold: 0 to 4.
    """
    samples, rows = _whole(target, name, data), property_partition(target, name, data, fold).rows
    return {split: samples.take(rows[split]) for split in SPLITS}


def property_partition(target: str, name: str, data: str, fold: int) -> Partition:
    """How these splits were found."""
    return _divide(_whole(target, name, data), data, target == "phonons", fold)


def _whole(target: str, name: str, data: str) -> Samples:
    if not data:
        public = PUBLIC[target]
        data = str(fetch(public.name, [public.file])[public.file])
    source = Source.parse(data).only(target, "units", "group")
    return _samples(target, name, source, source.digest)


@functools.lru_cache(maxsize=4)
def _samples(target: str, name: str, source: Source, digest: str) -> Samples:
    public = PUBLIC.get(target)
    column = dict(source.keys).get(target, public.column if public else target)
    table = read_crystals(source.path, column, public.shape if public else None, source.group)
    if target == "piezoelectric":
        table = _symmetric(dataclasses.replace(table, values=list(map(piezoelectric_from_voigt, table.values))), True)
    elif public and public.shape:
        table = _symmetric(table, False)
    systems = table.groups or [tuple(np.unique(x["atomic_numbers"]).tolist()) for x in table.atoms]
    known = {s: i for i, s in enumerate(sorted(set(systems)))}
    return Samples(table.atoms, {name: table.values}, np.array([known[s] for s in systems]))


def symmetric_crystal(atoms: Atoms) -> tuple[Atoms, np.ndarray, np.ndarray]:
    """The crystal made exactly symmetric in standard axes; the rotation that led there; its point group [g, 3, 3]."""
    numbers = np.asarray(atoms.atomic_numbers)
    positions, cell, rotation, symmetry = symmetrised(np.asarray(atoms.positions), numbers, np.asarray(atoms.cell))
    return Atoms(positions, numbers, cell, np.ones(3, bool)), rotation, symmetry.rotations


def _symmetric(table: CrystalTable, in_standard_axes: bool) -> CrystalTable:
    atoms, values, rows, faults = [], [], [], list(table.faults)
    groups = dict(zip(table.rows.tolist(), table.groups))
    for x, value, row in zip(table.atoms, table.values, table.rows.tolist()):
        try:
            crystal, rotation, group = symmetric_crystal(x)
            tensor = _in_axes(value, group) if in_standard_axes else turned(value, rotation)
            if forbidden(tensor, group) > NOISE * np.max(np.abs(value)) + 1e-6:
                raise ValueError("its tensor contradicts its point group")
        except ValueError as error:
            faults.append(f"row {row + 1}: {error}")
            continue
        atoms.append(crystal)
        values.append(invariant(tensor, group))
        rows.append(row)
    if len(faults) > len(table.faults):
        new = faults[len(table.faults) :]
        log.warning("%d of %d tensors left out: %s", len(new), len(table), "; ".join(new[:5]))
    return CrystalTable(atoms, values, np.array(rows), faults, [groups[row] for row in rows if row in groups])


def _in_axes(tensor: np.ndarray, group: np.ndarray) -> np.ndarray:
    """The tensor with its axes in the order that the point group supports best; the given order where it will do."""
    turns: list[Callable[[], np.ndarray]] = [functools.partial(turned, tensor, axes) for axes in AXES]
    candidates = [turn() for turn in turns]
    errors = [forbidden(candidate, group) for candidate in candidates]
    good = errors[0] <= NOISE * np.max(np.abs(tensor))
    return candidates[0 if good else int(np.argmin(errors))]


def _divide(samples: Samples, data: str, matbench: bool, fold: int) -> Partition:
    if matbench and len(samples) == 1265:
        from sklearn.model_selection import KFold

        parts = list(KFold(5, shuffle=True, random_state=MATBENCH_SEED).split(np.arange(len(samples))))
        rest, test = parts[fold]
        units, how = np.arange(len(samples)), f"fold {fold} of Matbench"
    else:
        if len(samples) < 8:
            raise Invalid(must="a table holds at least 8 usable crystals", came=str(len(samples)), do="Add more rows.")
        group = np.asarray(samples.group)
        found = partition.units(len(samples), Source.parse(data), group=group, systems=group.tolist())
        units, how = found.unit, f"{found.why}; fold {fold} of 5"
        order = np.random.default_rng(0).permutation(units.max() + 1)
        test = np.flatnonzero(order[units] % 5 == fold)
        rest = np.flatnonzero(order[units] % 5 != fold)
    rng = np.random.default_rng([1, fold])
    shuffled = rng.permutation(np.unique(units[rest]))
    held = max(round(SHARE * len(shuffled)), 1)
    validation, calibration = (np.isin(units, part) for part in (shuffled[:held], shuffled[held : 2 * held]))
    inside = np.isin(np.arange(len(units)), rest)
    rows = {
        "train": np.flatnonzero(inside & ~validation & ~calibration),
        "validation": np.flatnonzero(inside & validation),
        "calibration": np.flatnonzero(inside & calibration),
        "test": test,
    }
    return Partition(rows, how)
