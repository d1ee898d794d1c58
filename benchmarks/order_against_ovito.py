"""Common neighbours and template matching beside OVITO's, on crystals that are shaken more and more.

    python benchmarks/order_against_ovito.py       (pip install ovito)

Printed for each crystal and displacement (in distances of neighbours): the share of atoms named right by each, and the
share named alike. Common neighbours follow the same rule, so that all atoms are named alike (diamond: OVITO also asks
that the neighbours be recognised). Templates differ where the hull of the neighbours is not that of the template.
"""

from __future__ import annotations

import time

import numpy as np
from ase import Atoms as Structure
from ase.build import bulk
from ovito.io.ase import ase_to_ovito
from ovito.modifiers import (
    CommonNeighborAnalysisModifier,
    IdentifyDiamondModifier,
    PolyhedralTemplateMatchingModifier,
)

from erlangen.core.systems import Atoms
from erlangen.physics.order.common_neighbours import ORDERS, common_neighbours
from erlangen.physics.order.templates import match

CRYSTALS = {"fcc": ("Cu", 3.6, 5), "bcc": ("Fe", 2.87, 6), "hcp": ("Mg", 3.2, 6), "diamond": ("Si", 5.43, 4)}
LIMIT = 0.12
OTHER = ORDERS.index("other")
BY_NUMBER = {1: "fcc", 2: "hcp", 3: "bcc", 6: "diamond"}  # of both modifiers


def by_ovito(x: Structure, templates: bool) -> np.ndarray:
    data = ase_to_ovito(x)
    if templates:
        kinds = PolyhedralTemplateMatchingModifier.Type
        modifier = PolyhedralTemplateMatchingModifier(rmsd_cutoff=LIMIT)
        modifier.structures[kinds.ICO].enabled = False
        modifier.structures[kinds.CUBIC_DIAMOND].enabled = True
    else:
        modifier = CommonNeighborAnalysisModifier()
    data.apply(modifier)
    found = np.array([ORDERS.index(BY_NUMBER.get(int(t), "other")) for t in data.particles["Structure Type"]])
    if templates:
        return found
    data = ase_to_ovito(x)
    data.apply(IdentifyDiamondModifier())
    diamond = np.asarray(data.particles["Structure Type"]) == 1
    return np.where((found == OTHER) & diamond, ORDERS.index("diamond"), found)


def main() -> None:
    print(
        "crystal   shaken   common neighbours: own  OVITO  alike    templates: own  OVITO  alike    s/atom own, OVITO"
    )
    for name, (element, a, times) in CRYSTALS.items():
        plain = (
            bulk(element, name, a=a, c=a * np.sqrt(8 / 3)) if name == "hcp" else bulk(element, name, a=a, cubic=True)
        )
        near = a * {"fcc": np.sqrt(0.5), "bcc": np.sqrt(0.75), "hcp": 1.0, "diamond": np.sqrt(3) / 4}[name]
        for by in (0.0, 0.04, 0.06, 0.08):
            x = plain.repeat(times)
            x.positions += by * near * np.random.default_rng(0).standard_normal(x.positions.shape)
            own = Atoms(x.positions, x.numbers, x.cell.array, np.ones(3, bool))
            place, row = ORDERS.index(name), []
            for templates, analyse in ((False, common_neighbours), (True, lambda y: match(y, LIMIT))):
                tick = time.perf_counter()
                mine = analyse(own)
                middle = time.perf_counter()
                theirs = by_ovito(x, templates)
                row += [np.mean(mine == place), np.mean(theirs == place), np.mean(mine == theirs)]
            seconds = np.array([middle - tick, time.perf_counter() - middle]) / len(x)
            print(f"{name:8s} {by:6.2f}", *(f"{v:8.3f}" for v in row), *(f"{v:.1e}" for v in seconds), flush=True)


if __name__ == "__main__":
    main()
