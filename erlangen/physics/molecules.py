"""Molecules by name or SMILES: composition and three-dimensional starting structures.

Structures come from distance geometry with knowledge of torsions (ETKDGv3, Wang, Witek, Landrum, Riniker 2020,
doi:10.1021/acs.jcim.0c00025), relaxed with the MMFF94s force field; ASE's G2 collection supplies further names.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float, Int

from erlangen.core.errors import Invalid, unknown
from erlangen.core.systems import Atoms

SMILES = {
    "acetic_acid": "CC(=O)O",
    "acetone": "CC(=O)C",
    "acetylacetone": "CC(=O)/C=C(/C)O",
    "alanine_dipeptide": "CC(=O)N[C@@H](C)C(=O)NC",
    "ammonia": "N",
    "aspirin": "CC(=O)Oc1ccccc1C(=O)O",
    "azobenzene": "c1ccc(cc1)/N=N/c1ccccc1",
    "benzene": "c1ccccc1",
    "butane": "CCCC",
    "caffeine": "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
    "ethane": "CC",
    "ethanol": "CCO",
    "ethene": "C=C",
    "formaldehyde": "C=O",
    "formamide": "NC=O",
    "glycine": "NCC(=O)O",
    "malonaldehyde": "O=C/C=C\\O",
    "methane": "C",
    "methanol": "CO",
    "naphthalene": "c1ccc2ccccc2c1",
    "paracetamol": "CC(=O)Nc1ccc(O)cc1",
    "propane": "CCC",
    "pyridine": "c1ccncc1",
    "salicylic_acid": "OC(=O)c1ccccc1O",
    "toluene": "Cc1ccccc1",
    "uracil": "O=c1cc[nH]c(=O)[nH]1",
    "urea": "NC(=O)N",
    "water": "O",
}


def conformers(molecule: str, count: int = 1, seed: int = 0) -> list[Atoms]:
    """`count` starting structures of a molecule given by name ("ethanol") or SMILES ("CCO"), hydrogens included.

    Same seed, same structures. A name of ASE's G2 collection without SMILES (radicals, small inorganics) gives `count`
    copies of its one structure. Positions in Angstrom, centred on the mean position.
    """
    smiles = SMILES.get(molecule.lower().replace(" ", "_").replace("-", "_"))
    if smiles is None:
        collected = _from_collection(molecule)
        if collected is not None:
            return [collected] * count
    return _embed(smiles or molecule, molecule, count, seed)


def from_smiles(smiles: str, count: int = 1, seed: int = 0) -> list[Atoms]:
    """`count` structures of a SMILES, never read as a name: "CO" is methanol here, carbon monoxide in `conformers`."""
    return _embed(smiles, smiles, count, seed)


def charge_and_spin(molecule: str) -> tuple[int, int]:
    """Total charge [e] and number of unpaired electrons as written in the SMILES; (0, 0) for names."""
    if molecule.lower().replace(" ", "_").replace("-", "_") in SMILES:
        return 0, 0
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        parsed = Chem.MolFromSmiles(molecule)
    if parsed is None:
        return 0, 0
    return Chem.GetFormalCharge(parsed), sum(atom.GetNumRadicalElectrons() for atom in parsed.GetAtoms())


def masses(atomic_numbers: Int[np.ndarray, " atoms"]) -> Float[np.ndarray, " atoms"]:
    """Standard atomic masses [amu], shape [atoms]."""
    from ase.data import atomic_masses

    return np.asarray(atomic_masses)[np.asarray(atomic_numbers)]


def symbols(atomic_numbers: Iterable[int]) -> list[str]:
    """Chemical symbols of atomic numbers."""
    from ase.data import chemical_symbols

    return [chemical_symbols[int(z)] for z in atomic_numbers]


def _from_collection(name: str) -> Atoms | None:
    from ase.collections import g2

    if name not in g2.names:
        return None
    found = g2[name]
    return Atoms(found.positions - found.positions.mean(0), np.asarray(found.numbers, np.int32))


def _embed(smiles: str, name: str, count: int, seed: int) -> list[Atoms]:
    from rdkit import Chem, rdBase
    from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

    with rdBase.BlockLogs():
        parsed = Chem.MolFromSmiles(smiles)
        if parsed is None:
            if not any(c in name for c in "=#()[]123456789"):
                raise unknown("the molecule", name, SMILES)
            raise Invalid(
                must="a molecule must be a known name or a valid SMILES string",
                came=repr(name),
                do="Check brackets, ring closures and valences, or give a file with data=.",
            )
        full = Chem.AddHs(parsed)
        settings = rdDistGeom.ETKDGv3()
        settings.randomSeed = seed + 1
        found = list(rdDistGeom.EmbedMultipleConfs(full, count, settings))
        if len(found) < count:
            settings.useRandomCoords = True
            found = list(rdDistGeom.EmbedMultipleConfs(full, count, settings))
        if len(found) < count:
            raise Invalid(
                must="a three-dimensional structure must exist for the SMILES",
                came=f"{len(found)} of {count} structures for {smiles!r}",
                do="Give a starting structure as a file with data=.",
            )
        if rdForceFieldHelpers.MMFFHasAllMoleculeParams(full):
            rdForceFieldHelpers.MMFFOptimizeMoleculeConfs(full, mmffVariant="MMFF94s")
    numbers = np.array([atom.GetAtomicNum() for atom in full.GetAtoms()], np.int32)
    places = [np.array(full.GetConformer(i).GetPositions()) for i in found]
    return [Atoms(x - x.mean(0), numbers) for x in places]
