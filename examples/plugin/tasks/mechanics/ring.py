"""One time step of a ring of coupled pendula, from displacements and velocities now to those a moment later.

    u_i'' = c^2 (u_{i+1} - 2 u_i + u_{i-1}) - w^2 u_i,      i = 0 ... n-1 on a ring

Truth: exact, every wave of the ring is a harmonic oscillator of frequency sqrt(w^2 + 4 c^2 sin^2(pi k / n)).
Source: Goldstein, Classical Mechanics, chapter 6 (small oscillations).
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from erlangen.assess.metrics import relative_l2
from erlangen.contract import Evolution, Samples, Score, Shift
from erlangen.core.groups import Reflection, Shifts
from erlangen.core.quantity import Quantity
from erlangen.core.systems import Field

NUMBER = {"train": 0, "validation": 1, "calibration": 2, "test": 3}


@dataclasses.dataclass(frozen=True)
class Ring(Evolution):
    """Pendula on a ring; times in units of the period of a free pendulum over 2 pi."""

    n: int = 32  # pendula
    coupling: float = 1.0  # c
    dt: float = 0.5  # time between input and output
    count: int = 200  # samples per split

    container = Field
    inputs = (Quantity("u", "u", "1", "grid"), Quantity("v", "v", "1", "grid"))
    outputs = (Quantity("u", "u", "1", "grid", lag=1), Quantity("v", "v", "1", "grid", lag=1))
    budget = "10s"
    toy = {"n": 8, "count": 40}

    @property
    def symmetry(self):
        return (Shifts(), Reflection())

    @property
    def scores(self):
        return (
            Score("nrmse", "u", relative_l2, "%", "error of one step", factor=100),
            Score("rollout", "u", relative_l2, "%", "error after 20 steps", factor=100, steps=20),
        )

    @property
    def shifts(self):
        return (Shift("coupling", (1.1, 1.5), "stiffer springs"),)

    def solve(self, x: Field):
        k = jnp.arange(self.n // 2 + 1)
        w = jnp.sqrt(1 + 4 * self.coupling**2 * jnp.sin(jnp.pi * k / self.n) ** 2)
        u, v = jnp.fft.rfft(x["u"]), jnp.fft.rfft(x["v"])
        c, s = jnp.cos(w * self.dt), jnp.sin(w * self.dt)
        return {"u": jnp.fft.irfft(c * u + s / w * v, self.n), "v": jnp.fft.irfft(c * v - w * s * u, self.n)}

    def feed(self, x: Field, outputs):
        return x.replace(u=outputs["u"], v=outputs["v"])

    def truth(self, split):
        inputs = self._states(split)
        return Samples(inputs, _columns(map(jax.jit(self.solve), inputs)))

    def trajectories(self, split):
        @jax.jit
        def run(x: Field):
            def step(state, _):
                return self.feed(state, out := self.solve(state)), out

            return jax.lax.scan(step, x, None, length=20)[1]

        inputs = self._states(split)
        return Samples(inputs, _columns(map(run, inputs)))

    def _states(self, split):
        draws = np.random.default_rng(NUMBER[split]).normal(size=(self.count, 2, self.n)).astype(np.float32)
        return [Field({"u": u, "v": v}, (1.0,)) for u, v in draws]


def _columns(answers):
    rows = list(answers)
    return {name: [np.asarray(row[name]) for row in rows] for name in rows[0]}
