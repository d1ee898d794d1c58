"""Exact solutions of Riemann problems: two constant states meet at x = 0, and the solution depends on x / t alone.

    euler(left, right, x / t)         rho_t + (rho u)_x = 0,  (rho u)_t + (rho u^2 + p)_x = 0,  E_t + (u (E + p))_x = 0
    shallow_water(left, right, x / t) h_t + (h u)_x = 0,      (h u)_t + (h u^2 + g h^2 / 2)_x = 0

Each side is joined to the middle by a shock or a rarefaction, whose curve u = u_left - f(s; left) is that of the
strength s (pressure, depth): f is the shock's where s is above that of the side, else the rarefaction's. The middle is
where both curves meet,  f(s; left) + f(s; right) + u_right - u_left = 0:  f is increasing and concave, so that Newton's
rule from below converges without overshoot. Where the curves do not meet the sides part and leave a vacuum (a dry bed).
A right side is a left side in the mirror. Everything is smooth in the states away from wave boundaries.

Source: Toro, Riemann Solvers and Numerical Methods for Fluid Dynamics, doi:10.1007/b79761, chapter 4; Toro,
Shock-Capturing Methods for Free-Surface Shallow Flows, ISBN 9780471987666, chapters 5 and 6.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from erlangen.core.errors import Invalid
from erlangen.numerics.steps import is_traced

NEWTON_STEPS = 40  # quadratic at the end; one 10^5 times above its lower bound takes about 20


class Gas(NamedTuple):
    """An ideal gas: density rho, velocity u, pressure p; one value each, or one per point."""

    density: Any
    velocity: Any
    pressure: Any


class Water(NamedTuple):
    """A shallow layer of water: depth h, velocity u."""

    depth: Any
    velocity: Any


class Star(NamedTuple):
    """The middle: its strength (0 in a vacuum), and the velocities of its two ends, equal unless there is a vacuum."""

    strength: Array
    velocity_left: Array
    velocity_right: Array


def euler(left: Gas, right: Gas, speed: Float[Array, "..."], *, gamma: float = 1.4) -> Gas:
    """The gas at x / t = `speed`; density, pressure 0 and velocity x / t in a vacuum."""
    star = euler_star(left, right, gamma=gamma)
    inner = Gas(jnp.zeros_like(speed), speed, jnp.zeros_like(speed))
    mirrored = _gas_side(_mirror(right), star.strength, -star.velocity_right, -speed, gamma)
    return _joined(
        _gas_side(left, star.strength, star.velocity_left, speed, gamma), inner, _mirror(mirrored), star, speed
    )


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


def sound_speed(gas: Gas, gamma: float) -> Array:
    """a = sqrt(gamma p / rho)."""
    return jnp.sqrt(gamma * gas.pressure / gas.density)


def shallow_water(left: Water, right: Water, speed: Float[Array, "..."], *, gravity: float = 1.0) -> Water:
    """The water at x / t = `speed`; depth 0 and velocity x / t where the bed is dry."""
    star = shallow_water_star(left, right, gravity=gravity)
    inner = Water(jnp.zeros_like(speed), speed)
    mirrored = _water_side(_mirror(right), star.strength, -star.velocity_right, -speed, gravity)
    outer = _water_side(left, star.strength, star.velocity_left, speed, gravity)
    return _joined(outer, inner, _mirror(mirrored), star, speed)


def shallow_water_star(left: Water, right: Water, *, gravity: float = 1.0) -> Star:
    """Depth and velocity between the two waves."""
    _demand_positive("depth", left.depth, right.depth)

    def curve(h: Array, side: Water) -> Array:
        above, below = jnp.maximum(h, side.depth), jnp.minimum(h, side.depth)
        bore = (above - side.depth) * jnp.sqrt(gravity / 2 * (1 / above + 1 / side.depth))
        return bore + 2 * (jnp.sqrt(gravity * below) - jnp.sqrt(gravity * side.depth))

    roots = jnp.sqrt(gravity * left.depth) + jnp.sqrt(gravity * right.depth)
    two_fans = jnp.maximum(roots - (right.velocity - left.velocity) / 2, 0) ** 2 / (4 * gravity)
    return _meet(curve, left, right, jnp.minimum(left.depth, right.depth), two_fans)


def _meet(curve: Callable[[Array, Any], Array], left: Any, right: Any, lowest: Array, two_fans: Array) -> Star:
    """Where the curves meet: `two_fans` where that lies below both sides, else by Newton's rule from `lowest`."""
    gap = right.velocity - left.velocity

    def mismatch(s: Array) -> Array:
        return curve(s, left) + curve(s, right) + gap

    def newton(_: int, s: Array) -> Array:
        value, slope = jax.value_and_grad(mismatch)(s)
        return s - value / slope

    lowest = jnp.asarray(lowest, jnp.result_type(float))
    met = jax.lax.fori_loop(0, NEWTON_STEPS, newton, lowest)
    strength = jnp.where(mismatch(lowest) >= 0, two_fans, met)
    return Star(strength, left.velocity - curve(strength, left), right.velocity + curve(strength, right))


def _gas_side(side: Gas, p: Array, u: Array, speed: Array, gamma: float) -> Gas:
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


def _water_side(side: Water, h: Array, u: Array, speed: Array, gravity: float) -> Water:
    """What is left of the middle (h, u): the side itself, its bore or its rarefaction, and the middle."""
    h_0, u_0 = side
    c_0, is_bore = jnp.sqrt(gravity * h_0), h > h_0
    bore = u_0 - c_0 * jnp.sqrt((h + h_0) * h / 2) / h_0
    head, tail = u_0 - c_0, u - jnp.sqrt(gravity * h)
    inside = jnp.clip(speed, head, jnp.maximum(head, tail))
    c = (u_0 + 2 * c_0 - inside) / 3
    return _wave(side, Water(c * c / gravity, inside + c), Water(h, u), is_bore, bore, head, tail, speed)


def _wave(
    side: Any, fan: Any, middle: Any, is_shock: Array, shock: Array, head: Array, tail: Array, speed: Array
) -> Any:
    """Side, fan and middle, in that order from the left; a shock has no fan."""
    first, last = jnp.where(is_shock, shock, head), jnp.where(is_shock, shock, tail)
    return type(side)(
        *(jnp.where(speed < first, a, jnp.where(speed < last, b, c)) for a, b, c in zip(side, fan, middle))
    )


def _joined(left: Any, inner: Any, right: Any, star: Star, speed: Array) -> Any:
    """Left of the middle, the vacuum in it (no width unless there is one), right of it."""
    parts = zip(left, inner, right)
    inside = (speed > star.velocity_left) & (speed < star.velocity_right) & (star.strength <= 0)
    return type(left)(*(jnp.where(inside, b, jnp.where(speed <= star.velocity_left, a, c)) for a, b, c in parts))


def _mirror(state: Any) -> Any:
    """x -> -x."""
    return state._replace(velocity=-state.velocity)


def _demand_positive(name: str, *values: Any) -> None:
    for value in values:
        if not is_traced(value) and not bool(jnp.all(jnp.asarray(value) > 0)):
            raise Invalid(
                must=f"the {name} on both sides must be positive",
                came=f"{value}",
                do="A vacuum may come out, but not go in.",
            )
