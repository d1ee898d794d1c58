"""Structure types of halides, filled with ions whose charges balance, strained and shaken.

    halide_crystals(count, rng, pairs) -> crystals, families        pairs: which cation-anion pairs may occur

Coordinates: Wyckoff, Crystal Structures (1963), ISBN 9780471968696.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from jaxtyping import Int

from .ionic_crystals import IONS, Crystal, at_rest, coulomb_sums, frequencies

FACE_CENTRED = 0.5 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]], float)
C_OVER_A = 1.633  # of wurtzite
HEXAGONAL = np.array([[1, 0, 0], [-0.5, 0.75**0.5, 0], [0, 0, C_OVER_A]])
U = 0.305  # of the anions of rutile

# name: lattice vectors in units of a, sites (M: alkali, D: alkaline earth, X: halogen), fractional coordinates,
# a in units of the cation-anion distance
TYPES: dict[str, tuple[np.ndarray, str, list[tuple[float, float, float]], float]] = {
    "rock salt": (FACE_CENTRED, "MX", [(0, 0, 0), (0.5, 0.5, 0.5)], 2.0),
    "caesium chloride": (np.eye(3), "MX", [(0, 0, 0), (0.5, 0.5, 0.5)], 2 / 3**0.5),
    "zinc blende": (FACE_CENTRED, "MX", [(0, 0, 0), (0.25, 0.25, 0.25)], 4 / 3**0.5),
    "wurtzite": (
        HEXAGONAL,
        "MMXX",
        [(1 / 3, 2 / 3, 0), (2 / 3, 1 / 3, 0.5), (1 / 3, 2 / 3, 0.375), (2 / 3, 1 / 3, 0.875)],
        1.633,
    ),
    "fluorite": (FACE_CENTRED, "DXX", [(0, 0, 0), (0.25, 0.25, 0.25), (0.75, 0.75, 0.75)], 4 / 3**0.5),
    "rutile": (
        np.diag([1, 1, 0.66]),
        "DDXXXX",
        [(0, 0, 0), (0.5, 0.5, 0.5), (U, U, 0), (1 - U, 1 - U, 0), (0.5 + U, 0.5 - U, 0.5), (0.5 - U, 0.5 + U, 0.5)],
        2.32,
    ),
    "perovskite": (
        np.eye(3),
        "MDXXX",
        [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)],
        2.0,
    ),
}
SOFT = 40.0  # cm^-1
CATASTROPHE = 0.6  # largest 4 pi/3V sum alpha of a sample; at 1 a cubic crystal of point dipoles polarises by itself


def compounds() -> list[tuple[str, tuple[int, ...]]]:
    """Every (structure type, atomic number of each site) of the table."""
    kinds = {"M": [z for z in IONS if IONS[z][0] == 1], "D": [z for z in IONS if IONS[z][0] == 2]}
    kinds["X"] = [z for z in IONS if IONS[z][0] == -1]
    found = []
    for name, (_, sites, _, _) in TYPES.items():
        letters = sorted(set(sites))
        for choice in itertools.product(*(kinds[c] for c in letters)):
            found.append((name, tuple(dict(zip(letters, choice))[c] for c in sites)))
    return found


def ideal(name: str, numbers: tuple[int, ...]) -> Crystal:
    """The undistorted crystal at the volume where it rests."""
    cell, sites, places, ratio = TYPES[name]
    small = "D" if "D" in sites else "M"
    r0 = IONS[numbers[sites.index(small)]][1] + IONS[numbers[sites.index("X")]][1]
    cell = ratio * r0 * cell
    return at_rest(Crystal(np.array(places, float) @ cell, np.array(numbers, np.int32), cell))


def pairs_of(numbers: tuple[int, ...]) -> set[tuple[int, int]]:
    """Cation-anion pairs of a compound."""
    return {(a, b) for a in numbers for b in numbers if IONS[a][0] > 0 > IONS[b][0]}


def halide_crystals(
    count: int,
    rng: np.random.Generator,
    allowed: Callable[[set[tuple[int, int]]], bool] = lambda pairs: True,
    repeats: int = 1,
) -> tuple[list[Crystal], Int[np.ndarray, " crystals"]]:
    """Crystals, and the number of the compound of each: a third ideal but for their volume, a third strained along the
    axes, a third strained and shaken at random.

    repeats: cells of a chain along one lattice vector, shaken together.
    """
    every = [(i, ideal(*c)) for i, c in enumerate(compounds()) if allowed(pairs_of(c[1]))]
    choices = [(i, crystal) for i, crystal in every if _is_stable(crystal)]
    crystals, which = [], []
    for number in range(count):
        i, crystal = choices[int(rng.integers(len(choices)))]
        crystals.append(distorted(_repeated(crystal, repeats, int(rng.integers(3))), number % 3, rng))
        which.append(i)
    return crystals, np.array(which)


def distorted(crystal: Crystal, how: int, rng: np.random.Generator) -> Crystal:
    """0: another volume; 1: strained along the axes as well; 2: any strain, and ions displaced by 0.05 A."""
    strain = np.eye(3) * (1 + rng.uniform(-0.02, 0.03))
    if how == 1:
        strain = strain @ np.diag(1 + 0.03 * rng.standard_normal(3))
    if how == 2:
        noise = 0.02 * rng.standard_normal((3, 3))
        strain = strain @ (np.eye(3) + noise + noise.T)
    moved = crystal.positions @ strain
    if how == 2:
        moved = moved + 0.05 * rng.standard_normal(moved.shape)
    return Crystal(moved, crystal.atomic_numbers, crystal.cell @ strain)


def _repeated(crystal: Crystal, repeats: int, axis: int) -> Crystal:
    shifts = np.arange(repeats)[:, None, None] * crystal.cell[axis]
    cell = crystal.cell.copy()
    cell[axis] *= repeats
    positions = (crystal.positions[None] + shifts).reshape(-1, 3)
    return Crystal(positions, np.tile(crystal.atomic_numbers, repeats).astype(np.int32), cell)


def _is_stable(crystal: Crystal) -> bool:
    """Neither near the polarisation catastrophe nor soft as a whole (lithium fluoride would not form CsCl)."""
    if 4 * np.pi / 3 * float(np.sum(crystal.column(2))) / crystal.volume > CATASTROPHE:
        return False
    return frequencies(crystal, coulomb_sums(crystal)[1])[-1] > SOFT
