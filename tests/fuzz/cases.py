"""From the name of a reader, or of an attack, and a number to what is run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from . import hostile
from .seeds import targets


def prepare(folder: Path) -> Callable[[str, int], Callable[[], object]]:
    """Seeds in `folder`; then a case by the name of its reader and its number."""
    seeds = {name: target.make(folder / "seeds" / name) for name, target in targets().items()}
    for name, target in targets().items():
        for seed in seeds[name]:
            target.read(seed)  # valid, and imports what reading needs

    def case(name: str, number: int) -> Callable[[], object]:
        if name in hostile.ATTACKS:
            return hostile.ATTACKS[name](folder / "attack", number)
        path = targets()[name].damage(seeds[name], number, folder / "case")
        return lambda: targets()[name].read(path)

    return case
