"""Electric properties of molecules by tight binding: dipole moment, polarisability, frontier orbitals.

    mu_i = -dE/dF_i,      alpha_ij = dmu_i/dF_j     (central differences in a uniform field F, symmetrised)

Dipoles in e A, polarisabilities as volumes in A^3 (alpha / 4 pi eps0), orbital energies in eV. The dipole of a charged
molecule depends on the origin, so charges are refused. Pitfall: in the minimal basis of GFN-xTB polarisabilities come
out too small (benzene 6.3 A^3, where experiments find about 10): they are what GFN-xTB says.
GFN2-xTB: Bannwarth, Ehlert, Grimme 2019, doi:10.1021/acs.jctc.8b01176.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float, Int

from erlangen.core.arrays import AnyArray

from ..core.errors import Invalid, unknown
from .tight_binding import HAMILTONIANS, one_thread_per_call
from .units import BOHR, HARTREE

FIELD = 1e-3  # Hartree / (e Bohr): the error of a central difference is about 1e-5 of alpha
KNOWN = {"dipole", "polarizability", "energy", "homo", "lumo", "gap"}


@dataclasses.dataclass(frozen=True)
class ElectricResponse:
    """Properties of neutral closed-shell molecules at the level of a GFN-xTB Hamiltonian.

    hamiltonian: "GFN2-xTB" or "GFN1-xTB"; accuracy: multiplies all thresholds of self-consistency (smaller is tighter).
    """

    hamiltonian: str = "GFN2-xTB"
    accuracy: float = 0.01

    def __call__(
        self,
        atomic_numbers: Int[AnyArray, " atoms"],
        positions: Float[AnyArray, "atoms 3"],
        wanted: tuple[str, ...] = ("dipole", "polarizability", "energy", "homo", "lumo", "gap"),
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """Named properties at positions [A]; only a polarisability needs more than one self-consistent cycle."""
        for name in set(wanted) - KNOWN:
            raise unknown("the property", name, KNOWN)
        numbers = np.asarray(atomic_numbers, np.int32)
        if int(numbers.sum()) % 2:
            raise Invalid(
                must="a molecule has an even number of electrons (closed shells)",
                came=f"{int(numbers.sum())} electrons",
                do="Leave radicals and ions out, or add the missing hydrogen.",
            )
        # nothing of a neutral molecule depends on the origin; close to it, rounding is smallest
        bohr = (np.asarray(positions, float) - np.mean(positions, 0)) / BOHR
        found = self._at_rest(numbers, bohr)
        if "polarizability" in wanted:
            found["polarizability"] = self._polarizability(numbers, bohr)
        return {name: np.asarray(found[name]) for name in wanted}

    def _at_rest(self, numbers: np.ndarray, bohr: np.ndarray) -> dict[str, float | Float[np.ndarray, " 3"]]:
        state = self._solve(numbers, bohr)
        levels, occupations = (np.array(state.get(f"orbital-{name}")) for name in ("energies", "occupations"))
        occupied = int(np.sum(occupations > 1.0))
        homo, lumo = levels[occupied - 1], levels[occupied] if occupied < len(levels) else np.nan
        return {
            "energy": float(state.get("energy")) * HARTREE,
            "dipole": np.array(state.get("dipole")) * BOHR,
            "homo": homo * HARTREE,
            "lumo": lumo * HARTREE,
            "gap": (lumo - homo) * HARTREE,
        }

    def _polarizability(self, numbers: np.ndarray, bohr: np.ndarray) -> Float[np.ndarray, "3 3"]:
        # fields along the principal axes of the atoms: what central differences leave out turns with the molecule
        axes = np.linalg.eigh(bohr.T @ (bohr * numbers[:, None]))[1]
        columns = []
        for axis in FIELD * axes.T:
            ends = [np.array(self._solve(numbers, bohr, s * axis).get("dipole")) for s in (1, -1)]
            columns.append((ends[0] - ends[1]) / (2 * FIELD))
        alpha = np.stack(columns, 1) @ axes.T * BOHR**3
        return (alpha + alpha.T) / 2

    def _solve(self, numbers: np.ndarray, bohr: np.ndarray, field: np.ndarray | None = None):
        """One self-consistent cycle; the result object of `tblite`, in atomic units."""
        if self.hamiltonian not in HAMILTONIANS:
            raise unknown("the tight-binding Hamiltonian", self.hamiltonian, HAMILTONIANS)
        with one_thread_per_call():
            from tblite.exceptions import TBLiteRuntimeError
            from tblite.interface import Calculator
        try:
            calculator = Calculator(self.hamiltonian, numbers, np.ascontiguousarray(bohr))
            calculator.set("verbosity", 0)
            calculator.set("accuracy", self.accuracy)
            if field is not None:
                calculator.add("electric-field", [float(f) for f in field])  # its C interface takes lists only
            return calculator.singlepoint()
        except TBLiteRuntimeError as error:
            raise Invalid(
                must=f"{self.hamiltonian} must know the elements and converge for this geometry",
                came=str(error).strip() or "no self-consistency",
                do="GFN-xTB covers elements up to radon (Z = 86); look for overlapping atoms.",
            ) from error
