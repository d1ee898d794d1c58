"""Molecules by name and SMILES."""

from __future__ import annotations

import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.physics.molecules import SMILES, charge_and_spin, conformers, symbols

FORMULAS = {"ethanol": "C2H6O", "aspirin": "C9H8O4", "uracil": "C4H4N2O2", "acetylacetone": "C5H8O2", "benzene": "C6H6"}


def formula(atoms):
    from collections import Counter

    counts = Counter(symbols(atoms.atomic_numbers))
    return "".join(f"{s}{counts[s] if counts[s] > 1 else ''}" for s in sorted(counts))


@pytest.mark.parametrize("name", FORMULAS)
def test_names_give_the_right_composition(name):
    assert formula(conformers(name)[0]) == FORMULAS[name]


@pytest.mark.parametrize("name", SMILES)
def test_every_name_of_the_table_gives_a_structure(name):
    atoms = conformers(name)[0]
    apart = np.linalg.norm(atoms.positions[:, None] - atoms.positions, axis=-1) + 9 * np.eye(len(atoms.positions))
    assert 0.9 < apart.min() < 1.6 or name == "water"
    assert np.allclose(atoms.positions.mean(0), 0)


def test_conformers_differ_and_repeat_with_the_seed():
    one, two = conformers("CCO", 2, seed=5)
    assert np.abs(one.positions - two.positions).max() > 0.01
    np.testing.assert_array_equal(one.positions, conformers("ethanol", 2, seed=5)[0].positions)


def test_ase_names_serve_what_has_no_smiles():
    assert formula(conformers("CH3CH2OCH3")[0]) == "C3H8O"


def test_charge_and_spin_are_read_from_the_smiles():
    assert charge_and_spin("[NH4+]") == (1, 0)
    assert charge_and_spin("[CH3]") == (0, 1)
    assert charge_and_spin("ethanol") == (0, 0)


@pytest.mark.parametrize(("name", "hint"), [("ethanl", "ethanol"), ("C1CC", "SMILES"), ("C(C)(C)(C)(C)C", "SMILES")])
def test_what_is_no_molecule_is_refused_with_one_message(name, hint):
    with pytest.raises(Invalid, match=hint):
        conformers(name)
