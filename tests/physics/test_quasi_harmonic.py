"""Thermal expansion: the sum of Grueneisen parameters, slopes over temperature, thermodynamics, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.physics.interatomic.lennard_jones import LennardJones
from erlangen.physics.phonons import Phonons, mean_grueneisen, mesh, swollen, thermal
from erlangen.physics.quasi_harmonic import quasi_harmonic
from erlangen.physics.units import GPA

SIGMA = 3.4
NEAREST = LennardJones(epsilon=0.0104, sigma=SIGMA, cutoff=1.3 * SIGMA)
ARGON = bulk("Ar", "fcc", 2 ** (1 / 6) * SIGMA * 2**0.5)
X = Atoms(ARGON.positions, ARGON.numbers, ARGON.cell.array, np.ones(3, bool))
SHAPE = (4, 4, 4)


@pytest.fixture(scope="module")
def found():
    return quasi_harmonic(NEAREST, X, [0.0, 29.5, 30.0, 30.5], SHAPE, np.linspace(1.0, 1.12, 7))


def test_expansion_is_driven_by_grueneisen_parameters(found):
    """alpha V B = sum_l gamma_l C_l at the volume that the crystal has at 30 K: derived there by another way."""
    there = swollen(X, found.volume[2] / abs(np.linalg.det(X.cell)))
    q, weights = mesh(SHAPE, there)
    heat = thermal(Phonons.of(NEAREST, there).frequencies(q), weights, [30.0]).heat_capacity[0]
    gamma = mean_grueneisen(NEAREST, there, q, weights, 30.0)
    assert found.heat_capacity_v[2] == pytest.approx(heat, rel=1e-3)
    assert found.grueneisen[2] == pytest.approx(gamma, rel=5e-3)


def test_volumes_grow_as_the_expansion_says(found):
    slope = (found.volume[3] - found.volume[1]) / (found.temperatures[3] - found.temperatures[1])
    assert slope / found.volume[2] == pytest.approx(found.expansion[2], rel=1e-3)
    assert found.linear[2] == pytest.approx(found.expansion[2] / 3)
    assert found.volume[0] > abs(np.linalg.det(X.cell))  # motion at 0 K swells it
    assert found.expansion[0] == 0 and found.bulk_modulus[0] > found.bulk_modulus[2]


def test_heat_capacity_at_pressure_is_larger(found):
    more = 30.0 * found.volume[2] * found.expansion[2] ** 2 * found.bulk_modulus[2] * GPA
    assert found.heat_capacity_p[2] - found.heat_capacity_v[2] == pytest.approx(more, rel=1e-9)
    assert found.misfit < 1e-5


def test_a_minimum_outside_of_the_volumes_is_refused():
    with pytest.raises(Invalid, match=r"has its minimum between 0\.96 and 0\.99"):
        quasi_harmonic(NEAREST, X, [30.0], SHAPE, (0.96, 0.97, 0.98, 0.99))
    with pytest.raises(Invalid, match="four volumes"):
        quasi_harmonic(NEAREST, X, [30.0], SHAPE, (0.98, 1.0, 1.02))
