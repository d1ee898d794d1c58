"""A coarse solver finds the flow; the field itself is carried along it on a finer grid.

    coarse:  d u_hat / dt = (L + l) u_hat + (1 + a) N((1 + b) u_hat),  as in `hybrid`, without a network
    fine:    D w / Dt = L w + s  along the flow of u,  one semi-Lagrangian step per output (`numerics.semi_lagrangian`)

The flow of a vorticity hardly feels its short waves (|v_hat| = |w_hat| / |k|), while most of what a coarse solver gets
wrong is that it cannot hold them. A step along the flow is as long as dozens of the solver's. Answers are what the
given points see of w; rolled out, both fields go on (`Predictor.path`). l, a, b are fitted to paths of `unrolled`
outputs, through everything; they vanish before, and the answer is that of a classical method (Staniforth and Cote 1991,
doi:10.1175/1520-0493(1991)119<2206:SLISFA>2.0.CO;2). Shifts by whole points are exact where the flow is solved on the
given points (`coarser` 1), else as exact as interpolation.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from erlangen.contract import Evolution, Outputs, Predictor, Samples, Signature, Transport
from erlangen.core.errors import within
from erlangen.core.groups import Group, QuarterTurns, Reflection, Shifts
from erlangen.core.systems import Field, System
from erlangen.physics.transport import carried

from ._solver_in_the_loop import SolverInTheLoop
from .hybrid import Corrected, Hybrid


class Carried(Predictor):
    """The coarse solver, and how the field is carried along its flow."""

    solver: Corrected
    coarser: float = eqx.field(static=True)
    finer: float = eqx.field(static=True)
    path_steps: int = eqx.field(static=True)

    def __call__(self, x: System) -> Outputs:
        return {name: values[0] for name, values in self.path(x, 1).items()}

    def path(self, x: System, steps: int, feed: Any = None) -> Outputs:
        """Of both fields, from one state: nothing is fed."""
        task, dtype = self.solver.task, self.solver.rate.dtype
        x = x.replace(**{q.name: jnp.asarray(x[q.name], dtype) for q in task.inputs})
        n = len(x[task.law.state])
        coarse, fine = (2 * round(ratio * n / 2) for ratio in (self.coarser, self.finer))
        states = carried(task.law, x, coarse, fine, steps, self.solver.stepper, path_steps=self.path_steps)
        return {task.outputs[0].name: states}


@dataclass(frozen=True)
class SemiLagrangian(SolverInTheLoop):
    coarser: float = 0.875  # grid on which the flow is solved, in units of the given one
    finer: float = 2.0  # grid on which the field is carried, in units of the given one
    path_steps: int = 2  # Runge-Kutta steps along the paths, per output
    unrolled: int = 4  # outputs in a row on which it is trained
    rate: float = 1e-3  # peak learning rate
    batch: int = 4

    accepts: ClassVar[Signature] = Signature(Evolution, Field, law=Transport)

    def __post_init__(self):
        within(self, coarser=(0, 16), finer=(0, 16), path_steps=(1, 1000), unrolled=(1, 1000))
        within(self, rate=(0, math.inf), batch=(1, math.inf))

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (Reflection, QuarterTurns, *([Shifts] if self.coarser == 1 else []))

    def build(self, task: Evolution, samples: Samples, *, key: PRNGKeyArray) -> Carried:
        """The untrained answer."""
        solver = Hybrid(width=0).build(task, samples, key=key)
        return Carried(dataclasses.replace(solver, out_scale=1.0), self.coarser, self.finer, self.path_steps)
