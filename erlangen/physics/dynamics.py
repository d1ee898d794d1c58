"""Molecular dynamics on any surface, in one compiled loop: blocks of steps, batched over replicas and systems.

    simulation = prepare(surface, [x], ensemble)                   [x, x, ...]: replicas, or different systems
    state = simulation.start(temperature=300.0, seed=0)
    for state, frames in simulation.blocks(state, n_blocks):       frames: NumPy, [frames, systems, ...]
        ...

Units: A, fs, eV, amu, K. Positions are never wrapped. A step that makes no sense any more (not finite, an atom leaps, a
force beyond the limit) is not taken: that system stays at its last good point, and `State.cause` says why. A block
begins with a new list of neighbours and ends in a `State`, which is all that has to be kept to go on, bit for bit.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt32

from ..core.arrays import AnyArray
from ..core.errors import Invalid
from ..core.systems import Atoms
from ..numerics.cell_list import CellList, plan, with_room
from ..numerics.ensembles import Bodies, Ensemble, Phase
from ..numerics.following import felt, follow, look
from ..numerics.langevin import at_rest, thermal_velocities
from ..numerics.mechanics import Surface
from ..numerics.neighbour_lists import LABEL
from ..numerics.precision import double
from .molecules import masses
from .units import AMU, BOLTZMANN

LEAP = 0.5  # A in one step: nothing that is integrated well moves so far
SKIN = 1.4  # A: of the long list; the short one that is shown to the surface has its own
CAUSES = (
    "",
    "the energy or a force is not finite",
    "an atom moved by more than 0.5 A in one step",
    "too large a force",
)


class State(eqx.Module):
    """All that dynamics goes on from. step: taken so far; cause: place in `CAUSES`; kinetic: of each atom, summed over
    all steps; largest: force so far [eV/A].
    """

    phase: Phase
    key: UInt32[AnyArray, " words"]
    step: Int[AnyArray, ""]
    cause: Int[AnyArray, ""]
    kinetic: Float[AnyArray, " n"]
    largest: Float[AnyArray, ""]


class Frames(eqx.Module):
    """What is kept every `interval` steps: where, how fast, and the figures that say whether to believe it.

    conserved: energy [eV] without what the baths gave; momentum: |sum m v| [amu A/fs]; largest: force since the start.
    """

    step: Int[AnyArray, "frames systems"]
    positions: Float[AnyArray, "frames systems n 3"]
    velocities: Float[AnyArray, "frames systems n 3"]
    forces: Float[AnyArray, "frames systems n 3"]
    cell: Float[AnyArray, "frames systems 3 3"]
    stress: Float[AnyArray, "frames systems 3 3"]
    energy: Float[AnyArray, "frames systems"]
    kinetic: Float[AnyArray, "frames systems"]
    conserved: Float[AnyArray, "frames systems"]
    momentum: Float[AnyArray, "frames systems"]
    largest: Float[AnyArray, "frames systems"]


class Simulation(eqx.Module):
    """Systems padded to one shape, on a leading axis, and how they move. freedom: of each atom, sum_i = Bodies.freedom
    (expected kinetic energy kT/2 each). strongest: the force [eV/A] at which it is stopped.
    """

    surface: Surface
    x: Atoms
    bodies: Bodies
    freedom: Float[AnyArray, "systems n"]
    ensemble: Ensemble
    cells: CellList | None = eqx.field(static=True)
    interval: int = eqx.field(static=True)
    block: int = eqx.field(static=True)
    strongest: float = eqx.field(static=True)

    def start(
        self,
        *,
        temperature: float | None = None,
        velocities: Sequence[Float[np.ndarray, "n 3"]] | None = None,
        seed: int = 0,
    ) -> State:
        """Given velocities [A/fs], or thermal ones at rest as a whole, from the stream (seed, system)."""
        numbers = np.asarray(self.x.atomic_numbers)
        v = np.zeros((*numbers.shape, 3))
        for i, row in enumerate(numbers):
            real = row > 0
            if temperature is not None and not temperature > 0:
                raise Invalid(must="a temperature is positive", came=f"{temperature:g} K", do="For instance 300.")
            if velocities is not None:
                v[i, real] = velocities[i]
            elif temperature is not None:
                rng, m = np.random.default_rng((seed, i)), AMU * masses(row[real])
                drawn = thermal_velocities(m, BOLTZMANN * temperature, rng=rng)
                v[i, real] = _still(drawn, np.asarray(self.x.positions)[i, real], m, bool(np.any(self.x.pbc[i])))
        with double():
            keys = jax.vmap(jax.random.key_data)(jax.random.split(jax.random.key(seed), len(numbers)))
            state, _ = with_room(lambda cells: _begun(dataclasses.replace(self, cells=cells), v, keys), self.cells)  # type: ignore[arg-type]
            self._check_start(state)
            return jax.device_get(state)

    def blocks(self, state: State, count: int) -> Iterator[tuple[State, Frames, Simulation]]:
        """`count` times: the state after `block` more steps, the frames on the way, and the simulation to go on with
        (its list may have grown).
        """
        simulation = self
        for _ in range(count):
            with double():
                (state, frames), cells = with_room(  # type: ignore[type-var]
                    lambda cells, s=state: _block(dataclasses.replace(simulation, cells=cells), s),
                    simulation.cells,  # type: ignore[arg-type]
                )
                simulation = dataclasses.replace(simulation, cells=cells)
                state, frames = jax.device_get((state, frames))
            yield state, frames, simulation

    def run(self, state: State, count: int = 1) -> tuple[State, Frames, Simulation]:
        """`count` blocks at once: where it ends, all frames, and the simulation to go on with."""
        parts, simulation = [], self
        for block in self.blocks(state, count):
            state, frames, simulation = block
            parts.append(frames)
        return state, jax.tree.map(lambda *a: np.concatenate(a), *parts), simulation

    def frame(self, state: State) -> Frames:
        """The frame of a state."""
        with double():
            found = eqx.filter_jit(jax.vmap(_frame))(state, self.bodies)
            return jax.tree.map(lambda a: np.asarray(a)[None], found)

    def _check_start(self, state: State) -> None:
        forces = np.max(np.linalg.norm(np.asarray(state.phase.felt.forces), axis=-1))
        if not (np.all(np.isfinite(np.asarray(state.phase.felt.energy))) and forces < self.strongest):
            raise Invalid(
                must=f"dynamics begins with finite forces below {self.strongest:g} eV/A",
                came=f"up to {forces:.3g} eV/A",
                do="Relax the structure first (erlangen relax); look for atoms on top of each other and for the units.",
            )


def prepare(
    surface: Surface,
    systems: Sequence[Atoms],
    ensemble: Ensemble,
    *,
    interval: int = 10,
    block: int = 1000,
    skin: float = SKIN,
    strongest: float = 100.0,
) -> Simulation:
    """A simulation of `systems`, side by side; frames every `interval` steps, states every `block` (a multiple of it).

    skin [A]: of the list of neighbours; more lets it live longer, and makes it longer.
    """
    if interval < 1 or block < interval:
        came = f"interval {interval}, block {block}"
        raise Invalid(must="a block holds at least one frame", came=came, do="Good values: 10 and 1000 steps.")
    for x in systems:
        surface.check(surface.prepare(x))
    n = max(len(x.atomic_numbers) for x in systems)
    x = side_by_side(systems, n)
    m = np.zeros((len(systems), n))
    free = np.zeros((len(systems), n))
    for i, one in enumerate(systems):
        k = len(one.atomic_numbers)
        m[i, :k] = AMU * masses(np.asarray(one.atomic_numbers))
        free[i, :k] = _freedom(one, m[i, :k]) if ensemble.conserves_momentum else 3.0
    with double():
        cells = common_plan(surface, systems, skin)
    bodies = Bodies(m, free.sum(1))  # type: ignore[arg-type]
    length = block // interval * interval
    return Simulation(surface, x, bodies, free, ensemble, cells, interval, length, strongest)


def side_by_side(systems: Sequence[Atoms], n: int) -> Atoms:
    """One batch, ghosts (atomic number 0) where a system has fewer atoms."""

    def padded(values: AnyArray) -> np.ndarray:
        values = np.asarray(values)
        return np.pad(values, [(0, n - len(values)), *[(0, 0)] * (values.ndim - 1)])

    return Atoms(
        np.stack([padded(np.asarray(x.positions, float)) for x in systems]),
        np.stack([padded(x.atomic_numbers) for x in systems]),
        np.stack([np.asarray(x.cell, float) for x in systems]),
        np.stack([np.asarray(x.pbc, bool) for x in systems]),
    )


def common_plan(surface: Surface, systems: Sequence[Atoms], skin: float) -> CellList | None:
    """Sizes that fit all; none for isolated molecules for which the surface wants no list: all pairs are looked at."""
    if not any(np.any(x.pbc) or LABEL in surface.prepare(x).labels for x in systems):
        return None
    plans = [plan(x, surface.cutoff, skin) for x in systems]
    bins, span = (np.array([getattr(p, name) for p in plans]) for name in ("bins", "span"))
    common = bins.min(0)
    # fewer bins hold more atoms each
    crowd = max(int(np.ceil(p.occupancy * np.prod(b / common))) for p, b in zip(plans, bins))
    sizes = [tuple(int(v) for v in values) for values in (common, span.max(0))]
    width, near = max(p.width for p in plans), max(p.near for p in plans)
    return dataclasses.replace(plans[0], bins=sizes[0], span=sizes[1], occupancy=crowd, width=width, near=near)


def _still(
    v: Float[np.ndarray, "n 3"], r: Float[np.ndarray, "n 3"], m: Float[np.ndarray, " n"], repeats: bool
) -> Float[np.ndarray, "n 3"]:
    """Without overall translation and, where nothing repeats, rotation; a single atom keeps its velocity."""
    if len(m) == 1:
        return v
    return v - (m[:, None] * v).sum(0) / m.sum() if repeats else at_rest(r, v, m)


def _freedom(x: Atoms, m: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Free velocities of each atom where momentum is conserved: 3 (1 - m_i/M), less m_i tr([r]^T I^-1 [r]) of turning.

    Their sum is 3 n - 3, and 3 n - 6 of an isolated molecule (3 n - 5 if it is linear).
    """
    if len(m) == 1:
        return np.full(1, 3.0)
    free = 3 * (1 - m / m.sum())
    if np.any(x.pbc):
        return free
    r = np.asarray(x.positions, float)
    r = r - (m[:, None] * r).sum(0) / m.sum()
    across = np.sum(r**2, 1)[:, None, None] * np.eye(3) - r[:, :, None] * r[:, None]
    inverse = np.linalg.pinv(np.sum(m[:, None, None] * across, 0), rcond=1e-9)
    return free - m * np.einsum("nij,ji->n", across, inverse)


