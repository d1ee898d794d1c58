"""What every question about spins 1/2 on a lattice states first: its law, one of those of `quantum/spins`.

Antiferromagnets on two sublattices are stated in Marshall's rotated basis, where the unfrustrated ground state is
positive (1955, doi:10.1098/rspa.1955.0200).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeVar

from erlangen.contract import Asked, Variational
from erlangen.core.errors import Invalid, unknown
from erlangen.core.groups import Group, SiteSymmetry, SpinFlip
from erlangen.core.quantity import log_psi, spins
from erlangen.core.systems import SpinLattice
from erlangen.data.pauli_files import read_pauli_sum
from erlangen.physics import lattices
from erlangen.physics import spins as laws

A = TypeVar("A", bound=Asked)

MODELS = ("ising", "heisenberg", "j1j2", "xxz")
STRONGEST = 1e6  # coupling in units of J: beyond it the smaller terms drown in rounding
COUPLINGS = {"ising": "field", "xxz": "anisotropy", "j1j2": "j2"}  # the setting by which a model is tuned


@dataclasses.dataclass(frozen=True)
class SpinsOnLattice(Variational[A]):
    """Spins of a model on a lattice; what tunes the model is a setting of the question."""

    model: Literal["ising", "heisenberg", "j1j2", "xxz"] = "ising"
    lattice: Literal["chain", "square", "triangular", "honeycomb", "kagome"] = "chain"
    sites: int = 16  # in total
    periodic: bool = True

    container = SpinLattice
    inputs = (spins,)
    outputs = (log_psi,)
    toy: ClassVar[Mapping[str, Any]] = {"sites": 8}

    def law_at(self, coupling: float) -> laws.Hamiltonian:
        """The law at one value of what tunes the model, in Marshall's basis where the lattice has two sublattices."""
        if self.model not in MODELS:
            raise unknown("model", self.model, MODELS)
        lowest = 0.0 if self.model in ("ising", "j1j2") else -STRONGEST
        if self.model in COUPLINGS and not lowest <= coupling <= STRONGEST:
            name = COUPLINGS[self.model]
            raise Invalid(must=f"{name} is finite, {lowest:g} to {STRONGEST:g}", came=f"{coupling:g}", do="Change it.")
        if self.model != "ising" and self.sites % 2:
            raise Invalid(
                must="S_z = 0 needs an even number of spins", came=f"{self.sites} sites", do=f"Take {self.sites + 1}."
            )
        lattice = lattices.named(self.lattice, self.sites, is_periodic=self.periodic)
        sign_rule = lattice.sublattice is not None
        if self.model == "ising":
            return laws.transverse_ising(lattice, field=coupling)
        if self.model == "xxz":
            return laws.xxz(lattice, anisotropy=coupling, sign_rule=sign_rule)
        return laws.j1j2(lattice, j2=coupling, sign_rule=sign_rule)

    @property
    def symmetry(self) -> tuple[Group, ...]:
        lattice = self.law.lattice
        named = (("lattice translations", lattice.translations), ("lattice isometries", lattice.space_group))
        sites = tuple(SiteSymmetry(tuple(map(tuple, rows.tolist())), title) for title, rows in named if len(rows) > 1)
        return (*sites, SpinFlip()) if self.law.is_flip_symmetric else sites

    @property
    def is_ising_ring(self) -> bool:
        """Whether the law is that of free fermions."""
        is_ring = self.lattice == "chain" and self.periodic and self.sites % 2 == 0 and self.sites > 2
        return self.model == "ising" and is_ring


@dataclasses.dataclass(frozen=True)
class SpinsUnderLaw(SpinsOnLattice[A]):
    """Spins under one law: a model with all its couplings, or a sum of Pauli strings from a file."""

    field: float = 1.0  # h / J of the Ising model; the chain is critical at 1, the square lattice at 3.044
    j2: float = 0.5  # J2 / J1 of the J1-J2 model
    anisotropy: float = 1.0  # Delta of the XXZ model
    file: str = ""  # own sum of Pauli strings; replaces all of the above

    def __post_init__(self):
        self.law  # noqa: B018  # an impossible lattice or file is refused here and not in mid-run

    @functools.cached_property
    def law(self) -> laws.Hamiltonian:
        """The law of the settings, or of the file."""
        return read_pauli_sum(self.file) if self.file else self.law_at(self.coupling)

    @property
    def coupling(self) -> float:
        """What tunes the model; 0 for the Heisenberg model, which has no J2."""
        return getattr(self, COUPLINGS[self.model]) if self.model in COUPLINGS else 0.0

    @property
    def is_ising_ring(self) -> bool:
        return super().is_ising_ring and not self.file
