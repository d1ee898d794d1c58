"""Supercells: the unit cell's phonons where nothing reaches further, phonopy's of its own example, refusals."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.data.force_sets import read_forces
from erlangen.physics.force_constants import ForceConstants
from erlangen.physics.interatomic.lennard_jones import LennardJones
from erlangen.physics.phonons import Phonons
from erlangen.physics.supercells import supercell

SALT = Path(__file__).parent.parent / "data" / "files" / "phonopy_NaCl"
NEAREST = LennardJones(epsilon=0.0104, sigma=3.4, cutoff=1.3 * 3.4)


def test_a_supercell_that_holds_all_forces_has_the_phonons_of_the_unit_cell():
    a = bulk("Ar", "fcc", 2 ** (1 / 6) * 3.4 * 2**0.5)
    x = Atoms(a.positions, a.numbers, a.cell.array, np.ones(3, bool))
    q = [[0.1, 0.2, 0.3], [0.5, 0.5, 0.0], [0.37, 0.0, 0.21]]
    exact = Phonons.of(NEAREST, x).frequencies(q)
    assert ForceConstants.displaced(NEAREST, x, 3, step=1e-3).frequencies(q) == pytest.approx(exact, abs=1e-5)


def test_sodium_chloride_is_that_of_phonopy():
    """phonopy 4.10 on the same two displacements, non-analytical term of Wang et al.:
    `benchmarks/force_sets_against_phonopy.py`.
    """
    found = read_forces(SALT, (2, 2, 2))
    assert len(found.x.positions) == 2 and len(found.supercell.positions) == 64
    gamma = found.frequencies([[0, 0, 0]], direction=[1, 0, 0])[0]
    assert found.frequencies([[0, 0, 0]])[0, 3:] == pytest.approx([4.6085] * 3, abs=2e-3)
    assert gamma[3:] == pytest.approx([4.6085, 4.6085, 7.3914], abs=2e-3)  # transverse twice, longitudinal
    near = found.frequencies([[1e-4, 0, 1e-4]])[0]
    assert near[3:] == pytest.approx(gamma[3:], abs=2e-3)  # the splitting is the limit from that side
    assert found.frequencies([[0.5, 0.5, 0.5]])[0] == pytest.approx(
        [3.2728, 3.2728, 3.7595, 3.7595, 5.1159, 6.2417], abs=2e-3
    )


def test_what_does_not_belong_together_is_refused(tmp_path):
    with pytest.raises(Invalid, match="forces of a supercell of 8 atoms"):
        read_forces(SALT, (1, 1, 1))
    shutil.copy(SALT / "POSCAR-unitcell", tmp_path)
    with pytest.raises(Invalid, match="FORCE_SETS, FORCE_CONSTANTS or FORCES_FC3"):
        read_forces(tmp_path, (2, 2, 2))
    (tmp_path / "FORCE_SETS").write_text((SALT / "FORCE_SETS").read_text())
    (tmp_path / "BORN").write_text("14.4\n1 0 0 0 1 0 0 0 1\n")
    with pytest.raises(Invalid, match="charges of the 2 atoms"):
        read_forces(tmp_path, (2, 2, 2))
    x = read_forces(SALT, (2, 2, 2)).x
    with pytest.raises(Invalid, match="have the shape"):
        ForceConstants(x, supercell(x, (2, 2, 2)), np.zeros((2, 8, 3, 3)))
    moved = Atoms(np.array(x.positions) + np.array([[0.4, 0, 0], [0, 0, 0]]), x.atomic_numbers, x.cell, x.pbc)
    with pytest.raises(Invalid, match="moved by lattice vectors"):
        ForceConstants(moved, supercell(x, (2, 2, 2)), np.zeros((2, 16, 3, 3))).frequencies([[0, 0, 0]])
