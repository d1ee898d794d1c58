"""A scalar carried along by the flow that it determines: the flow found on few points, the scalar moved on many.

    coarse:  d u_hat / dt = L u_hat + N(u_hat)                stepped in spectral space, by any stepper
    fine:    D u / Dt = L u + s  along v[u]                   one semi-Lagrangian step per output, any length

The flow of a vorticity hardly feels its short waves, |v_hat| = |u_hat| / |k|, and a step along the flow is as long as
dozens of the solver's (Staniforth and Cote 1991, doi:10.1175/1520-0493(1991)119<2206:SLISFA>2.0.CO;2).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..core.arrays import AnyArray
from ..core.systems import Field, System
from ..numerics import semi_lagrangian, spectral
from ..numerics.exponential_integrators import Step


class Carrying(Protocol):
    """What has to be known of the law: see `contract.Transport`."""

    state: str
    source: str
    dt: Any
    substeps: Any

    def equation(self, x: System) -> tuple[Any, Callable[[Array], Array], Any]:
        """(L, N, filter) on the grid of `x`."""
        ...

    def dissipation(self, grid: tuple[int, int], length: float) -> Float[AnyArray, "u v"]:
        """L, without what a coarse solver adds to it."""
        ...

    def velocity(self, u_hat: Any, grid: tuple[int, int], length: float) -> Float[Array, "2 x y"]:
        """v of the coefficients of a state."""
        ...


def carried(
    law: Carrying,
    x: System,
    coarse: int,
    fine: int,
    frames: int,
    stepper: Callable[[System, int], Step],
    *,
    path_steps: int,
) -> Float[Array, "frames n n"]:
    """`frames` states in a row, seen on the points of `x` [n, n].

    stepper(seen, m): a step of the coefficients, dt / m long, on the grid of `seen`, which is `x` on `coarse` points
    per axis; `fine` points carry the state; path_steps: Runge-Kutta steps along the paths in one dt.
    """
    names = law.state, law.source
    state, shape = jnp.asarray(x[law.state]), x[law.state].shape
    length = len(state) * x["spacing"][0]
    seen = _on(x, names, coarse, length)
    held = seen[law.state]
    mask = jnp.asarray(law.equation(seen)[2], held.dtype)
    damping = jnp.asarray(law.dissipation((fine, fine), length) * (law.dt / 2), held.dtype)

    def flow(u_hat: Any) -> Any:
        return jnp.concatenate([law.velocity(u_hat, held.shape, length), seen[law.source][None]])

    values = semi_lagrangian.path(
        lambda steps: stepper(seen, steps),
        flow,
        (mask * spectral.transform(held), spectral.resize(spectral.transform(state), shape, (fine, fine))),
        (fine, fine),
        decay=jnp.exp(damping),
        time=law.dt,
        spacing=seen["spacing"],
        substeps=math.ceil(law.substeps * coarse / len(state)),
        path_steps=path_steps,
        frames=frames,
    )
    return jax.vmap(lambda field: spectral.sample(field, shape))(values)


def _on(x: System, names: tuple[str, ...], n: int, length: float) -> Field:
    """The fields called `names` on n x n points."""
    return Field({name: spectral.resample(x[name], (n, n)) for name in names}, (length / n,) * 2)
