"""Ground state of spins 1/2 on a lattice: which amplitudes psi(s) make the energy lowest?

    ising        H = -J sum_<ij> sz_i sz_j - h sum_i sx_i                       Pauli matrices, J = 1, h = field
    heisenberg   H =  J sum_<ij> S_i . S_j                                      S = sigma / 2, J = 1
    j1j2         H =  J sum_<ij> S_i . S_j + J2 sum_<<ij>> S_i . S_j            S = sigma / 2, J = 1, J2 = j2

Antiferromagnets on two sublattices are stated in Marshall's rotated basis, where the unfrustrated ground state is
positive (1955, doi:10.1098/rspa.1955.0200). Truth: free fermions for the periodic Ising chain (Pfeuty 1970,
doi:10.1016/0003-4916(70)90270-8), else exact diagonalisation in symmetry sectors up to 24 sites.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import time
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from erlangen.contract import Opponent, Outputs, Peer, Shift, Variational
from erlangen.core.errors import Invalid, unknown
from erlangen.core.groups import Group, SiteSymmetry, SpinFlip
from erlangen.core.quantity import log_psi, spins
from erlangen.core.systems import SpinLattice, System
from erlangen.physics import exact_diagonalisation, lattices, mean_field
from erlangen.physics import spins as laws

MODELS = ("ising", "heisenberg", "j1j2")


@dataclasses.dataclass(frozen=True)
class Spins(Variational):
    model: Literal["ising", "heisenberg", "j1j2"] = "ising"
    lattice: Literal["chain", "square"] = "chain"
    sites: int = 16  # in total; a square number on the square lattice
    periodic: bool = True
    field: float = 1.0  # h / J of the Ising model; the chain is critical at 1, the square lattice at 3.044
    j2: float = 0.5  # J2 / J1 of the J1-J2 model

    container = SpinLattice
    inputs = (spins,)
    outputs = (log_psi,)
    budget = "45s"
    toy: ClassVar[Mapping[str, Any]] = {"sites": 8}

    def __post_init__(self):
        if self.model not in MODELS:
            raise unknown("model", self.model, MODELS)
        for name in ("field", "j2"):
            if not 0 <= getattr(self, name) < math.inf:
                raise Invalid(must=f"{name} is finite and not negative", came=str(getattr(self, name)), do="Change it.")
        if self.model != "ising" and self.sites % 2:
            raise Invalid(
                must="S_z = 0 needs an even number of spins", came=f"{self.sites} sites", do=f"Take {self.sites + 1}."
            )
        self.geometry  # noqa: B018  # an impossible lattice is refused here and not in mid-run

    @property
    def geometry(self) -> lattices.Lattice:
        return lattices.named(self.lattice, self.sites, is_periodic=self.periodic)

    @property
    def hamiltonian(self) -> laws.Hamiltonian:
        """The law, in Marshall's basis where the lattice has two sublattices."""
        if self.model == "ising":
            return laws.transverse_ising(self.geometry, field=self.field)
        j2 = self.j2 if self.model == "j1j2" else 0.0
        return laws.j1j2(self.geometry, j2=j2, sign_rule=self.geometry.sublattice is not None)

    @property
    def symmetry(self) -> tuple[Group, ...]:
        point = SiteSymmetry(_rows(self.geometry.point_group), "rotations and reflections of the lattice")
        flip = SpinFlip()
        if not self.periodic:
            return point, flip
        return SiteSymmetry(_rows(self.geometry.translations), "lattice translations"), point, flip

    @property
    def shifts(self) -> tuple[Shift, ...]:
        """The state found here as a trial state of other couplings."""
        if self.model == "ising":
            values = tuple(round(self.field * (1 + x), 6) for x in (-0.2, -0.1, -0.05, 0.05, 0.1, 0.2))
            return (Shift("field", values, "other transverse field", "J"),)
        own = self.j2 if self.model == "j1j2" else 0.0
        values = tuple(round(own + x, 6) for x in (-0.1, 0.02, 0.05, 0.1) if own + x >= 0)
        return (Shift("j2", values, "other frustration", "J1"),)

    def shifted(self, axis: str, value: Any) -> Self:
        changes = {"model": "j1j2"} if axis == "j2" else {}
        return dataclasses.replace(self, **changes, **{axis: value})

    def reference(self) -> Mapping[str, Any] | None:
        """Energy, source and seconds of the exact ground state; None, with a warning, beyond exact diagonalisation."""
        return _reference(self)

    @property
    def opponents(self) -> tuple[Opponent, ...]:
        mean = Opponent("mean field (product state)", "starts", (1, 8), self.solve_mean_field)
        if self.sites > exact_diagonalisation.MAX_SITES:
            return (mean,)
        exact = Opponent("exact diagonalisation", "tolerance", (1e-1, 1e-4, 1e-8), self.solve_exactly)
        return exact, mean

    def solve_exactly(self, x: System | None, tolerance: float) -> Outputs:
        """Ground-state energy by Lanczos in symmetry sectors; needs no input."""
        return {"energy": exact_diagonalisation.ground_state(self.hamiltonian, tolerance=tolerance).energy}  # type: ignore[dict-item]

    def solve_mean_field(self, x: System | None, starts: int) -> Outputs:
        """Energy of the best product state out of several starts; needs no input."""
        return {"energy": mean_field.product_state(self.hamiltonian, starts=starts)[0]}  # type: ignore[dict-item]

    @property
    def peers(self) -> tuple[Peer, ...]:  # type: ignore[override]  # published numbers depend on the settings
        """Published relative energy errors for exactly this model."""
        key = (self.model, self.lattice, self.sites, self.periodic, self.coupling)
        source = "Wu et al. 2024, doi:10.1126/science.adg9774"
        return tuple(
            Peer(name, "energy_error", abs(energy / exact - 1), "1", source)
            for name, energy, exact in PUBLISHED.get(key, ())
        )

    @property
    def coupling(self) -> float:
        """The one number beside J that this model depends on."""
        return {"ising": self.field, "heisenberg": 0.0, "j1j2": self.j2}[self.model]


