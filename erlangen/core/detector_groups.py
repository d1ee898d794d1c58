"""Groups of a measurement: what may change at the detector without that what is measured changes."""

from __future__ import annotations

import dataclasses

import jax
from jaxtyping import Array, Float, Inexact, PRNGKeyArray

from .groups import Group
from .quantity import Quantity
from .systems import System


@dataclasses.dataclass(frozen=True)
class Gain(Group):
    """R+: all counts of the quantity `of` times one factor (a longer exposure, a stronger source, other units)."""

    of: str = "intensity"

    @property
    def name(self) -> str:
        return "gain of the detector"

    def sample(self, x: System, *, key: PRNGKeyArray) -> Float[Array, ""]:
        return 2.0 ** jax.random.uniform(key, (), minval=-4.0, maxval=4.0)

    def act(self, g: Float[Array, ""], quantity: Quantity, value: Inexact[Array, "..."]) -> Inexact[Array, "..."]:
        return value * g if quantity.name == self.of else value
