"""GFN2-xTB through our units: published totals, finite differences, symmetry, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk, molecule

from erlangen.core.errors import Invalid
from erlangen.physics.tight_binding import TightBinding
from erlangen.physics.units import HARTREE


@pytest.fixture
def water():
    return molecule("H2O")


def test_agrees_with_the_ase_calculator_of_tblite(water):
    from tblite.ase import TBLite

    energy, forces = TightBinding().potential(water.numbers)(water.positions)
    water.calc = TBLite(method="GFN2-xTB", verbosity=0)
    # ASE ships CODATA 2014 by default: 1e-8 relative difference of the Hartree
    assert energy == pytest.approx(water.get_potential_energy(), rel=1e-7)
    np.testing.assert_allclose(forces, water.get_forces(), atol=1e-5)


def test_energy_of_water_is_the_published_one(water):
    """-5.07 Hartree: xtb 6.x prints -5.0704 for relaxed water."""
    energy, _ = TightBinding().potential(water.numbers)(water.positions)
    assert energy / HARTREE == pytest.approx(-5.070, abs=2e-3)


def test_forces_are_minus_the_gradient():
    ethanol = molecule("CH3CH2OH")
    potential = TightBinding(accuracy=1e-3).potential(ethanol.numbers)
    rng = np.random.default_rng(0)
    r, way, h = ethanol.positions + 0.05 * rng.normal(size=(9, 3)), rng.normal(size=(9, 3)), 1e-3
    _, forces = potential(r)
    slope = (potential(r + h * way)[0] - potential(r - h * way)[0]) / (2 * h)
    assert slope == pytest.approx(-np.sum(forces * way), abs=1e-4)


def test_the_last_density_is_only_a_guess(water):
    """Same geometry, reached along different paths: same energy."""
    potential = TightBinding().potential(water.numbers)
    fresh = potential(water.positions)[0]
    potential(water.positions * 1.2)
    assert potential(water.positions)[0] == pytest.approx(fresh, abs=1e-6)


def test_periodic_energy_does_not_depend_on_the_choice_of_lattice_vectors():
    """The same lattice spanned by sheared vectors, and atoms outside of the cell."""
    carbon = bulk("C", "diamond", 3.57, cubic=True)
    cell = carbon.cell.array
    sheared = np.stack([cell[0], cell[1], cell[2] + cell[0]])
    potentials = [TightBinding(accuracy=0.1).potential(carbon.numbers, c, np.ones(3, bool)) for c in (cell, sheared)]
    moved = carbon.positions + np.array([0.1, -0.2, 0.3])
    (e1, f1), (e2, f2) = potentials[0](moved), potentials[1](moved + cell[1])
    assert e1 == pytest.approx(e2, abs=1e-6)
    np.testing.assert_allclose(f1, f2, atol=1e-5)


def test_ions_and_radicals_have_their_own_energy(water):
    neutral = TightBinding().potential(water.numbers)(water.positions)[0]
    cation = TightBinding(charge=1, n_unpaired=1).potential(water.numbers)(water.positions)[0]
    assert 10 < cation - neutral < 20  # experiment: 12.6 eV


@pytest.mark.parametrize(
    ("numbers", "positions", "settings"),
    [
        ([8, 1, 1], np.zeros((3, 3)) + np.nan, TightBinding()),
        ([8, 1, 1], np.zeros((3, 3)), TightBinding()),
        ([8, 1, 1], np.eye(3), TightBinding("GFN3")),
    ],
    ids=["nan", "overlapping", "unknown"],
)
def test_bad_input_is_refused_with_one_message(numbers, positions, settings):
    with pytest.raises(Invalid):
        settings.potential(np.array(numbers))(positions)
