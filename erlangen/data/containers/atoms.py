"""`Atoms` in files: extended XYZ, CIF, mmCIF, PDB, SDF, POSCAR (`data.readers`)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import Invalid
from ...core.systems import Atoms, System
from ...nn.elements import compositions, formula, is_sum, known_sums, undetermined
from .. import readers
from ..atom_files import format_of
from ..plausibility import check_apart, check_states
from ..sources import Source
from . import Contents, Scope, check_unused


def read(source: Source, scope: Scope) -> Contents:
    """Every frame, with the labels of those outputs that it carries."""
    frames, file = readers.read_atoms(source), source.path
    check_unused(file, {name for frame in frames for name in (*frame.info, *frame.columns)}, scope)
    atoms = [frame.atoms for frame in frames]
    check_apart(file, atoms)
    check_states(file, atoms, [frame.info for frame in frames])
    ending = ".extxyz" if format_of(file) in readers.NO_ROOM else ""
    return Contents(atoms, [_labels(frame, scope) for frame in frames], frames, ending)


def write(path: Path, contents: Contents, values: Sequence[Mapping[str, Any]], scope: Scope) -> None:
    """Columns for what belongs to atoms, values of the frame for all else."""
    of_frames = [q.name for q in scope.outputs if "atoms" not in q.axes]
    whole = [f"predicted_{name}{end}" for name in of_frames for end in ("", "_lower", "_upper")]
    readers.write_atoms(path, contents.source, values, whole=whole)


def describe(inputs: Sequence[Atoms]) -> dict[str, Any]:
    """The elements that occur, and the independent compositions where these do not fix a sum over elements."""
    elements, counts = compositions([np.asarray(x.atomic_numbers) for x in inputs])
    found = known_sums(counts) if elements else ()
    return {"elements": elements} | ({"compositions": [list(one) for one in found]} if found else {})


def accepts(inputs: Sequence[Atoms], scope: Scope, where: str) -> Sequence[System]:
    """An answer for an element outside of the training data would be a guess: refused, with the list."""
    known: set[int] = set(scope.data.get("elements") or ())
    for number, atoms in enumerate(inputs if known else (), 1):
        strange = {int(z) for z in np.unique(atoms.atomic_numbers) if z > 0} - known
        if strange:
            raise Invalid(
                must=f"all elements occur in the training data of {scope.run} ({_symbols(known)})",
                came=f"{where}, frame {number}: {_symbols(strange)}",
                do="Leave such frames out, or train on data that holds these elements.",
            )
    _tell_undetermined(inputs, scope, where)
    return inputs


def _tell_undetermined(inputs: Sequence[Atoms], scope: Scope, where: str) -> None:
    """Warn of frames whose sum over elements the training data do not fix (`nn.elements`)."""
    sums = [q.name for q in scope.outputs if q.extensive and not q.axes]
    elements, known = scope.data.get("elements") or [], scope.data.get("compositions") or []
    if not (sums and known):
        return
    open_ones = {}
    for number, atoms in enumerate(inputs, 1):
        z = np.asarray(atoms.atomic_numbers)
        if not is_sum(known, elements, z):
            open_ones.setdefault(formula(*np.unique(z[z > 0], return_counts=True)), number)
    if open_ones:
        named = ", ".join(f"{name} (frame {number})" for name, number in list(open_ones.items())[:3])
        more = f" and {len(open_ones) - 3} more" if len(open_ones) > 3 else ""
        said = f"{where}: {' and '.join(sums)} of {named}{more} cannot be told: {undetermined(elements, known)}"
        warnings.warn(said, stacklevel=3)


def _labels(frame: readers.Frame, scope: Scope) -> dict[str, Any]:
    """Outputs that the frame has, also under names that only the task knows, in its unit."""
    named = {q.name: {**frame.info, **frame.columns}.get(q.name) for q in scope.outputs}
    return {name: value for name, value in named.items() if np.asarray(value).dtype.kind in "iuf"} | frame.labels


def _symbols(numbers: set[int]) -> str:
    from ase.data import chemical_symbols

    return ", ".join(chemical_symbols[z] for z in sorted(numbers))
