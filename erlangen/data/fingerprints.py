"""Fingerprints of molecules: counts of fragments, hashed to a fixed length.

    fingerprints(smiles) -> [Compound], with values
        circular    atoms with their surroundings up to three bonds, chirality included (ECFP6 counts)
        functional  the same by the role of atoms: donor, acceptor, aromatic, ... (FCFP6 counts)
        pairs       pairs of atoms and the number of bonds between them
        torsions    chains of four atoms
        paths       linear and branched substructures of up to six bonds
        ecfp4       0 or 1: which surroundings of up to two bonds occur (the fingerprint of published comparisons)

Rogers and Hahn 2010 (ECFP), doi:10.1021/ci100050t; Carhart et al. 1985 (pairs), doi:10.1021/ci00046a002; Nilakantan
et al. 1987 (torsions), doi:10.1021/ci00054a008; through RDKit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.errors import Invalid
from ..core.quantity import Quantity
from ..core.systems import Compound

COUNTED = ("circular", "functional", "pairs", "torsions", "paths")
QUANTITIES = tuple(Quantity(name, "n", "1", "", label=f"{name} fingerprint") for name in (*COUNTED, "ecfp4"))
LENGTH, ECFP4_LENGTH = 2048, 1024


def fingerprints(smiles: Sequence[str]) -> list[Compound]:
    """Counts (0 to 255) of every kind for each SMILES; about 2 ms per molecule of drug size.

    The same molecule gives the same counts from every one of its SMILES. Pitfall: two fragments may share a place (of
    2048), which blurs the counts of large molecules a little; versions of RDKit may place fragments differently.
    """
    from rdkit import Chem, rdBase

    made, found = _generators(), []
    with rdBase.BlockLogs():
        for number, text in enumerate(smiles, 1):
            molecule = Chem.MolFromSmiles(text) if text else None
            if molecule is None:
                raise Invalid(
                    must="every molecule is a valid SMILES", came=f"entry {number}: {text!r}", do="Correct it."
                )
            counts = {name: count(molecule) for name, count in made.items()}
            found.append(Compound({name: np.minimum(value, 255).astype(np.uint8) for name, value in counts.items()}))
    return found


@functools.cache
def _generators() -> dict[str, Callable[..., Any]]:
    from rdkit.Chem import rdFingerprintGenerator as made

    roles = made.GetMorganFeatureAtomInvGen()
    kinds = {
        "circular": made.GetMorganGenerator(radius=3, includeChirality=True, fpSize=LENGTH),
        "functional": made.GetMorganGenerator(radius=3, atomInvariantsGenerator=roles, fpSize=LENGTH),
        "pairs": made.GetAtomPairGenerator(includeChirality=True, countSimulation=False, fpSize=LENGTH),
        "torsions": made.GetTopologicalTorsionGenerator(includeChirality=True, countSimulation=False, fpSize=LENGTH),
        "paths": made.GetRDKitFPGenerator(maxPath=6, numBitsPerFeature=1, fpSize=LENGTH),
    }
    bits = made.GetMorganGenerator(radius=2, fpSize=ECFP4_LENGTH)
    found: dict[str, Callable[..., Any]] = {name: kind.GetCountFingerprintAsNumPy for name, kind in kinds.items()}
    found["ecfp4"] = bits.GetFingerprintAsNumPy
    return found
