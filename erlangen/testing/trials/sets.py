"""Trials whose answers are draws, or the place of a minimum.

Scatter   y = m + sigma e,   e normal: draws of y for a given field m
Target    argmin_y sum_i (y_i - m_i)^2
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ...contract import Optimisation, Outputs, Samples, Sampling, Split
from ...core.groups import Group, Shifts
from ...core.quantity import Quantity
from ...core.systems import Field, System
from ._trial import COUNTS, Trial, generator

POINTS, SIGMA = 8, 0.5


class OfField(Trial):
    """A field m on a ring is given, a field y is asked for."""

    container = Field
    inputs = (Quantity("m", "m", "1", "grid"),)
    outputs = (Quantity("y", "y", "1", "grid"),)

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return (Shifts((0,)),)


@dataclasses.dataclass(frozen=True)
class Scatter(OfField, Sampling):
    """Normal draws around a field, four for each."""

    def truth(self, split: Split) -> Samples:
        rng, fields = generator(split), given(split)
        inputs = [x for x in fields for _ in range(4)]
        draws = [x["m"] + SIGMA * rng.normal(size=POINTS) for x in inputs]
        return Samples(inputs, {"y": draws}, np.repeat(np.arange(len(fields)), 4))


@dataclasses.dataclass(frozen=True)
class Target(OfField, Optimisation):
    """The field nearest to a given one: that one."""

    def problems(self, split: Split) -> Sequence[System]:
        return given(split)

    def objective(self, x: System, y: Outputs) -> float:
        return float(np.sum((np.asarray(y["y"], float) - x["m"]) ** 2))

    def best(self, x: System) -> Outputs:
        return {"y": x["m"]}


def given(split: Split) -> list[Field]:
    """The fields m of one split."""
    rng = np.random.default_rng([7, *generator(split).integers(0, 2**31, 1)])
    return [Field({"m": rng.normal(size=POINTS)}, (1.0,)) for _ in range(COUNTS[split])]
