"""Phases by thresholds of averaged bond order, as they are drawn in the plane of two numbers.

    diamond   qbar_3 of four neighbours > 0.3                    disordered   else where qbar_6 < solid
    bcc       wbar_6 > 0                hcp   wbar_4 > 0                fcc   the rest;      of 12 neighbours

Lechner and Dellago 2008, doi:10.1063/1.2977970; perfect diamond has q_3 = 0.745 of four
neighbours and qbar_3 = 0.447, since the four look the other way.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from erlangen.core.systems import System

from .bond_order import steinhardt, third_order
from .common_neighbours import ORDERS

TETRAHEDRAL = 0.3  # qbar_3


def by_thresholds(x: System, solid: float = 0.3) -> Int[np.ndarray, " n"]:
    """Place in `ORDERS` of every atom."""
    solid_like = steinhardt(x, 6, 12, averaged=True) > solid
    w4, w6 = (third_order(x, l, 12, averaged=True) for l in (4, 6))
    packed = np.where(w6 > 0, ORDERS.index("bcc"), np.where(w4 > 0, ORDERS.index("hcp"), ORDERS.index("fcc")))
    found = np.where(solid_like, packed, ORDERS.index("other"))
    return np.where(steinhardt(x, 3, 4, averaged=True) > TETRAHEDRAL, ORDERS.index("diamond"), found)
