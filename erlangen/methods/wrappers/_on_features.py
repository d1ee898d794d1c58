"""Spreads from what the last layers of a fitted answer see: the fit inside, then something cheap on top."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any, ClassVar

from jaxtyping import PRNGKeyArray

from erlangen.contract import Budget, Predictor, Session, Spread, Wrapper
from erlangen.core.errors import Invalid

AFTER_FIT = 0.95  # of a budget of time, for the fit; the rest is for what follows


@dataclasses.dataclass(frozen=True)
class OnFeatures(Wrapper):
    """The method inside gets all steps, or nearly all of the time; its answer must be a `wanted`."""

    wanted: ClassVar[type[Predictor]]

    @abc.abstractmethod
    def spread_of(self, inner: Any, task: Any) -> Spread:
        """The answer with its spread, from samples of the task."""

    def fit(self, task: Any, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Spread:
        inner = self.method.fit(task, budget.for_fit(AFTER_FIT), key=key, session=session)
        if not isinstance(inner, self.wanted):
            raise Invalid(
                must=f"{self.name().replace('_', '-')} needs an answer with features of its last layers "
                "(a potential of atoms)",
                came=f"{type(inner).__name__} of {self.method.name()}",
                do="Take --wrap ensemble for this method.",
            )
        with session.during(f"{self.name().replace('_', '-')}: passes over the data"):
            return self.spread_of(inner, task)
