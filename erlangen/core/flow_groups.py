"""Groups of a flow in several fields at once: what a boost and a change of units do to each, by its unit and rank."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
from jaxtyping import Array, Float, Inexact, PRNGKeyArray

from .groups import Galilean, Group, library, turned
from .quantity import Quantity
from .systems import System


@dataclasses.dataclass(frozen=True)
class Boost(Group):
    """Galilean boost by c along x on a periodic grid: every field is carried along, velocities gain c.

    rho(x, t) -> rho(x - c t, t),  u(x, t) -> u(x - c t, t) + c. `lag`: time between input and output; c lag is a whole
    number of grid points. Apart from `groups.Galilean`, which methods for one velocity field declare.
    """

    lag: float

    @property
    def name(self) -> str:
        return "Galilean boost"

    def sample(self, x: System, *, key: PRNGKeyArray) -> tuple[int, float]:
        return Galilean(self.lag).sample(x, key=key)

    def act(self, g: tuple[int, float], quantity: Quantity, value: Inexact[Array, "..."]) -> Inexact[Array, "..."]:
        if quantity.axes != "grid":
            return value
        points, velocity = g
        xp = library(value)
        value = xp.roll(xp.asarray(value), quantity.lag * points, 0)
        if quantity.rep.rank != 1:
            return value
        along = np.zeros(value.shape[-1])
        along[0] = velocity
        return value + (velocity if value.ndim == 1 else xp.asarray(along, value.dtype))


@dataclasses.dataclass(frozen=True)
class Equator(Group):
    """Mirror of a rotating sphere at its equator: latitude, axis 1 of the grid, changes sign.

    Northward components change sign once for every index, pseudoscalars (vorticity) once. The rotation survives it; a
    mirror at a meridian would reverse it.
    """

    @property
    def name(self) -> str:
        return "mirror at the equator"

    def sample(self, x: System, *, key: PRNGKeyArray) -> int:
        return 1

    def act(self, g: int, quantity: Quantity, value: Inexact[Array, "..."]) -> Inexact[Array, "..."]:
        if quantity.axes != "grid":
            return value
        xp, rank = library(value), quantity.rep.rank
        value = turned(xp.flip(xp.asarray(value), 1), np.asarray([[1, 0], [0, -1]], value.dtype), rank)
        return -value if quantity.rep.pseudo else value


@dataclasses.dataclass(frozen=True)
class MassUnit(Group):
    """Another unit of mass: what has a mass in its unit ("M/L^3", "M/L/T^2") is multiplied by one factor."""

    reach: float = 4.0  # factors lie between 1 / reach and reach

    @property
    def name(self) -> str:
        return "unit of mass"

    def sample(self, x: System, *, key: PRNGKeyArray) -> Float[Array, ""]:
        return self.reach ** jax.random.uniform(key, (), minval=-1.0, maxval=1.0)

    def act(self, g: Float[Array, ""], quantity: Quantity, value: Inexact[Array, "..."]) -> Inexact[Array, "..."]:
        xp = library(value)
        return xp.asarray(value) * xp.asarray(g) if quantity.unit.startswith("M") else value
