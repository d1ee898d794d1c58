"""Ensemble of independent fits: their mean, and how far they spread.

Each of n fits gets an n-th of the budget, and a key and folder of its own. Lakshminarayanan, Pritzel, Blundell (2017),
arXiv:1612.01474. Good values: n = 4-8. The spread ranks errors well in distribution; it is no interval (wrap it:
`Conformal(Ensemble(method))`) and may fall while errors grow far away.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
from jaxtyping import PRNGKeyArray

from erlangen.assess.committee import committee
from erlangen.assess.ensembles import Members
from erlangen.contract import Budget, Session, Spread, Wrapper
from erlangen.core.errors import Invalid


@dataclasses.dataclass(frozen=True)
class Ensemble(Wrapper):
    """n independent fits as one answer."""

    n: int = 5

    def fit(self, task: Any, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Spread:
        """Fit the members one after the other."""
        if self.n < 2:
            raise Invalid(must="an ensemble has at least 2 members", came=f"n = {self.n}", do="Give --ensemble-n 5.")
        part = budget.share(1 / self.n)
        members = []
        for i in range(self.n):
            session.say(f"member {i + 1} of {self.n}")
            inside = session.inside(f"member-{i}")
            members.append(self.method.fit(task, part, key=jax.random.fold_in(key, i), session=inside))
        return committee(Members.of(members))
