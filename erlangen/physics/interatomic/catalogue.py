"""Laws of interaction by name.

    law("emt")                       -> a `Law`
    LAWS                             -> {name: what it is for, in one line}

Nothing is imported before a law is asked for.
"""

from __future__ import annotations

import importlib
import operator
from typing import TYPE_CHECKING

from erlangen.core.errors import unknown

if TYPE_CHECKING:
    from .law import Law

LAWS = {
    "lj-argon": "Lennard-Jones argon, cut and shifted at 2.5 sigma; any element counts as argon",
    "emt": "effective medium theory: Al Ni Cu Pd Ag Pt Au and their alloys, as in ASE",
    "stillinger-weber": "silicon: crystal, melt and glass",
    "zhou": "embedded atoms: Mg Al Ti Fe Co Ni Cu Zr Mo Pd Ag Ta W Pt Au Pb and their alloys",
    "zhou-copper": "embedded atoms of copper alone, the same with the shorter range of its own table",
    "kob-andersen": "binary Lennard-Jones glass in reduced units: A is Ni, B is P",
}
ALIASES = {"lj": "lj-argon", "lennard-jones": "lj-argon", "sw": "stillinger-weber", "eam": "zhou", "ka": "kob-andersen"}
_PLACES = {
    "lj-argon": ("lennard_jones", "LennardJones", ()),
    "emt": ("emt", "EffectiveMedium", ()),
    "stillinger-weber": ("stillinger_weber", "StillingerWeber", ()),
    "zhou": ("zhou", "Zhou.of", ()),
    "zhou-copper": ("zhou", "Zhou.of", ("Cu",)),
    "kob-andersen": ("kob_andersen", "KobAndersen", ()),
}


def law(name: str) -> Law:
    """The law of that name or alias ("lj", "sw", "eam", "ka"); capitals do not matter."""
    key = name.strip().lower().replace("_", "-")
    key = ALIASES.get(key, key)
    if key not in _PLACES:
        raise unknown("law", name, [*LAWS, *ALIASES])
    module, kind, settings = _PLACES[key]
    return operator.attrgetter(kind)(importlib.import_module(f".{module}", __package__))(*settings)
