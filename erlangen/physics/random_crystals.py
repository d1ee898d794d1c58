"""Crystals that nature might have made: a space group, a lattice that it allows, orbits of atoms that keep apart.

    random_crystal(rng) -> RandomCrystal       crystal system first, each as often; then one of its groups, as often as
                                               among known crystals (`space_groups.csv`), or all alike

Coordinates are free or special (0, 1/4, 1/3, ..., x x x); the volume is that of the atoms, 9 to 22 A^3 each. What came
out may have more symmetry than was asked for: number and lattice are those that spglib finds. Networks trained on such
crystals read patterns of real ones: Schopmans, Reiser, Friederich 2023, doi:10.1039/D3DD00071K.
"""

from __future__ import annotations

import dataclasses
import functools
from importlib import resources

import numpy as np
from jaxtyping import Float, Int

from .diffraction import Scatterers

SYSTEMS = ("triclinic", "monoclinic", "orthorhombic", "tetragonal", "trigonal", "hexagonal", "cubic")
LAST = (2, 15, 74, 142, 167, 194, 230)  # space group of each system
SPECIAL = np.array([0, 0.5, 0.25, 0.75, 1 / 3, 2 / 3, 0.125, 0.375, 0.625])
ODDS = np.array([6, 5, 3, 2, 1, 1, 1, 1, 1]) / 21.0
FREE = 0.45  # share of coordinates that are not special
MOST = 96  # atoms of a conventional cell
NEAR = 0.62  # of the mean spacing (V/n)^(1/3): the shortest distance allowed
# gases without compounds, and what decays, are left out
ELEMENTS = tuple(z for z in range(1, 84) if z not in (2, 10, 18, 36, 43, 54, 61))
CHEMISTRY = {8: 12.0, 16: 4.0, 9: 4.0, 17: 4.0, 7: 3.0, 14: 3.0, 15: 3.0, 1: 2.0}  # how often, others: 1


@dataclasses.dataclass(frozen=True)
class RandomCrystal:
    """number: of the space group; lengths: conventional a, b, c by size [A]."""

    scatterers: Scatterers
    number: int
    lengths: Float[np.ndarray, " 3"]

    @property
    def system(self) -> int:
        """Place in `SYSTEMS`."""
        return system_of(self.number)


def system_of(number: int) -> int:
    """Place of a space group's crystal system in `SYSTEMS`."""
    return int(np.searchsorted(LAST, number))


def symmetry_of(
    cell: Float[np.ndarray, "3 3"],
    places: Float[np.ndarray, "n 3"],
    numbers: Int[np.ndarray, " n"],
    precision: float = 0.01,
) -> tuple[int, Float[np.ndarray, " 3"], Int[np.ndarray, "g 3 3"]]:
    """(number of the space group, lengths of its conventional cell by size [A], rotations); 1 where none is found."""
    import warnings

    import spglib

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # spglib announces a change of its own error handling
        found = spglib.get_symmetry_dataset((cell, places, numbers), symprec=precision)  # type: ignore[arg-type]
    if found is None:
        return 1, np.sort(np.linalg.norm(cell, axis=1)), np.eye(3, dtype=int)[None]
    lengths = np.sort(np.linalg.norm(np.asarray(found.std_lattice), axis=1))
    return int(found.number), lengths, np.unique(np.asarray(found.rotations, int), axis=0)


def random_crystal(
    rng: np.random.Generator, elements: tuple[int, ...] = ELEMENTS, *, alike: bool = False
) -> RandomCrystal:
    """One crystal; tries until atoms keep apart."""
    odds = np.array([CHEMISTRY.get(z, 1.0) for z in elements])
    system = int(rng.integers(len(SYSTEMS)))
    groups = np.arange(1 + (LAST[system - 1] if system else 0), LAST[system] + 1)
    weights = np.ones(len(groups)) if alike else frequencies()[groups - 1] + 1.0  # none is impossible
    while True:
        group = int(rng.choice(groups, p=weights / weights.sum()))
        for _ in range(20):
            found = _attempt(group, system, rng, elements, odds / odds.sum())
            if found is not None:
                return found


@functools.cache
def frequencies() -> Float[np.ndarray, " 230"]:
    """Known crystals of every space group in a sample."""
    text = resources.files("erlangen.physics").joinpath("space_groups.csv").read_text(encoding="utf-8")
    rows = [line.split(",") for line in text.splitlines() if line[:1].isdigit()]
    return np.array([float(count) for _, count in rows])


