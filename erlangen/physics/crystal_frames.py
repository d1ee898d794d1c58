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

from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.numerics.mechanics import Surface, energy_forces_stress
from erlangen.numerics.precision import double

from .interatomic.law import Law
from .molecular_dynamics import Sampling, trajectory

LATTICES = ("fcc", "bcc", "hcp", "diamond")
LENGTH = 7.0  # A: between opposite faces of a cell, at least
PER_CELL = 5  # frames, the first without dynamics
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
    ask, found, cells = answer(surface), [], -(-count // PER_CELL)
    whole = repeated(unit)
    for i in range(cells):
        rng = np.random.default_rng([seed, i])
        start = _start(whole, conditions, rng)
        spread = rng.uniform(0.25, 1.0) * SHAKEN * (abs(np.linalg.det(whole.cell)) / len(whole.positions)) ** (1 / 3)
        shaken = start.positions + spread * rng.standard_normal(np.shape(start.positions))
        moving = _moving(ask, start, conditions.temperature, min(PER_CELL, count - i * PER_CELL) - 1, (seed, i, 1))
        found += [start.replace(positions=r) for r in (shaken, *moving)]
    return found, np.arange(len(found)) // PER_CELL


def _moving(ask: Answer, start: Atoms, temperature: float, count: int, seed: tuple[int, ...]) -> np.ndarray:
    """[count, n, 3] positions of one trajectory."""
    if not count:
        return np.zeros((0, *np.shape(start.positions)))

    def potential(positions: np.ndarray) -> tuple[float, np.ndarray]:
        y = ask(start.replace(positions=positions))
        return float(y["energy"]), y["forces"]

    sampling = Sampling(temperature=temperature, interval=25, burn_in=100)
    return trajectory(potential, start, count, sampling, seed=seed).positions


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
    cell = np.asarray(unit.cell)
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    times = np.ceil(LENGTH / heights - 1e-9).astype(int)
    shifts = np.stack(np.meshgrid(*map(np.arange, times), indexing="ij"), -1).reshape(-1, 3) @ cell
    positions = (np.asarray(unit.positions)[None] + shifts[:, None]).reshape(-1, 3)
    return Atoms(positions, np.tile(unit.atomic_numbers, len(shifts)), cell * times[:, None], np.ones(3, bool))


def stretched(x: Atoms, factor: float) -> Atoms:
    """Cell and positions times a factor."""
    return x.replace(positions=factor * np.asarray(x.positions), cell=factor * np.asarray(x.cell))
