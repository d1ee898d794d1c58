"""Spectral-core hybrid: a coarse solver of the known equation, and a small network that corrects it on the way.

    u_hat <- S^k (f u_hat),     u_hat <- (1 + g) u_hat + F C(u, s)       `corrections` times per output

S: one step of the fourth-order exponential rule on the given grid, f: the solver's filter, k: stable steps between two
corrections; g: a number for every shell of wavenumbers; C: a Fourier network that sees the state and the other inputs
and adds nothing to the mean. C = g = 0 before training: then the answer is that of the solver. Trained through the
solver, on several outputs in a row (`unrolled`): Um et al. 2020, arXiv:2007.00016; Kochkov et al. 2021,
doi:10.1073/pnas.2101784118; on spectral solvers Dresdner et al. 2022, arXiv:2207.00556.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, PRNGKeyArray

from erlangen.contract import Budget, Governed, Method, Outputs, Samples, Session, Signature
from erlangen.contract import Fitted as Answer
from erlangen.core.errors import within
from erlangen.core.groups import Group, Shifts
from erlangen.core.systems import Field, System
from erlangen.learn.supervised import Training
from erlangen.learn.unrolling import Unrolling, fit_unrolled
from erlangen.numerics import spectral
from erlangen.numerics.exponential_integrators import etdrk4

from ._operator import Core, Layout
from .fno import FNO


class Corrected(Answer):
    """The trained map. in_scale: spread of the inputs; out_scale: of the state."""

    corrector: Core
    gain: Float[Array, " shells"]
    in_scale: np.ndarray
    out_scale: float = eqx.field(static=True)
    task: Governed = eqx.field(static=True)
    corrections: int = eqx.field(static=True)

    def __call__(self, x: System) -> Outputs:
        linear, nonlinear, mask = self.task.equation(x)
        state = jnp.asarray(x[self.task.state], self.gain.dtype)
        others = [jnp.asarray(x[q.name], state.dtype) for q in self.task.inputs if q.name != self.task.state]
        legs = -(-self.task.substeps // self.corrections)
        step = etdrk4(linear, nonlinear, self.task.dt / (legs * self.corrections))
        mask, shells = jnp.asarray(mask, state.dtype), _shells(state.shape)

        @jax.checkpoint
        def leg(u_hat: Complex[Array, "..."], _: None) -> tuple[Complex[Array, "..."], None]:
            u_hat = jax.lax.fori_loop(0, legs, lambda _, u: step(u), mask * u_hat)
            u = spectral.inverse(u_hat, state.shape)
            seen = jnp.stack([u, *others], axis=-1) / jnp.asarray(self.in_scale, u.dtype)
            added = spectral.transform(self.out_scale * self.corrector(seen)[..., 0])
            return (1 + self.gain[shells]) * u_hat + added.at[(0,) * u.ndim].set(0), None

        u_hat, _ = jax.lax.scan(leg, spectral.transform(state), None, length=self.corrections)
        return {self.task.outputs[0].name: spectral.inverse(u_hat, state.shape)}


@dataclass(frozen=True)
class Hybrid(Method):
    corrections: int = 2  # per output
    width: int = 12  # channels of the network
    modes: int = 16  # Fourier modes that it sees along every axis: |m| < modes
    layers: int = 2
    unrolled: int = 2  # outputs in a row on which it is trained
    rate: float = 2e-3  # peak learning rate
    batch: int = 8

    accepts: ClassVar[Signature] = Signature(Governed, Field)

    def __post_init__(self):
        within(self, corrections=(1, 4096), width=(1, 4096), modes=(1, 4096), layers=(1, 64), unrolled=(1, 1000))
        within(self, rate=(0, math.inf), batch=(1, math.inf))

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (Shifts,)

    def build(self, task: Governed, samples: Samples, *, key: PRNGKeyArray) -> Corrected:
        """The untrained answer: the solver itself."""
        x = samples.inputs[0]
        grid = np.shape(x[task.state])
        layout = Layout(grid, tuple(x["spacing"]), tuple(task.inputs), tuple(task.outputs))
        network = FNO(width=self.width, modes=self.modes, layers=self.layers).core(layout, key=key)
        spreads = [float(np.std([np.asarray(x[q.name]) for x in samples.inputs])) or 1.0 for q in task.inputs]
        return Corrected(
            corrector=eqx.tree_at(lambda c: c.readout, network, jnp.zeros_like(network.readout)),
            gain=jnp.zeros(int(_shells(grid).max()) + 1, jnp.float32),
            in_scale=np.asarray(spreads),
            out_scale=0.1 * spreads[0],
            task=task,
            corrections=self.corrections,
        )

    def fit(self, task: Governed, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Corrected:
        start, order = jax.random.split(key)
        model = self.build(task, task.trajectories("train"), key=start)
        return fit_unrolled(
            model,
            task,
            Unrolling(self.unrolled),
            training=Training(rate=self.rate, batch=self.batch),
            budget=budget,
            key=order,
            session=session,
        )


def _shells(grid: tuple[int, ...]) -> np.ndarray:
    """Number of the shell, round(|m|), of every coefficient of ``rfftn``."""
    return np.rint(np.sqrt(spectral.squared_wavenumber(grid))).astype(int)
