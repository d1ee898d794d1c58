"""Kohn-Sham density functional theory of molecules in Gaussian bases, through PySCF.

    E[n] = T_s[n] + int v n + E_H[n] + E_xc[n],      F_A = -dE/dR_A  (analytic, with grid response switched off)

Kohn and Sham 1965, doi:10.1103/PhysRev.140.A1133; Sun et al. 2020 (PySCF), doi:10.1063/5.0006074.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from erlangen.core.arrays import AnyArray
from erlangen.core.errors import Invalid

from .tight_binding import Potential
from .units import BOHR, HARTREE


@dataclasses.dataclass(frozen=True)
class DensityFunctional:
    """Restricted (closed shell) or unrestricted Kohn-Sham total energy [eV] and forces [eV/A].

    functional: any name that libxc knows ("pbe", "b3lyp"; "hf" is Hartree-Fock); basis: "def2-svp", "def2-tzvp", ...
    charge in e; n_unpaired electrons; grid_level 0-9 (3 leaves about 1e-3 eV/A of noise in forces, 5 about 1e-4);
    density_fitting: Coulomb and exchange through an auxiliary basis, error about 1e-5 Hartree per atom, faster.
    """

    functional: str = "pbe"
    basis: str = "def2-svp"
    charge: int = 0
    n_unpaired: int = 0
    grid_level: int = 3
    density_fitting: bool = True

    def potential(self, atomic_numbers: Int[AnyArray, " atoms"]) -> Potential:
        """positions [A] -> (energy [eV], forces [eV/A]); the density of the last call is the guess of the next."""
        from pyscf import gto, scf
        from pyscf.lib.exceptions import BasisNotFoundError

        numbers = [int(z) for z in atomic_numbers]
        molecule, density = gto.Mole(), None
        try:
            molecule.build(
                atom=[(z, (0.0, 0.0, 2.0 * i)) for i, z in enumerate(numbers)],
                basis=self.basis, charge=self.charge, spin=self.n_unpaired, verbose=0, unit="Bohr", symmetry=False,
            )  # fmt: skip
        except (RuntimeError, KeyError, BasisNotFoundError) as error:
            raise Invalid(
                must="basis, charge and number of unpaired electrons must fit the molecule",
                came=str(error).strip().splitlines()[0],
                do="An odd number of electrons needs n_unpaired=1 (or a charge); basis names are those of PySCF.",
            ) from error

        def energy_and_forces(positions: Float[np.ndarray, "atoms 3"]):
            nonlocal density
            molecule.set_geom_(np.asarray(positions, float) / BOHR, unit="Bohr")
            mean_field = self._mean_field(molecule, scf)
            energy = mean_field.kernel(dm0=density)
            if not mean_field.converged:
                energy = mean_field.newton().kernel(dm0=mean_field.make_rdm1())
            density = mean_field.make_rdm1()
            gradient = mean_field.nuc_grad_method().kernel()
            return float(energy) * HARTREE, -np.asarray(gradient) * (HARTREE / BOHR)

        return energy_and_forces

    def _mean_field(self, molecule: Any, scf: Any) -> Any:
        if self.functional.lower() == "hf":
            solver = scf.RHF(molecule) if self.n_unpaired == 0 else scf.UHF(molecule)
        else:
            solver = molecule.RKS() if self.n_unpaired == 0 else molecule.UKS()
            solver.xc = self.functional
            solver.grids.level = self.grid_level
        solver.conv_tol = 1e-10
        return solver.density_fit() if self.density_fitting else solver
