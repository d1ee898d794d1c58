"""Standard deviations from heads on the features of the last layers, taught by validation residuals.

log sigma(x) = b + w . phi(x)  (`assess.variance_heads`). Nix, Weigend 1994, doi:10.1109/ICNN.1994.374138.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from jaxtyping import PRNGKeyArray

from erlangen.assess.variance_heads import heads_on
from erlangen.contract import Budget, Features, Session, Spread, Wrapper
from erlangen.core.errors import Invalid


@dataclasses.dataclass(frozen=True)
class VarianceHeads(Wrapper):
    """Standard deviations from heads on the features of the last layers; costs one pass over the validation data."""

    def fit(self, task: Any, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Spread:
        """Fit the method inside with the whole budget, then the heads on validation residuals."""
        inner = self.method.fit(task, budget, key=key, session=session)
        if not isinstance(inner, Features):
            raise Invalid(
                must="variance-heads needs an answer with features of its last layers (a potential of atoms)",
                came=f"{type(inner).__name__} of {self.method.name()}",
                do="Take --wrap ensemble for this method.",
            )
        return heads_on(inner, task.truth("validation"))
