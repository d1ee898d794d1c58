"""Elastic constants: closed forms of central forces, relaxed atoms, averages."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.numerics.precision import double
from erlangen.physics.elastic import VOIGT, elastic
from erlangen.physics.interatomic.lennard_jones import LennardJones
from erlangen.physics.units import GPA

SIGMA, EPSILON = 3.4, 0.0104
NEAREST = LennardJones(epsilon=EPSILON, sigma=SIGMA, cutoff=1.3 * SIGMA)
SIDE = 2 ** (1 / 6) * SIGMA * 2**0.5


def container(a):
    return Atoms(a.positions, a.numbers, a.cell.array, a.pbc)


def test_fcc_with_springs_between_neighbours_obeys_cauchy():
    """C11 = 2 C12 = 2 C44 = 2 k / a, with k = 72 epsilon / r^2 (Born and Huang 1954)."""
    found = elastic(NEAREST, container(bulk("Ar", "fcc", SIDE)))
    k = 72 * EPSILON / (SIDE / 2**0.5) ** 2
    unit = k / SIDE / GPA
    expected = np.diag([2, 2, 2, 1, 1, 1]) * unit
    expected[:3, :3] += (1 - np.eye(3)) * unit
    assert found.constants == pytest.approx(expected, abs=1e-9 * unit)
    assert found.is_stable and np.abs(found.stress).max() < 1e-9
    assert found.bulk == pytest.approx((4 * unit / 3,) * 3)
    voigt, reuss, hill = found.shear
    assert voigt == pytest.approx((2 - 1 + 3) / 5 * unit) and reuss < hill < voigt


def test_atoms_that_may_move_make_a_crystal_softer_as_differences_of_relaxed_energies_say():
    """Two kinds of places: a hexagonal cell of hcp with a shear that moves them against each other."""
    from scipy.optimize import minimize

    a = bulk("Ar", "hcp", 3.75, 6.2)
    a.positions[1] += [0.0, 0.0, 0.05]
    law = LennardJones(cutoff=6.0)

    def relaxed(strain):
        e = np.zeros((3, 3))
        for s, (i, j) in zip(strain, VOIGT):
            e[i, j] += s / 2
            e[j, i] += s / 2
        b = a.copy()
        b.set_cell(a.cell.array @ (np.eye(3) + e), scale_atoms=True)
        with double():

            def both(r):
                found = law.mechanics(law.prepare(container(b).replace(positions=r.reshape(-1, 3))))
                return float(found["energy"]), -np.asarray(found["forces"]).ravel()

            return minimize(both, b.positions.ravel(), jac=True, method="BFGS", options={"gtol": 1e-9})

    a.positions = relaxed(np.zeros(6)).x.reshape(-1, 3)
    found, volume, h = elastic(law, container(a)), a.get_volume(), 2e-3
    for i in (0, 5):
        e = np.eye(6)[i] * h
        second = (relaxed(e).fun - 2 * relaxed(0 * e).fun + relaxed(-e).fun) / (h**2 * volume * GPA)
        assert found.constants[i, i] == pytest.approx(second, rel=2e-4)
    assert found.clamped[5, 5] > found.constants[5, 5] * 1.01


def test_a_molecule_has_none():
    with pytest.raises(Invalid, match="those of a crystal"):
        elastic(NEAREST, Atoms(np.zeros((1, 3)), np.array([18])))
