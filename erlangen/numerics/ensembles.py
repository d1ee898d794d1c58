"""Steps of molecular dynamics in compiled code: constant energy, constant temperature, constant pressure.

    m dv = F dt,     dx = v dt                                                      Verlet
      ... - gamma m v dt + sqrt(2 gamma m kT) dW                                    Langevin (BAOAB)
      v -> alpha v,  K relaxes to its canonical distribution                        VelocityRescaling
      h -> h exp(e), x -> x exp(e), v -> v exp(-e),  e a random strain              CellRescaling(any of them)

In any consistent system of units. Each counts the energy that its baths hand over (`Phase.heat`), so that
K + U - heat is conserved up to the error of the time step: one figure of merit for all ensembles.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ..core.arrays import Coefficient
from .following import Felt, Seen


class Phase(eqx.Module):
    """A point of phase space with its cell, what is felt there, the list of neighbours, the heat taken up so far."""

    positions: Float[Array, "n 3"]
    velocities: Float[Array, "n 3"]
    cell: Float[Array, "3 3"]
    felt: Felt
    heat: Float[Array, ""]
    seen: Seen | None = None

    def moved(self, **changes: Array | Felt | Seen | None) -> Phase:
        """A copy with some of it exchanged."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]


class Bodies(eqx.Module):
    """Masses (0: no atom there), and how many velocities are free: 3 n, less what the dynamics conserves."""

    masses: Float[Array, " n"]
    freedom: Float[Array, ""]

    @property
    def mobility(self) -> Float[Array, "n 1"]:
        """1 / m, 0 where there is no atom."""
        return jnp.where(self.masses > 0, 1 / jnp.where(self.masses > 0, self.masses, 1.0), 0.0)[:, None]

    def kinetic(self, v: Float[Array, "n 3"]) -> Float[Array, " n"]:
        """m v^2 / 2 of each."""
        return 0.5 * self.masses * jnp.sum(v**2, -1)


Feel = Callable[[Phase], Phase]
"""Fills in what is felt at the positions of a phase."""


class Ensemble(eqx.Module):
    """A rule for one step."""

    @abc.abstractmethod
    def step(self, phase: Phase, bodies: Bodies, feel: Feel, *, number: Int[Array, ""], key: PRNGKeyArray) -> Phase:
        """From one point to the next; number: of the step, from 0."""

    @property
    @abc.abstractmethod
    def conserves_momentum(self) -> bool:
        """Whether the sum of m v stays what it is."""

    @property
    def keeps_cell(self) -> bool:
        """Whether the cell stays what it is."""
        return True


class Verlet(Ensemble):
    """Constant energy: v += dt/2 F/m, x += dt v, F(x), v += dt/2 F/m. Symplectic, time-reversible, error O(dt^2).

    Good values: dt 0.5-1 fs with hydrogen, 2-5 fs for metals and argon.
    """

    dt: float

    def step(self, phase: Phase, bodies: Bodies, feel: Feel, *, number: Int[Array, ""], key: PRNGKeyArray) -> Phase:
        v = _kicked(phase, bodies, self.dt)
        phase = feel(phase.moved(positions=phase.positions + self.dt * v, velocities=v))
        return phase.moved(velocities=_kicked(phase, bodies, self.dt))

    @property
    def conserves_momentum(self) -> bool:
        return True


class Langevin(Ensemble):
    """Constant temperature by friction and noise on every atom, BAOAB (Leimkuhler and Matthews 2013,
    doi:10.1063/1.4802990): v = c v + sqrt(1 - c^2) sqrt(kT/m) xi, c = exp(-friction dt), in the middle of the drift.

    Positions are canonical to rounding for harmonic forces at every stable dt. Good values: friction 0.001-0.02/fs;
    diffusion and spectra are those of the damped motion.
    """

    dt: float
    kT: Coefficient
    friction: float = 0.01

    def step(self, phase: Phase, bodies: Bodies, feel: Feel, *, number: Int[Array, ""], key: PRNGKeyArray) -> Phase:
        v = _kicked(phase, bodies, self.dt)
        middle = phase.positions + 0.5 * self.dt * v
        keep = jnp.exp(-self.friction * self.dt)
        noise = jax.random.normal(key, v.shape, v.dtype)
        new = keep * v + jnp.sqrt((1 - keep**2) * self.kT * bodies.mobility) * noise
        heat = phase.heat + jnp.sum(bodies.kinetic(new) - bodies.kinetic(v))
        phase = feel(phase.moved(positions=middle + 0.5 * self.dt * new, velocities=new, heat=heat))
        return phase.moved(velocities=_kicked(phase, bodies, self.dt))

    @property
    def conserves_momentum(self) -> bool:
        return False


