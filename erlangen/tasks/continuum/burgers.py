"""One step of the viscous Burgers equation: given u(x, t), what is u(x, t + dt)?

    u_t + u u_x = nu u_xx,    x in [0, 2 pi) periodic

Truth: pseudo-spectral, fourth-order exponential Runge-Kutta, 2/3 de-aliasing, float64, on a grid that resolves the
fronts (512 points with the defaults), seen at every fourth point; the solver is checked against the Cole-Hopf solution
(Cole 1951, doi:10.1090/qam/42889). Initial fields are Gaussian, four waves, rms `amplitude`. Within a trajectory they
steepen into fronts of jump J and thickness 4 nu / J, J at most about four times the amplitude: one point of the given
grid or more. The thinnest fronts are not determined by 128 points; the opponents' curve ends at that floor.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from erlangen.assess.metrics import relative_l2
from erlangen.contract import SPLITS, Evolution, Opponent, Outputs, Samples, Score, Shift, Split
from erlangen.core.errors import within
from erlangen.core.groups import Galilean, Group, Reflection, Shifts
from erlangen.core.quantity import Quantity, vector
from erlangen.core.systems import Field, System
from erlangen.data import cache
from erlangen.numerics import spectral
from erlangen.numerics.precision import double
from erlangen.physics import fluids
from erlangen.physics.random_fields import smooth_field

MODES, CHUNK = 4, 100  # waves in an initial field; trajectories solved at a time (what fits the caches of a CPU)


@dataclass(frozen=True)
class Burgers(Evolution):
    viscosity: float = 0.01  # nu, in units of (domain length / 2 pi)^2 per unit time
    amplitude: float = 0.3  # rms of the initial field; the first fronts form at t of about 0.3 / amplitude
    n: int = 128  # grid points of input and output
    dt: float = 0.05  # time between input and output
    horizon: int = 20  # steps in a trajectory
    count: int = 1000  # training trajectories; each held-out split has a tenth
    seed: int = 0

    container = Field
    inputs = (Quantity("u", "u", "L/T", "grid", vector),)
    outputs = (Quantity("u_next", "u(t + dt)", "L/T", "grid", vector, lag=1),)
    toy: ClassVar[Mapping[str, Any]] = {"n": 32, "viscosity": 0.1, "count": 20, "horizon": 4}

    def __post_init__(self):
        positive = (0, math.inf)
        within(self, viscosity=positive, amplitude=positive, dt=positive)
        within(self, n=(8, 8192), horizon=(1, 10_000), count=(4, math.inf))

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return Shifts((0,)), Reflection(0), Galilean(self.dt)

    @property
    def scores(self) -> tuple[Score, ...]:
        step = Score("nrmse", "u_next", relative_l2, "%", "one-step nRMSE", factor=100)
        label = f"nRMSE after {self.horizon} steps"
        return step, Score("rollout", "u_next", relative_l2, "%", label, factor=100, steps=self.horizon)

    @property
    def shifts(self) -> tuple[Shift, ...]:
        return (
            Shift("viscosity", (self.viscosity / 2, self.viscosity / 4), "lower viscosity", "L^2/T"),
            Shift("amplitude", (round(1.5 * self.amplitude, 6), 2 * self.amplitude), "larger amplitude", "L/T"),
            Shift("n", (2 * self.n,), "finer grid", "points"),
        )

    @property
    def opponents(self) -> tuple[Opponent, ...]:
        return (
            Opponent(
                "pseudo-spectral solver", "n", tuple(self.n * p // 8 for p in (2, 4, 6, 8, 12, 16)), self.solve_on
            ),
        )

    @property
    def fine(self) -> int:
        """Grid of the truth: 16 amplitude / nu points resolve a front of four times the amplitude to 1e-5."""
        return self.n * 2 ** max(1, math.ceil(math.log2(16 * self.amplitude / self.viscosity / self.n)))

    def feed(self, x: System, outputs: Outputs) -> System:
        return x.replace(u=outputs["u_next"])

    def trajectories(self, split: Split) -> Samples:
        return cache.remembered({**asdict(self), "split": split}, lambda: _trajectories(self, split, self.fine, None))

    def solve(self, x: System) -> Outputs:
        return self.solve_on(x, self.fine, jnp.float64)

    def solve_on(self, x: System, n: int, dtype: Any = jnp.float32) -> Outputs:
        """The same solver from one sample alone: on n points, with the longest stable step."""
        steps = fluids.steps_needed(n, speed=4 * self.amplitude, dt=self.dt)
        with double():
            return {"u_next": _step(jnp.asarray(x["u"], dtype), n, steps, self.viscosity, self.dt)}

    def label_seconds(self) -> float:
        return cache.cost_of({**asdict(self), "split": "train"}) or 0.0

    def floor(self, count: int) -> Mapping[str, float]:
        """Labels against labels from a grid and a time step twice as fine, on the first `count` test trajectories."""
        coarse, fine = (_trajectories(self, "test", n, count).outputs["u_next"] for n in (self.fine, 2 * self.fine))
        return {"nrmse": 100 * float(np.mean([relative_l2(a, b) for a, b in zip(coarse, fine)]))}


def _trajectories(task: Burgers, split: Split, fine: int, count: int | None) -> Samples:
    """Initial states and their true successors, solved on `fine` points."""
    count = count or (task.count if split == "train" else max(task.count // 10, 1))
    steps = fluids.steps_needed(fine, speed=5 * task.amplitude, dt=task.dt)  # |u| of a Gaussian field stays below 5 rms
    with double():

        @jax.vmap
        def solve(key: Any) -> Any:
            u = smooth_field((fine,), modes=MODES, rms=task.amplitude, dtype=jnp.float64, key=key)
            states = fluids.burgers(u, viscosity=task.viscosity, dt=task.dt, steps=steps, frames=task.horizon)
            return jnp.concatenate([u[None], states])[:, :: fine // task.n]

        keys = jax.random.split(jax.random.fold_in(jax.random.key(task.seed), SPLITS.index(split)), count)
        compiled = jax.jit(solve)
        states = np.concatenate([np.asarray(compiled(keys[i : i + CHUNK])) for i in range(0, count, CHUNK)])
    inputs = [Field({"u": s[0]}, (2 * math.pi / task.n,)) for s in states]
    return Samples(inputs, {"u_next": list(states[:, 1:])}, np.arange(count))


@functools.partial(jax.jit, static_argnums=(1, 2, 3, 4))
def _step(u: Any, n: int, steps: int, viscosity: float, dt: float) -> Any:
    """One step on n points and back; a field on the fine grid is looked at, not low-passed, at the given points."""
    moved = fluids.burgers(spectral.resample(u, (n,)), viscosity=viscosity, dt=dt, steps=steps)[0]
    return moved[:: n // u.shape[0]] if n % u.shape[0] == 0 else spectral.resample(moved, u.shape)
