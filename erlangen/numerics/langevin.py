"""Newton's and Langevin's equations of motion, in any consistent system of units.

    m dv = F(x) dt - gamma m v dt + sqrt(2 gamma m kT) dW,        dx = v dt

One step of BAOAB (Leimkuhler and Matthews 2013, doi:10.1063/1.4802990), with Verlet as its limit gamma = 0:

    B: v += dt/2 F/m     A: x += dt/2 v     O: v = c v + sqrt(1 - c^2) sqrt(kT/m) xi,  c = exp(-gamma dt)     A     B

The positions it samples are exact for harmonic forces at every stable dt and err by O(dt^4) at large friction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

Force = Callable[[np.ndarray], tuple[float, np.ndarray]]


class Phase(NamedTuple):
    """A point of phase space with the energy and the forces found there."""

    positions: Float[np.ndarray, "particles d"]
    velocities: Float[np.ndarray, "particles d"]
    energy: float
    forces: Float[np.ndarray, "particles d"]


def langevin(
    force: Force,
    positions: Float[np.ndarray, "particles d"],
    velocities: Float[np.ndarray, "particles d"],
    masses: Float[np.ndarray, " particles"],
    *,
    dt: float,
    friction: float = 0.0,
    kT: float = 0.0,
    rng: np.random.Generator,
) -> Iterator[Phase]:
    """Endless trajectory, one `Phase` per step; `friction` in 1/time, `kT` in the unit of energy.

    `force(positions) -> (energy, forces)` is called once per step. Good values for molecules: dt 0.5-1 fs,
    friction 0.01-0.05/fs.
    """
    x, v, m = np.array(positions, float), np.array(velocities, float), np.asarray(masses, float)[:, None]
    keep = np.exp(-friction * dt)
    kick = np.sqrt((1.0 - keep**2) * kT / m)
    _, f = force(x)
    while True:
        v = v + 0.5 * dt * f / m
        x = x + 0.5 * dt * v
        v = keep * v + kick * rng.standard_normal(x.shape)
        x = x + 0.5 * dt * v
        energy, f = force(x)
        v = v + 0.5 * dt * f / m
        yield Phase(x, v, energy, f)


def thermal_velocities(
    masses: Float[np.ndarray, " particles"], kT: float, *, rng: np.random.Generator
) -> Float[np.ndarray, "particles 3"]:
    """Maxwell-Boltzmann velocities, v_i ~ N(0, kT/m_i)."""
    m = np.asarray(masses, float)[:, None]
    return np.sqrt(kT / m) * rng.standard_normal((len(m), 3))


def at_rest(
    positions: Float[np.ndarray, "particles 3"],
    velocities: Float[np.ndarray, "particles 3"],
    masses: Float[np.ndarray, " particles"],
) -> Float[np.ndarray, "particles 3"]:
    """The velocities without overall translation and rotation: total momentum P = 0 and angular momentum L = 0.

    v_i -> v_i - V - omega x (r_i - R),   I omega = L. Linear molecules are handled by the pseudo-inverse of I.
    """
    m = np.asarray(masses, float)[:, None]
    v = velocities - (m * velocities).sum(0) / m.sum()
    r = positions - (m * positions).sum(0) / m.sum()
    inertia = np.sum(m[:, :, None] * ((r**2).sum(1)[:, None, None] * np.eye(3) - r[:, :, None] * r[:, None, :]), axis=0)
    omega = np.linalg.pinv(inertia, rcond=1e-9) @ (m * np.cross(r, v)).sum(0)
    return v - np.cross(omega, r)
