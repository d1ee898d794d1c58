"""Ensemble of independent fits: their mean, and how far they spread.

Each of n fits gets an n-th of the budget, and a key and folder of its own; with `share` below 1 also training data of
its own, which methods need that draw nothing at random. Lakshminarayanan, Pritzel, Blundell (2017), arXiv:1612.01474.
Good values: n = 4-8. The spread ranks errors well in distribution; it is no interval (wrap it:
`Conformal(Ensemble(method))`) and may fall while errors grow far away.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from erlangen.assess.committee import committee
from erlangen.assess.ensembles import Members
from erlangen.contract import Budget, Resampled, Samples, Session, Split, Spread, Supervised, Wrapper
from erlangen.core.errors import Invalid, within


def part_of(task: Supervised, share: float, key: PRNGKeyArray) -> Resampled:
    """The same question with a share of its training samples: whole groups, at least one."""

    def samples(split: Split) -> Samples:
        whole = task.truth(split)
        if split != "train":
            return whole
        group = np.arange(len(whole)) if whole.group is None else np.asarray(whole.group)
        kinds = np.unique(group)
        order = np.asarray(jax.random.permutation(jax.random.fold_in(key, 1), len(kinds)))
        return whole.take(np.flatnonzero(np.isin(group, kinds[order[: max(round(share * len(kinds)), 1)]])))

    return Resampled(task, samples)


@dataclasses.dataclass(frozen=True)
class Ensemble(Wrapper):
    """n independent fits as one answer."""

    n: int = 5
    share: float = 1.0  # of the groups of training samples that each member sees, drawn at random

    def __post_init__(self):
        within(self, share=(0, 1.0001))

    def fit(self, task: Any, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Spread:
        """Fit the members one after the other."""
        if self.n < 2:
            raise Invalid(must="an ensemble has at least 2 members", came=f"n = {self.n}", do="Give --ensemble-n 5.")
        part = budget.share(1 / self.n)
        members = []
        for i in range(self.n):
            session.say(f"member {i + 1} of {self.n}")
            inside = session.inside(f"member-{i}")
            own = jax.random.fold_in(key, i)
            seen = task if self.share == 1 else part_of(task, self.share, own)
            members.append(self.method.fit(seen, part, key=own, session=inside))
        return committee(Members.of(members))
