"""One step of Kuramoto-Sivashinsky chaos: given u(x, t) on its attractor, what is u(x, t + dt)?

    u_t + u u_x + u_xx + u_xxxx = 0,    x in [0, L) periodic

Long waves are fed, short ones damped, the advection carries energy from one to the other: chaos in space and time, with
a largest Lyapunov exponent near 0.09. How long a prediction can hold, and whether its statistics stay right beyond, is
measured by ``assess.long_run``. The published twin is the set of PDE-Refiner (Lippe et al. 2023, arXiv:2308.05732):
L about 64 on 256 points, frames 0.2 apart, random sums of waves run to the attractor first; ours fixes L and is
regenerated, not the same samples. Kuramoto and Tsuzuki 1976, doi:10.1143/PTP.55.356. Truth: pseudo-spectral,
fourth-order exponential Runge-Kutta, 2/3 de-aliasing, float64; n points hold the waves that fit them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from erlangen.contract import Shift
from erlangen.core.errors import within
from erlangen.core.groups import Galilean, Group, Reflection, Shifts
from erlangen.numerics.spectral import Dealiasing
from erlangen.physics import fluids, waves
from erlangen.physics.random_fields import smooth_field

from ._periodic import PeriodicEvolution

MODES = 3  # waves in an initial field, before it is run to the attractor


@dataclass(frozen=True)
class KuramotoSivashinsky(PeriodicEvolution):
    length: float = 64.0  # L, in units of which the fastest growing wave has 8.9
    n: int = 256  # grid points of input and output
    dt: float = 0.2  # time between input and output
    horizon: int = 50  # steps in a trajectory
    count: int = 200  # training trajectories; each held-out split has a tenth
    spin_up: float = 60.0  # time for which a random field is run before its trajectory begins
    seed: int = 0

    accuracy: ClassVar[int] = 2
    filtered = True
    coarse = "three-halves"  # all waves of a coarse grid count: those that are cut take 50 units of time from 64 points
    toy: ClassVar[Mapping[str, Any]] = {"n": 48, "length": 22.0, "count": 20, "horizon": 4, "spin_up": 50.0}

    def __post_init__(self):
        positive = (0, math.inf)
        within(self, length=positive, dt=positive, spin_up=(-1e-9, math.inf))
        within(self, n=(16, 8192), horizon=(1, 10_000), count=(4, math.inf))

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return Shifts((0,)), Reflection(0), Galilean(self.dt)

    @property
    def shifts(self) -> tuple[Shift, ...]:
        return (
            Shift("length", (round(1.5 * self.length, 6),), "other wavelengths per grid point", "L"),
            Shift("n", (2 * self.n,), "finer grid", "points"),
            Shift("horizon", (4 * self.horizon,), "longer trajectories", "steps"),
        )

    @property
    def points(self) -> float:
        """Enough for 1e-7 in every mode."""
        return 3 * self.length

    @property
    def speed(self) -> float:
        return waves.KS_SPEED

    def initial(self, n: int, *, key: PRNGKeyArray) -> Float[Array, " n"]:
        return smooth_field((n,), modes=MODES, rms=1.0, dtype=jnp.float64, key=key)

    def terms(self, n: int, *, dealiasing: Dealiasing, length: float) -> fluids.Semilinear:
        return waves.kuramoto_sivashinsky_terms(n, dealiasing=dealiasing, length=length)
