"""One step of the viscous Burgers equation: given u(x, t), what is u(x, t + dt)?

    u_t + u u_x = nu u_xx,    x in [0, 2 pi) periodic

Truth: pseudo-spectral, fourth-order exponential Runge-Kutta, 2/3 de-aliasing, float64, on a grid that resolves the
fronts (512 points with the defaults), seen at every fourth point; the solver is checked against the Cole-Hopf solution
(Cole 1951, doi:10.1090/qam/42889). Initial fields are Gaussian, four waves, rms `amplitude`. Within a trajectory they
steepen into fronts of jump J and thickness 4 nu / J, J at most about four times the amplitude: one point of the given
grid or more. The thinnest fronts are not determined by 128 points; the solvers' curve ends at that floor.
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
from erlangen.core.groups import Galilean, Group, Reflection, Shifts
from erlangen.numerics.spectral import Dealiasing
from erlangen.physics import fluids
from erlangen.physics.random_fields import smooth_field

from ._periodic import PEAKS, PeriodicEvolution

MODES = 4  # waves in an initial field


@dataclass(frozen=True)
class Burgers(PeriodicEvolution):
    viscosity: float = 0.01  # nu, in units of (domain length / 2 pi)^2 per unit time
    amplitude: float = 0.3  # rms of the initial field; the first fronts form at t of about 0.3 / amplitude
    n: int = 128  # grid points of input and output
    dt: float = 0.05  # time between input and output
    horizon: int = 20  # steps in a trajectory
    count: int = 1000  # training trajectories; each held-out split has a tenth
    seed: int = 0

    toy: ClassVar[Mapping[str, Any]] = {"n": 32, "viscosity": 0.1, "count": 20, "horizon": 4}

    def __post_init__(self):
        positive = (0, math.inf)
        within(self, viscosity=positive, amplitude=positive, dt=positive)
        within(self, n=(8, 8192), horizon=(1, 10_000), count=(4, math.inf))

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return Shifts((0,)), Reflection(0), Galilean(self.dt)

    @property
    def shifts(self) -> tuple[Shift, ...]:
        return (
            Shift("viscosity", (self.viscosity / 2, self.viscosity / 4), "lower viscosity", "L^2/T"),
            Shift("amplitude", (round(1.5 * self.amplitude, 6), 2 * self.amplitude), "larger amplitude", "L/T"),
            Shift("n", (2 * self.n,), "finer grid", "points"),
        )

    @property
    def points(self) -> float:
        """Enough for a front of four times the amplitude to 1e-5."""
        return 16 * self.amplitude / self.viscosity

    @property
    def speed(self) -> float:
        return 4 * self.amplitude  # |u| of a Gaussian field stays below 5 rms in all trajectories

    def holding(self, reach: float) -> Self:
        return dataclasses.replace(self, amplitude=max(self.amplitude, reach / PEAKS))

    def initial(self, n: int, *, key: PRNGKeyArray) -> Float[Array, " n"]:
        return smooth_field((n,), modes=MODES, rms=self.amplitude, dtype=jnp.float64, key=key)

    def terms(self, n: int, *, dealiasing: Dealiasing, length: float) -> fluids.Semilinear:
        return fluids.burgers_terms(n, viscosity=self.viscosity, dealiasing=dealiasing, length=length)
