"""Molecular dynamics as a source of structures: independent frames of the canonical ensemble at one temperature.

    p(x) ~ exp(-E(x) / k_B T)

Every trajectory starts from its own relaxed conformer, is thermalised, and then gives one frame every `interval` steps.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from erlangen.core.arrays import AnyArray
from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.numerics.langevin import langevin, thermal_velocities

from .molecules import masses
from .tight_binding import Potential
from .units import AMU, BOLTZMANN


class Frames(NamedTuple):
    """Structures of one composition with their labels, in the order in which they were visited."""

    positions: Float[np.ndarray, "frames atoms 3"]
    energy: Float[np.ndarray, " frames"]
    forces: Float[np.ndarray, "frames atoms 3"]


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How canonical frames are drawn.

    temperature [K]; dt [fs]; friction [1/fs]; interval and burn_in in steps; hydrogen_mass [amu].
    Heavy hydrogens slow the fastest bonds, so that dt can be 2 fs; the distribution of positions does not depend on any
    mass (the momenta integrate out), so the frames are those of the real molecule.
    """

    temperature: float = 500.0
    dt: float = 2.0
    friction: float = 0.02
    interval: int = 20
    burn_in: int = 200
    hydrogen_mass: float = 4.0

    def __post_init__(self):
        if not (self.temperature > 0 and self.dt > 0 and self.friction > 0 and self.interval >= 1):
            raise Invalid(
                must="temperature, dt, friction and interval of the sampling must be positive",
                came=f"{self.temperature}, {self.dt}, {self.friction}, {self.interval}",
                do="Good values: 300-1000 K, 2 fs, 0.02/fs, 20 steps.",
            )


def relax(
    potential: Potential, positions: Float[AnyArray, "atoms 3"], steps: int = 100
) -> Float[np.ndarray, "atoms 3"]:
    """Positions near the closest energy minimum (L-BFGS, at most `steps` iterations, stops at |F| < 0.01 eV/A)."""
    from scipy.optimize import minimize

    def objective(flat):
        energy, forces = potential(flat.reshape(-1, 3))
        return energy, -forces.ravel()

    found = minimize(
        objective, np.ravel(positions), jac=True, method="L-BFGS-B", options={"maxiter": steps, "gtol": 0.01}
    )
    return found.x.reshape(-1, 3)


def trajectory(
    potential: Potential, start: Atoms, count: int, sampling: Sampling, *, seed: int | Sequence[int]
) -> Frames:
    """`count` frames of one thermalised trajectory that starts at `start`; each frame is centred on its mean position.

    The thermostat also turns the molecule, so orientations become uniform with time, as in a gas.
    """
    rng, potential = np.random.default_rng(seed), _repeatable(potential)
    kT = BOLTZMANN * sampling.temperature
    numbers = np.asarray(start.atomic_numbers)
    inertia = AMU * np.where(numbers == 1, sampling.hydrogen_mass, masses(numbers))
    steps = langevin(
        potential,
        relax(potential, start.positions),
        thermal_velocities(inertia, kT, rng=rng),
        inertia,
        dt=sampling.dt,
        friction=sampling.friction,
        kT=kT,
        rng=rng,
    )
    first = sampling.burn_in + sampling.interval - 1
    kept = list(itertools.islice(steps, first, first + (count - 1) * sampling.interval + 1, sampling.interval))
    return Frames(
        np.stack([p.positions - p.positions.mean(0) for p in kept]),
        np.array([p.energy for p in kept]),
        np.stack([p.forces for p in kept]),
    )


def canonical_frames(
    make_potential: Callable[[], Potential],
    starts: Sequence[Atoms],
    counts: Sequence[int],
    sampling: Sampling,
    *,
    seed: int = 0,
    executor: concurrent.futures.Executor | None = None,
    threads: int = 2,
) -> list[Frames]:
    """One `Frames` per start: `counts[i]` frames of an independent trajectory from `starts[i]`.

    The result does not depend on `threads` or on the order of execution: trajectory i draws from the stream (seed, i).
    Threads suffice because the engines compute outside Python's lock; give an `executor` to spread over machines.
    """

    def run(i: int) -> Frames:
        return trajectory(make_potential(), starts[i], counts[i], sampling, seed=(seed, i))

    if executor is not None:
        return list(executor.map(run, range(len(starts))))
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(len(starts))))


def _repeatable(potential: Potential) -> Potential:
    """The potential rounded to 1e-7 eV and eV/A, far below the noise of any self-consistent cycle.

    The last bits of linear algebra depend on where arrays happen to lie in memory, and dynamics is chaotic: without
    rounding, the same seed would give another trajectory each time.
    """

    def rounded(positions):
        energy, forces = potential(positions)
        return round(energy, 7), np.round(forces, 7)

    return rounded
