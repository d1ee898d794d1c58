"""Compressible flow of an ideal gas without viscosity: the Euler equations in conservative form, in one dimension.

    q = (rho, rho u, E),     f = (rho u, rho u^2 + p, u (E + p)),     E = p / (gamma - 1) + rho u^2 / 2

Density, velocity and pressure of a cell are those of its averages of q: velocity is weighted by mass, and what moves
within a cell counts as pressure. So a boost by a constant velocity adds it to every cell and changes nothing else.
Solved by `numerics.finite_volumes`: ``evolve(Euler(), conserved(gas), dx=..., time=...)``.

Upwind flux: HLLC (Toro, Spruce, Speares 1994, doi:10.1007/BF01414629), which keeps contacts at rest, with the speeds
of Einfeldt (Batten et al. 1997, doi:10.1137/S1064827593260140), which keep density and pressure positive at first
order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from erlangen.core.errors import within
from erlangen.numerics import weno
from erlangen.numerics.finite_volumes import WENO, ConservationLaw, State, drawn_in, evolve, evolve_within
from erlangen.numerics.weno import Reconstruction
from erlangen.physics.riemann import Gas, sound_speed


@dataclasses.dataclass(frozen=True)
class Euler(ConservationLaw):
    """The law for one ratio of heat capacities, gamma = 1 + 2 / (degrees of freedom)."""

    gamma: float = 1.4  # ratio of heat capacities: 1.4 for two atoms, 5/3 for one

    parity: ClassVar[tuple[int, ...]] = (1, -1, 1)

    def __post_init__(self):
        within(self, gamma=(1.0, 10.0))

    def upwind_flux(self, left: State, right: State) -> State:
        """HLLC: two outer waves and a contact between them, whose speed is that of the middle's mass.

        F = F_K + S_K (q*_K - q_K) on the side K of the contact that x = 0 lies on, F_K beyond the outer wave.
        """
        (low, high), gases = self._speeds(left, right), (primitive(left, self.gamma), primitive(right, self.gamma))
        mass = [gas.density * (s - gas.velocity) for gas, s in zip(gases, (low, high))]  # flux into the middle
        contact = (
            gases[1].pressure - gases[0].pressure + mass[0] * gases[0].velocity - mass[1] * gases[1].velocity
        ) / (mass[0] - mass[1])
        sides = [
            self._side_flux(q, gas, m, jnp.where(is_left, jnp.minimum(s, 0), jnp.maximum(s, 0)), s, contact)
            for q, gas, m, s, is_left in zip((left, right), gases, mass, (low, high), (True, False))
        ]
        return jnp.where(contact >= 0, sides[0], sides[1])

    def _side_flux(self, q: State, gas: Gas, mass: Array, reach: Array, outer: Array, contact: Array) -> State:
        """F_K + S_K (q*_K - q_K); `reach` is the outer speed, or 0 where all of the face lies beyond that wave."""
        rho, u, p = gas
        density = mass / (outer - contact)
        energy = density * (q[2] / rho + (contact - u) * (contact + p / mass))
        middle = jnp.stack([density, density * contact, energy])
        return _flux(q, gas) + reach * (middle - q)

    def _speeds(self, left: State, right: State) -> tuple[Array, Array]:
        """The outer waves: the slower of left and mean (u - a), the faster of mean and right (u + a)."""
        gases = primitive(left, self.gamma), primitive(right, self.gamma)
        u, _, a = self._roe(left, right)
        low = jnp.minimum(gases[0].velocity - sound_speed(gases[0], self.gamma), u - a)
        return low, jnp.maximum(gases[1].velocity + sound_speed(gases[1], self.gamma), u + a)

    def _roe(self, left: State, right: State) -> tuple[Array, Array, Array]:
        """Velocity, specific enthalpy and sound speed of Roe's mean, weighted by the root of the density."""
        gases = primitive(left, self.gamma), primitive(right, self.gamma)
        weight = [jnp.sqrt(gas.density) for gas in gases]
        share = weight[0] / (weight[0] + weight[1])
        enthalpies = [(q[2] + gas.pressure) / q[0] for q, gas in zip((left, right), gases)]
        u = share * gases[0].velocity + (1 - share) * gases[1].velocity
        enthalpy = share * enthalpies[0] + (1 - share) * enthalpies[1]
        return u, enthalpy, jnp.sqrt((self.gamma - 1) * (enthalpy - u * u / 2))

    def characteristics(self, left: State, right: State) -> tuple[Float[Array, "3 3 faces"], Float[Array, "3 3 faces"]]:
        """Of the Jacobian at Roe's mean: sound to the left, entropy, sound to the right."""
        u, enthalpy, a = self._roe(left, right)
        one, c = jnp.ones_like(u), (self.gamma - 1) / (a * a)
        b, mach = c * u * u / 2, u / a
        rows = [
            [(b + mach) / 2, -(c * u + 1 / a) / 2, c / 2],
            [1 - b, c * u, -c],
            [(b - mach) / 2, -(c * u - 1 / a) / 2, c / 2],
        ]
        columns = [[one, one, one], [u - a, u, u + a], [enthalpy - u * a, u * u / 2, enthalpy + u * a]]
        return _stacked(rows), _stacked(columns)

    def fastest(self, q: State) -> Float[Array, ""]:
        gas = primitive(q, self.gamma)
        return jnp.max(jnp.abs(gas.velocity) + sound_speed(gas, self.gamma))

    def flux(self, q: State) -> State:
        return _flux(q, primitive(q, self.gamma))

    def margins(self, q: State) -> tuple[Float[Array, " cells"], ...]:
        """Density and pressure."""
        return q[0], primitive(q, self.gamma).pressure


