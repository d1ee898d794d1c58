"""Laws of interaction: energies, forces and stress of a crystal against ASE's, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.lj import LennardJones as ASE

from erlangen.core.systems import Atoms
from erlangen.numerics.precision import double
from erlangen.physics.interatomic.lennard_jones import LennardJones


def test_a_strained_shaken_crystal_of_argon_is_that_of_ase():
    atoms = bulk("Ar", "fcc", 5.26, cubic=True) * (2, 2, 1)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + [[0.01, 0.02, 0], [0, -0.02, 0.01], [0, 0, 0.03]]), scale_atoms=True)
    atoms.rattle(0.1, seed=1)
    atoms.calc = ASE(epsilon=0.010342, sigma=3.405, rc=8.5125)
    with double():
        law = LennardJones()
        found = law.mechanics(law.prepare(Atoms(atoms.positions, atoms.numbers, atoms.cell.array, atoms.pbc)))
    assert float(found["energy"]) == pytest.approx(atoms.get_potential_energy(), abs=1e-10)
    assert np.asarray(found["energies"]) == pytest.approx(atoms.get_potential_energies(), abs=1e-10)
    assert np.asarray(found["forces"]) == pytest.approx(atoms.get_forces(), abs=1e-10)
    assert np.asarray(found["stress"]) == pytest.approx(atoms.get_stress(voigt=False), abs=1e-10)
