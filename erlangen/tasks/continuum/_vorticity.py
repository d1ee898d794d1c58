"""Plane flow on a torus in its vorticity: state and source are given, the state one step later is asked for.

The source is an input, so that no symmetry is broken: state and source are shifted, turned or reflected together, and
a reflection changes the sign of both.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from erlangen.contract import Opponent, Outputs, Transported
from erlangen.core.groups import Group, QuarterTurns, Reflection, Shifts
from erlangen.core.quantity import Quantity, pseudoscalar
from erlangen.core.systems import Field, System
from erlangen.numerics import semi_lagrangian, spectral
from erlangen.numerics.exponential_integrators import Step, etdrk4
from erlangen.numerics.precision import double
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

    def carrier(self, grids: tuple[int, ...]) -> Opponent:
        """The opponent that finds the flow on n x n points and carries w along it on twice the given ones."""

        def solve(x: System, n: int) -> Outputs:
            return {"w_next": self.carried_on(x, n, 1)["w_next"][0]}

        return Opponent("semi-Lagrangian solver", "n", grids, solve, self.carried_on)

    def carried_on(self, x: System, n: int, frames: int, dtype: Any = jnp.float32) -> Outputs:
        """`frames` states of the semi-Lagrangian solver from the given one alone."""

        def stepper(seen: System, steps: int) -> Step:
            return etdrk4(*self.equation(seen)[:2], self.dt / steps)

        with double():
            x = x.replace(**{name: jnp.asarray(x[name], dtype) for name in ("w", "source")})
            return self.carried(x, n, 2 * len(x["w"]), frames, stepper, legs=2)

    def carried(
        self, x: System, coarse: int, fine: int, frames: int, stepper: Callable[[System, int], Step], *, legs: int
    ) -> Outputs:
        shape, length = x["w"].shape, len(x["w"]) * x["spacing"][0]
        w, source = (spectral.resample(x[name], (coarse, coarse)) for name in ("w", "source"))
        seen = Field({"w": w, "source": source}, (length / coarse,) * 2)
        mask = jnp.asarray(self.equation(seen)[2], w.dtype)
        dissipation = -self.viscosity * spectral.squared_wavenumber((fine, fine), length=length) - self.drag

        def flow(w_hat: Any) -> Any:
            return jnp.concatenate([fluids.velocity_of(w_hat, w.shape, length=length), source[None]])

        values = semi_lagrangian.path(
            lambda steps: stepper(seen, steps),
            flow,
            (mask * spectral.transform(w), spectral.resize(spectral.transform(x["w"]), shape, (fine, fine))),
            (fine, fine),
            decay=jnp.exp(jnp.asarray(dissipation * (self.dt / 2), w.dtype)),
            time=self.dt,
            spacing=seen["spacing"],
            substeps=math.ceil(self.substeps * coarse / len(x["w"])),
            legs=legs,
            frames=frames,
        )
        return {"w_next": jax.vmap(lambda field: spectral.sample(field, shape))(values)}
