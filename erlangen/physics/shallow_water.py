"""Shallow water over a flat bed in one dimension, in conservative form.

    q = (h, h u),     f = (h u, h u^2 + g h^2 / 2)

Solved by `numerics.finite_volumes`. Upwind flux: HLL, whose two waves are all that the law has (Harten, Lax, van Leer
1983, doi:10.1137/1025002), with the speeds of Einfeldt. The same law, with rho = h, as a gas of p = g rho^2 / 2.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from erlangen.core.errors import within
from erlangen.numerics.finite_volumes import ConservationLaw, State
from erlangen.physics.riemann import Water


@dataclasses.dataclass(frozen=True)
class ShallowWater(ConservationLaw):
    gravity: float = 1.0  # g

    parity: ClassVar[tuple[int, ...]] = (1, -1)

    def __post_init__(self):
        within(self, gravity=(0.0, float("inf")))

    def upwind_flux(self, left: State, right: State) -> State:
        """HLL: F = (S_R F_L - S_L F_R + S_L S_R (q_R - q_L)) / (S_R - S_L), with S_L <= 0 <= S_R."""
        mean, c = self._roe(left, right)
        low = jnp.minimum(jnp.minimum(left[1] / left[0] - self._celerity(left), mean - c), 0)
        high = jnp.maximum(jnp.maximum(right[1] / right[0] + self._celerity(right), mean + c), 0)
        fluxes = self.flux(left), self.flux(right)
        return (high * fluxes[0] - low * fluxes[1] + low * high * (right - left)) / (high - low)

    def flux(self, q: State) -> State:
        return jnp.stack([q[1], q[1] * q[1] / q[0] + self.gravity / 2 * q[0] * q[0]])

    def _celerity(self, q: State) -> Array:
        return jnp.sqrt(self.gravity * q[0])

    def _roe(self, left: State, right: State) -> tuple[Array, Array]:
        """Velocity weighted by the root of the depth, celerity of the mean depth."""
        weight = jnp.sqrt(left[0]), jnp.sqrt(right[0])
        u = (left[1] / weight[0] + right[1] / weight[1]) / (weight[0] + weight[1])
        return u, jnp.sqrt(self.gravity / 2 * (left[0] + right[0]))

    def characteristics(self, left: State, right: State) -> tuple[Array, Array]:
        u, c = self._roe(left, right)
        one = jnp.ones_like(u)
        rows = jnp.stack([jnp.stack([u + c, -one]), jnp.stack([c - u, one])]) / (2 * c)
        return rows, jnp.stack([jnp.stack([one, one]), jnp.stack([u - c, u + c])])

    def fastest(self, q: State) -> Float[Array, ""]:
        return jnp.max(jnp.abs(q[1] / q[0]) + self._celerity(q))

    def margins(self, q: State) -> tuple[Array, ...]:
        """Depth."""
        return (q[0],)


def conserved(water: Water) -> Float[Array, "2 cells"]:
    """(h, h u) of depth and velocity."""
    h, u = (jnp.asarray(part) for part in water)
    return jnp.stack(jnp.broadcast_arrays(h, h * u))


def primitive(q: State) -> Water:
    """Depth and velocity of (h, h u)."""
    return Water(q[0], q[1] / q[0])
