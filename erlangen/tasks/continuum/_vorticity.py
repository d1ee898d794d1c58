"""Plane flow on a torus in its vorticity: state and source are given, the state one step later is asked for.

The source is an input, so that no symmetry is broken: state and source are shifted, turned or reflected together, and
a reflection changes the sign of both.
"""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp

from erlangen.contract import Outputs, Transported
from erlangen.core.groups import Group, QuarterTurns, Reflection, Shifts
from erlangen.core.quantity import Quantity, pseudoscalar
from erlangen.core.systems import Field, System
from erlangen.numerics import spectral
from erlangen.physics import fluids


class PlaneFlow(Transported):
    """w(t), s -> w(t + dt) of  w_t + (v . grad) w = nu Lap w - mu w + s."""

    container = Field
    inputs = (
        Quantity("w", "w", "1/T", "grid", pseudoscalar, label="vorticity"),
        Quantity("source", "s", "1/T^2", "grid", pseudoscalar, label="curl of the force"),
    )
    outputs = (Quantity("w_next", "w(t + dt)", "1/T", "grid", pseudoscalar, lag=1, label="vorticity"),)
    state = "w"
    viscosity: float  # nu
    drag: ClassVar[float] = 0.0  # mu

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return Shifts((0, 1)), Reflection(0), Reflection(1), QuarterTurns()

    def feed(self, x: System, outputs: Outputs) -> System:
        return x.replace(w=outputs["w_next"])

    def flow(self, x: System, w_hat: Any) -> Any:
        v = fluids.velocity_of(w_hat, x["w"].shape, length=_length(x))
        return jnp.concatenate([v, jnp.asarray(x["source"], v.dtype)[None]])

    def dissipation(self, x: System, shape: tuple[int, ...]) -> Any:
        return -self.viscosity * spectral.squared_wavenumber(shape, length=_length(x)) - self.drag


def _length(x: System) -> float:
    return len(x["w"]) * x["spacing"][0]