PUBLISHED = {
    ("ising", "chain", 10, True, 1.0): (
        ("RBM (alpha = 1)", -12.785231, -12.784906443),
        ("Jastrow", -12.77246, -12.784906443),
    ),
    ("ising", "chain", 32, True, 1.0): (
        ("symmetric feed-forward net", -40.760008, -40.760032494),
        ("RBM (alpha = 1)", -40.75763, -40.760032494),
        ("Jastrow", -40.70126, -40.760032494),
    ),
    ("heisenberg", "chain", 20, True, 0.0): (
        ("RNN with translations", -35.6175098, -35.617546120),
        ("RBM (alpha = 1)", -35.60392, -35.617546120),
        ("Jastrow", -35.55179, -35.617546120),
    ),
    ("j1j2", "square", 16, True, 0.5): (
        ("Clebsch tree", -33.831039193, -33.831693406),
        ("RBM (alpha = 1)", -33.0219, -33.831693406),
        ("Jastrow", -32.5106, -33.831693406),
    ),
}
"""(model, lattice, sites, periodic, coupling) -> (name, energy, exact energy) in the units of the source."""


@functools.lru_cache(maxsize=64)
def _reference(task: Spins) -> Mapping[str, Any] | None:
    begun = time.perf_counter()
    if task.model == "ising" and task.lattice == "chain" and task.periodic and task.sites % 2 == 0 and task.sites > 2:
        energy = laws.ising_chain_energy(task.sites, field=task.field)
        return {"energy": energy, "source": "free fermions", "seconds": time.perf_counter() - begun}
    try:
        found = exact_diagonalisation.ground_state(task.hamiltonian)
    except Invalid as limit:
        warnings.warn(str(limit), stacklevel=3)
        return None
    source = f"exact diagonalisation, {len(found.vector)} states, residual {found.residual:.0e}"
    return {"energy": found.energy, "source": source, "seconds": found.seconds}


def _rows(permutations: Any) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(i) for i in row) for row in permutations)