class VelocityRescaling(Ensemble):
    """Constant temperature by one factor on all velocities (CSVR; Bussi, Donadio and Parrinello 2007,
    doi:10.1063/1.2408420, eq. A7), after a step of Verlet: K' is a draw of its own relaxation towards p(K) ~
    K^(f/2 - 1) exp(-K/kT) within `time`, exact for every dt. f: `Bodies.freedom`.

    Keeps total momentum zero and hardly disturbs diffusion and spectra. Good values: time 50-500 fs.
    """

    dt: float
    kT: Coefficient
    time: float = 100.0

    def step(self, phase: Phase, bodies: Bodies, feel: Feel, *, number: Int[Array, ""], key: PRNGKeyArray) -> Phase:
        phase = Verlet(self.dt).step(phase, bodies, feel, number=number, key=key)
        now = jnp.sum(bodies.kinetic(phase.velocities))
        keep, f = jnp.exp(-self.dt / self.time), bodies.freedom
        first, rest = jax.random.split(key)
        xi = jax.random.normal(first, (), now.dtype)
        others = 2 * jax.random.gamma(rest, jnp.maximum((f - 1) / 2, 1e-3), dtype=now.dtype)  # sum of f - 1 squares
        share = 0.5 * self.kT * (1 - keep)
        then = keep * now + share * (xi**2 + others) + 2 * xi * jnp.sqrt(keep * share * now)
        scale = jnp.sqrt(jnp.where(now > 0, then / jnp.where(now > 0, now, 1.0), 1.0))
        heat = phase.heat + (scale**2 - 1) * now
        return phase.moved(velocities=scale * phase.velocities, heat=heat)

    @property
    def conserves_momentum(self) -> bool:
        return True


class CellRescaling(Ensemble):
    """Constant pressure around any ensemble: stochastic cell rescaling (Bernetti and Bussi 2020,
    doi:10.1063/5.0020514; of the whole cell: del Tatto, Raiteri, Bernetti and Bussi 2022, doi:10.3390/app12031139).

        e = -(beta / 3 tau) (P0 - P) dt' + sqrt(2 kT beta dt' / (3 V tau)) xi,    P = sum m v v^T / V - sigma

    every `every` steps with dt' = every dt, xi a symmetric matrix of noise. With respect to d(log h) the target density
    is V exp(-(H + P0 V)/kT) and the noise falls as 1/V: the terms kT/V that either would add cancel. free: which part
    of e is taken: "shape" all of it, "lengths" its diagonal, "volume" its trace; each samples its own cells.

    The volume relaxes within tau times beta over the true compressibility; both need be right to a factor only.
    """

    inner: Verlet | Langevin | VelocityRescaling
    kT: Coefficient
    pressure: Coefficient
    compressibility: float
    time: float = 1000.0
    every: int = eqx.field(static=True, default=10)
    free: Literal["volume", "lengths", "shape"] = eqx.field(static=True, default="volume")

    def step(self, phase: Phase, bodies: Bodies, feel: Feel, *, number: Int[Array, ""], key: PRNGKeyArray) -> Phase:
        first, second = jax.random.split(key)
        phase = self.inner.step(phase, bodies, feel, number=number, key=first)
        due = (number + 1) % self.every == 0
        return jax.lax.cond(due, lambda p: self._rescaled(p, bodies, feel, second), lambda p: p, phase)

    def _rescaled(self, phase: Phase, bodies: Bodies, feel: Feel, key: PRNGKeyArray) -> Phase:
        v, before = phase.velocities, _energy(phase, bodies)
        size = jnp.abs(jnp.linalg.det(phase.cell))
        found = (bodies.masses[:, None] * v).T @ v / size - phase.felt.stress
        rate = self.compressibility * self.every * self.inner.dt / (3 * self.time)
        noise = jax.random.normal(key, (3, 3), v.dtype)
        strain = rate * (found - self.pressure * jnp.eye(3, dtype=v.dtype))
        strain += jnp.sqrt(2 * self.kT * rate / size) * 0.5 * (noise + noise.T)
        grow, shrink = _exponentials(_part(strain, self.free))
        moved = phase.moved(positions=phase.positions @ grow, velocities=v @ shrink, cell=phase.cell @ grow)
        after = feel(moved)
        return after.moved(heat=after.heat + _energy(after, bodies) - before)

    @property
    def conserves_momentum(self) -> bool:
        return self.inner.conserves_momentum

    @property
    def keeps_cell(self) -> bool:
        return False


def _kicked(phase: Phase, bodies: Bodies, dt: float) -> Float[Array, "n 3"]:
    return phase.velocities + 0.5 * dt * phase.felt.forces * bodies.mobility


def _energy(phase: Phase, bodies: Bodies) -> Float[Array, ""]:
    return phase.felt.energy + jnp.sum(bodies.kinetic(phase.velocities))


def _part(strain: Float[Array, "3 3"], free: str) -> Float[Array, "3 3"]:
    one = jnp.eye(3, dtype=strain.dtype)
    return {"volume": jnp.trace(strain) / 3 * one, "lengths": strain * one, "shape": strain}[free]


def _exponentials(strain: Float[Array, "3 3"]) -> tuple[Float[Array, "3 3"], Float[Array, "3 3"]]:
    """exp(e) and exp(-e) of a symmetric matrix."""
    values, vectors = jnp.linalg.eigh(strain)
    return (vectors * jnp.exp(values)) @ vectors.T, (vectors * jnp.exp(-values)) @ vectors.T
