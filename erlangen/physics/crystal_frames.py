"""Crystals of one element in motion on the surface of a potential: strained, shaken, with a vacancy or without.

    crystal(surface, "Cu") -> Atoms              the structure of the element, at the surface's own lattice constant
    frames(surface, crystal, conditions, count, seed=) -> [Atoms], [cell of each]

A cell of the crystal is repeated to 7 A and strained, h -> h (1 + eps), eps_ij = eps_ji normal with standard deviation
`strain`; of a share of the cells one atom is taken out. Of each strained cell come one frame in which all atoms are
displaced at random, and frames of canonical dynamics, p ~ exp(-E / k_B T), 50 fs apart.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.numerics.ensembles import Langevin
from erlangen.numerics.mechanics import Surface, energy_forces_stress
from erlangen.numerics.precision import double

from .dynamics import CAUSES, prepare
from .interatomic.law import Law
from .supercells import supercell
from .units import BOLTZMANN

LATTICES = ("fcc", "bcc", "hcp", "diamond")
LENGTH = 7.0  # A: between opposite faces of a cell, at least
PER_CELL = 5  # frames, the first without dynamics
DT, FRICTION, BURN_IN, INTERVAL = 2.0, 0.02, 200, 25  # fs, 1/fs, steps
SHAKEN = 0.04  # of the cube root of the volume per atom: standard deviation of displacements at random, at most
STRETCH = (0.94, 1.06)  # of the lattice constant in tables, between which that of a law is looked for
Answer = Callable[[Atoms], dict[str, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class Conditions:
    """temperature [K]; strain: standard deviation of its components; vacancies: share of cells that lack an atom."""

    temperature: float = 300.0
    strain: float = 0.02
    vacancies: float = 0.25


def answer(surface: Surface) -> Answer:
    """x -> energy [eV], forces [n, 3] in eV/A and stress [3, 3] in eV/A^3, in float64."""
    found = jax.jit(lambda x: energy_forces_stress(lambda y: jnp.sum(surface.shares(y)), x))

    def answered(x: Atoms) -> dict[str, np.ndarray]:
        positions, cell = np.asarray(x.positions, float), np.asarray(x.cell, float)
        bare = Atoms(positions, np.asarray(x.atomic_numbers), cell, np.asarray(x.pbc))
        with double():
            return {name: np.asarray(value) for name, value in found(surface.prepare(bare)).items()}

    return answered


def elements_of(law: Law) -> tuple[str, ...]:
    """Symbols of the elements whose crystals a law may be asked for."""
    from ase.data import chemical_symbols, reference_states

    def has_crystal(z: int) -> bool:
        state = reference_states[z]
        return z > 8 and state is not None and state["symmetry"] in LATTICES

    return ("Ar",) if law.elements is None else tuple(chemical_symbols[z] for z in law.elements if has_crystal(z))


def crystal(surface: Surface, element: str) -> Atoms:
    """The conventional cell of an element (primitive if hexagonal) at the volume of least energy."""
    from scipy.optimize import minimize_scalar

    x, ask = unit_of(element), answer(surface)
    best = minimize_scalar(lambda s: float(ask(stretched(x, s))["energy"]), bounds=STRETCH, options={"xatol": 1e-8})
    if min(abs(best.x - end) for end in STRETCH) < 1e-3:
        raise Invalid(
            must=f"the crystal of {element} has a least energy near its density",
            came=f"none between {STRETCH[0]} and {STRETCH[1]} of its lattice constant",
            do="Take a potential that is for this element.",
        )
    return stretched(x, float(best.x))


def unit_of(element: str) -> Atoms:
    """The conventional cell of an element (primitive if hexagonal) as tables have it."""
    from ase.build import bulk
    from ase.data import atomic_numbers, reference_states

    state = reference_states[atomic_numbers[element]]
    is_cubic = state is not None and state["symmetry"] != "hcp"
    found = bulk(element, cubic=True) if is_cubic else bulk(element)
    return Atoms(found.positions, found.numbers, found.cell.array, np.ones(3, bool))


def frames(
    surface: Surface, unit: Atoms, conditions: Conditions, count: int, *, seed: int
) -> tuple[list[Atoms], np.ndarray]:
    """`count` frames, and which strained cell each belongs to; cell i draws from the stream (seed, i)."""
    found, cells = [], -(-count // PER_CELL)
    whole = repeated(unit)
    streams = [np.random.default_rng([seed, i]) for i in range(cells)]
    starts = [_start(whole, conditions, rng) for rng in streams]
    paths = _moving(surface, starts, conditions.temperature, min(PER_CELL, count) - 1, seed)
    for rng, start, path in zip(streams, starts, paths, strict=True):
        spread = rng.uniform(0.25, 1.0) * SHAKEN * (abs(np.linalg.det(whole.cell)) / len(whole.positions)) ** (1 / 3)
        shaken = start.positions + spread * rng.standard_normal(np.shape(start.positions))
        found += [start.replace(positions=r) for r in (shaken, *path)]
    return found[:count], np.arange(count) // PER_CELL


def _moving(
    surface: Surface, starts: list[Atoms], temperature: float, count: int, seed: int
) -> list[Float[np.ndarray, "frames n 3"]]:
    """`count` places of each on a way of its own, all side by side in one program."""
    if not count:
        return [np.zeros((0, *np.shape(x.positions))) for x in starts]
    bath = Langevin(DT, BOLTZMANN * temperature, FRICTION)
    simulation = prepare(surface, starts, bath, interval=INTERVAL, block=INTERVAL)
    state = simulation.start(temperature=temperature, seed=seed)
    state, frames, _ = simulation.run(state, BURN_IN // INTERVAL + count)
    if np.any(state.cause):
        raise Invalid(
            must="a crystal survives at the temperature of its frames",
            came=f"{temperature:g} K: {CAUSES[int(np.max(state.cause))]}",
            do="Ask for a lower temperature or less strain.",
        )
    return [np.asarray(frames.positions)[-count:, i, : len(x.positions)] for i, x in enumerate(starts)]


def _start(whole: Atoms, conditions: Conditions, rng: np.random.Generator) -> Atoms:
    strain = conditions.strain * rng.standard_normal((3, 3))
    strain = np.triu(strain) + np.triu(strain, 1).T
    kept = np.ones(len(whole.positions), bool)
    if rng.random() < conditions.vacancies:
        kept[rng.integers(len(kept))] = False
    deformed = np.eye(3) + strain
    return Atoms(whole.positions[kept] @ deformed, whole.atomic_numbers[kept], whole.cell @ deformed, whole.pbc)


def repeated(unit: Atoms) -> Atoms:
    """The crystal in a cell of `LENGTH` between opposite faces, at least."""
    heights = 1 / np.linalg.norm(np.linalg.inv(np.asarray(unit.cell)), axis=0)
    return supercell(unit, np.ceil(LENGTH / heights - 1e-9).astype(int).tolist())


def stretched(x: Atoms, factor: float) -> Atoms:
    """Cell and positions times a factor."""
    return x.replace(positions=factor * np.asarray(x.positions), cell=factor * np.asarray(x.cell))
