"""What `relax` and `md` take: structures of a file, and the potential that they move on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import Invalid, unknown
from ..core.systems import Atoms
from ..numerics.mechanics import Surface

LAWS = ("lennard_jones",)


def surface(model: str | None, law: str | None, precision: str = "float32") -> Surface:
    """The potential of a run folder, or a built-in law by its name; precision: of a run, laws compute in float64."""
    if (model is None) == (law is None):
        came = "neither" if model is None else "both"
        do = f"Name a run folder (--model runs/...) or a law (--law {LAWS[0]})."
        raise Invalid(must="atoms move on one potential, --model or --law", came=came, do=do)
    if law is not None:
        return _law(law)
    from ..assess.symmetry import in_double
    from ..numerics.precision import double
    from ..study.run import load

    kept = load(str(model))
    found = kept.fitted.bare
    if not hasattr(found, "shares"):
        raise Invalid(
            must="the run answers an energy that is a sum over atoms",
            came=f"a run of {kept.record.method} on {kept.record.task}",
            do="Train one: erlangen run molecules/forces --method painn",
        )
    with double():
        return in_double(found) if precision == "float64" else found


def identity(model: str | None, law: str | None) -> str:
    """What a potential is known by: the name of a law, the digest of what a run learned."""
    if law is not None:
        return law
    from ..learn.checkpoint import FITTED

    return hashlib.sha256((Path(str(model)) / FITTED).read_bytes()).hexdigest()


def structures(path: str, potential: Surface, repeats: Sequence[int] = (1, 1, 1)) -> list[Any]:
    """The frames of a file (`data.readers.Frame`), checked and repeated along their vectors."""
    from ..data.readers import read_atoms

    frames = read_atoms(path)
    for number, frame in enumerate(frames, 1):
        _check_hand(frame.atoms, f"{path}, frame {number}")
        potential.check(frame.atoms)
    return frames if tuple(repeats) == (1, 1, 1) else [_repeated(frame, repeats) for frame in frames]


def _law(name: str) -> Surface:
    from ..physics.interatomic.lennard_jones import LennardJones

    if name not in LAWS:
        raise unknown("the law", name, LAWS)
    return LennardJones()


def _check_hand(x: Atoms, where: str) -> None:
    if np.all(x.pbc) and np.linalg.det(np.asarray(x.cell, float)) < 0:
        raise Invalid(
            must="lattice vectors form a right-handed set",
            came=f"{where}: {np.round(np.asarray(x.cell), 4).tolist()}, whose determinant is negative",
            do="Exchange two of them (and the fractional coordinates along them).",
        )


def _repeated(frame: Any, repeats: Sequence[int]) -> Any:
    import dataclasses

    x = frame.atoms
    if len(repeats) != 3 or min(repeats) < 1 or any(k > 1 and not p for k, p in zip(repeats, x.pbc)):
        raise Invalid(
            must="a structure is repeated along axes that repeat, once at least",
            came=f"{','.join(map(str, repeats))} for pbc {np.asarray(x.pbc).tolist()}",
            do="For instance: --repeat 3,3,3",
        )
    cell = np.asarray(x.cell, float)
    shifts = np.stack(np.meshgrid(*map(np.arange, repeats), indexing="ij"), -1).reshape(-1, 3) @ cell
    positions = (shifts[:, None] + np.asarray(x.positions)).reshape(-1, 3)
    atoms = Atoms(positions, np.tile(x.atomic_numbers, len(shifts)), cell * np.asarray(repeats)[:, None], x.pbc)
    columns = {k: np.concatenate([v] * len(shifts)) for k, v in frame.columns.items()}
    return dataclasses.replace(frame, atoms=atoms, labels={}, columns=columns, cell=None, source=None)
