"""Exact solutions of Riemann problems: two constant states meet at x = 0, and the solution depends on x / t alone.

    rho_t + (rho u)_x = 0,      (rho u)_t + (rho u^2 + p)_x = 0,      E_t + (u (E + p))_x = 0

Each side is joined to the middle by a shock or a rarefaction, whose curve u = u_left - f(p; left) is that of the
pressure p: f is the shock's where p is above that of the side, else the rarefaction's. The middle is where both curves
meet,  f(p; left) + f(p; right) + u_right - u_left = 0:  f is increasing and concave, so that Newton's rule from below
converges without overshoot. Where the curves do not meet the sides part and leave a vacuum. A right side is a left side
in the mirror. Everything is smooth in the states away from wave boundaries.

Source: Toro, Riemann Solvers and Numerical Methods for Fluid Dynamics, doi:10.1007/b79761, chapter 4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from erlangen.core.errors import Invalid
from erlangen.numerics.steps import is_traced

NEWTON_STEPS = 40  # quadratic at the end; one 10^5 times above its lower bound takes about 20


class Gas(NamedTuple):
    """An ideal gas: density rho, velocity u, pressure p; one value each, or one per point."""

    density: Float[Array, "..."]
    velocity: Float[Array, "..."]
    pressure: Float[Array, "..."]


class Star(NamedTuple):
    """The middle: its pressure (0 in a vacuum), and the velocities of its two ends, equal unless there is a vacuum."""

    pressure: Float[Array, ""]
    velocity_left: Float[Array, ""]
    velocity_right: Float[Array, ""]


def euler(left: Gas, right: Gas, speed: Float[Array, "..."], *, gamma: float = 1.4) -> Gas:
    """The gas at x / t = `speed`; density, pressure 0 and velocity x / t in a vacuum."""
    star = euler_star(left, right, gamma=gamma)
    inner = Gas(jnp.zeros_like(speed), speed, jnp.zeros_like(speed))
    mirrored = _side(_mirror(right), star.pressure, -star.velocity_right, -speed, gamma)
    return _joined(_side(left, star.pressure, star.velocity_left, speed, gamma), inner, _mirror(mirrored), star, speed)


def euler_star(left: Gas, right: Gas, *, gamma: float = 1.4) -> Star:
    """Pressure and velocity between the two outer waves."""
    _demand_positive("density", left.density, right.density)
    _demand_positive("pressure", left.pressure, right.pressure)
    power = (gamma - 1) / (2 * gamma)

    def curve(p: Array, side: Gas) -> Array:
        rho, _, p_side = side
        above = jnp.maximum(p, p_side)  # each branch only sees pressures on its own side of p_side
        shock = (above - p_side) * jnp.sqrt(2 / rho / ((gamma + 1) * above + (gamma - 1) * p_side))
        below = jnp.minimum(p, p_side)
        fan = 2 * sound_speed(side, gamma) / (gamma - 1) * ((below / p_side) ** power - 1)
        return shock + fan

    def two_fans() -> Array:
        """Where both waves are rarefactions the curves meet at a known pressure."""
        a_left, a_right = sound_speed(left, gamma), sound_speed(right, gamma)
        rest = a_left + a_right - (gamma - 1) / 2 * (right.velocity - left.velocity)
        roots = a_left / left.pressure**power + a_right / right.pressure**power
        return (jnp.maximum(rest, 0) / roots) ** (1 / power)

    return _meet(curve, left, right, jnp.minimum(left.pressure, right.pressure), two_fans())


def sound_speed(gas: Gas, gamma: float) -> Float[Array, "..."]:
    """a = sqrt(gamma p / rho)."""
    return jnp.sqrt(gamma * gas.pressure / gas.density)


def _meet(curve: Callable[[Array, Gas], Array], left: Gas, right: Gas, lowest: Array, two_fans: Array) -> Star:
    """Where the curves meet: `two_fans` where that lies below both sides, else by Newton's rule from `lowest`."""
    gap = right.velocity - left.velocity

    def mismatch(s: Array) -> Array:
        return curve(s, left) + curve(s, right) + gap

    def newton(_: int, s: Array) -> Array:
        value, slope = jax.value_and_grad(mismatch)(s)
        return s - value / slope

    lowest = jnp.asarray(lowest, jnp.result_type(float))
    met = jax.lax.fori_loop(0, NEWTON_STEPS, newton, lowest)
    pressure = jnp.where(mismatch(lowest) >= 0, two_fans, met)
    return Star(pressure, left.velocity - curve(pressure, left), right.velocity + curve(pressure, right))


def _side(side: Gas, p: Array, u: Array, speed: Array, gamma: float) -> Gas:
    """What is left of the contact: the side itself, its shock or its rarefaction, and the middle (p, u)."""
    rho_0, u_0, p_0 = side
    a_0, ratio, g = sound_speed(side, gamma), p / p_0, (gamma - 1) / (gamma + 1)
    is_shock = p > p_0
    shock = u_0 - a_0 * jnp.sqrt((gamma + 1) / (2 * gamma) * ratio + (gamma - 1) / (2 * gamma))
    head, tail = u_0 - a_0, u - a_0 * ratio ** ((gamma - 1) / (2 * gamma))
    middle = Gas(rho_0 * jnp.where(is_shock, (ratio + g) / (g * ratio + 1), ratio ** (1 / gamma)), u, p)
    inside = jnp.clip(speed, head, jnp.maximum(head, tail))  # a fan is only asked about its own speeds
    a = (1 - g) * a_0 + g * (u_0 - inside)
    fan = Gas(
        rho_0 * (a / a_0) ** (2 / (gamma - 1)),
        (1 - g) * (a_0 + inside) + g * u_0,
        p_0 * (a / a_0) ** (2 * gamma / (gamma - 1)),
    )
    return _wave(side, fan, middle, is_shock, shock, head, tail, speed)


def _wave(
    side: Gas, fan: Gas, middle: Gas, is_shock: Array, shock: Array, head: Array, tail: Array, speed: Array
) -> Gas:
    """Side, fan and middle, in that order from the left; a shock has no fan."""
    first, last = jnp.where(is_shock, shock, head), jnp.where(is_shock, shock, tail)
    return Gas(*(jnp.where(speed < first, a, jnp.where(speed < last, b, c)) for a, b, c in zip(side, fan, middle)))


def _joined(left: Gas, inner: Gas, right: Gas, star: Star, speed: Array) -> Gas:
    """Left of the middle, the vacuum in it (no width unless there is one), right of it."""
    parts = zip(left, inner, right)
    inside = (speed > star.velocity_left) & (speed < star.velocity_right) & (star.pressure <= 0)
    return Gas(*(jnp.where(inside, b, jnp.where(speed <= star.velocity_left, a, c)) for a, b, c in parts))


def _mirror(state: Gas) -> Gas:
    """x -> -x."""
    return state._replace(velocity=-state.velocity)


def _demand_positive(name: str, *values: Float[Array, "..."]) -> None:
    for value in values:
        if not is_traced(value) and not bool(jnp.all(jnp.asarray(value) > 0)):
            raise Invalid(
                must=f"the {name} on both sides must be positive",
                came=f"{value}",
                do="A vacuum may come out, but not go in.",
            )
