"""Molecules in motion, for comparison: canonical trajectories, and free ones at constant energy from where those end.

On a surface all replicas of all molecules move side by side in one compiled loop (`dynamics`); an engine that answers
one geometry at a time (tight binding, a classical force field) moves them one after the other, with the same figures.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from ..core.errors import within
from ..core.systems import Atoms
from ..numerics.ensembles import Langevin, Verlet
from ..numerics.langevin import at_rest, langevin, thermal_velocities
from ..numerics.mechanics import Surface
from .dynamics import Simulation, prepare
from .molecular_dynamics import Sampling, canonical_frames
from .molecules import masses
from .monitors import drift_of, temperatures
from .tight_binding import Potential
from .units import AMU, BOLTZMANN

BLOCK = 2000  # steps between two looks at whether anything still moves
SPACING = 2.0  # fs between frames of free motion: half a period of 8000 1/cm


@dataclasses.dataclass(frozen=True)
class Motion:
    """How answers are simulated: at constant temperature (Langevin) for `duration`, then without bath for `free`."""

    temperature: float = 0.0  # K; 0: that of the sampled frames
    duration: float = 10.0  # ps at constant temperature, of every replica
    free: float = 2.0  # ps at constant energy
    dt: float = 0.5  # fs
    friction: float = 0.01  # 1/fs
    every: float = 10.0  # fs between frames that are looked at
    replicas: int = 4  # of each molecule, side by side
    reference: float = 20.0  # ps of the reference method, over all its trajectories

    def __post_init__(self):
        within(self, temperature=(-1e-9, 5000), duration=(0, 1e6), free=(0, 1e6), dt=(0, 5), friction=(0, 1))
        within(self, every=(0, 1000), replicas=(1, 10_000), reference=(0, 1e6))

    def steps(self, length: float) -> int:
        """Of so many picoseconds; one frame at least."""
        return max(round(1000 * length / self.dt), self.stride(self.every))

    def stride(self, spacing: float) -> int:
        """Steps between frames so many femtoseconds apart."""
        return max(round(spacing / self.dt), 1)


@dataclasses.dataclass(frozen=True)
class Run:
    """Trajectories of one molecule. canonical: of each replica, where it was; free: velocities, `spacing` [fs] apart;
    conserved [eV]: of the free ones; by_element [K]; step_ms: of one replica.
    """

    canonical: Sequence[Float[np.ndarray, "frames n 3"]]
    free: Sequence[Float[np.ndarray, "frames n 3"]] = ()
    conserved: Sequence[Float[np.ndarray, " frames"]] = ()
    spacing: float = SPACING
    by_element: dict[str, float] = dataclasses.field(default_factory=dict)
    step_ms: float = 0.0

    @property
    def drift(self) -> tuple[float, float]:
        """Of the energy at constant energy [meV/atom/ps], the mean over replicas, with its standard error."""
        if not self.conserved:
            return np.inf, np.inf
        unit = 1e6 / self.free[0].shape[1]
        slopes = [drift_of(self.spacing * np.arange(len(e)), e) for e in self.conserved]
        values, errors = np.array(slopes).T * unit
        by_fit = float(np.sqrt(np.sum(errors**2)) / len(errors))
        spread = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else by_fit
        return float(np.mean(values)), max(by_fit, spread)

    @property
    def equipartition(self) -> float:
        """Largest relative distance of the temperature of an element from their mean."""
        found = np.array(list(self.by_element.values()))
        return float(np.max(np.abs(found / found.mean() - 1))) if len(found) else np.inf


def on_surface(
    surface: Surface,
    exact: Surface,
    molecules: Sequence[Sequence[Atoms]],
    motion: Motion,
    temperature: float,
    *,
    seed: int = 0,
) -> list[Run]:
    """Of each molecule (its replicas), in one loop for all; exact: the surface for free motion, in float64."""
    systems = [x for replicas in molecules for x in replicas]
    last = np.cumsum([0, *map(len, molecules)])
    canonical, by_atom, freedom, step_ms = _canonical(surface, systems, motion, temperature, seed)
    able = [k for k, (r, x) in enumerate(zip(canonical, systems)) if len(r) and not _stuck(r, motion)]
    ends = {k: systems[k].replace(positions=canonical[k][-1]) for k in able}
    free = _free(exact, ends, motion, temperature, seed) if ends else {}
    runs = []
    for first, end in zip(last[:-1], last[1:]):
        mine = range(first, end)
        numbers = np.asarray(systems[first].atomic_numbers)
        moving = [k for k in mine if k in free] or list(mine)
        kinetic, free_velocities = by_atom[moving, : len(numbers)], freedom[moving, : len(numbers)]
        heat = temperatures(np.tile(numbers, len(moving)), kinetic.ravel(), free_velocities.ravel())
        velocities, conserved = ([free[k][part] for k in mine if k in free] for part in (0, 1))
        spacing = motion.dt * motion.stride(SPACING)
        runs.append(Run([canonical[k] for k in mine], velocities, conserved, spacing, heat, step_ms))
    return runs


def _stuck(r: Float[np.ndarray, "frames n 3"], motion: Motion) -> bool:
    return len(r) < motion.steps(motion.duration) // motion.stride(motion.every)


def _canonical(
    surface: Surface, systems: Sequence[Atoms], motion: Motion, temperature: float, seed: int
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray, float]:
    """Positions of each until it was stopped, mean kinetic energies and free velocities of atoms, ms per step."""
    stride, steps = motion.stride(motion.every), motion.steps(motion.duration)
    block = min(max(BLOCK // stride, 1), steps // stride) * stride
    ensemble = Langevin(motion.dt, BOLTZMANN * temperature, motion.friction)
    simulation = prepare(surface, systems, ensemble, interval=stride, block=block)
    start = simulation.start(temperature=temperature, seed=seed)
    kept, ticks, state = [], [time.perf_counter()], start
    for state, frames, _ in simulation.blocks(start, -(-steps // block)):
        kept.append((frames.positions.astype(np.float32), frames.step))
        ticks.append(time.perf_counter())
        if np.all(state.cause > 0):
            break
    positions, numbers = (np.concatenate(part) for part in zip(*kept))
    taken = [np.flatnonzero(np.diff(column, prepend=0) > 0) for column in numbers.T]
    paths = [
        positions[rows, k, : len(x.atomic_numbers)].astype(float) for k, (rows, x) in enumerate(zip(taken, systems))
    ]
    mean = np.asarray(state.kinetic) / np.maximum(np.asarray(state.step), 1)[:, None]
    # the first block is compiled too; where there is no other, it is all there is
    spent = np.diff(ticks)
    step_ms = 1000 * float(np.min(spent)) / block / len(systems)
    return paths, mean, np.asarray(simulation.freedom), step_ms


def _free(
    surface: Surface, ends: dict[int, Atoms], motion: Motion, temperature: float, seed: int
) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Velocities and conserved energy of those that were not stopped."""
    stride = motion.stride(SPACING)
    steps = max(motion.steps(motion.free), 8 * stride)
    block = min(max(BLOCK // stride, 1), steps // stride) * stride
    simulation: Simulation = prepare(surface, list(ends.values()), Verlet(motion.dt), interval=stride, block=block)
    state, frames, _ = simulation.run(simulation.start(temperature=temperature, seed=seed + 1), -(-steps // block))
    whole = np.asarray(state.cause) == 0
    return {
        k: (np.asarray(frames.velocities)[:, i, : len(x.atomic_numbers)], np.asarray(frames.conserved)[:, i])
        for i, (k, x) in enumerate(ends.items())
        if whole[i]
    }


def by_engine(
    make: Callable[[], Potential],
    starts: Sequence[Atoms],
    motion: Motion,
    temperature: float,
    length: float,
    *,
    seed: int,
) -> Run:
    """Of one molecule by an engine: `length` ps at constant temperature, then as much free motion as has been asked for
    of a surface, from each of `starts`.
    """
    tick = time.perf_counter()
    sampling = Sampling(temperature=temperature, interval=10)
    count = max(round(1000 * length / len(starts) / (sampling.dt * sampling.interval)), 2)
    frames = canonical_frames(make, starts, [count] * len(starts), sampling, seed=seed)
    free, conserved = zip(*(_freely(make(), x, f.positions[-1], motion, temperature, (seed, k))
                            for k, (x, f) in enumerate(zip(starts, frames))))  # fmt: skip
    steps = len(starts) * (sampling.burn_in + count * sampling.interval + motion.steps(motion.free))
    spent = 1000 * (time.perf_counter() - tick) / steps
    spacing = motion.dt * motion.stride(SPACING)
    return Run([f.positions for f in frames], free, conserved, spacing, step_ms=spent)


def _freely(
    potential: Potential, x: Atoms, r: np.ndarray, motion: Motion, temperature: float, seed: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Velocities and total energy at constant energy, from thermal velocities at rest as a whole."""
    rng = np.random.default_rng(seed)
    m = AMU * masses(np.asarray(x.atomic_numbers))
    v = at_rest(r, thermal_velocities(m, BOLTZMANN * temperature, rng=rng), m)
    stride = motion.stride(SPACING)
    velocities, energies = [], []
    path = langevin(potential, r, v, m, dt=motion.dt, rng=rng)
    for _ in range(max(motion.steps(motion.free), 8 * stride) // stride):
        *_, phase = itertools.islice(path, stride)
        velocities.append(phase.velocities)
        energies.append(phase.energy + 0.5 * float(np.sum(m[:, None] * phase.velocities**2)))
    return np.stack(velocities), np.array(energies)
