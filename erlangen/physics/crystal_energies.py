"""What a surface says of a crystal as a whole: equation of state, elastic constants, a vacancy, free surfaces.

    at_rest(surface, unit) -> EquationOfState     E(V) of Birch and Murnaghan: of third degree in V^(-2/3)
    constants(surface, unit) -> {"C11": ...}      GPa, atoms relaxed, and with atoms in their places
    defects(surface, unit) -> Defects             vacancy: E(n - 1 atoms, relaxed) - (n - 1) / n E(n atoms)   [eV]
                                                  surfaces: ( E(slab, relaxed) - n e ) / 2 A              [J/m^2]

All of a potential that may be a poor one: where it has no least energy near the density of `unit` the nearest end of
what was looked at stands in, and where a relaxation fails atoms stay where they are. Vacancies are those of a small
cell, the same for all surfaces that are compared. Birch 1947, doi:10.1103/PhysRev.71.809.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.numerics.mechanics import Surface

from .crystal_frames import STRETCH, answer, repeated, stretched
from .elastic import elastic
from .relaxation import relax
from .units import GPA

JOULE = 1 / (10 * GPA)  # J/m^2 in eV/A^2
NEAR = 0.015  # of the lattice constant: how far the second look reaches
THICK, GAP = 8.0, 8.0  # A: of a slab at least, and of the vacuum on each of its sides
CUBIC = {"C11": (0, 0), "C12": (0, 1), "C44": (3, 3)}
HEXAGONAL = CUBIC | {"C13": (0, 2), "C33": (2, 2)}


@dataclasses.dataclass(frozen=True)
class EquationOfState:
    """unit: the cell at rest; lattice [A]: its first edge; bulk [GPa]; volumes [A^3/atom] and energies [eV/atom] above
    the least one; rests: whether there is a least energy within what was looked at.
    """

    unit: Atoms
    lattice: float
    bulk: float
    volumes: Float[np.ndarray, " points"]
    energies: Float[np.ndarray, " points"]
    rests: bool


@dataclasses.dataclass(frozen=True)
class Defects:
    """vacancy [eV] of a small cell; surfaces [J/m^2] by Miller indices."""

    vacancy: float
    surfaces: dict[str, float]


def at_rest(surface: Surface, unit: Atoms, points: int = 13) -> EquationOfState:
    """The cell of least energy when `unit` is stretched evenly, found in two looks."""
    ask, n = answer(surface), len(unit.positions)

    def curve(scales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        energies = [float(ask(stretched(unit, float(s)))["energy"]) / n for s in scales]
        return scales, np.asarray(energies)

    wide = curve(np.linspace(*STRETCH, points))
    first, _, _ = _least(*wide, STRETCH)
    around = (first - NEAR, first + NEAR)
    best, second, rests = _least(*curve(np.linspace(*around, 7)), around)
    volume = abs(np.linalg.det(np.asarray(unit.cell, float))) / n
    # B = V E'' with V = v s^3: E'' by s at the minimum, where the first derivative vanishes
    bulk = second / (9 * volume * best) / GPA
    found = stretched(unit, best)
    lowest = min(wide[1].min(), float(ask(found)["energy"]) / n)
    return EquationOfState(
        found,
        float(np.linalg.norm(np.asarray(found.cell)[0])),
        float(bulk),
        volume * wide[0] ** 3,
        wide[1] - lowest,
        rests and min(abs(best - end) for end in STRETCH) > 1e-3,
    )


def _least(scales: np.ndarray, energies: np.ndarray, within: tuple[float, float]) -> tuple[float, float, bool]:
    """Stretch of least energy, second derivative there, and whether it is a minimum, by Birch and Murnaghan."""
    x = scales**-2.0
    middle, width = np.mean(x), np.ptp(x) / 2
    fit = np.polynomial.Polynomial.fit(x, energies, 3, domain=[middle - width, middle + width])
    slope, bend = fit.deriv(), fit.deriv(2)
    found = [float(r.real) ** -0.5 for r in slope.roots() if abs(r.imag) < 1e-12 and r.real > 0 and bend(r.real) > 0]
    inside = [s for s in found if within[0] <= s <= within[1]]
    best = inside[0] if inside else float(scales[np.argmin(energies)])
    best = float(np.clip(best, *STRETCH))
    # d/ds = -2 s^-3 d/dx
    second = 4 * best**-6 * bend(best**-2.0) + 6 * best**-4 * slope(best**-2.0)
    return best, float(second), bool(inside)


def constants(surface: Surface, unit: Atoms) -> tuple[dict[str, float], dict[str, float]]:
    """Elastic constants [GPa] with atoms relaxed, and with atoms in their places."""
    found, names = elastic(surface, unit), names_of(unit)
    return (
        {k: float(found.constants[at]) for k, at in names.items()},
        {k: float(found.clamped[at]) for k, at in names.items()},
    )


def names_of(unit: Atoms) -> dict[str, tuple[int, int]]:
    """The independent constants of a cubic or hexagonal crystal and their places."""
    cell = np.asarray(unit.cell, float)
    return CUBIC if np.allclose(cell, cell[0, 0] * np.eye(3), atol=1e-6 * abs(cell[0, 0])) else HEXAGONAL


def defects(surface: Surface, unit: Atoms) -> Defects:
    """One atom of a cell of 7 A taken out and put back onto the crystal; low-index surfaces as they are cut."""
    whole, ask = repeated(unit), answer(surface)
    n, each = len(whole.positions), float(ask(unit)["energy"]) / len(unit.positions)
    lacking = Atoms(whole.positions[1:], whole.atomic_numbers[1:], whole.cell, whole.pbc)
    slabs = {name: slab(unit, name) for name in (("100", "110", "111") if names_of(unit) is CUBIC else ("001", "100"))}
    first, *others = _relaxed(surface, [lacking, *slabs.values()])
    found = {}
    for (name, x), energy in zip(slabs.items(), others, strict=True):
        area = np.linalg.norm(np.cross(*np.asarray(x.cell)[:2]))
        found[name] = float(JOULE * (energy - each * len(x.positions)) / (2 * area))
    return Defects(first - (n - 1) * each, found)


def slab(unit: Atoms, indices: str) -> Atoms:
    """Layers of a crystal with vacuum on both sides, the surface normal along the third vector."""
    import ase
    from ase.build import surface as cut

    bulk = ase.Atoms(unit.atomic_numbers, unit.positions, cell=unit.cell, pbc=True)
    one = cut(bulk, tuple(int(i) for i in indices), 1, periodic=True)
    layers = int(np.ceil(THICK / abs(one.cell[2, 2])))
    found = cut(bulk, tuple(int(i) for i in indices), layers, vacuum=GAP, periodic=True)
    return Atoms(found.positions, found.numbers, found.cell.array, np.ones(3, bool))


def _relaxed(surface: Surface, systems: list[Atoms]) -> list[float]:
    """Energies [eV] with atoms at rest, or where they are where that fails."""
    try:
        found = [one.energy for one in relax(surface, systems, tolerance=0.02, most=200)]
    except Invalid:
        found = [np.nan] * len(systems)
    ask = answer(surface)
    return [e if np.isfinite(e) else float(ask(x)["energy"]) for e, x in zip(found, systems)]
