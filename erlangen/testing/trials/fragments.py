"""A trial with molecules by their bonds: a number that is linear in counts of fragments."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ...contract import Samples, Split, Supervised
from ...core.groups import Group
from ...core.quantity import Quantity
from ...core.systems import Compound, System
from ...data.fingerprints import QUANTITIES
from ...tasks.molecules.activity import Relabelling
from ._trial import Trial, drawn

LENGTH = 24  # kinds of fragments in each fingerprint


@dataclasses.dataclass(frozen=True)
class Fragments(Trial, Supervised):
    """y = sum of a weight for every fragment of the first fingerprint."""

    container = Compound
    inputs = QUANTITIES
    outputs = (Quantity("activity", "y", "1", ""),)

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return (Relabelling(),)

    def truth(self, split: Split) -> Samples:
        def molecule(rng: np.random.Generator) -> Compound:
            counts: dict[str, Any] = {q.name: rng.poisson(0.7, LENGTH).astype(np.uint8) for q in QUANTITIES}
            counts["ecfp4"] = np.minimum(counts["ecfp4"], 1)
            return Compound(counts)

        return drawn(split, molecule, self.solve)

    def solve(self, x: System) -> dict[str, Any]:
        return {"activity": float(np.asarray(x[QUANTITIES[0].name]) @ np.cos(np.arange(LENGTH)))}
