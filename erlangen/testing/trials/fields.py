"""Trials with fields: exact solutions on a line, a torus, between walls, on a sphere, and of a gas.

Line     u = c - 2 nu d/dx log phi(x - c t, t)          Cole 1951, doi:10.1090/qam/42889
Torus    w(t + dt) = e^{-l dt} w + (1 - e^{-l dt}) s / l,   l = nu K + mu    waves of one shell |k|^2 = K are steady
Walls    -Lap u = a on the unit square, u = 0 on its walls                   sine by sine
Sphere   everything turns with the sphere
Gas      rho(x, t) = rho(x - u t, 0) at constant u and p                     a contact wave
"""

from __future__ import annotations

import abc
import dataclasses
import itertools
import math
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from ...contract import Evolution, Outputs, Samples, Split, Supervised
from ...core.flow_groups import Boost, Equator, MassUnit
from ...core.groups import Galilean, Group, QuarterTurns, Reflection, Shifts, Square
from ...core.quantity import Quantity, pseudoscalar, vector
from ...core.systems import Field, System
from ...tasks.continuum.burgers import Burgers
from ...tasks.continuum.euler import CompressibleEuler
from ...tasks.continuum.kolmogorov import Kolmogorov
from ._trial import Trial, drawn, generator

TRAJECTORIES = {"train": 4, "validation": 1, "calibration": 3, "test": 2}
HORIZON = 4  # steps in each


class Moving(Trial, Evolution):
    """Fields at t, asked for at t + dt; outputs are called as the inputs that they follow, with `_next`."""

    container = Field

    def feed(self, x: System, outputs: Outputs) -> System:
        return x.replace(**{name.removesuffix("_next"): value for name, value in outputs.items()})

    def trajectories(self, split: Split) -> Samples:
        rng = generator(split)
        paths = [self.path(rng) for _ in range(TRAJECTORIES[split])]
        columns = {
            q.name: [np.stack([x[q.name.removesuffix("_next")] for x in p[1:]]) for p in paths] for q in self.outputs
        }
        return Samples([p[0] for p in paths], columns, np.arange(len(paths)))

    @abc.abstractmethod
    def path(self, rng: np.random.Generator) -> list[Field]:
        """States at 0, dt, ..., HORIZON dt."""


@dataclasses.dataclass(frozen=True)
class Line(Moving):
    """Viscous Burgers on a periodic line: a Galilean-invariant, semilinear law."""

    n: int = 16
    dt: float = 0.25
    viscosity: float = 0.5

    inputs = (Quantity("u", "u", "L/T", "grid", vector),)
    outputs = (Quantity("u_next", "u(t + dt)", "L/T", "grid", vector, lag=1),)

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return Shifts((0,)), Reflection(0), Galilean(self.dt)

    @property
    def law(self) -> Burgers:
        return Burgers(viscosity=self.viscosity, n=self.n, dt=self.dt)

    def path(self, rng: np.random.Generator) -> list[Field]:
        x, modes = 2 * math.pi * np.arange(self.n) / self.n, np.arange(1, 4)[:, None]
        a, p = 0.3 * rng.uniform(0.3, 1, modes.shape), rng.uniform(0, 2 * math.pi, modes.shape)
        c = rng.normal()

        def at(t: float) -> Field:
            angle = modes * (x - c * t) + p
            waves = a * np.exp(-self.viscosity * modes**2 * t)
            u = c + 2 * self.viscosity * np.sum(waves * modes * np.sin(angle), 0) / (
                1 + np.sum(waves * np.cos(angle), 0)
            )
            return Field({"u": u}, (2 * math.pi / self.n,))

        return [at(k * self.dt) for k in range(HORIZON + 1)]


@dataclasses.dataclass(frozen=True)
class Torus(Moving):
    """Vorticity of a plane flow under a given source: a law of transport."""

    n: int = 16
    dt: float = 0.25
    viscosity: float = 0.1

    inputs = (
        Quantity("w", "w", "1/T", "grid", pseudoscalar),
        Quantity("source", "s", "1/T^2", "grid", pseudoscalar),
    )
    outputs = (Quantity("w_next", "w(t + dt)", "1/T", "grid", pseudoscalar, lag=1),)
    shell: ClassVar[tuple[tuple[int, int], ...]] = ((1, 2), (1, -2), (2, 1), (2, -1))

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return Shifts((0, 1)), Reflection(0), Reflection(1), QuarterTurns()

    @property
    def law(self) -> Kolmogorov:
        return Kolmogorov(viscosity=self.viscosity, n=self.n, dt=self.dt)

    def path(self, rng: np.random.Generator) -> list[Field]:
        w, source = self.waves(rng), self.waves(rng)
        rate = self.viscosity * 5 + self.law.drag
        kept = math.exp(-rate * self.dt)
        states = [w]
        for _ in range(HORIZON):
            states.append(kept * states[-1] + (1 - kept) / rate * source)
        return [Field({"w": s, "source": source}, (2 * math.pi / self.n,) * 2) for s in states]

    def waves(self, rng: np.random.Generator) -> Float[np.ndarray, "n n"]:
        """A field of the shell |k|^2 = 5."""
        x = 2 * math.pi * np.arange(self.n) / self.n
        angles = [k[0] * x[:, None] + k[1] * x for k in self.shell]
        return sum((rng.normal() * np.cos(a) + rng.normal() * np.sin(a) for a in angles), np.zeros((self.n,) * 2))


