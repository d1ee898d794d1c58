"""What a command computes with: a built-in law by its name, the potential of a run folder, or universal weights."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import Invalid
from ..core.systems import Atoms
from ..data.readers import Frame, read_atoms
from ..data.sources import Source
from ..physics.supercells import supercell


def surface_of(law: str | None, model: str | None, precision: str = "float64") -> Any:
    """A `numerics.mechanics.Surface` of exactly one of the two; precision: of a model, laws are in float64.

    model: the folder of a run, or a file with the weights of a universal potential (.nqx).
    """
    if (law is None) == (model is None):
        raise Invalid(
            must="one potential is named",
            came="--law and --model" if law else "neither --law nor --model",
            do="For instance --law emt, or --model runs/2026-01-31-1200-forces-mace-s0.",
        )
    if law is not None:
        from ..physics.interatomic.catalogue import law as named

        return named(law)
    from ..assess.symmetry import in_double
    from ..numerics.precision import double

    bare = _learned(str(model))
    with double():
        return in_double(bare) if precision == "float64" else bare


def is_universal(model: str | Path) -> bool:
    """Whether a name is that of a file with the weights of a universal potential, not of the folder of a run."""
    return Path(model).suffix.lower() == ".nqx"


def _learned(model: str) -> Any:
    if is_universal(model):
        from ..methods.foundation._nequix import load_universal

        return load_universal(model)
    from ..assess.committee import committee
    from ..assess.ensembles import Members
    from ..numerics.mechanics import Surface
    from ..study.run import load

    kept = load(model)
    bare = kept.fitted.bare
    bare = committee(bare) if isinstance(bare, Members) else bare
    if not isinstance(bare, Surface):
        raise Invalid(
            must="the energy is a sum over atoms that see their neighbours",
            came=f"{model}: {kept.record.method} on {kept.record.task}",
            do="Train a network on energies and forces: erlangen run molecules/forces --method mace --data FILE",
        )
    return bare


def identity(law: str | None, model: str | None) -> str:
    """What a potential is known by: the name of the law, or the digest of what was learned."""
    if law is not None:
        return law
    from ..learn.checkpoint import FITTED

    path = Path(str(model))
    return hashlib.sha256((path if is_universal(path) else path / FITTED).read_bytes()).hexdigest()


def structures(text: str, surface: Any, repeats: Sequence[int] = (1, 1, 1)) -> list[Frame]:
    """The frames of a file, checked against the surface, repeated along their vectors."""
    frames = read_atoms(Source.parse(text))
    for number, frame in enumerate(frames, 1):
        cell = np.asarray(frame.atoms.cell, float)
        if np.all(frame.atoms.pbc) and np.linalg.det(cell) < 0:
            raise Invalid(
                must="lattice vectors are right-handed",
                came=f"{text}, frame {number}: {np.round(cell, 4).tolist()}",
                do="Exchange two of them, and the fractional coordinates along them.",
            )
        surface.check(surface.prepare(frame.atoms))
    return frames if tuple(repeats) == (1, 1, 1) else [_repeated(frame, repeats) for frame in frames]


def _repeated(frame: Frame, repeats: Sequence[int]) -> Frame:
    x = frame.atoms
    if len(repeats) != 3 or min(repeats) < 1 or any(k > 1 and not p for k, p in zip(repeats, x.pbc)):
        raise Invalid(
            must="a structure is repeated along axes that repeat, once at least",
            came=f"{','.join(map(str, repeats))} for pbc {np.asarray(x.pbc).tolist()}",
            do="For instance: --repeat 3,3,3",
        )
    columns = {k: np.concatenate([v] * int(np.prod(repeats))) for k, v in frame.columns.items()}
    return Frame(supercell(x, repeats), columns=columns)


def one_structure(text: str, *, periodic: bool = False) -> Atoms:
    """The only structure of a file, or its last frame, said; `periodic`: refuses what does not repeat."""
    frames = read_atoms(Source.parse(text))
    x = frames[-1].atoms
    if len(frames) > 1:
        import warnings

        warnings.warn(f"{text} has {len(frames)} frames: the last one is taken", stacklevel=2)
    if periodic and not all(x.pbc):
        raise Invalid(
            must="the structure is a crystal, periodic in three directions",
            came=f"{text}: pbc {[bool(p) for p in x.pbc]}",
            do=f"Give a file with a cell, or say that it repeats: {text}:pbc=yes",
        )
    return x
