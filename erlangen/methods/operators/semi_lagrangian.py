"""A coarse solver finds the flow; the field itself is carried along it on a finer grid.

    coarse:  d u_hat / dt = (L + l) u_hat + (1 + a) N((1 + b) u_hat),  as in `hybrid`, without a network
    fine:    D w / Dt = L w + s  along the flow of u,  one semi-Lagrangian step per output (`numerics.semi_lagrangian`)

The flow of a vorticity hardly feels its short waves (|v_hat| = |w_hat| / |k|), while most of what a coarse solver gets
wrong is that it cannot hold them. A step along the flow is as long as dozens of the solver's and costs that of a few.
Answers are what the given points see of w. Rolled out, both fields go on (`Continued`). l, a, b are fitted to paths of
`unrolled` outputs, through everything; they vanish before, and the answer is that of a classical method.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import ClassVar, cast

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, PRNGKeyArray

from erlangen.contract import Budget, Continued, Method, Outputs, Samples, Session, Signature, Transported
from erlangen.core.errors import within
from erlangen.core.groups import Group, Shifts
from erlangen.core.systems import Field, System
from erlangen.learn.supervised import Training
from erlangen.learn.unrolling import Unrolling, fit_unrolled
from erlangen.numerics import spectral
from erlangen.numerics.exponential_integrators import trajectory
from erlangen.numerics.semi_lagrangian import carried, departures

from .hybrid import Corrected, Hybrid, division, on_grid

KEPT = 4, 3, 2  # solver steps between two states at which the flow is known


class Carried(Continued):
    """The coarse solver, and how the field is carried along its flow."""

    solver: Corrected
    coarser: float = eqx.field(static=True)
    finer: float = eqx.field(static=True)
    legs: int = eqx.field(static=True)

    def __call__(self, x: System) -> Outputs:
        return {name: values[0] for name, values in self.path(x, 1).items()}

    def path(self, x: System, steps: int) -> Outputs:
        task, dtype = cast(Transported, self.solver.task), self.solver.rate.dtype
        state = jnp.asarray(x[task.state], dtype)
        coarse, fine = (tuple(round(ratio * n / 2) * 2 for n in state.shape) for ratio in (self.coarser, self.finer))
        seen = on_grid(cast(Field, x), state.shape, coarse)
        pieces, kept = division(math.ceil(self.coarser * task.substeps), KEPT)
        step, mask = self.solver.stepper(seen, pieces * kept), jnp.asarray(task.equation(seen)[2], dtype)
        decay = jnp.exp(jnp.asarray(task.dissipation(x, fine) * (task.dt / 2), dtype))

        def output(fields: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], Array]:
            u_hat, w_hat = fields
            later = trajectory(step, mask * u_hat, frames=pieces, substeps=kept)
            states = jnp.concatenate([u_hat[None], later])
            flow = [task.flow(seen, _between(states, 1 - i / (2 * self.legs))) for i in range(2 * self.legs + 1)]
            w_hat = carried(w_hat, departures(flow, task.dt, seen["spacing"]), decay, fine)
            return (later[-1], w_hat), spectral.sample(spectral.inverse(w_hat, fine), state.shape)

        u_hat = spectral.transform(state)
        start = spectral.resize(u_hat, state.shape, coarse), spectral.resize(u_hat, state.shape, fine)
        return {task.outputs[0].name: jax.lax.scan(output, start, None, length=steps)[1]}


@dataclass(frozen=True)
class SemiLagrangian(Method):
    coarser: float = 0.875  # grid on which the flow is solved, in units of the given one
    finer: float = 2.0  # grid on which the field is carried, in units of the given one
    legs: int = 2  # Runge-Kutta steps along the paths, per output
    unrolled: int = 4  # outputs in a row on which it is trained
    rate: float = 2e-3  # peak learning rate
    batch: int = 4

    accepts: ClassVar[Signature] = Signature(Transported, Field)

    def __post_init__(self):
        within(self, coarser=(0, 16), finer=(0, 16), legs=(1, 1000), unrolled=(1, 1000))
        within(self, rate=(0, math.inf), batch=(1, math.inf))

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (Shifts,)

    def build(self, task: Transported, samples: Samples, *, key: PRNGKeyArray) -> Carried:
        """The untrained answer."""
        solver = Hybrid(width=0).build(task, samples, key=key)
        return Carried(dataclasses.replace(solver, out_scale=1.0), self.coarser, self.finer, self.legs)

    def fit(self, task: Transported, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Carried:
        start, order = jax.random.split(key)
        return fit_unrolled(
            self.build(task, task.trajectories("train"), key=start),
            task,
            Unrolling(self.unrolled),
            training=Training(rate=self.rate, batch=self.batch),
            budget=budget,
            key=order,
            session=session,
        )


def _between(states: Complex[Array, "times ..."], place: float) -> Complex[Array, "..."]:
    """The state at a place from 0 to 1 of equally spaced ones, linear in time."""
    place *= len(states) - 1
    before = min(math.floor(place), len(states) - 2)
    return (before + 1 - place) * states[before] + (place - before) * states[before + 1]
