"""Evolution of one field on a periodic line, u(x, t) -> u(x, t + dt): what all such tasks have in common.

    d u_hat / dt = L u_hat + N(u_hat),      v = u - <u>,   v solved for,   u(x, t) = <u> + v(x - <u> t, t)

A law gives its initial fields and the pair (L, N); samples, solvers (the same solver on other grids), floor, cache,
and the equation on which methods may build follow from these. Truth is solved in float64 on `fine` points, free of
aliasing, and looked at on every (fine / n)-th of them, or in the waves that n points hold (`filtered`); the coarse
solver of a law cuts products by its own rule.
"""

from __future__ import annotations

import abc
import functools
import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from erlangen.assess.metrics import relative_l2
from erlangen.contract import SPLITS, Evolution, Outputs, ReferenceSolver, Samples, Score, Semilinear, Split
from erlangen.core.errors import Invalid
from erlangen.core.quantity import Quantity, vector
from erlangen.core.systems import Field, System
from erlangen.data import cache
from erlangen.numerics import spectral
from erlangen.numerics.precision import double
from erlangen.numerics.spectral import TAU, Dealiasing
from erlangen.physics import fluids

CHUNK = 100  # trajectories solved at a time: what fits the caches of a CPU
EIGHTHS = (2, 4, 6, 8, 12, 16)  # grids of the solvers, in eighths of n
MOST_POINTS = 32768  # of a solution from a field of one's own
PEAKS = 2.0  # largest |u - mean| of a drawn field, in units of its rms
FASTEST = 1.25  # the fastest field of many trajectories, in units of `speed`


