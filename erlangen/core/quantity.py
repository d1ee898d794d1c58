"""Quantities: what a number means, where it lives and how it turns.

One declaration serves shapes, units, axis labels, default metrics, symmetry audits and file keys.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

AXES = ("atoms", "lattice", "electrons", "orbitals", "residues", "sites", "nodes", "grid")
"""What a value may belong to; "grid" stands for all axes of the grid."""


@dataclasses.dataclass(frozen=True)
class Representation:
    """A Cartesian representation of O(d): `rank` indices that turn with R, a factor det(R) where `pseudo`.

    value -> det(R)^pseudo R...R value;  `affine` values move along with a translation of the origin as well;
    `alternating` values change sign under an odd exchange of identical fermions.
    """

    name: str
    rank: int = 0
    pseudo: bool = False
    affine: bool = False
    alternating: bool = False


scalar = Representation("scalar")
pseudoscalar = Representation("pseudoscalar", pseudo=True)
vector = Representation("vector", rank=1)
position = Representation("position", rank=1, affine=True)
tensor = Representation("tensor", rank=2)
third_rank = Representation("tensor of rank 3", rank=3)
fermionic = Representation("fermionic", alternating=True)


@dataclasses.dataclass(frozen=True)
class Quantity:
    """A named physical quantity.

    name: key in files and in outputs. symbol: as printed in equations. unit: e.g. "eV/A" ("1" = dimensionless).
    axes: what its leading axes run over, in words: "" (one value for the system), "atoms", "atoms atoms" (one for every
    pair), "orbitals orbitals", "grid", ...; of `AXES`. The axes of `rep` come after them.
    rep: how it turns. lag: how many time steps after the input it is taken (1 for the output of a one-step map).
    extensive: grows with the number of atoms. label: for axes and tables.
    classes: names of the classes of which it says how likely each is; they are its last axis, true values are 1 and 0.
    """

    name: str
    symbol: str
    unit: str
    axes: str = ""
    rep: Representation = scalar
    lag: int = 0
    extensive: bool = False
    label: str = ""
    classes: tuple[str, ...] = ()

    @property
    def is_joint(self) -> bool:
        """Whether its numbers are held together, as one answer: fields on a grid, classes."""
        return self.axes == "grid" or bool(self.classes)

    def shape(self, sizes: Mapping[str, tuple[int, ...]], dimension: int = 3) -> tuple[int, ...]:
        """What a value has for a system of these sizes ({"atoms": (9,), "grid": (64, 64)}) in so many dimensions."""
        leading = [n for axis in self.axes.split() for n in sizes[axis]]
        tensor = [dimension] * self.rep.rank if dimension > 1 else []
        return (*leading, *tensor, *([len(self.classes)] if self.classes else []))

    @property
    def axis(self) -> str:
        """Axis label with symbol and unit."""
        return f"{self.label or self.name.replace('_', ' ')} {self.symbol} [{self.unit}]"


positions = Quantity("positions", "r", "A", "atoms", position)
atomic_numbers = Quantity("atomic_numbers", "Z", "1", "atoms")
cell = Quantity("cell", "h", "A", "lattice", vector)
energy = Quantity("energy", "E", "eV", "", extensive=True)
forces = Quantity("forces", "F", "eV/A", "atoms", vector)
stress = Quantity("stress", "sigma", "eV/A^3", "", tensor)
spins = Quantity("spins", "s", "1", "sites")
coupling = Quantity("coupling", "g", "J", "")
log_psi = Quantity("log_psi", "log psi", "1", "")
amplitudes = Quantity("amplitudes", "psi", "1", "", label="amplitude of every state")
