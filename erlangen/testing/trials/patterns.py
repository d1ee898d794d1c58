"""A trial with patterns: one line on a grid of angles, by whose place and width classes and numbers are known."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ...contract import Samples, Split, Supervised
from ...core.detector_groups import Gain
from ...core.groups import Group
from ...core.quantity import Quantity
from ...core.systems import Field, System
from ._trial import Trial, drawn

POINTS, STEP = 96, 0.5


@dataclasses.dataclass(frozen=True)
class Pattern(Trial, Supervised):
    """y = exp(-(x - x_0)^2 / 2 w^2): left or right of the middle, and x_0."""

    container = Field
    inputs = (Quantity("intensity", "y", "1", "grid"),)
    outputs = (Quantity("side", "p", "1", "", classes=("left", "right")), Quantity("place", "x_0", "degree", ""))

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return (Gain(),)

    def truth(self, split: Split) -> Samples:
        x = STEP * np.arange(POINTS)

        def line(rng: np.random.Generator) -> Field:
            centre = rng.uniform(5, 43)
            return Field({"intensity": np.exp(-((x - centre) ** 2) / 2).astype(np.float32)}, (STEP,), "walls")

        return drawn(split, line, self.solve)

    def solve(self, x: System) -> dict[str, Any]:
        y = np.asarray(x["intensity"], float)
        place = float(y @ (STEP * np.arange(POINTS)) / y.sum())
        return {"side": np.eye(2)[int(place > STEP * POINTS / 2)], "place": place}