class PeriodicEvolution(Evolution, Semilinear):
    """A frozen dataclass derived from it has at least the settings declared here, and its law in four methods."""

    n: int  # grid points of input and output
    dt: float  # time between input and output
    horizon: int  # steps in a trajectory
    count: int  # training trajectories; each held-out split has a tenth
    seed: int

    container = Field
    inputs = (Quantity("u", "u", "L/T", "grid", vector),)
    outputs = (Quantity("u_next", "u(t + dt)", "L/T", "grid", vector, lag=1),)
    length: ClassVar[Any] = TAU  # of the line; a setting of tasks that have one
    spin_up: ClassVar[Any] = 0.0  # time for which an initial field is run before its trajectory begins; likewise
    accuracy: ClassVar[int] = 1  # steps of the truth for each stable one
    coarse: ClassVar[Dealiasing] = "two-thirds"  # rule of the solver on coarse grids
    filtered: ClassVar[bool] = False  # n points hold the long waves of a fine field, not its values there
    state = "u"

    @property
    @abc.abstractmethod
    def points(self) -> float:
        """Grid points from which on the solution is resolved."""

    @property
    @abc.abstractmethod
    def speed(self) -> float:
        """Upper end of |u - mean| of one field, for the length of a stable step."""

    @abc.abstractmethod
    def initial(self, n: int, *, key: PRNGKeyArray) -> Float[Array, " n"]:
        """A random field on n points; the same function of x for the same key."""

    @abc.abstractmethod
    def terms(self, n: int, *, dealiasing: Dealiasing, length: float) -> fluids.Semilinear:
        """(L, N) on n points of a line of this length."""

    def evolve(
        self, u: Float[Array, " n"], *, steps: int, frames: int, dealiasing: Dealiasing = "two-thirds"
    ) -> Float[Array, "frames n"]:
        """States at dt, 2 dt, ..., `steps` to each dt, on the grid of u."""
        rule: fluids.Rule = {"dealiasing": dealiasing, "order": 4, "length": self.length}
        law = self.terms(len(u), dealiasing=dealiasing, length=self.length)
        return fluids.in_frame_of_mean(u, law, dt=self.dt, steps=steps, frames=frames, **rule)

    @property
    def law(self) -> Semilinear:
        return self

    @property
    def substeps(self) -> int:
        return self.steps(self.n, self.speed, self.coarse)

    def equation(self, x: System) -> tuple[Any, Any, Any]:
        (n,) = np.shape(x["u"])
        law = self.terms(n, dealiasing=self.coarse, length=n * x["spacing"][0])
        return law.linear, law.nonlinear, spectral.dealiasing_mask((n,), self.coarse)

    @property
    def fine(self) -> int:
        """Grid of the truth: n times a power of two, from `points` and 2 n on."""
        return self.n * 2 ** max(1, math.ceil(math.log2(self.points / self.n)))

    @property
    def scores(self) -> tuple[Score, ...]:
        step = Score("nrmse", "u_next", relative_l2, "%", "one-step nRMSE", factor=100)
        label = f"nRMSE after {self.horizon} steps"
        return step, Score("rollout", "u_next", relative_l2, "%", label, factor=100, steps=self.horizon)

    @property
    def solvers(self) -> tuple[ReferenceSolver, ...]:
        grids = tuple(self.n * p // 8 for p in EIGHTHS)
        return (ReferenceSolver("pseudo-spectral solver", "n", grids, self.solve_on, self.path_on),)

    def feed(self, x: System, outputs: Outputs) -> System:
        return x.replace(u=outputs["u_next"])

    def trajectories(self, split: Split) -> Samples:
        return cache.remembered(cache.key_of(self, split), lambda: self._solved(split, self.fine, None))

    def solve(self, x: System) -> Outputs:
        steps = self.accuracy * self.steps(self.fine, self.speed)
        with double():
            u = jnp.asarray(x["u"], jnp.float64)
            return {"u_next": _path(u, self.fine, steps, "two-thirds", 1, self)[0]}

    def holding(self, reach: float) -> Self:
        """The settings whose `points` and `speed` are those of a field with |u - mean| up to `reach`."""
        return self

    def path(self, x: System, frames: int) -> Outputs:
        u = np.asarray(x["u"], np.float64)
        reach = float(np.max(np.abs(u - u.mean())))
        able = self.holding(reach)
        larger = max(1.0, reach / able.speed)
        fine = able.fine * 2 ** math.ceil(math.log2(larger))
        if not fine <= MOST_POINTS:
            raise Invalid(
                must=f"the solution can be resolved by {MOST_POINTS} points",
                came=f"a field with |u - mean| up to {reach:g}, which takes {fine:g}",
                do="Take a smaller field, or a larger viscosity where the law has one.",
            )
        with double():
            steps = self.accuracy * self.steps(fine, max(able.speed, FASTEST * reach))
            return {"u_next": _path(jnp.asarray(u), fine, steps, "two-thirds", frames, self)}

    def solve_on(self, x: System, n: int) -> Outputs:
        """The same solver from one sample alone: on n points, in float32, with the longest stable step."""
        return {"u_next": self.path_on(x, n, 1)["u_next"][0]}

    def path_on(self, x: System, n: int, frames: int) -> Outputs:
        """The same for `frames` states, on n points all the way."""
        with double():
            steps = self.steps(n, self.speed, self.coarse)
            return {"u_next": _path(jnp.asarray(x["u"], jnp.float32), n, steps, self.coarse, frames, self)}

    def label_seconds(self) -> float:
        return cache.cost_of(cache.key_of(self, "train")) or 0.0

    def floor(self, count: int) -> Mapping[str, float]:
        """Labels against labels from a grid and a time step twice as fine, on the first `count` test trajectories.

        Both start from one state: a chaotic law has forgotten its initial field after the spin-up.
        """
        coarse, fine = (self._solved("test", n, count).outputs["u_next"] for n in (self.fine, 2 * self.fine))
        ends = [relative_l2(a[-1], b[-1]) for a, b in zip(coarse, fine)]
        whole = [relative_l2(a, b) for a, b in zip(coarse, fine)]
        return {"nrmse": 100 * float(np.mean(whole)), "rollout": 100 * float(np.mean(ends))}

    def steps(self, n: int, speed: float, dealiasing: Dealiasing = "two-thirds") -> int:
        """Fewest stable steps to each dt on n points."""
        return fluids.steps_needed(n, speed=speed, dt=self.dt, dealiasing=dealiasing, length=self.length)

    def _solved(self, split: Split, fine: int, count: int | None) -> Samples:
        """Initial states and their true successors, solved on `fine` points."""
        count = count or (self.count if split == "train" else max(self.count // 10, 1))
        before, speed = math.ceil(self.spin_up / self.dt), FASTEST * self.speed
        stable, steps = self.steps(self.fine, speed), self.accuracy * self.steps(fine, speed)
        with double():

            @jax.jit
            @jax.vmap
            def solve(key: Any) -> Any:
                u = self.initial(self.fine, key=key)
                if before:
                    u = self.evolve(u, steps=stable, frames=before)[-1]
                u = spectral.resample(u, (fine,))
                states = self.evolve(u, steps=steps, frames=self.horizon)
                return jax.vmap(lambda v: seen(v, self.n, self.filtered))(jnp.concatenate([u[None], states]))

            keys = jax.random.split(jax.random.fold_in(jax.random.key(self.seed), SPLITS.index(split)), count)
            states = np.concatenate([np.asarray(solve(keys[i : i + CHUNK])) for i in range(0, count, CHUNK)])
        inputs = [Field({"u": s[0]}, (self.length / self.n,)) for s in states]
        return Samples(inputs, {"u_next": list(states[:, 1:])}, np.arange(count))


def seen(u: Float[Array, " fine"], n: int, filtered: bool) -> Float[Array, " n"]:
    """A field on n points: its values there, or its long waves where `filtered`."""
    return (spectral.resample if filtered else spectral.sample)(u, (n,))


@functools.partial(jax.jit, static_argnums=(1, 2, 3, 4, 5))
def _path(
    u: Float[Array, " x"], n: int, steps: int, rule: Dealiasing, frames: int, task: PeriodicEvolution
) -> Float[Array, "frames x"]:
    """`frames` states on n points, seen on those of u."""
    moved = task.evolve(spectral.resample(u, (n,)), steps=steps, frames=frames, dealiasing=rule)
    return jax.vmap(lambda v: seen(v, len(u), task.filtered))(moved)
