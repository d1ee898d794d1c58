"""Standard deviations from heads on the features of the last layers, taught by validation residuals.

log sigma(x) = b + w . phi(x)  (`assess.variance_heads`). Nix, Weigend 1994, doi:10.1109/ICNN.1994.374138.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from erlangen.assess.variance_heads import heads_on
from erlangen.contract import Features, Predictor, Spread, Supervised

from ._on_features import OnFeatures


@dataclasses.dataclass(frozen=True)
class VarianceHeads(OnFeatures):
    """Standard deviations from heads on the features of the last layers; costs one pass over the validation data."""

    wanted: ClassVar[type[Predictor]] = Features

    def spread_of(self, inner: Features, task: Supervised) -> Spread:
        return heads_on(inner, task.truth("validation"))
