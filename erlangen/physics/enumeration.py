"""All small molecules that the rules of valence allow, grown atom by atom.

    M_1 = {elements},   M_k = closure of { m + atom : m in M_(k-1) } under "one more bond between two atoms of m"

A bond may be added where both atoms have a hydrogen left; it raises the order of a bond or closes a ring. What does not
last is left out, by the rules of the chemical universe databases: bonds between two of O and F, chains of three hetero
atoms, geminal hetero atoms with hydrogen, cumulated double bonds, triple or cumulated bonds in rings, double bonds in
rings of three, and atoms shared by two small rings. Fink and Reymond 2007 (GDB-11), doi:10.1021/ci600423u.
"""

from __future__ import annotations

import functools

import numpy as np

from ..core.errors import Invalid

VALENCE = {"C": 4, "N": 3, "O": 2, "F": 1}
LIMIT, PART = 1200, 100  # where more molecules than LIMIT have one size, a random PART of them grows further


def small_molecules(n_heavy: int, elements: str = "CNO", seed: int = 0) -> list[list[str]]:
    """Canonical SMILES of the molecules with 1, 2, ..., n_heavy atoms besides hydrogen, sorted; one list per size.

    elements: letters out of "CNOF". Complete up to 6 atoms of C, N and O; of larger sizes a random part drawn with
    `seed`, since their number grows tenfold per atom. Pitfall: no charges (nitro groups), no radicals, no tautomer is
    preferred. Time: 1 s for 5 atoms, 20 s for 6, 15 s more for 7.
    """
    if not elements or set(elements) - set(VALENCE) or not 1 <= n_heavy <= 9:
        raise Invalid(
            must="molecules have 1 to 9 heavy atoms of C, N, O and F",
            came=f"n_heavy={n_heavy}, elements={elements!r}",
            do='Good values: n_heavy=6, elements="CNO".',
        )
    return [list(level) for level in _levels(n_heavy, "".join(sorted(set(elements))), seed)]


@functools.lru_cache(maxsize=16)
def _levels(n_heavy: int, elements: str, seed: int) -> tuple[tuple[str, ...], ...]:
    from rdkit import rdBase

    if n_heavy == 1:
        return (tuple(sorted(elements)),)
    smaller = _levels(n_heavy - 1, elements, seed)
    parents = list(smaller[-1])
    if len(parents) > LIMIT:
        chosen = np.random.default_rng([seed, n_heavy]).permutation(len(parents))[:PART]
        parents = [parents[i] for i in np.sort(chosen)]
    with rdBase.BlockLogs():
        found: set[str] = set()
        fresh = {child for parent in parents for child in _longer(parent, elements)}
        while fresh:
            found |= fresh
            fresh = {child for molecule in sorted(fresh) for child in _denser(molecule)} - found
        return (*smaller, tuple(sorted(m for m in found if _lasts(m))))


def _longer(smiles: str, elements: str) -> set[str]:
    """Every molecule with one more atom on a single bond."""
    from rdkit import Chem

    molecule, found = Chem.MolFromSmiles(smiles), set()
    Chem.Kekulize(molecule, clearAromaticFlags=True)
    for atom in molecule.GetAtoms():
        if atom.GetTotalNumHs():
            for element in elements:
                grown = Chem.RWMol(molecule)
                _use_hydrogen(grown, atom.GetIdx())
                new = grown.AddAtom(Chem.Atom(element))
                grown.AddBond(atom.GetIdx(), new, Chem.BondType.SINGLE)
                found |= _canonical(grown)
    return found


def _denser(smiles: str) -> set[str]:
    """Every molecule with one more bond between two atoms: a higher order, or a ring."""
    from rdkit import Chem

    molecule, found = Chem.MolFromSmiles(smiles), set()
    Chem.Kekulize(molecule, clearAromaticFlags=True)
    higher = {Chem.BondType.SINGLE: Chem.BondType.DOUBLE, Chem.BondType.DOUBLE: Chem.BondType.TRIPLE}
    free = [atom.GetIdx() for atom in molecule.GetAtoms() if atom.GetTotalNumHs()]
    for place, i in enumerate(free):
        for j in free[place + 1 :]:
            bond = molecule.GetBondBetweenAtoms(i, j)
            if bond is not None and bond.GetBondType() not in higher:
                continue
            grown = Chem.RWMol(molecule)
            _use_hydrogen(grown, i)
            _use_hydrogen(grown, j)
            if bond is None:
                grown.AddBond(i, j, Chem.BondType.SINGLE)
            else:
                grown.GetBondBetweenAtoms(i, j).SetBondType(higher[bond.GetBondType()])
            found |= _canonical(grown)
    return found


def _use_hydrogen(molecule, index: int) -> None:
    """An explicit hydrogen, as in pyrrole, would otherwise stay."""
    atom = molecule.GetAtomWithIdx(index)
    atom.SetNoImplicit(False)
    atom.SetNumExplicitHs(0)


def _canonical(molecule) -> set[str]:
    """The canonical SMILES; nothing where the valences do not fit or no further bond leads to one that lasts."""
    from rdkit import Chem

    try:
        Chem.SanitizeMol(molecule)
    except (Chem.AtomValenceException, Chem.KekulizeException):
        return set()
    if any(molecule.HasSubstructMatch(pattern) for pattern in _patterns(True)):
        return set()
    return {Chem.MolToSmiles(molecule)}


# Hopeless: no further bond can cure it. The others may still become part of something that lasts (an aromatic ring).
HOPELESS = ("[O,F]~[O,F,o]", "[N]-[F]", "[N,O,F;!a]~[N,O;!a]~[N,O,F;!a]", "[*]#[*;R]", "[*;R]=[*;R]=[*]", "*=*=*")
PASSING = (
    "[CX4;!H0]([N,O;!H0])[N,O,F]",
    "[CX4]([OH])[OH]",
    "[r3]=[r3]",
    "[r3,r4;!R1]",
    "[N;!a]=[N;!a]",
    "[CX3]=[CX3][OH,NH2]",
    "C#C[N,O;!H0]",
)


@functools.cache
def _patterns(hopeless: bool):
    from rdkit import Chem

    return tuple(Chem.MolFromSmarts(text) for text in (HOPELESS if hopeless else PASSING))


def _lasts(smiles: str) -> bool:
    from rdkit import Chem

    molecule = Chem.MolFromSmiles(smiles)
    return not any(molecule.HasSubstructMatch(pattern) for pattern in _patterns(False))
