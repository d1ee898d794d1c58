"""One step of the Korteweg-de Vries equation: given u(x, t), what is u(x, t + dt)?

    u_t + u u_x + u_xxx = 0,    x in [0, L) periodic

Waves steepen, break up into solitons and pass through each other; nothing is lost: mass, momentum and energy are kept.
Box, grid and random sums of long waves are of the kind of the set in Brandstetter et al. 2022, arXiv:2202.07643
(L = 128, 256 points), which is not reproduced sample by sample. Truth: pseudo-spectral, fourth-order exponential
Runge-Kutta, 2/3 de-aliasing, float64, checked against colliding solitons (Hirota, doi:10.1103/PhysRevLett.27.1192).
Other boxes and units are scalings, u(x, t) -> s^2 u(s x, s^3 t): amplitude and length are all the parameters there are.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from erlangen.contract import Shift
from erlangen.core.errors import within
from erlangen.core.groups import Broken, Galilean, Group, Reflection, Shifts
from erlangen.numerics.spectral import Dealiasing
from erlangen.physics import fluids, waves
from erlangen.physics.random_fields import smooth_field

from ._periodic import PEAKS, PeriodicEvolution

MODES = 4  # waves in an initial field


@dataclass(frozen=True)
class KortewegDeVries(PeriodicEvolution):
    amplitude: float = (
        0.5  # rms of the initial field; solitons rise to eight times that and run at a third of their height
    )
    length: float = 128.0  # L, in units of the half-width of a soliton of height 12
    n: int = 256  # grid points of input and output
    dt: float = 1.0  # time between input and output
    horizon: int = 40  # steps in a trajectory
    count: int = 500  # training trajectories; each held-out split has a tenth
    seed: int = 0

    toy: ClassVar[Mapping[str, Any]] = {"n": 48, "length": 32.0, "dt": 0.5, "count": 20, "horizon": 4}

    def __post_init__(self):
        positive = (0, math.inf)
        within(self, amplitude=positive, length=positive, dt=positive)
        within(self, n=(16, 8192), horizon=(1, 10_000), count=(4, math.inf))

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return Shifts((0,)), Galilean(self.dt), Broken(Reflection(0), by="dispersion: long waves are faster")

    @property
    def shifts(self) -> tuple[Shift, ...]:
        return (
            Shift("amplitude", (round(1.5 * self.amplitude, 6), 2 * self.amplitude), "larger amplitude", "L/T"),
            Shift("length", (1.5 * self.length,), "longer waves", "L"),
            Shift("n", (2 * self.n,), "finer grid", "points"),
            Shift("horizon", (2 * self.horizon,), "longer trajectories", "steps"),
        )

    @property
    def points(self) -> float:
        """Enough for a soliton of eight times the amplitude to 1e-8: its modes fall off as exp(-pi k / sqrt(c))."""
        return 5 * self.length * math.sqrt(self.amplitude)

    @property
    def speed(self) -> float:
        return 8 * self.amplitude

    def holding(self, reach: float) -> Self:
        return dataclasses.replace(self, amplitude=max(self.amplitude, reach / PEAKS))

    def initial(self, n: int, *, key: PRNGKeyArray) -> Float[Array, " n"]:
        return smooth_field((n,), modes=MODES, rms=self.amplitude, dtype=jnp.float64, key=key)

    def terms(self, n: int, *, dealiasing: Dealiasing, length: float) -> fluids.Semilinear:
        return waves.korteweg_de_vries_terms(n, dealiasing=dealiasing, length=length)
