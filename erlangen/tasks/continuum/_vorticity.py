"""Plane flow on a torus in its vorticity: state and source are given, the state one step later is asked for.

The source is an input, so that no symmetry is broken: state and source are shifted, turned or reflected together, and
a reflection changes the sign of both.
"""

from __future__ import annotations

from erlangen.contract import Governed, Outputs
from erlangen.core.groups import Group, QuarterTurns, Reflection, Shifts
from erlangen.core.quantity import Quantity, pseudoscalar
from erlangen.core.systems import Field, System


class PlaneFlow(Governed):
    """w(t), s -> w(t + dt) of  w_t + (v . grad) w = nu Lap w - mu w + s."""

    container = Field
    inputs = (
        Quantity("w", "w", "1/T", "grid", pseudoscalar, label="vorticity"),
        Quantity("source", "s", "1/T^2", "grid", pseudoscalar, label="curl of the force"),
    )
    outputs = (Quantity("w_next", "w(t + dt)", "1/T", "grid", pseudoscalar, lag=1, label="vorticity"),)
    state = "w"

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return Shifts((0, 1)), Reflection(0), Reflection(1), QuarterTurns()

    def feed(self, x: System, outputs: Outputs) -> System:
        return x.replace(w=outputs["w_next"])
