"""Two-dimensional turbulence: given the vorticity w(x, y, t) of Kolmogorov flow and its source, what is w at t + dt?

    w_t + (v . grad) w = nu Lap w - mu w + s,   s = -q cos(q y),   v = (d_y, -d_x) psi,   Lap psi = -w,   on [0, 2 pi)^2

The flow is driven by a body force sin(q y) along x (Chandler and Kerswell 2013, doi:10.1017/jfm.2013.122) with linear
drag mu as in Kochkov et al. 2021, doi:10.1073/pnas.2101784118. Truth: pseudo-spectral in Basdevant's form, fourth-order
exponential Runge-Kutta, 2/3 de-aliasing, float64, on twice the points; random fields are run to turbulence first.
The source is an input, so that no symmetry is broken: state and source are shifted or reflected together.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from erlangen.assess.metrics import relative_l2
from erlangen.contract import SPLITS, Outputs, ReferenceSolver, Samples, Score, Shift, Split
from erlangen.core.errors import within
from erlangen.core.systems import Field, System
from erlangen.data import cache
from erlangen.numerics import spectral
from erlangen.numerics.precision import double
from erlangen.physics import fluids
from erlangen.physics.random_fields import smooth_field

from ._vorticity import PlaneFlow

SPEED = 5.0  # an upper end of |v| down to nu = 0.005, for the length of a stable step


@dataclass(frozen=True)
class Kolmogorov(PlaneFlow):
    viscosity: float = 0.01  # nu; the Reynolds number is 1 / nu
    forcing_mode: int = 4  # waves of the forcing along y (q for a box of 2 pi)
    n: int = 64  # grid points along each axis
    dt: float = 0.25  # time between input and output
    horizon: int = 20  # steps in a trajectory
    count: int = 40  # training trajectories; each held-out split has a fifth
    start: float = 10.0  # time for which a random field is run before its trajectory begins
    seed: int = 0

    drag = 0.1  # mu
    budget = "10m"
    toy: ClassVar[Mapping[str, Any]] = {"n": 24, "viscosity": 0.1, "count": 20, "horizon": 4, "start": 1.0}

    def __post_init__(self):
        positive, counted = (0, math.inf), (4, math.inf)
        within(self, n=(8, 2048), viscosity=positive, dt=positive, count=counted, horizon=(1, 10_000))
        within(self, forcing_mode=(1, self.n // 4), start=(-1e-9, math.inf))

    @property
    def scores(self) -> tuple[Score, ...]:
        step = Score("nrmse", "w_next", relative_l2, "%", "one-step nRMSE", factor=100)
        label = f"nRMSE after {self.horizon} steps"
        return step, Score("rollout", "w_next", relative_l2, "%", label, factor=100, steps=self.horizon)

    @property
    def shifts(self) -> tuple[Shift, ...]:
        return (
            Shift("viscosity", (self.viscosity / 2,), "lower viscosity", "L^2/T"),
            Shift("forcing_mode", (self.forcing_mode // 2,), "other forcing wavenumber", "1"),
        )

    @property
    def solvers(self) -> tuple[ReferenceSolver, ...]:
        grids = tuple(self.n * p // 8 for p in (4, 6, 8, 12))
        return ReferenceSolver("pseudo-spectral solver", "n", grids, self.solve_on, self.path_on), self.carrier(
            grids[1:3]
        )

    def trajectories(self, split: Split) -> Samples:
        return cache.remembered(cache.key_of(self, split), lambda: _trajectories(self, split))

    def solve(self, x: System) -> Outputs:
        return self.solve_on(x, 2 * self.n, jnp.float64)

    def solve_on(self, x: System, n: int, dtype: Any = jnp.float32) -> Outputs:
        """The same solver from one sample alone: on n by n points, with the longest stable step."""
        return {"w_next": self.path_on(x, n, 1, dtype)["w_next"][0]}

    def path_on(self, x: System, n: int, frames: int, dtype: Any = jnp.float32) -> Outputs:
        """The same for `frames` states, on n by n points all the way."""
        with double():
            w, source = (jnp.asarray(x[name], dtype) for name in ("w", "source"))
            return {"w_next": _path(w, source, n, frames, self)}

    @property
    def substeps(self) -> int:
        return fluids.steps_needed(self.n, speed=SPEED, dt=self.dt)

    def equation(self, x: System) -> tuple[Any, Any, Any]:
        n = x["w"].shape[0]
        linear, nonlinear = fluids.vorticity_terms(n, viscosity=self.viscosity, drag=self.drag, source=x["source"])
        return linear, nonlinear, spectral.dealiasing_mask((n, n), "two-thirds")

    def label_seconds(self) -> float:
        return cache.cost_of(cache.key_of(self, "train")) or 0.0

    def floor(self, count: int) -> Mapping[str, float]:
        """Labels against labels from a grid and a time step twice as fine, one step from a few test states."""
        states = self.trajectories("test").inputs[: min(count, 4)]
        pairs = [[self.solve_on(x, m * self.n, jnp.float64)["w_next"] for m in (2, 4)] for x in states]
        return {"nrmse": 100 * float(np.mean([relative_l2(coarse, fine) for coarse, fine in pairs]))}


def _trajectories(task: Kolmogorov, split: Split) -> Samples:
    """Turbulent initial states and their true successors, solved on twice the points."""
    count, fine = task.count if split == "train" else max(task.count // 5, 1), 2 * task.n
    with double():

        @jax.jit
        def solve(key: Any) -> Any:
            w = smooth_field((task.n, task.n), modes=6, rms=3.0, dtype=jnp.float64, key=key)
            frames = max(math.ceil(task.start / task.dt), 1)
            w = _evolve(w, fluids.kolmogorov_source(task.n, task.forcing_mode), task, frames)[-1]
            w, source = spectral.resample(w, (fine, fine)), fluids.kolmogorov_source(fine, task.forcing_mode)
            return jnp.concatenate([w[None], _evolve(w, source, task, task.horizon)])[:, ::2, ::2]

        keys = jax.random.split(jax.random.fold_in(jax.random.key(task.seed), SPLITS.index(split)), count)
        states = np.stack([np.asarray(solve(key)) for key in keys])
    source = np.array(fluids.kolmogorov_source(task.n, task.forcing_mode))
    inputs = [Field({"w": s[0], "source": source}, (2 * math.pi / task.n,) * 2) for s in states]
    return Samples(inputs, {"w_next": list(states[:, 1:])}, np.arange(count))


def _evolve(w: Any, source: Any, task: Kolmogorov, frames: int) -> Any:
    """`frames` states, dt apart, on the grid of w."""
    steps = fluids.steps_needed(w.shape[0], speed=SPEED, dt=task.dt)
    flow = {"viscosity": task.viscosity, "drag": task.drag, "source": source}
    return fluids.vorticity(w, dt=task.dt, steps=steps, frames=frames, **flow)


@functools.partial(jax.jit, static_argnums=(2, 3, 4))
def _path(w: Any, source: Any, n: int, frames: int, task: Kolmogorov) -> Any:
    """`frames` states on n by n points, seen on those of w."""
    moved = _evolve(spectral.resample(w, (n, n)), spectral.resample(source, (n, n)), task, frames)
    return jax.vmap(lambda v: spectral.sample(v, w.shape))(moved)
