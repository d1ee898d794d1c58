"""Sort by the number, up or down. Trivial."""

from dataclasses import dataclass

import numpy as np

from erlangen.contract import Method, Session, Signature
from erlangen.core.systems import Compound

from ...kinds import Order, Ranking


class Sorted(Order):
    sign: float

    def order(self, items):
        return np.argsort(np.argsort(self.sign * items))


@dataclass(frozen=True)
class Sorting(Method):
    sign: float = 1.0

    accepts = Signature(Ranking, Compound)

    def fit(self, task, budget, *, key, session=Session()):
        return Sorted(self.sign)
