"""Trials with atoms: sums over pairs of a short-ranged function, over all images where the cell is periodic.

E = sum_{i<j} D [ e^{-2 a (d - d0)} - 2 e^{-a (d - d0)} ]            Morse 1929, doi:10.1103/PhysRev.34.57
g = 1/n sum_ij w_ij,   T = 1/n sum_ij w_ij r_ij r_ij^T,              w = sqrt(Z_i Z_j) exp(-d^2 / s^2)
q_i = sum_j (Z_i - Z_j) exp(-d_ij) / 10,   mu = sum_i q_i r_i
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from ...contract import Samples, Split, Supervised
from ...core import quantity
from ...core.groups import Group, LatticeBasis, LatticeTranslations, Orthogonal, Permutations, Translations
from ...core.quantity import Quantity, tensor, vector
from ...core.systems import Atoms, System
from ._trial import Trial, drawn

WATER = np.array([[0.0, 0.0, 0.12], [0.76, 0.0, -0.47], [-0.76, 0.0, -0.47]])  # A
SALT = np.array([[0.0, 0.0, 0.0], [2.9, 2.7, 2.8]])  # A
DEPTH, STEEPNESS, LENGTH = 4.0, 1.5, 1.2  # eV, 1/A, A: D, a, d0
EDGE, WIDTH, IMAGES = 5.6, 2.0, 4  # A, A, cells to every side


def water(rng: np.random.Generator) -> Atoms:
    """A molecule, shaken."""
    return Atoms(WATER + rng.uniform(-0.1, 0.1, WATER.shape), np.array([8, 1, 1], np.int32))


def salt(rng: np.random.Generator) -> Atoms:
    """A crystal, cell and atoms shaken."""
    cell = EDGE * np.eye(3) + rng.uniform(-0.3, 0.3, (3, 3))
    return Atoms(SALT + rng.uniform(-0.2, 0.2, SALT.shape), np.array([11, 17], np.int32), cell, np.ones(3, bool))


class OfAtoms(Trial, Supervised):
    """Atoms, isolated or in a periodic cell."""

    draw: ClassVar[Callable[[np.random.Generator], Atoms]]

    container = Atoms
    inputs = (quantity.positions, quantity.atomic_numbers, quantity.cell)

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return Orthogonal(), Translations(), Permutations()

    def truth(self, split: Split) -> Samples:
        return drawn(split, type(self).draw, self.solve)


class Periodic(OfAtoms):
    """Two atoms in a cell that is almost a cube."""

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return (*super().symmetry, LatticeBasis(), LatticeTranslations())


@dataclasses.dataclass(frozen=True)
class Molecules(OfAtoms):
    """Water with Morse bonds between all pairs."""

    draw = staticmethod(water)
    outputs = (quantity.energy, quantity.forces)

    def solve(self, x: System) -> dict[str, Any]:
        r, d = pairs(x["positions"])
        e = np.exp(-STEEPNESS * (d - LENGTH))
        apart = ~np.eye(len(d), dtype=bool)
        slope = -2 * STEEPNESS * DEPTH * (e**2 - e) * apart  # dE/dd
        energy = DEPTH * np.sum((e**2 - 2 * e) * apart) / 2
        return {"energy": energy, "forces": -np.sum((slope / d)[..., None] * r, 1)}


@dataclasses.dataclass(frozen=True)
class Crystals(Periodic):
    """A number and a symmetric tensor of a crystal."""

    draw = staticmethod(salt)
    outputs = (Quantity("density", "g", "1", ""), Quantity("tensor", "T", "A^2", "", tensor))

    def solve(self, x: System) -> dict[str, Any]:
        r, w = images(x)
        n = len(x["positions"])
        return {"density": np.sum(w) / n, "tensor": np.einsum("ijs,ijsa,ijsb->ab", w, r, r) / n}


@dataclasses.dataclass(frozen=True)
class Charges(OfAtoms):
    """Charges of atoms and the dipole that they make."""

    like = (Crystals,)
    draw = staticmethod(water)
    outputs = (
        Quantity("charges", "q", "e", "atoms"),
        Quantity("dipole", "mu", "e A", "", vector),
    )

    def solve(self, x: System) -> dict[str, Any]:
        z, (_, d) = np.asarray(x["atomic_numbers"], float), pairs(x["positions"])
        charges = np.sum((z[:, None] - z) * np.exp(-d), 1) / 10
        return {"charges": charges, "dipole": charges @ x["positions"]}


@dataclasses.dataclass(frozen=True)
class Stressed(Periodic):
    """Energy 1/2 sum_ij w_ij of a crystal, its forces and its stress."""

    like = (Molecules,)
    draw = staticmethod(salt)
    outputs = (quantity.energy, quantity.forces, quantity.stress)

    def solve(self, x: System) -> dict[str, Any]:
        r, w = images(x)
        slope = -2 / WIDTH**2 * w  # dw/dd / d
        stress = np.einsum("ijs,ijsa,ijsb->ab", slope, r, r) / (2 * abs(np.linalg.det(x["cell"])))
        return {"energy": np.sum(w) / 2, "forces": -np.einsum("ijs,ijsa->ia", slope, r), "stress": stress}


@dataclasses.dataclass(frozen=True)
class Sites(Periodic):
    """Which of the two atoms is the more crowded, by g_i = sum_j w_ij / Z_i."""

    draw = staticmethod(salt)
    outputs = (Quantity("site", "p", "1", "atoms", classes=("open", "crowded")),)

    def solve(self, x: System) -> dict[str, Any]:
        _, w = images(x)
        crowd = np.sum(w, (1, 2)) / np.asarray(x["atomic_numbers"], float)
        return {"site": np.eye(2)[(crowd > np.median(crowd)).astype(int)]}


def pairs(positions: Any) -> tuple[Float[np.ndarray, "n n 3"], Float[np.ndarray, "n n"]]:
    """r_i - r_j and its length, 1 on the diagonal."""
    r = positions[:, None] - positions
    return r, np.linalg.norm(r, axis=-1) + np.eye(len(r))


def images(x: System) -> tuple[Float[np.ndarray, "n n s 3"], Float[np.ndarray, "n n s"]]:
    """r_i - r_j + n h for all n, and w; 0 for an atom with itself."""
    gaps = (x["positions"][:, None] - x["positions"]) @ np.linalg.inv(x["cell"])
    cells = np.array(list(itertools.product(range(-IMAGES, IMAGES + 1), repeat=3)))
    r = ((gaps - np.round(gaps))[:, :, None] + cells) @ x["cell"]
    d2, z = np.sum(r**2, -1), np.sqrt(np.asarray(x["atomic_numbers"], float))
    return r, np.where(d2 > 0, z[:, None, None] * z[:, None] * np.exp(-d2 / WIDTH**2), 0.0)
