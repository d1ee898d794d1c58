"""Standard deviations from the features of the last layers: no second fit, two passes over the training data.

s^2(x) = J(x) ( sum_train J^T J + lambda )^(-1) J(x)^T,  J: derivative of an output along last-layer weights
(`assess.last_layer`). Bigi, Chong, Ceriotti, Grasselli 2024, arXiv:2403.02251.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from erlangen.assess.last_layer import gaussian
from erlangen.contract import Predictor, Spread, Supervised, Tangents

from ._on_features import OnFeatures


@dataclasses.dataclass(frozen=True)
class LastLayer(OnFeatures):
    """Standard deviations from the features of the last layers; costs two passes over the training data."""

    wanted: ClassVar[type[Predictor]] = Tangents

    def spread_of(self, inner: Tangents, task: Supervised) -> Spread:
        return gaussian(inner, task.truth("train"), task.truth("validation"))