@eqx.filter_jit
def _begun(simulation: Simulation, v: Array, keys: Array) -> tuple[State, Array]:
    """The state before the first step, and whether the list was too small."""

    def one(x: Atoms, v: Array, key: Array) -> tuple[State, Array]:
        r = jnp.asarray(x.positions)
        seen = None if simulation.cells is None else look(x, simulation.cells)
        ready, seen = follow(x, simulation.cells, seen)
        found, none = felt(simulation.surface, ready), jnp.zeros((), r.dtype)
        phase = Phase(r, v, jnp.asarray(x.cell, r.dtype), found, none)
        strongest = jnp.max(jnp.linalg.norm(found.forces, axis=-1))
        zero = jnp.zeros((), jnp.int32)
        short = jnp.zeros(4, bool) if seen is None else seen.listing.short
        return State(phase, key, zero, zero, jnp.zeros(len(r), r.dtype), strongest), short

    state, short = jax.vmap(one)(simulation.x, v, keys)
    return state, jnp.any(short, 0)


@eqx.filter_jit
def _block(simulation: Simulation, state: State) -> tuple[tuple[State, Frames], Array]:
    """`block` more steps with a list of their own."""

    def one(x: Atoms, bodies: Bodies, state: State, first: Array) -> tuple[State, Frames, Array]:
        if simulation.cells is not None:
            here = x.replace(positions=state.phase.positions, cell=state.phase.cell)
            state = dataclasses.replace(state, phase=state.phase.moved(seen=look(here, simulation.cells)))

        def step(state: State, number: Array) -> tuple[State, None]:
            return _stepped(simulation, x, bodies, state, number), None

        def frame(state: State, number: Array) -> tuple[State, Frames]:
            state, _ = jax.lax.scan(step, state, number + jnp.arange(simulation.interval, dtype=jnp.int32))
            return state, _frame(state, bodies)

        numbers = first + jnp.arange(0, simulation.block, simulation.interval, dtype=jnp.int32)
        state, frames = jax.lax.scan(frame, state, numbers)
        short = jnp.zeros(4, bool) if state.phase.seen is None else state.phase.seen.listing.short
        return dataclasses.replace(state, phase=state.phase.moved(seen=None)), frames, short

    # the number of the step is one for all, so that what is done every few steps is no condition of each
    first = jnp.max(jnp.asarray(state.step))
    if len(simulation.x.pbc) == 1:
        x, bodies, state = jax.tree.map(lambda a: jnp.asarray(a)[0], (simulation.x, simulation.bodies, state))
        state, frames, short = one(x, bodies, state, first)
        state, frames = jax.tree.map(lambda a: a[None], state), jax.tree.map(lambda a: a[:, None], frames)
        return (state, frames), short
    state, frames, short = jax.vmap(one, (0, 0, 0, None), (0, 1, 0))(simulation.x, simulation.bodies, state, first)
    return (state, frames), jnp.any(short, 0)


