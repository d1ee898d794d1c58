"""A classical force field of organic molecules, MMFF94, through RDKit (Tosco, Stiefl, Landrum 2014,
doi:10.1186/s13321-014-0037-3).

    E = E_bond + E_angle + E_stretch-bend + E_out-of-plane + E_torsion + E_van-der-Waals + E_charges

Bonds are given once and never break; parameters are those of each atom's surroundings in the bond graph.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from ..core.errors import Invalid
from .molecules import SMILES
from .tight_binding import Potential

KILOCALORIE = 0.0433641153  # eV per molecule of 1 kcal/mol


def mmff(molecule: str) -> Potential:
    """positions [A] -> (energy [eV], forces [eV/A]) of a molecule by name or SMILES, its atoms as in `conformers`."""
    from rdkit import Chem, rdBase
    from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

    with rdBase.BlockLogs():
        smiles = SMILES.get(molecule.lower().replace(" ", "_").replace("-", "_"), molecule)
        parsed = Chem.MolFromSmiles(smiles)
        full = None if parsed is None else Chem.AddHs(parsed)
        known = full is not None and rdForceFieldHelpers.MMFFHasAllMoleculeParams(full)
    if not known:
        raise Invalid(
            must="MMFF94 has parameters for every atom of the molecule",
            came=molecule,
            do="It is for closed-shell organic molecules by name or SMILES.",
        )
    rdDistGeom.EmbedMolecule(full, randomSeed=1)
    parameters = rdForceFieldHelpers.MMFFGetMoleculeProperties(full, mmffVariant="MMFF94")
    field = rdForceFieldHelpers.MMFFGetMoleculeForceField(full, parameters)
    field.Initialize()

    def energy_and_forces(positions: Float[np.ndarray, "n 3"]) -> tuple[float, Float[np.ndarray, "n 3"]]:
        flat = np.asarray(positions, float).ravel().tolist()
        energy = field.CalcEnergy(flat)  # first: the gradient is taken with the distances of the last energy
        return KILOCALORIE * energy, -KILOCALORIE * np.asarray(field.CalcGrad(flat)).reshape(-1, 3)

    return energy_and_forces
