"""Weather of one layer: given depth and wind of a shallow fluid on a rotating sphere, what are they `dt` hours later?

    v_t + (f + zeta) k x v = -grad(g h + |v|^2 / 2) - nu Lap^2 v,   h_t = -div(h v) - nu Lap^2 h,   f = 2 Omega sin(lat)

The Earth's radius, rotation and gravity, no mountains, no forcing. Random vorticity of the largest waves, in balance
with the depth, is run for `START` days; then jets, vortices and Rossby waves move and mix. Fields are given on
longitudes and latitudes at equal angles, no point at a pole, and hold every harmonic up to degree (n - 1) // 2 exactly:
what is seen determines the state. Wind is (eastward, northward): its components jump at the poles, the wind does not.

Twins: PlanetSWE of The Well (Ohana et al. 2024, arXiv:2412.00568), which has mountains and the forcing of days and
seasons, and starts from ERA5; the shallow water of PDEArena (Gupta and Brandstetter 2022, arXiv:2209.15616), random
starts like ours. The equations are those of Williamson et al. 1992, doi:10.1016/S0021-9991(05)80016-6; a single jet in
balance is the start of Galewsky et al. 2004, doi:10.1111/j.1600-0870.2004.00071.x (`physics.sphere.unstable_jet`).
Truth: spherical harmonics up to 3/2 of that degree, fourth-order steps, float64, twice the stable number.
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
from jaxtyping import Array, Complex, Float, PRNGKeyArray

from erlangen.assess.metrics import relative_l2
from erlangen.contract import SPLITS, Evolution, Outputs, ReferenceSolver, Samples, Score, Semilinear, Shift, Split
from erlangen.core.errors import within
from erlangen.core.flow_groups import Equator
from erlangen.core.groups import Broken, Group, Reflection, Shifts
from erlangen.core.quantity import Quantity, vector
from erlangen.core.systems import Field, System
from erlangen.data import cache
from erlangen.numerics.precision import double
from erlangen.numerics.spherical_harmonics import Sphere, quadratic
from erlangen.physics import sphere as layer

EARTH, HOUR = layer.Planet(), 3600.0
START = 2.0  # days for which random flow is run before a trajectory begins
MODES = 6  # highest degree of the vorticity before that
FASTEST, DEEPEST = 6.0, 1.5  # upper ends of the wind, in units of `speed`, and of the depth, of `mean_depth`
ACCURATE = 2  # steps of the truth for each stable one


@dataclass(frozen=True)
class ShallowWater(Evolution, Semilinear):
    speed: float = 20.0  # root-mean-square wind of the random flow, m/s
    mean_depth: float = 5000.0  # h over the sphere, m
    viscosity: float = 1e17  # nu, m^4/s; the finest waves seen on 64 latitudes decay in five hours
    n: int = 64  # latitudes; twice as many longitudes
    dt: float = 6.0  # time between input and output, hours
    horizon: int = 20  # steps in a trajectory
    count: int = 40  # training trajectories; each held-out split has a fifth
    seed: int = 0

    container = Field
    inputs = (
        Quantity("depth", "h", "m", "grid"),
        Quantity("wind", "v", "m/s", "grid", vector, label="wind (east, north)"),
    )
    outputs = (
        Quantity("depth_next", "h(t + dt)", "m", "grid", lag=1),
        Quantity("wind_next", "v(t + dt)", "m/s", "grid", vector, lag=1, label="wind (east, north)"),
    )
    state = "depth", "wind"
    time_unit = "h"
    budget = "10m"
    toy: ClassVar[Mapping[str, Any]] = {"n": 24, "viscosity": 5e18, "count": 20, "horizon": 4}

    def __post_init__(self):
        positive = (0, math.inf)
        within(self, speed=positive, mean_depth=positive, viscosity=(-1e-9, math.inf), dt=positive)
        within(self, n=(8, 512), horizon=(1, 10_000), count=(5, math.inf))

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return Shifts((0,)), Equator(), Broken(Reflection(0), by="the rotation of the planet")

    @property
    def scores(self) -> tuple[Score, ...]:
        label = f"nRMSE of wind after {self.horizon} steps"
        return (
            Score("nrmse", "wind_next", on_sphere, "%", "one-step nRMSE of wind", factor=100),
            Score("depth", "depth_next", on_sphere, "%", "one-step nRMSE of depth", factor=100),
            Score("rollout", "wind_next", on_sphere, "%", label, factor=100, steps=self.horizon),
        )

    @property
    def shifts(self) -> tuple[Shift, ...]:
        return (
            Shift("speed", (1.5 * self.speed,), "stronger wind", "m/s"),
            Shift("mean_depth", (self.mean_depth / 2,), "shallower layer", "m"),
            Shift("horizon", (2 * self.horizon,), "longer trajectories", "steps"),
        )

    @property
    def lmax(self) -> int:
        """Highest degree that the given grid holds."""
        return (self.n - 1) // 2

    @property
    def fine(self) -> int:
        """Highest degree of the truth."""
        return 3 * self.lmax // 2

    @property
    def solvers(self) -> tuple[ReferenceSolver, ...]:
        degrees = tuple(self.lmax * p // 8 for p in (4, 6, 8, 12))
        return (ReferenceSolver("spherical harmonics", "lmax", degrees, self.solve_on, self.path_on),)

    @property
    def law(self) -> Semilinear:
        return self

    @property
    def substeps(self) -> int:
        return _steps(quadratic(self.lmax), self, self.dt * HOUR)

    def equation(self, x: System) -> tuple[Any, Any, Any]:
        """In hours, for vorticity, divergence and geopotential."""
        sphere = quadratic(seen(x["depth"].shape[1]).lmax)
        linear, nonlinear = layer.shallow_water_terms(sphere, EARTH, viscosity=self.viscosity)
        return HOUR * linear, lambda state: HOUR * nonlinear(state), np.ones(())

    def coefficients(self, x: System, dtype: Any) -> Complex[Array, "3 m l"]:
        depth, wind = (jnp.asarray(x[name], dtype) for name in ("depth", "wind"))
        return layer.modes(layer.Weather(depth, wind[..., 0], wind[..., 1]), seen(depth.shape[1]), EARTH)

    def fields_of(self, u_hat: Complex[Array, "3 m l"], x: System) -> tuple[Float[Array, "..."], ...]:
        return _fields(u_hat, x["depth"].shape[1])

    def wavenumbers(self, x: System) -> Float[np.ndarray, "m l"]:
        """l / lmax."""
        degrees = np.arange(seen(x["depth"].shape[1]).lmax + 1.0)
        return np.broadcast_to(degrees / degrees[-1], (len(degrees), len(degrees)))

    def feed(self, x: System, outputs: Outputs) -> System:
        return x.replace(depth=outputs["depth_next"], wind=outputs["wind_next"])

    def trajectories(self, split: Split) -> Samples:
        return cache.remembered(cache.key_of(self, split), lambda: _trajectories(self, split))

    def solve(self, x: System) -> Outputs:
        return self.solve_on(x, self.fine, jnp.float64, ACCURATE)

    def solve_on(self, x: System, lmax: int, dtype: Any = jnp.float32, accuracy: int = 1) -> Outputs:
        """The same solver from one sample alone, up to degree lmax, `accuracy` steps for each stable one."""
        return {name: states[0] for name, states in self.path_on(x, lmax, 1, dtype, accuracy).items()}

    def path_on(self, x: System, lmax: int, frames: int, dtype: Any = jnp.float32, accuracy: int = 1) -> Outputs:
        """The same for `frames` states, up to degree lmax all the way."""
        with double():
            depth, wind = (jnp.asarray(x[name], dtype) for name in ("depth", "wind"))
            return dict(zip((q.name for q in self.outputs), _path(depth, wind, lmax, frames, accuracy, self)))

    def label_seconds(self) -> float:
        return cache.cost_of(cache.key_of(self, "train")) or 0.0

    def floor(self, count: int) -> Mapping[str, float]:
        """Labels against labels from twice the degrees and steps half as long, one step from a few test states."""
        states = self.trajectories("test").inputs[: min(count, 4)]
        settings = (self.fine, ACCURATE), (2 * self.fine, 2 * ACCURATE)
        pairs = [[self.solve_on(x, l, jnp.float64, a)["wind_next"] for l, a in settings] for x in states]
        return {"nrmse": 100 * float(np.mean([on_sphere(coarse, fine) for coarse, fine in pairs]))}


def seen(n: int) -> Sphere:
    """The points of fields with n latitudes."""
    return Sphere((n - 1) // 2, 2 * n, n, "equiangular")


def on_sphere(predicted: Any, true: Any) -> float:
    """||y - y*|| / ||y*||, means over the sphere: a point counts by its area, cos(latitude)."""
    n = np.shape(true)[1]
    area = np.cos((np.arange(n) + 0.5) * (math.pi / n) - math.pi / 2)
    weight = np.sqrt(area).reshape(1, n, *[1] * (np.ndim(true) - 2))
    return relative_l2(weight * np.asarray(predicted, np.float64), weight * np.asarray(true, np.float64))


def initial(task: ShallowWater, sphere: Sphere, *, key: PRNGKeyArray) -> Complex[Array, "3 m l"]:
    """Gaussian vorticity in balance: every degree up to `MODES` has the same kinetic energy."""
    top = min(MODES, task.lmax // 2)
    l, m = np.arange(top + 1.0), np.arange(top + 1)[:, None]
    size = np.where((m <= l) & (l > 0), np.sqrt(l * (l + 1) / np.maximum(2 * l + 1, 1)), 0.0)
    size *= task.speed / EARTH.radius / math.sqrt(top)
    real, imaginary = jax.random.normal(key, (2, top + 1, top + 1), jnp.float64)
    waves = jnp.where(m == 0, real + 0j, (real + 1j * imaginary) / math.sqrt(2))
    return layer.balanced(sphere.resized(waves * size), task.mean_depth, sphere, EARTH)


def _trajectories(task: ShallowWater, split: Split) -> Samples:
    """States after the flow has become turbulent and their true successors."""
    count, sphere = task.count if split == "train" else max(task.count // 5, 1), quadratic(task.fine)
    with double():

        @jax.jit
        def solve(key: Any) -> Any:
            state = initial(task, sphere, key=key)
            state = _evolve(state, sphere, task, START * layer.DAY, 1)[-1]
            # what is seen of it is where the trajectory begins
            state = sphere.resized(quadratic(task.lmax).resized(state))
            states = jnp.concatenate([state[None], _evolve(state, sphere, task, task.dt * HOUR, task.horizon)])
            return _fields(states, task.n)

        keys = jax.random.split(jax.random.fold_in(jax.random.key(task.seed), SPLITS.index(split)), count)
        paths = [jax.device_get(solve(key)) for key in keys]
    spacing = (math.pi / task.n,) * 2
    inputs = [Field({"depth": h[0], "wind": v[0]}, spacing, "sphere") for h, v in paths]
    outputs = {"depth_next": [h[1:] for h, _ in paths], "wind_next": [v[1:] for _, v in paths]}
    return Samples(inputs, outputs, np.arange(count))


def _evolve(state: Any, sphere: Sphere, task: ShallowWater, dt: float, frames: int, accuracy: int = ACCURATE) -> Any:
    """`frames` states, dt seconds apart."""
    steps = accuracy * _steps(sphere, task, dt)
    law = {"sphere": sphere, "planet": EARTH, "viscosity": task.viscosity}
    return layer.shallow_water(state, dt=dt, steps=steps, frames=frames, **law)


def _steps(sphere: Sphere, task: ShallowWater, dt: float) -> int:
    """Stable steps in dt seconds."""
    limits = {"depth": DEEPEST * task.mean_depth, "speed": FASTEST * task.speed}
    return layer.steps_needed(sphere, EARTH, dt=dt, **limits)


def _fields(state: Any, n: int) -> tuple[Float[Array, "*any x y"], Float[Array, "*any x y 2"]]:
    """Depth and wind on the points that are seen, n latitudes."""
    found = layer.weather(state, seen(n), EARTH)
    return found.depth, jnp.stack([found.u, found.v], axis=-1)


@functools.partial(jax.jit, static_argnums=(2, 3, 4, 5))
def _path(depth: Any, wind: Any, lmax: int, frames: int, accuracy: int, task: ShallowWater) -> Any:
    """`frames` states with harmonics up to lmax."""
    sphere = quadratic(lmax)
    state = layer.modes(layer.Weather(depth, wind[..., 0], wind[..., 1]), seen(task.n), EARTH)
    return _fields(_evolve(sphere.resized(state), sphere, task, task.dt * HOUR, frames, accuracy), task.n)