@dataclasses.dataclass(frozen=True)
class Walls(Trial, Supervised):
    """A membrane under a load, fixed at the walls of a square."""

    n: int = 9

    container = Field
    inputs = (Quantity("a", "a", "1/L^2", "grid"),)
    outputs = (Quantity("u", "u", "1", "grid"),)

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return (Square(),)

    @property
    def waves(self) -> Float[np.ndarray, "k n"]:
        """sin k x, k = 1, 2, 3, on the nodes."""
        return np.sin(np.arange(1, 4)[:, None] * np.linspace(0, math.pi, self.n))

    def truth(self, split: Split) -> Samples:
        def load(rng: np.random.Generator) -> Field:
            a = self.waves.T @ rng.normal(size=(3, 3)) @ self.waves
            return Field({"a": a}, (1 / (self.n - 1),) * 2, "walls")

        return drawn(split, load, self.solve)

    def solve(self, x: System) -> dict[str, Any]:
        waves, k = self.waves, np.arange(1, 4)
        amplitudes = 4 / (self.n - 1) ** 2 * waves @ np.asarray(x["a"]) @ waves.T
        return {"u": waves.T @ (amplitudes / (math.pi**2 * (k[:, None] ** 2 + k**2))) @ waves}


@dataclasses.dataclass(frozen=True)
class Sphere(Moving):
    """Depth and wind that turn with a sphere, by longitudes and latitudes."""

    n: int = 16  # longitudes; half as many latitudes
    angle: float = 0.3  # rad in one step

    like = (Torus,)
    inputs = (Quantity("depth", "h", "m", "grid"), Quantity("wind", "v", "m/s", "grid", vector))
    outputs = (
        Quantity("depth_next", "h(t + dt)", "m", "grid", lag=1),
        Quantity("wind_next", "v(t + dt)", "m/s", "grid", vector, lag=1),
    )

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return Shifts((0,)), Equator()

    def path(self, rng: np.random.Generator) -> list[Field]:
        weights = rng.normal(size=(3, 2, 2, 3))  # of depth, east, north; zonal waves; cos and sin; degrees

        def at(t: float) -> Field:
            longitude = 2 * math.pi * np.arange(self.n)[:, None] / self.n - t
            latitude = math.pi * (np.arange(self.n // 2) + 0.5) / (self.n // 2) - math.pi / 2
            parts = []
            for w in weights:
                whole = np.zeros((self.n, self.n // 2))
                for m, degree in itertools.product((1, 2), range(3)):
                    shape = np.cos(latitude) ** m * np.sin(latitude) ** degree
                    cosine, sine = w[m - 1, :, degree]
                    whole += (cosine * np.cos(m * longitude) + sine * np.sin(m * longitude)) * shape
                parts.append(whole)
            spacing = (2 * math.pi / self.n, math.pi / (self.n // 2))
            return Field({"depth": 3 + parts[0], "wind": np.stack(parts[1:], -1)}, spacing, "sphere")

        return [at(k * self.angle) for k in range(HORIZON + 1)]


@dataclasses.dataclass(frozen=True)
class Gas(Moving):
    """A gas whose density alone varies: a conservation law in three fields."""

    n: int = 16
    dt: float = 0.02

    like = (Line,)
    inputs = CompressibleEuler.inputs
    outputs = CompressibleEuler.outputs

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return Shifts((0,)), Reflection(0), Boost(self.dt), MassUnit()

    @property
    def law(self) -> CompressibleEuler:
        return CompressibleEuler(n=self.n, dt=self.dt)

    def path(self, rng: np.random.Generator) -> list[Field]:
        x, modes = np.arange(self.n) / self.n, np.arange(1, 4)[:, None]
        a, p = 0.2 * rng.normal(size=modes.shape), rng.uniform(0, 2 * math.pi, modes.shape)
        u, pressure = rng.normal(), rng.uniform(0.5, 2)

        def at(t: float) -> Field:
            density = np.exp(np.sum(a * np.cos(2 * math.pi * modes * (x - u * t) + p), 0))
            level = np.ones(self.n)
            return Field({"density": density, "velocity": u * level, "pressure": pressure * level}, (1 / self.n,))

        return [at(k * self.dt) for k in range(HORIZON + 1)]
