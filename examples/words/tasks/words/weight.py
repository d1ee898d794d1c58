"""The weight of a word, a sum over its letters."""

import dataclasses

import numpy as np

from erlangen.assess.metrics import absolute
from erlangen.contract import SPLITS, Samples, Score, Supervised
from erlangen.core.quantity import Quantity

from ...containers.sequence import Sequence

WEIGHTS = np.array([1.0, 2.0, 4.0, 8.0])


@dataclasses.dataclass(frozen=True)
class Weight(Supervised):
    length: int = 6
    container = Sequence
    inputs = (Quantity("tokens", "s", "1", "residues"),)
    outputs = (Quantity("weight", "w", "u", extensive=True), Quantity("profile", "p", "u", "residues"))
    symmetry = ()
    scores = (Score("mae", "weight", absolute, "u"),)

    def truth(self, split):
        draws = np.random.default_rng(SPLITS.index(split)).integers(0, 4, (40, self.length)).astype(np.int32)
        values = WEIGHTS[draws]
        return Samples([Sequence(row) for row in draws], {"weight": list(values.sum(1)), "profile": list(values)})
