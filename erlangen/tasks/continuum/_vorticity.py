"""Plane flow on a torus in its vorticity: state and source are given, the state one step later is asked for.

The source is an input, so that no symmetry is broken: state and source are shifted, turned or reflected together, and
a reflection changes the sign of both.
"""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from erlangen.contract import Evolution, Outputs, ReferenceSolver, Transport
from erlangen.contract.laws import Modes
from erlangen.core.groups import Group, QuarterTurns, Reflection, Shifts
from erlangen.core.quantity import Quantity, pseudoscalar
from erlangen.core.systems import Field, System
from erlangen.numerics import spectral
from erlangen.numerics.exponential_integrators import Step, etdrk4
from erlangen.numerics.precision import double
from erlangen.physics import fluids, transport


class PlaneFlow(Evolution, Transport):
    """w(t), s -> w(t + dt) of  w_t + (v . grad) w = nu Lap w - mu w + s."""

    container = Field
    inputs = (
        Quantity("w", "w", "1/T", "grid", pseudoscalar, label="vorticity"),
        Quantity("source", "s", "1/T^2", "grid", pseudoscalar, label="curl of the force"),
    )
    outputs = (Quantity("w_next", "w(t + dt)", "1/T", "grid", pseudoscalar, lag=1, label="vorticity"),)
    state, source = "w", "source"
    viscosity: float  # nu
    drag: ClassVar[float] = 0.0  # mu

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return Shifts((0, 1)), Reflection(0), Reflection(1), QuarterTurns()

    def feed(self, x: System, outputs: Outputs) -> System:
        return x.replace(w=outputs["w_next"])

    @property
    def law(self) -> Transport:
        return self

    def dissipation(self, grid: tuple[int, int], length: float) -> Float[np.ndarray, "u v"]:
        return -self.viscosity * spectral.squared_wavenumber(grid, length=length) - self.drag

    def velocity(self, u_hat: Modes, grid: tuple[int, int], length: float) -> Float[Array, "2 x y"]:
        return fluids.velocity_of(u_hat, grid, length=length)

    def carrier(self, grids: tuple[int, ...]) -> ReferenceSolver:
        """The solver that finds the flow on n x n points and carries w along it on twice the given ones."""

        def solve(x: System, n: int) -> Outputs:
            return {"w_next": self.carried_on(x, n, 1)["w_next"][0]}

        return ReferenceSolver("semi-Lagrangian solver", "n", grids, solve, self.carried_on)

    def carried_on(self, x: System, n: int, frames: int, dtype: Any = jnp.float32) -> Outputs:
        """`frames` states of the semi-Lagrangian solver from the given one alone."""

        def stepper(seen: System, steps: int) -> Step:
            return etdrk4(*self.equation(seen)[:2], self.dt / steps)

        with double():
            x = x.replace(**{name: jnp.asarray(x[name], dtype) for name in ("w", "source")})
            return {"w_next": transport.carried(self, x, n, 2 * len(x["w"]), frames, stepper, path_steps=2)}
