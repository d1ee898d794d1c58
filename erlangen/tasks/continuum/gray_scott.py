"""Patterns of two species that react: given the concentrations u(x, y, t) and v(x, y, t), what are they at t + dt?

    u_t = D_u Lap u - u v^2 + F (1 - u),   v_t = D_v Lap v + u v^2 - (F + k) v,   D_u = 2 D_v,   on [0, 1)^2 periodic

Spots that divide, worms, mazes and gliders, by the rates of feed F and kill k (Pearson 1993,
doi:10.1126/science.261.5118.189). A trajectory begins with random drops of v in a bath of u = 1, run for a time of
`START`; where v dies out before its end, another one is drawn. The twin of the Gray-Scott set of The Well (Ohana et al.
2024, arXiv:2412.00568) and of the stepper of exponax: the six settings of the former are the instances `gliders` ...
`spots`, its frames are 10 apart as well. Ours starts from drops only, sees a square that is 2.8 times smaller in units
of the pattern, and is made anew: published figures are not for the same samples.

Truth: pseudo-spectral, cubic term without aliasing, fourth-order exponential Runge-Kutta, float64, on twice the points.
On coarse grids the cut of the spectrum decides: there the solver keeps all waves that the points carry (`COARSE`),
which makes a step on 64 x 64 points sixteen times as accurate as the 2/3 rule does.
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
from jaxtyping import Array, Float, PRNGKeyArray

from erlangen.assess.metrics import relative_l2
from erlangen.contract import SPLITS, Evolution, Outputs, ReferenceSolver, Samples, Score, Semilinear, Shift, Split
from erlangen.core.errors import Invalid, within
from erlangen.core.groups import Group, QuarterTurns, Reflection, Shifts
from erlangen.core.quantity import Quantity
from erlangen.core.systems import Field, System
from erlangen.data import cache
from erlangen.numerics import spectral
from erlangen.numerics.precision import double
from erlangen.numerics.spectral import Dealiasing
from erlangen.physics import reaction_diffusion

START = 300.0  # time for which drops are run before a trajectory begins
WIDTH = 11.0  # of a drop, in units of sqrt(D_v)
DENSITY, LEAST = 0.03, 2  # drops per squared width of a drop, and their least number
ALIVE, ATTEMPTS = 0.05, 4  # largest v of a pattern that lasts; draws for each trajectory that is asked for
FIELDS = ("u", "v")
FINE: tuple[Dealiasing, int] = "two-thirds", reaction_diffusion.ACCURATE  # rule, and steps for each stable one
COARSE: tuple[Dealiasing, int] = "three-halves", 2


@dataclass(frozen=True)
class GrayScott(Evolution, Semilinear):
    feed_rate: float = 0.03  # F; with k it decides on the pattern
    kill_rate: float = 0.062  # k
    diffusion: float = 2e-5  # D_v, half of D_u; patterns are about 5 sqrt(D_v / (F + k)) apart
    n: int = 64  # grid points along each axis
    dt: float = 10.0  # time between input and output
    horizon: int = 20  # steps in a trajectory
    count: int = 40  # training trajectories; each held-out split has a fifth
    seed: int = 0

    container = Field
    inputs = (
        Quantity("u", "u", "1", "grid", label="concentration that is fed"),
        Quantity("v", "v", "1", "grid", label="concentration that feeds on it"),
    )
    outputs = (
        Quantity("u_next", "u(t + dt)", "1", "grid", lag=1, label="concentration that is fed"),
        Quantity("v_next", "v(t + dt)", "1", "grid", lag=1, label="concentration that feeds on it"),
    )
    state = FIELDS
    budget = "10m"
    toy: ClassVar[Mapping[str, Any]] = {"n": 32, "diffusion": 1e-4, "count": 20, "horizon": 4}

    def __post_init__(self):
        positive = (0, math.inf)
        within(self, feed_rate=positive, kill_rate=positive, diffusion=positive, dt=positive)
        within(self, n=(reaction_diffusion.SMALLEST_GRID, 2048), horizon=(1, 10_000), count=(5, math.inf))

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return Shifts((0, 1)), Reflection(0), Reflection(1), QuarterTurns()

    @property
    def scores(self) -> tuple[Score, ...]:
        label = f"nRMSE of v after {self.horizon} steps"
        return (
            Score("nrmse", "v_next", relative_l2, "%", "one-step nRMSE of v", factor=100),
            Score("u", "u_next", relative_l2, "%", "one-step nRMSE of u", factor=100),
            Score("rollout", "v_next", relative_l2, "%", label, factor=100, steps=self.horizon),
        )

    @property
    def shifts(self) -> tuple[Shift, ...]:
        return (
            Shift("feed_rate", (round(1.2 * self.feed_rate, 6),), "more feed", "1/T"),
            Shift("kill_rate", (round(0.97 * self.kill_rate, 6),), "less kill", "1/T"),
            Shift("n", (2 * self.n,), "finer grid", "points"),
            Shift("horizon", (4 * self.horizon,), "longer trajectories", "steps"),
        )

    @property
    def solvers(self) -> tuple[ReferenceSolver, ...]:
        grids = tuple(self.n * p // 8 for p in (4, 6, 8, 12, 16))
        return (ReferenceSolver("pseudo-spectral solver", "n", grids, self.solve_on, self.path_on),)

    @property
    def law(self) -> Semilinear:
        return self

    @property
    def substeps(self) -> int:
        return COARSE[1] * reaction_diffusion.steps_needed(dt=self.dt)

    def equation(self, x: System) -> tuple[Any, Any, Any]:
        n, (rule, _) = len(x["u"]), COARSE
        law = {**self._rates, "dealiasing": rule, "length": n * x["spacing"][0]}
        linear, nonlinear = reaction_diffusion.gray_scott_terms(n, **law)
        return linear, nonlinear, spectral.dealiasing_mask((n, n), rule)

    @property
    def _rates(self) -> dict[str, Any]:
        diffusion = 2 * self.diffusion, self.diffusion
        return {"feed": self.feed_rate, "kill": self.kill_rate, "diffusion": diffusion}

    def feed(self, x: System, outputs: Outputs) -> System:
        return x.replace(u=outputs["u_next"], v=outputs["v_next"])

    def trajectories(self, split: Split) -> Samples:
        return cache.remembered(cache.key_of(self, split), lambda: _trajectories(self, split))

    def solve(self, x: System) -> Outputs:
        return self._true(x, 2 * self.n)

    def _true(self, x: System, n: int) -> Outputs:
        """As labels are made, on n by n points."""
        return {name: states[0] for name, states in self._path(x, n, 1, jnp.float64, FINE).items()}

    def solve_on(self, x: System, n: int) -> Outputs:
        """The same solver from one sample alone, on n by n points, in float32, in few steps."""
        return {name: states[0] for name, states in self.path_on(x, n, 1).items()}

    def path_on(self, x: System, n: int, frames: int) -> Outputs:
        """The same for `frames` states, on n by n points all the way."""
        return self._path(x, n, frames, jnp.float32, COARSE)

    def _path(self, x: System, n: int, frames: int, dtype: Any, how: tuple[Dealiasing, int]) -> Outputs:
        with double():
            state = jnp.stack([jnp.asarray(x[name], dtype) for name in FIELDS])
            return dict(zip((q.name for q in self.outputs), _path(state, n, frames, how, self)))

    def label_seconds(self) -> float:
        return cache.cost_of(cache.key_of(self, "train")) or 0.0

    def floor(self, count: int) -> Mapping[str, float]:
        """Labels against labels from a grid twice as fine, one step from a few test states."""
        states = self.trajectories("test").inputs[: min(count, 4)]
        pairs = [[self._true(x, m * self.n)["v_next"] for m in (2, 4)] for x in states]
        return {"nrmse": 100 * float(np.mean([relative_l2(coarse, fine) for coarse, fine in pairs]))}


def initial(task: GrayScott, n: int, *, key: PRNGKeyArray) -> Float[Array, "2 n n"]:
    """Drops in a bath, u = 1 - b / 2, v = b / 2; the same function of x and y for the same key.

    b = 1 - prod_i (1 - exp(-d_i^2 / 2 w^2)),   d_i^2 = (2 - cos 2 pi (x - x_i) - cos 2 pi (y - y_i)) / 2 pi^2.
    """
    width = WIDTH * math.sqrt(task.diffusion)
    drops = max(LEAST, round(DENSITY / width**2))
    x, y = spectral.grid((n, n), length=1.0)
    centre = jax.random.uniform(key, (drops, 2, 1, 1), jnp.float64)
    cosines = jnp.cos(2 * jnp.pi * (x - centre[:, 0])) + jnp.cos(2 * jnp.pi * (y - centre[:, 1]))
    b = 1 - jnp.prod(1 - jnp.exp((cosines - 2) / (2 * jnp.pi * width) ** 2), axis=0)
    return jnp.stack([1 - b / 2, b / 2])


def _trajectories(task: GrayScott, split: Split) -> Samples:
    """States after the drops have become a pattern and their true successors, solved on twice the points."""
    count, fine = task.count if split == "train" else max(task.count // 5, 1), 2 * task.n
    with double():

        @jax.jit
        def solve(key: Any) -> Any:
            state = _evolve(initial(task, task.n, key=key), task, START, 1)[-1]
            state = jax.vmap(lambda f: spectral.resample(f, (fine, fine)))(state)
            return jnp.concatenate([state[None], _evolve(state, task, task.dt, task.horizon)])[..., ::2, ::2]

        root, states, drawn = jax.random.fold_in(jax.random.key(task.seed), SPLITS.index(split)), [], 0
        while len(states) < count:
            if drawn >= ATTEMPTS * count:
                raise Invalid(
                    must="at least every fourth pattern lasts",
                    came=f"feed_rate = {task.feed_rate:g}, kill_rate = {task.kill_rate:g}: {len(states)} of {drawn} do",
                    do="Take rates of another pattern, such as 0.03 and 0.062, less diffusion or fewer steps.",
                )
            path = np.asarray(solve(jax.random.fold_in(root, drawn)))
            drawn += 1
            if np.max(path[-1, 1]) > ALIVE:
                states.append(path)
    inputs = [Field(dict(zip(FIELDS, s[0])), (1 / task.n,) * 2) for s in states]
    return Samples(inputs, {q.name: [s[1:, i] for s in states] for i, q in enumerate(task.outputs)}, np.arange(count))


def _evolve(state: Any, task: GrayScott, dt: float, frames: int, how: tuple[Dealiasing, int] = FINE) -> Any:
    """`frames` states, dt apart, on the grid of the given one."""
    rule, accuracy = how
    steps = accuracy * reaction_diffusion.steps_needed(dt=dt)
    law = {**task._rates, "dealiasing": rule}
    return reaction_diffusion.gray_scott(state, dt=dt, steps=steps, frames=frames, **law)


@functools.partial(jax.jit, static_argnums=(1, 2, 3, 4))
def _path(state: Any, n: int, frames: int, how: tuple[Dealiasing, int], task: GrayScott) -> tuple[Any, Any]:
    """`frames` states of u and of v on n by n points, seen on those of the task."""
    moved = _evolve(jnp.stack([spectral.resample(f, (n, n)) for f in state]), task, task.dt, frames, how)
    seen = jax.vmap(jax.vmap(lambda f: spectral.sample(f, (task.n, task.n))))(moved)
    return seen[:, 0], seen[:, 1]


gliders = GrayScott(feed_rate=0.014, kill_rate=0.054)
bubbles = GrayScott(feed_rate=0.098, kill_rate=0.057)
maze = GrayScott(feed_rate=0.029, kill_rate=0.057)
worms = GrayScott(feed_rate=0.058, kill_rate=0.065)
spirals = GrayScott(feed_rate=0.018, kill_rate=0.051)
spots = GrayScott(feed_rate=0.03, kill_rate=0.062)
