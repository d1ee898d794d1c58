"""Ground state of spins 1/2 on a lattice: which amplitudes psi(s) make the energy lowest?

    ising        H = -J sum_<ij> sz_i sz_j - h sum_i sx_i                       Pauli matrices, J = 1, h = field
    heisenberg   H =  J sum_<ij> S_i . S_j                                      S = sigma / 2, J = 1
    j1j2         H =  J sum_<ij> S_i . S_j + J2 sum_<<ij>> S_i . S_j            S = sigma / 2, J = 1, J2 = j2
    xxz          H =  J sum_<ij> [ Sx_i Sx_j + Sy_i Sy_j + Delta Sz_i Sz_j ]    S = sigma / 2, J = 1, Delta = anisotropy
    file         any sum of Pauli strings (`data.pauli_files`)

Antiferromagnets on two sublattices are stated in Marshall's rotated basis, where the unfrustrated ground state is
positive (1955, doi:10.1098/rspa.1955.0200). Truth: free fermions for the periodic Ising chain (Pfeuty 1970,
doi:10.1016/0003-4916(70)90270-8), else exact diagonalisation in symmetry sectors up to 24 sites.
"""

from __future__ import annotations

import dataclasses
import functools
import time
import warnings
from collections.abc import Mapping
from typing import Any, Self

from erlangen.contract import GroundState, Outputs, PublishedResult, ReferenceSolver, Shift
from erlangen.core.errors import Invalid
from erlangen.core.systems import System
from erlangen.data.varbench import SOURCE, Row, published
from erlangen.physics import exact_diagonalisation, matrix_product_states, mean_field
from erlangen.physics import spins as laws

from ._law import STRONGEST, SpinsUnderLaw


@dataclasses.dataclass(frozen=True)
class Spins(SpinsUnderLaw[GroundState]):
    magnetisation: int = 0  # S_z of an exchange model; 1 gives the lowest triplet

    budget = "45s"

    @functools.cached_property
    def law(self) -> laws.Hamiltonian:
        """The law among states of the `magnetisation`."""
        law = super().law
        return law.at_magnetisation(self.magnetisation) if self.magnetisation else law

    @property
    def shifts(self) -> tuple[Shift, ...]:
        """The state found here as a trial state of other couplings."""
        if self.file:
            return ()
        if self.model == "ising":
            # beside no field, in units of J
            values = [(self.field or 1.0) * x + self.field for x in (-0.2, -0.1, -0.05, 0.05, 0.1, 0.2)]
            return (Shift("field", _allowed(values, 0), "other transverse field", "J"),)
        if self.model == "xxz":
            values = [self.anisotropy + x for x in (-0.2, -0.05, 0.05, 0.2) if self.anisotropy + x > -1]
            return (Shift("anisotropy", _allowed(values, -1), "other anisotropy"),)
        values = [self.coupling + x for x in (-0.1, 0.02, 0.05, 0.1)]
        return (Shift("j2", _allowed(values, 0), "other frustration", "J1"),)

    def shifted(self, axis: str, value: Any) -> Self:
        changes = {"model": "j1j2"} if axis == "j2" else {}
        return dataclasses.replace(self, **changes, **{axis: value})

    def reference(self) -> Mapping[str, Any] | None:
        """Energy, source and seconds of the exact ground state; None, with a warning, beyond exact diagonalisation.

        excited: the next energy, where it is known; is_symmetric: of states that keep all symmetry of the law.
        """
        return _reference(self)

    @property
    def solvers(self) -> tuple[ReferenceSolver, ...]:
        """Exact diagonalisation up to 24 sites, matrix product states where TeNPy is installed, mean field."""
        found = [ReferenceSolver("mean field (product state)", "starts", (1, 8), self.solve_mean_field)]
        if matrix_product_states.is_installed() and self.law.n_sites > 2:
            found.insert(
                0, ReferenceSolver("matrix product states", "bond dimension", (8, 32, 128), self.solve_by_products)
            )
        if self.law.n_sites <= exact_diagonalisation.MAX_SITES:
            found.insert(
                0, ReferenceSolver("exact diagonalisation", "tolerance", (1e-1, 1e-4, 1e-8), self.solve_exactly)
            )
        return tuple(found)

    def solve_exactly(self, x: System | None, tolerance: float) -> Outputs:
        """Ground-state energy by Lanczos in symmetry sectors; needs no input."""
        return {"energy": exact_diagonalisation.ground_state(self.law, tolerance=tolerance).energy}  # type: ignore[dict-item]

    def solve_by_products(self, x: System | None, bond_dimension: int) -> Outputs:
        """Energy of the best matrix product state found; needs no input."""
        return {"energy": matrix_product_states.ground_state_energy(self.law, bond_dimension)[0]}  # type: ignore[dict-item]

    def solve_mean_field(self, x: System | None, starts: int) -> Outputs:
        """Energy of the best product state out of several starts; needs no input."""
        return {"energy": mean_field.product_state(self.law, starts=starts)[0]}  # type: ignore[dict-item]

    @property
    def published(self) -> tuple[PublishedResult, ...]:  # type: ignore[override]  # they depend on the settings
        """Published relative energy errors for exactly this law."""
        rows = self._published()
        exact = next((row.energy for row in rows if row.is_exact), None)
        if exact is None:
            reference = _reference(self) if rows else None
            exact = reference["energy"] / self._pauli_unit if reference else None
        if exact is None:
            return tuple(
                PublishedResult(r.method, "energy", r.energy * self._pauli_unit / self.sites, "J", SOURCE) for r in rows
            )
        return tuple(
            PublishedResult(r.method, "energy_error", abs(r.energy / exact - 1), "1", SOURCE)
            for r in rows
            if not r.is_exact
        )

    def _published(self) -> list[Row]:
        if self.file or self.model == "xxz" or self.magnetisation:
            return []
        return published(self.model, self.law.lattice, self.coupling)

    @property
    def _pauli_unit(self) -> float:
        """What an energy in Pauli units is here."""
        return 1.0 if self.model == "ising" else 0.25


def _allowed(couplings: list[float], lowest: float) -> tuple[float, ...]:
    """Those that the laws take, to nine digits."""
    return tuple(float(f"{x:.9g}") for x in couplings if lowest <= x <= STRONGEST)


@functools.lru_cache(maxsize=64)
def _reference(task: Spins) -> Mapping[str, Any] | None:
    begun = time.perf_counter()
    if task.is_ising_ring:
        energy = laws.ising_chain_energy(task.sites, field=task.field)
        excited = laws.ising_chain_excited_energy(task.sites, field=task.field)
        seconds = time.perf_counter() - begun
        found = {"energy": energy, "excited": excited, "is_symmetric": True, "source": "free fermions"}
        return {**found, "seconds": seconds}
    try:
        found = exact_diagonalisation.ground_state(task.law)
    except Invalid as limit:
        table = next((row for row in task._published() if row.is_exact), None)
        if table is not None:
            source = f"exact diagonalisation, {SOURCE}"
            return {"energy": table.energy * task._pauli_unit, "source": source, "seconds": 0.0}
        warnings.warn(str(limit), stacklevel=3)
        return None
    source = f"exact diagonalisation, {len(found.vector)} states, residual {found.residual:.0e}"
    sector = {"excited": found.excited, "is_symmetric": found.is_symmetric}
    return {"energy": found.energy, **sector, "source": source, "seconds": found.seconds}
