"""Which stone is heavier? Trivial."""

from dataclasses import dataclass

import numpy as np

from erlangen.core.quantity import Quantity
from erlangen.core.systems import Compound

from ...kinds import Ranking


@dataclass(frozen=True)
class ByWeight(Ranking):
    count: int = 8

    container = Compound
    inputs = (Quantity("weight", "m", "kg"),)
    outputs = (Quantity("place", "n", "1"),)
    symmetry = ()

    def lists(self, split):
        weights = np.random.default_rng(len(split)).normal(size=(5, self.count))
        return [(w, np.argsort(np.argsort(w))) for w in weights]
