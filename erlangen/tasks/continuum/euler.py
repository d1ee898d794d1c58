"""Compressible flow with shocks: given density, velocity and pressure of a gas at t, what are they at t + dt?

    rho_t + (rho u)_x = 0,   (rho u)_t + (rho u^2 + p)_x = 0,   E_t + (u (E + p))_x = 0
    E = p / (gamma - 1) + rho u^2 / 2,   x in [0, 1) periodic, no viscosity: shocks and contacts are jumps

Fields are values of cells, taken from the averages of mass, momentum and energy. Initial states are constant between a
few jumps, plus smooth waves; within the given cells they are the parabolas of `euler.refine`, so that the cells say
all. Later they do not say where in a cell a shock is: the solvers' curve ends at that floor. Truth: finite volumes,
WENO-Z (Borges et al. 2008, doi:10.1016/j.jcp.2007.11.038) and HLLC on four times the cells, float64, averaged back.
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
from erlangen.contract import SPLITS, ConservationLaw, Evolution, Outputs, ReferenceSolver, Samples, Score, Shift, Split
from erlangen.core.errors import within
from erlangen.core.flow_groups import Boost, MassUnit
from erlangen.core.groups import Group, Reflection, Shifts
from erlangen.core.quantity import Quantity, vector
from erlangen.core.systems import Field, System
from erlangen.data import cache
from erlangen.numerics import finite_volumes, weno
from erlangen.numerics.precision import double
from erlangen.physics import euler
from erlangen.physics.random_fields import smooth_field
from erlangen.physics.riemann import Gas

FINER = 4  # cells of the truth in one of the task
PIECES, MODES = 4, 3  # constant pieces of an initial state; its smooth waves
JUMPS, WAVES = (0.4, 0.4, 0.6), (0.1, 0.2, 0.1)  # spread of log rho, u, log p: between pieces, and of the waves
FIELDS = ("density", "velocity", "pressure")
RULES = {"weno": weno.fifth_order(), "first": weno.first_order}
STEP = {"weno": 0.5, "first": 0.9}  # cells that the fastest wave crosses per step


@dataclass(frozen=True)
class CompressibleEuler(Evolution, ConservationLaw):
    gamma: float = 1.4  # ratio of heat capacities
    amplitude: float = 1.0  # of jumps and waves; 1 gives pressures apart by a factor of about 2.5
    n: int = 128  # cells
    dt: float = 0.02  # time between input and output; sound crosses about three cells
    horizon: int = 20  # steps in a trajectory
    count: int = 200  # training trajectories; each held-out split has a tenth
    seed: int = 0

    container = Field
    inputs = (
        Quantity("density", "rho", "M/L^3", "grid"),
        Quantity("velocity", "u", "L/T", "grid", vector),
        Quantity("pressure", "p", "M/L/T^2", "grid"),
    )
    outputs = (
        Quantity("density_next", "rho(t + dt)", "M/L^3", "grid", lag=1),
        Quantity("velocity_next", "u(t + dt)", "L/T", "grid", vector, lag=1),
        Quantity("pressure_next", "p(t + dt)", "M/L/T^2", "grid", lag=1),
    )
    budget = "5m"
    toy: ClassVar[Mapping[str, Any]] = {"n": 32, "count": 20, "horizon": 4}

    def __post_init__(self):
        positive = (0, math.inf)
        within(self, amplitude=positive, dt=positive, gamma=(1.0, 10.0))
        within(self, n=(16, 8192), horizon=(1, 10_000), count=(4, math.inf))

    @property
    def law(self) -> ConservationLaw:
        return self

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return Shifts((0,)), Reflection(0), Boost(self.dt), MassUnit()

    @property
    def scores(self) -> tuple[Score, ...]:
        steps = [
            Score(
                "nrmse" if name == "density" else name, f"{name}_next", relative_l2, "%", f"nRMSE of {name}", factor=100
            )
            for name in FIELDS
        ]
        label = f"nRMSE of density after {self.horizon} steps"
        return *steps, Score("rollout", "density_next", relative_l2, "%", label, factor=100, steps=self.horizon)

    @property
    def shifts(self) -> tuple[Shift, ...]:
        return (
            Shift("amplitude", (1.5 * self.amplitude, 2 * self.amplitude), "stronger shocks", "1"),
            Shift("gamma", (5 / 3,) if self.gamma != 5 / 3 else (1.4,), "another gas", "1"),
            Shift("n", (2 * self.n,), "finer grid", "cells"),
        )

    @property
    def solvers(self) -> tuple[ReferenceSolver, ...]:
        cells = [self.n * p // 4 for p in (1, 2, 4, 8, 16, 32)]
        return (
            ReferenceSolver("WENO5 and HLLC", "n", tuple(cells[:4]), self.solve_on, self.path_on),
            ReferenceSolver(
                "first-order HLLC",
                "n",
                tuple(cells[2:]),
                functools.partial(self.solve_on, rule="first"),
                functools.partial(self.path_on, rule="first"),
            ),
        )

    def feed(self, x: System, outputs: Outputs) -> System:
        return x.replace(**{name: outputs[f"{name}_next"] for name in FIELDS})

    def trajectories(self, split: Split) -> Samples:
        return cache.remembered(cache.key_of(self, split), lambda: _trajectories(self, split, FINER, None))

    def solve(self, x: System) -> Outputs:
        return self.solve_on(x, FINER * self.n, dtype=jnp.float64)

    def solve_on(self, x: System, n: int, *, rule: str = "weno", dtype: Any = jnp.float32) -> Outputs:
        """The same solver from one sample alone, on n cells: a multiple or a whole part of those of the task."""
        return {name: states[0] for name, states in self.path_on(x, n, 1, rule=rule, dtype=dtype).items()}

    def path_on(self, x: System, n: int, frames: int, *, rule: str = "weno", dtype: Any = jnp.float32) -> Outputs:
        """The same for `frames` states, on n cells all the way."""
        with double():
            gas = Gas(*(jnp.asarray(x[name], dtype) for name in FIELDS))
            return dict(zip((q.name for q in self.outputs), _path(gas, n, frames, rule, self)))

    def cells(self, x: System, dtype: Any) -> Float[Array, "3 cells"]:
        return euler.conserved(Gas(*(jnp.asarray(x[name], dtype) for name in FIELDS)), self.gamma)

    def outputs_of(self, q: Float[Array, "3 cells"]) -> Outputs:
        return dict(zip((quantity.name for quantity in self.outputs), euler.primitive(q, self.gamma)))

    def steps_needed(self, x: System) -> int:
        q = self.cells(x, jnp.float32)
        resting = euler.boosted(q, -jnp.sum(q[1]) / jnp.sum(q[0]))
        return finite_volumes.steps_needed(
            euler.Euler(self.gamma), resting, dx=1 / self.n, dt=self.dt, cfl=STEP["weno"]
        )

    def moved(self, q: Float[Array, "3 cells"], reconstruct: Any, steps: int) -> Float[Array, "3 cells"]:
        rule: Any = {"gamma": self.gamma, "cfl": STEP["weno"], "reconstruct": reconstruct, "steps": steps}
        return euler.ring(q, dx=1 / q.shape[1], time=self.dt, **rule)

    def label_seconds(self) -> float:
        return cache.cost_of(cache.key_of(self, "train")) or 0.0

    def floor(self, count: int) -> Mapping[str, float]:
        """Labels against labels from a grid twice as fine, on the first `count` test trajectories."""
        coarse, fine = (_trajectories(self, "test", k * FINER, count).outputs["density_next"] for k in (1, 2))
        ends = [relative_l2(a[-1], b[-1]) for a, b in zip(coarse, fine)]
        whole = [relative_l2(a, b) for a, b in zip(coarse, fine)]
        return {"nrmse": 100 * float(np.mean(whole)), "rollout": 100 * float(np.mean(ends))}


def initial(task: CompressibleEuler, *, key: PRNGKeyArray) -> Gas:
    """A random state of the cells: jumps between cells, waves, both of the size set."""
    place, level, wave = jax.random.split(key, 3)
    ends = jax.random.randint(place, (PIECES,), 0, task.n)
    piece = jnp.sum(jnp.arange(task.n)[:, None] >= ends, 1) % PIECES  # how many ends are passed: the last is the first
    fields = []
    for one, two, jump, rms in zip(jax.random.split(level, 3), jax.random.split(wave, 3), JUMPS, WAVES):
        levels = jump * jax.random.normal(one, (PIECES,), jnp.float64)
        waves = smooth_field((task.n,), modes=MODES, rms=rms, dtype=jnp.float64, key=two)
        fields.append(task.amplitude * (levels[piece] + waves))
    return Gas(jnp.exp(fields[0]), fields[1], jnp.exp(fields[2]))


def _trajectories(task: CompressibleEuler, split: Split, finer: int, count: int | None) -> Samples:
    """Initial states and their true successors, solved on `finer` times the cells."""
    count = count or (task.count if split == "train" else max(task.count // 10, 1))
    with double():

        def solve(key: Any) -> Any:
            start = initial(task, key=key)
            q = euler.refine(euler.conserved(start, task.gamma), finer)

            def step(q: Array, _: None) -> tuple[Array, Gas]:
                q = _moved(q, "weno", task)
                return q, euler.primitive(weno.coarsen(q, finer), task.gamma)

            return start, jax.lax.scan(step, q, None, length=task.horizon)[1]

        keys = jax.random.split(jax.random.fold_in(jax.random.key(task.seed), SPLITS.index(split)), count)
        # one by one: each has steps of its own, and arrays so short lose by being shared between cores
        starts, after = jax.device_get(jax.jit(lambda keys: jax.lax.map(solve, keys))(keys))
    inputs = [Field(dict(zip(FIELDS, fields)), (1 / task.n,)) for fields in zip(*starts)]
    return Samples(inputs, {q.name: list(field) for q, field in zip(task.outputs, after)}, np.arange(count))


def _moved(q: Float[Array, "3 cells"], rule: str, task: CompressibleEuler) -> Float[Array, "3 cells"]:
    """q after dt on its own cells."""
    dx = 1 / q.shape[1]
    return euler.ring(q, dx=dx, time=task.dt, gamma=task.gamma, cfl=STEP[rule], reconstruct=RULES[rule])


@functools.partial(jax.jit, static_argnums=(1, 2, 3, 4))
def _path(gas: Gas, n: int, frames: int, rule: str, task: CompressibleEuler) -> Gas:
    """`frames` states on n cells, seen on those of the task."""
    q, given = euler.conserved(gas, task.gamma), gas.density.shape[0]
    finer = n >= given
    parts = n // given if finer else given // n

    def step(q: Array, _: None) -> tuple[Array, Gas]:
        q = _moved(q, rule, task)
        return q, euler.primitive(weno.coarsen(q, parts) if finer else euler.refine(q, parts), task.gamma)

    start = euler.refine(q, parts) if finer else weno.coarsen(q, parts)
    return jax.lax.scan(step, start, None, length=frames)[1]
