"""What a command computes with: a built-in law by its name, or the potential of a run folder."""

from __future__ import annotations

from typing import Any

from ..core.errors import Invalid
from ..core.systems import Atoms
from ..data.readers import read_atoms
from ..data.sources import Source
from .cli_flags import Parser


def add_surface(parser: Parser) -> None:
    """The flags --law and --model."""
    parser.add_argument("--law", metavar="NAME", help="a law in closed form: emt, stillinger-weber, eam, lj, ...")
    parser.add_argument("--model", metavar="RUN", help="the folder of a run that answers the energy of atoms")


def surface_of(law: str | None, model: str | None) -> Any:
    """A `numerics.mechanics.Surface` in float64, of exactly one of the two."""
    if (law is None) == (model is None):
        raise Invalid(
            must="one potential is named",
            came="--law and --model" if law else "neither --law nor --model",
            do="For instance --law emt, or --model runs/2026-01-31-1200-forces-mace-s0.",
        )
    if law is not None:
        from ..physics import interatomic

        return interatomic.law(law)
    from ..assess.symmetry import in_double
    from ..numerics.precision import double
    from ..study.run import load

    kept = load(str(model))
    bare = kept.fitted.bare
    if not hasattr(bare, "shares"):
        raise Invalid(
            must="the energy is a sum over atoms that see their neighbours",
            came=f"{model}: {kept.record.method} on {kept.record.task}",
            do="Train a network on energies and forces: erlangen run molecules/forces --method mace --data FILE",
        )
    with double():
        return in_double(bare)


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
