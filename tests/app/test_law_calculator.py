"""Laws as ASE calculators: conventions, end points of relaxations, copies, and what is refused."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

import erlangen
from erlangen.core.errors import Invalid
from erlangen.physics.interatomic.catalogue import law


def copper() -> Atoms:
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.05, seed=0)
    return atoms


def relaxed(calc) -> Atoms:
    atoms = copper()
    atoms.calc = calc
    BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-4, steps=60)
    return atoms


def test_results_are_in_the_conventions_of_ase_and_relax_to_its_end_point():
    ours, theirs = relaxed(erlangen.calculator(law="emt")), relaxed(EMT())
    assert set(ours.calc.results) == {"energy", "free_energy", "energies", "forces", "stress"}
    assert ours.get_potential_energy(force_consistent=True) == ours.get_potential_energy()
    assert ours.get_potential_energy() == pytest.approx(theirs.get_potential_energy(), abs=1e-8)
    np.testing.assert_allclose(ours.positions, theirs.positions, atol=1e-6)
    np.testing.assert_allclose(ours.get_stress(), theirs.get_stress(), atol=1e-8)
    np.testing.assert_allclose(ours.get_potential_energies().sum(), ours.get_potential_energy(), atol=1e-12)


def test_single_precision_and_the_law_itself_are_taken():
    single, given = copper(), copper()
    single.calc = erlangen.calculator(law="emt", precision="float32")
    given.calc = erlangen.calculator(law=law("emt"))
    assert single.get_potential_energy() == pytest.approx(given.get_potential_energy(), abs=1e-4)
    assert single.get_potential_energy() != given.get_potential_energy()
    np.testing.assert_allclose(single.get_forces(), given.get_forces(), atol=1e-4)


def test_copies_answer_the_same():
    atoms = copper()
    atoms.calc = erlangen.calculator(law="emt")
    energy = atoms.get_potential_energy()
    for other in (pickle.loads(pickle.dumps(atoms.calc)), copy.deepcopy(atoms.calc)):
        assert other.results["energy"] == energy and not other.calculation_required(atoms, ["energy"])
        other.reset()
        assert other.get_potential_energy(copper()) == energy


def test_molecules_have_no_stress():
    atoms = Atoms("Cu2", [[0, 0, 0], [2.3, 0, 0]])
    atoms.calc = erlangen.calculator(law="emt")
    theirs = atoms.copy()
    theirs.calc = EMT()
    np.testing.assert_allclose(atoms.get_forces(), theirs.get_forces(), atol=1e-10)
    with pytest.raises(PropertyNotImplementedError, match="stress"):
        atoms.get_stress()


@pytest.mark.parametrize(
    ("atoms", "hint"),
    [
        (Atoms("Fe", [[0, 0, 0]]), "EffectiveMedium is for H, C.*Fe"),
        (Atoms("Cu2", [[0, 0, 0], [0, 0, 0]]), "finite energies.*one place"),
        (Atoms("Cu", [[0, 0, 0]], pbc=True), "lattice vector of its own"),
        (Atoms(), "empty Atoms"),
    ],
)
def test_what_has_no_answer_is_refused_in_one_message(atoms, hint):
    calc = erlangen.calculator(law="emt")
    with pytest.raises(Invalid, match=hint):
        calc.calculate(atoms)
    assert calc.results == {}


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({}, "neither"),
        ({"run": "runs/x", "law": "emt"}, "both"),
        ({"law": "emtt"}, "Did you mean: emt"),
        ({"law": "emt", "precision": "float16"}, "float32, float64"),
    ],
)
def test_a_calculator_is_of_one_thing(given, hint):
    with pytest.raises(Invalid, match=hint):
        erlangen.calculator(**given)
