"""Standard deviations from the features of the last layers: no second fit, two passes over the training data.

s^2(x) = J(x) ( sum_train J^T J + lambda )^(-1) J(x)^T,  J: derivative of an output along last-layer weights
(`assess.last_layer`). Bigi, Chong, Ceriotti, Grasselli 2024, arXiv:2403.02251.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from jaxtyping import PRNGKeyArray

from erlangen.assess.last_layer import gaussian
from erlangen.contract import Budget, Session, Spread, Tangents, Wrapper
from erlangen.core.errors import Invalid


@dataclasses.dataclass(frozen=True)
class LastLayer(Wrapper):
    """Standard deviations from the features of the last layers; costs two passes over the training data."""

    def fit(self, task: Any, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Spread:
        """Fit the method inside with the whole budget, then gather features of training and validation."""
        inner = self.method.fit(task, budget, key=key, session=session)
        if not isinstance(inner, Tangents):
            raise Invalid(
                must="last-layer needs an answer with features of its last layer (a potential of atoms)",
                came=f"{type(inner).__name__} of {self.method.name()}",
                do="Take --wrap ensemble for this method.",
            )
        return gaussian(inner, task.truth("train"), task.truth("validation"))
