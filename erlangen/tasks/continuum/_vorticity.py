"""Plane flow on a torus in its vorticity: state and source are given, the state one step later is asked for.

The source is an input, so that no symmetry is broken: state and source are shifted, turned or reflected together, and
a reflection changes the sign of both.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from erlangen.contract import Opponent, Outputs, Transported
from erlangen.core.groups import Group, QuarterTurns, Reflection, Shifts
from erlangen.core.quantity import Quantity, pseudoscalar
from erlangen.core.systems import Field, System
from erlangen.numerics import semi_lagrangian, spectral
from erlangen.numerics.exponential_integrators import etdrk4
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

    def flow(self, x: System, w_hat: Any) -> Any:
        v = fluids.velocity_of(w_hat, x["w"].shape, length=_length(x))
        return jnp.concatenate([v, jnp.asarray(x["source"], v.dtype)[None]])

    def carrier(self, grids: tuple[int, ...]) -> Opponent:
        """The opponent that finds the flow on n x n points and carries w along it on twice the given ones."""

        def solve(x: System, n: int) -> Outputs:
            return {"w_next": self.carried_on(x, n, 1)["w_next"][0]}

        return Opponent("semi-Lagrangian solver", "n", grids, solve, self.carried_on)

    def carried_on(self, x: System, n: int, frames: int, dtype: Any = jnp.float32) -> Outputs:
        """`frames` states of the semi-Lagrangian solver from the given one alone."""
        with double():
            w, source = (jnp.asarray(x[name], dtype) for name in ("w", "source"))
            shape, fine = w.shape, (2 * w.shape[0], 2 * w.shape[1])
            fields = {"w": spectral.resample(w, (n, n)), "source": spectral.resample(source, (n, n))}
            seen = Field(fields, (_length(x) / n,) * 2)
            (linear, nonlinear, mask), substeps = self.equation(seen), math.ceil(self.substeps * n / len(w))
            w_hat = spectral.resize(spectral.transform(w), shape, fine)
            values = semi_lagrangian.path(
                etdrk4(linear, nonlinear, self.dt / semi_lagrangian.steps_of(substeps)),
                lambda u_hat: self.flow(seen, u_hat),
                (jnp.asarray(mask, dtype) * spectral.transform(fields["w"]), w_hat),
                fine,
                decay=jnp.exp(jnp.asarray(self.dissipation(x, fine) * (self.dt / 2), dtype)),
                time=self.dt,
                spacing=seen["spacing"],
                substeps=substeps,
                legs=2,
                frames=frames,
            )
            return {"w_next": jax.vmap(lambda field: spectral.sample(field, shape))(values)}

    def dissipation(self, x: System, shape: tuple[int, ...]) -> Any:
        return -self.viscosity * spectral.squared_wavenumber(shape, length=_length(x)) - self.drag


def _length(x: System) -> float:
    return len(x["w"]) * x["spacing"][0]