def _attempt(
    group: int, system: int, rng: np.random.Generator, elements: tuple[int, ...], odds: Float[np.ndarray, " z"]
) -> RandomCrystal | None:
    """Orbits in one group; None where there are too many atoms, or two of them overlap."""
    count = 1 + min(int(rng.geometric(0.42)), 6)
    kinds = rng.choice(elements, size=min(count, 1 + int(rng.integers(1, 4))), replace=False, p=odds)
    places, numbers = [], []
    for k in range(count):
        orbit = _orbit(operations(group), _place(system, rng))
        places.append(orbit)
        numbers += [int(kinds[k % len(kinds)])] * len(orbit)
        if len(numbers) > MOST:
            return None
    fractional, z = np.concatenate(places), np.array(numbers, np.int32)
    shape = _shape(system, rng)
    volume = len(z) * rng.uniform(9.0, 22.0)
    cell = shape * (volume / abs(np.linalg.det(shape))) ** (1 / 3)
    if not 2.2 < np.linalg.norm(cell, axis=1).min() <= np.linalg.norm(cell, axis=1).max() < 32:
        return None
    apart = fractional[:, None] - fractional
    images = np.stack(np.meshgrid(*[(-1, 0, 1)] * 3, indexing="ij"), -1).reshape(-1, 3)
    d = np.linalg.norm((apart - np.round(apart))[:, :, None] @ cell + images @ cell, axis=-1)
    d[np.arange(len(z)), np.arange(len(z)), 13] = np.inf  # an atom from itself
    if d.min() < NEAR * (volume / len(z)) ** (1 / 3):
        return None
    number, lengths, rotations = symmetry_of(cell, fractional, z)
    u = np.full(len(z), rng.uniform(0.003, 0.02))
    return RandomCrystal(Scatterers(cell, fractional, z, np.ones(len(z)), u, rotations), number, lengths)


@functools.lru_cache(maxsize=230)
def operations(group: int) -> Float[np.ndarray, "g 4 4"]:
    """x' = W x + w of a space group in its standard setting (trigonal ones on hexagonal axes)."""
    import gemmi

    return np.array([op.float_seitz() for op in gemmi.get_spacegroup_reference_setting(group).operations()])


def _place(system: int, rng: np.random.Generator) -> Float[np.ndarray, " 3"]:
    special = rng.choice(SPECIAL, 3, p=ODDS)
    place = np.where(rng.random(3) < FREE, rng.random(3), special)
    if system >= 3 and rng.random() < 0.35:  # x x z, x -x z, x 2x z of the diagonals
        place[1] = rng.choice([1.0, -1.0, 2.0] if system in (4, 5) else [1.0, -1.0]) * place[0]
    if system == 6 and rng.random() < 0.35:
        place[1:] = place[0]
    if system in (4, 5) and rng.random() < 0.35:
        place[:2] = (1 / 3, 2 / 3) if rng.random() < 0.6 else 0.0
    return place % 1.0


def _orbit(operations: Float[np.ndarray, "g 4 4"], place: Float[np.ndarray, " 3"]) -> Float[np.ndarray, "k 3"]:
    images = (operations[:, :3, :3] @ place + operations[:, :3, 3]) % 1.0
    _, first = np.unique(np.round(images, 5) % 1.0, axis=0, return_index=True)
    return images[np.sort(first)]


def _shape(system: int, rng: np.random.Generator) -> Float[np.ndarray, "3 3"]:
    """Lattice vectors of a system, of any volume."""
    ratio = np.exp(np.clip(rng.normal(0, 0.4, 3), -0.9, 0.9))
    if system >= 3:
        ratio[1] = ratio[0]
    if system == 6:
        ratio[2] = ratio[0]
    angles = np.full(3, 90.0)
    if system == 0:
        angles = rng.uniform(65, 115, 3)
    if system == 1:
        angles[1] = rng.uniform(91, 125)
    if system in (4, 5):
        angles[2] = 120.0
    alpha, beta, gamma = np.deg2rad(angles)
    x = (np.cos(alpha) - np.cos(beta) * np.cos(gamma)) / np.sin(gamma)
    z = np.sqrt(max(np.sin(beta) ** 2 - x**2, 0.05))
    unit = np.array([[1, 0, 0], [np.cos(gamma), np.sin(gamma), 0], [np.cos(beta), x, z]])
    return ratio[:, None] * unit