def _stepped(simulation: Simulation, x: Atoms, bodies: Bodies, state: State, number: Array) -> State:
    """One step, taken where it makes sense."""
    old, keeps = state.phase, simulation.ensemble.keeps_cell

    def leaping(new: Phase) -> Bool[Array, ""]:
        allowed = LEAP if keeps else LEAP + _stretch(old, new)
        return ~(jnp.max(jnp.abs(new.positions - old.positions)) < allowed)

    def feel(phase: Phase) -> Phase:
        leaps = leaping(phase)  # nobody leaps: bins of a list would not hold atoms at infinity
        r = jnp.where(leaps, old.positions, phase.positions)
        here = x.replace(positions=r, cell=jnp.where(leaps, old.cell, phase.cell))
        ready, seen = follow(here, simulation.cells, phase.seen)
        return phase.moved(felt=felt(simulation.surface, ready), seen=seen)

    key = jax.random.fold_in(jax.random.wrap_key_data(jnp.asarray(state.key)), number)
    new = simulation.ensemble.step(old, bodies, feel, number=number, key=key)
    strongest = jnp.max(jnp.linalg.norm(new.felt.forces, axis=-1))
    leaps = leaping(new)
    wrong = ~(jnp.isfinite(new.felt.energy) & jnp.isfinite(strongest) & jnp.all(jnp.isfinite(new.velocities)))
    found = jnp.where(leaps, 2, jnp.where(wrong, 1, jnp.where(strongest > simulation.strongest, 3, 0)))
    cause = jnp.where(state.cause > 0, state.cause, found.astype(jnp.int32))
    # a list that is too small is no failure: the block is run again with a larger one
    seen, good = new.seen, cause == 0
    phase = jax.tree.map(lambda a, b: jnp.where(good, a, b), new.moved(seen=None), old.moved(seen=None))
    moving = jnp.where(good, bodies.kinetic(phase.velocities), 0.0)
    return State(
        phase.moved(seen=seen),
        state.key,
        jnp.where(good, number + 1, state.step).astype(jnp.int32),
        cause,
        state.kinetic + moving,
        jnp.where(good, jnp.maximum(state.largest, strongest), state.largest),
    )


def _stretch(old: Phase, new: Phase) -> Float[Array, ""]:
    """By how much a change of the cell moves what lies within it, and its images."""
    change = jnp.max(jnp.abs(jnp.linalg.pinv(old.cell) @ (new.cell - old.cell)))
    return jnp.where(change < 0.1, change * 3 * jnp.max(jnp.abs(old.positions)), 0.0)


def _frame(state: State, bodies: Bodies) -> Frames:
    phase = state.phase
    kinetic = jnp.sum(bodies.kinetic(phase.velocities))
    momentum = jnp.linalg.norm(jnp.sum(bodies.masses[:, None] * phase.velocities, 0)) / AMU
    return Frames(
        state.step,
        phase.positions,
        phase.velocities,
        phase.felt.forces,
        phase.cell,
        phase.felt.stress,
        phase.felt.energy,
        kinetic,
        phase.felt.energy + kinetic - phase.heat,
        momentum,
        state.largest,
    )
