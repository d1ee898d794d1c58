"""Minima of a smooth function of points in compiled code: FIRE and L-BFGS, for one start or many under `vmap`.

    g_i = dU/dz_i per row of z [m, d];   ends where max_i |g_i| <= tolerance

FIRE: dynamics that is stopped where it goes uphill (Bitzek, Koskinen, Gaehler, Moseler and Gumbsch 2006,
doi:10.1103/PhysRevLett.97.170201). L-BFGS: the inverse Hessian from the last steps (Nocedal 1980,
doi:10.1090/S0025-5718-1980-0572855-7), without a line search. No row moves further than `furthest` in a step.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Generic, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

M = TypeVar("M")
S = TypeVar("S")
Slope = Callable[[Float[Array, "m d"], S], tuple[Float[Array, ""], Float[Array, "m d"], S]]
"""(z, what is carried along) -> (value, gradient, what is carried along)."""


class Minimiser(eqx.Module, Generic[M]):
    """A rule for steps downhill, with a memory."""

    @abc.abstractmethod
    def begin(self, z: Float[Array, "m d"]) -> M:
        """The memory before the first step."""

    @abc.abstractmethod
    def step(self, z: Float[Array, "m d"], g: Float[Array, "m d"], memory: M) -> tuple[Float[Array, "m d"], M]:
        """The next step from z, where the gradient is g."""


class Found(eqx.Module, Generic[S]):
    """Where a minimisation ended, after how many steps, and whether the slope is within the tolerance there.

    broken: the value was no longer finite; z is the last point where it was (steps -1: not even at the start).
    """

    z: Float[Array, "m d"]
    value: Float[Array, ""]
    gradient: Float[Array, "m d"]
    steps: Int[Array, ""]
    converged: Bool[Array, ""]
    broken: Bool[Array, ""]
    carried: S


def minimise(
    minimiser: Minimiser[M], slope: Slope[S], z: Float[Array, "m d"], carried: S, *, tolerance: float, most: int
) -> Found[S]:
    """From z downhill until the largest row of the gradient is at most `tolerance`, or `most` steps."""

    def steep(g: Float[Array, "m d"]) -> Bool[Array, ""]:
        return jnp.max(jnp.linalg.norm(g, axis=-1)) > tolerance

    def goes_on(state: tuple[Found[S], Array, M]) -> Bool[Array, ""]:
        found, _, _ = state
        return ~found.converged & ~found.broken & (found.steps < most)

    def step(state: tuple[Found[S], Array, M]) -> tuple[Found[S], Array, M]:
        old, there, memory = state
        value, g, kept = slope(there, old.carried)
        fine = jnp.isfinite(value) & jnp.all(jnp.isfinite(g))
        z, value, g = (jnp.where(fine, a, b) for a, b in ((there, old.z), (value, old.value), (g, old.gradient)))
        move, memory = minimiser.step(z, g, memory)
        return Found(z, value, g, old.steps + fine.astype(jnp.int32), fine & ~steep(g), ~fine, kept), z + move, memory

    # the slope at the start is found inside of the loop: it is compiled once
    no = jnp.zeros((), bool)
    first = Found(z, jnp.zeros((), z.dtype), jnp.zeros_like(z), -jnp.ones((), jnp.int32), no, no, carried)
    return jax.lax.while_loop(goes_on, step, (first, z, minimiser.begin(z)))[0]


class _Glide(eqx.Module):
    """Of FIRE: velocity, time step, how much it is steered downhill, steps since it last went uphill."""

    v: Float[Array, "m d"]
    dt: Float[Array, ""]
    steer: Float[Array, ""]
    downhill: Int[Array, ""]


class Fire(Minimiser[_Glide]):
    """Constants are those of the paper. Robust far from a minimum; good where L-BFGS goes astray."""

    furthest: float = 0.2
    first: float = 0.1
    longest: float = 1.0

    def begin(self, z: Float[Array, "m d"]) -> _Glide:
        return _Glide(
            jnp.zeros_like(z), jnp.asarray(self.first, z.dtype), jnp.asarray(0.1, z.dtype), -jnp.ones((), jnp.int32)
        )

    def step(
        self, z: Float[Array, "m d"], g: Float[Array, "m d"], memory: _Glide
    ) -> tuple[Float[Array, "m d"], _Glide]:
        v, dt, steer = memory.v, memory.dt, memory.steer
        down = jnp.sum(-g * v) > 0
        turned = (1 - steer) * v - steer * g / jnp.maximum(jnp.linalg.norm(g), 1e-300) * jnp.linalg.norm(v)
        v = jnp.where(down, turned, 0.0)
        late, at_rest = down & (memory.downhill > 5), memory.downhill < 0
        dt = jnp.where(late, jnp.minimum(1.1 * dt, self.longest), jnp.where(down | at_rest, dt, 0.5 * dt))
        steer = jnp.where(late, 0.99 * steer, jnp.where(down, steer, 0.1))
        v = v - dt * g
        return _at_most(dt * v, self.furthest), _Glide(v, dt, steer, jnp.where(down, memory.downhill + 1, 0))


class _Pairs(eqx.Module):
    """Of L-BFGS: the last steps and changes of the gradient, newest last, 1 / (s . y) (0: none), and where they end."""

    s: Float[Array, "k m d"]
    y: Float[Array, "k m d"]
    inverse: Float[Array, " k"]
    z: Float[Array, "m d"]
    g: Float[Array, "m d"]
    begun: Bool[Array, ""]


class LBFGS(Minimiser[_Pairs]):
    """stiffness: guess of the curvature before the first step (70 eV/A^2: a bond); memory: steps that are remembered.

    Steps along which the gradient does not grow are forgotten: they say nothing of a minimum.
    """

    furthest: float = 0.2
    stiffness: float = 70.0
    memory: int = eqx.field(static=True, default=25)

    def begin(self, z: Float[Array, "m d"]) -> _Pairs:
        none = jnp.zeros((self.memory, *z.shape), z.dtype)
        return _Pairs(none, none, jnp.zeros(self.memory, z.dtype), z, jnp.zeros_like(z), jnp.zeros((), bool))

    def step(
        self, z: Float[Array, "m d"], g: Float[Array, "m d"], memory: _Pairs
    ) -> tuple[Float[Array, "m d"], _Pairs]:
        s, y = z - memory.z, g - memory.g
        along, steep = jnp.sum(s * y), jnp.sum(y * y)
        keep = memory.begun & (along > 1e-10 * jnp.sqrt(jnp.sum(s * s) * steep)) & (along > 0)

        def newest(old: Array, new: Array) -> Array:
            return jnp.where(keep, jnp.concatenate([old[1:], new[None]]), old)

        pairs = (newest(memory.s, s), newest(memory.y, y), newest(memory.inverse, 1 / jnp.where(keep, along, 1.0)))

        def down(q: Array, pair: tuple[Array, Array, Array]) -> tuple[Array, Array]:
            a = pair[2] * jnp.sum(pair[0] * q)
            return q - a * pair[1], a

        def up(q: Array, pair: tuple[tuple[Array, Array, Array], Array]) -> tuple[Array, None]:
            (si, yi, inverse), a = pair
            return q + si * (a - inverse * jnp.sum(yi * q)), None

        q, a = jax.lax.scan(down, g, pairs, reverse=True)
        q, _ = jax.lax.scan(up, q / self.stiffness, (pairs, a))
        move = jnp.where(jnp.sum(q * g) > 0, -q, -g / self.stiffness)
        return _at_most(move, self.furthest), _Pairs(*pairs, z, g, jnp.ones((), bool))


def _at_most(move: Float[Array, "m d"], furthest: float) -> Float[Array, "m d"]:
    """The whole step shortened until its longest row is `furthest`."""
    longest = jnp.max(jnp.linalg.norm(move, axis=-1))
    return move * jnp.minimum(1.0, furthest / jnp.maximum(longest, 1e-300))