def conserved(gas: Gas, gamma: float = 1.4) -> Float[Array, "3 cells"]:
    """(rho, rho u, E) of density, velocity, pressure."""
    rho, u, p = (jnp.asarray(part) for part in gas)
    return jnp.stack(jnp.broadcast_arrays(rho, rho * u, p / (gamma - 1) + rho * u * u / 2))


def primitive(q: State, gamma: float = 1.4) -> Gas:
    """Density, velocity, pressure of (rho, rho u, E)."""
    u = q[1] / q[0]
    return Gas(q[0], u, (gamma - 1) * (q[2] - q[1] * u / 2))


def boosted(q: State, velocity: float | Float[Array, ""]) -> State:
    """The same gas seen by an observer who moves with -`velocity`."""
    return jnp.stack([q[0], q[1] + q[0] * velocity, q[2] + q[1] * velocity + q[0] * velocity * velocity / 2])


def refine(q: State, ratio: int) -> Float[Array, "3 fine"]:
    """`weno.refine` in the frame of the mean velocity, so that boosts commute with it.

    Parts of q are refined one by one, so that beside a jump of the velocity there may be less energy than the motion
    has: such cells are `drawn_in`. (Which pressure counts as too low depends on gamma by a factor alone.)
    """
    mean = jnp.sum(q[1]) / jnp.sum(q[0])
    resting = boosted(q, -mean)
    return boosted(drawn_in(Euler(), resting, weno.refine(resting, ratio)), mean)


def ring(
    q: State,
    *,
    dx: float,
    time: float,
    gamma: float = 1.4,
    cfl: float = 0.5,
    reconstruct: Reconstruction = WENO,
    steps: int | None = None,
) -> State:
    """`evolve` on a periodic line, in the frame of the mean velocity; with `steps`: `evolve_within`.

    That is rounded such that the frame moves by a whole number of cells: any boost that does so too commutes with the
    solver to round-off, which no scheme on a grid at rest does, and nothing is interpolated.
    """
    cells = jnp.round(jnp.sum(q[1]) / jnp.sum(q[0]) * time / dx)
    velocity = cells * (dx / time)
    rule: Any = {"dx": dx, "time": time, "cfl": cfl, "reconstruct": reconstruct}
    law, seen = Euler(gamma), boosted(q, -velocity)
    moved = evolve(law, seen, **rule) if steps is None else evolve_within(law, seen, steps=steps, **rule)
    return jnp.roll(boosted(moved, velocity), cells.astype(int), 1)


def _flux(q: State, gas: Gas) -> State:
    """f(q), where both forms of the state are at hand."""
    return jnp.stack([q[1], q[1] * gas.velocity + gas.pressure, gas.velocity * (q[2] + gas.pressure)])


def _stacked(matrix: Sequence[Sequence[Float[Array, " faces"]]]) -> Float[Array, "3 3 faces"]:
    return jnp.stack([jnp.stack(row) for row in matrix])
