"""Trials: one tiny question per layout that methods know, with its answer in closed form.

    Molecules    energy and forces of isolated molecules        Line, Torus, Walls, Sphere, Gas    fields
    Crystals     a scalar and a tensor of periodic cells        Fragments                          molecules by bonds
    Charges      of atoms, and the dipole that they make        rings of spins                     quantum states
    Stressed     energy, forces and stress of crystals          Scatter, Target                    draws, a minimum
    Pattern      a class and a number from a line on an axis    Sites                              classes of atoms

A method meets the trials that it accepts, instead of every task: what a method does wrong it does wrong on a few atoms
or points, and a trial is computed in milliseconds. `trials()` are all of them.
"""

from __future__ import annotations

import functools

from ...contract import Method, Task
from ...core.errors import Invalid
from ._trial import Trial
from .atoms import Charges, Crystals, Molecules, Sites, Stressed
from .fields import Gas, Line, Sphere, Torus, Walls
from .fragments import Fragments
from .patterns import Pattern
from .sets import Scatter, Target

__all__ = [
    "Charges",
    "Crystals",
    "Fragments",
    "Gas",
    "Line",
    "Molecules",
    "Pattern",
    "Scatter",
    "Sites",
    "Sphere",
    "Stressed",
    "Target",
    "Torus",
    "Trial",
    "Walls",
    "accepts",
    "trials",
]


@functools.cache
def trials() -> tuple[Task, ...]:
    """All trials, in the order in which a method meets them."""
    from .spins import RINGS

    atoms = (Molecules(), Crystals(), Charges(), Stressed(), Sites())
    fields = (Line(), Torus(), Walls(), Gas(), Sphere())
    return (*atoms, *fields, Fragments(), Pattern(), *RINGS, Scatter(), Target())


def accepts(method: Method, task: Task) -> bool:
    """Whether `method` can answer `task`."""
    try:
        method.check(task)
    except Invalid:
        return False
    return True
