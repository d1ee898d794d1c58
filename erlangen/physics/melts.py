"""Matter taken through temperatures on the surface of a law: crystals heated, molten, undercooled, quenched to a glass.

    for frames in course(surface, starts, [Leg(300.0, 1000), ...], seed=0): ...       one list of `Atoms` for each leg

Dynamics at constant temperature (Langevin) and zero pressure, all systems side by side; the volume moves, the shape of
the cells stays, so that a strain of the start lasts. The next temperature starts where the last one ended. Good values:
1 ps at each, friction 0.01/fs; a perfect crystal without surface melts within 2 ps at twice its melting point.

    melting_point("zhou", "Cu") -> K       by coexistence of crystal and melt; for reduced temperatures T / T_m
    history("zhou", "Cu", 4, 100, 300)     runs through crystal, melt and glass, with the phase of each frame
"""

from __future__ import annotations

import csv
import dataclasses
import functools
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from erlangen.core.errors import Invalid, unknown
from erlangen.core.systems import Atoms
from erlangen.numerics.ensembles import CellRescaling, Langevin
from erlangen.numerics.mechanics import Surface
from erlangen.numerics.precision import double

from .crystal_frames import crystal
from .dynamics import CAUSES, Simulation, State, prepare
from .interatomic.catalogue import law
from .interatomic.law import Law
from .molecules import masses
from .supercells import supercell
from .units import BOLTZMANN

COMPRESSIBILITY = 1.6  # A^3/eV = 1/(100 GPa): of metals, to a factor
SWELLING = 300.0  # fs: in which the volume follows the pressure
FRICTION = 0.01  # 1/fs
SOLID = {0.3: 1, 0.5: 1, 0.7: 2, 0.8: 2, 0.9: 3, 0.95: 1, 1.0: 1}  # T / T_m of crystals: frames
MOLTEN = {1.3: 1, 1.1: 2, 1.0: 1, 0.9: 2, 0.7: 1, 0.5: 1, 0.3: 2}  # of what was molten
HOT, MELTING = 2.2, 6  # T / T_m at which it melts, and how many times longer than a frame it takes


@dataclasses.dataclass(frozen=True)
class Leg:
    """A part of the course: temperature [K] and number of steps."""

    temperature: float
    steps: int


def course(surface: Surface, starts: Sequence[Atoms], legs: Sequence[Leg], *, seed: int) -> Iterator[list[Atoms]]:
    """Where every system is at the end of each leg."""
    dt = time_step(starts)
    common = int(np.gcd.reduce([leg.steps for leg in legs]))
    simulation = prepare(surface, starts, _at(legs[0].temperature, dt), interval=common, block=common)
    state = simulation.start(temperature=legs[0].temperature, seed=seed)
    for leg in legs:
        simulation = dataclasses.replace(simulation, ensemble=_at(leg.temperature, dt))
        state, _, simulation = simulation.run(state, leg.steps // common)
        _check(state, leg)
        yield _frames(simulation, state)


class Moment(NamedTuple):
    """A frame of a history: where, which phase ("fcc", ..., "disordered"), T / T_m, in which run."""

    x: Atoms
    phase: str
    at: float
    run: int


def history(name: str, element: str, n_runs: int, n_atoms: int, steps: int) -> list[Moment]:
    """Independent runs of an element: a crystal that is heated, molten and quenched; frames are `steps` apart.

    Each starts from a cell strained by 1 %, at random.
    """
    melting, field = melting_point(name, element), _field(name, element)
    whole, structure = block(field, element, n_atoms)
    plan = [(at, structure) for at, n in SOLID.items() for _ in range(n)]
    plan += [(at, "disordered") for at, n in MOLTEN.items() for _ in range(n)]
    first = sum(SOLID.values())
    legs = [Leg(at * melting, steps) for at, _ in plan]
    legs.insert(first, Leg(HOT * melting, MELTING * steps))
    rng = np.random.default_rng(n_runs)
    found = list(course(field, [strained(whole, 0.01, rng) for _ in range(n_runs)], legs, seed=0))
    del found[first]
    return [Moment(x, phase, at, i) for (at, phase), frames in zip(plan, found) for i, x in enumerate(frames)]


def strained(x: Atoms, size: float, rng: np.random.Generator) -> Atoms:
    """All of it deformed by a symmetric strain, each component normal with standard deviation `size` or less."""
    strain = size * rng.standard_normal((3, 3))
    turn = np.eye(3) + (strain + strain.T) / 2
    return Atoms(np.asarray(x.positions) @ turn, x.atomic_numbers, np.asarray(x.cell) @ turn, x.pbc)


def _field(name: str, element: str) -> Law:
    """The law; of one element alone where that sees less far."""
    if name == "zhou":
        from .interatomic.zhou import Zhou

        return Zhou.of(element)
    return law(name)


def block(surface: Surface, element: str, n_atoms: int) -> tuple[Atoms, str]:
    """About so many atoms of the crystal of an element in a cell that is nearly as long as wide, and its structure."""
    from ase.data import atomic_numbers, reference_states

    unit = crystal(surface, element)
    cell = np.asarray(unit.cell)
    side = (n_atoms * abs(np.linalg.det(cell)) / len(unit.positions)) ** (1 / 3)
    times = np.maximum(np.round(side * np.linalg.norm(np.linalg.inv(cell), axis=0)), 1).astype(int)
    state = reference_states[atomic_numbers[element]]
    return supercell(unit, times.tolist()), state["symmetry"] if state else ""


def time_step(starts: Sequence[Atoms]) -> float:
    """fs: a 40th of a period of 10 THz at the mass of iron, longer for what is heavier."""
    lightest = min(float(np.min(masses(np.asarray(x.atomic_numbers)))) for x in starts)
    return float(np.clip(2.5 * np.sqrt(lightest / 55.8), 1.5, 5.0))


@functools.cache
def melting_points() -> dict[tuple[str, str], float]:
    """K, by law and element; found by `benchmarks/melting_points.py`, silicon by Broughton and Li 1987,
    doi:10.1103/PhysRevB.35.9120.
    """
    text = resources.files("erlangen.physics.interatomic").joinpath("melting.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {(row["law"], row["element"]): float(row["melting"]) for row in rows}


def melting_point(law: str, element: str) -> float:
    """K, of an element on the surface of a law."""
    known = melting_points()
    if (law, element) not in known:
        raise unknown("a law and element of known melting point", f"{law}-{element}", ["-".join(k) for k in known])
    return known[law, element]


def _at(temperature: float, dt: float) -> CellRescaling:
    with double():
        kT, none = jnp.asarray(BOLTZMANN * temperature), jnp.asarray(0.0)
        return CellRescaling(Langevin(dt, kT, FRICTION), kT, none, COMPRESSIBILITY, SWELLING)


def _check(state: State, leg: Leg) -> None:
    cause = int(np.max(np.asarray(state.cause)))
    if cause:
        raise Invalid(
            must=f"dynamics at {leg.temperature:.0f} K goes on",
            came=CAUSES[cause],
            do="Take a lower temperature, or another law.",
        )


def _frames(simulation: Simulation, state: State) -> list[Atoms]:
    r, h = np.asarray(state.phase.positions), np.asarray(state.phase.cell)
    numbers, pbc = np.asarray(simulation.x.atomic_numbers), np.asarray(simulation.x.pbc)
    return [Atoms(r[i, n > 0], n[n > 0], h[i], pbc[i]) for i, n in enumerate(numbers)]
