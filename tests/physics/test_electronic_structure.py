"""Kohn-Sham DFT through our units: published energies, finite differences, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import molecule

from erlangen.core.errors import Invalid
from erlangen.physics.electronic_structure import DensityFunctional
from erlangen.physics.units import HARTREE


def test_hydrogen_molecule_in_hartree_fock():
    """Szabo and Ostlund, Modern Quantum Chemistry, table 3.11: -1.131 Hartree in 6-31G** at R = 1.4 Bohr."""
    r = np.array([[0, 0, 0], [0, 0, 1.4 * 0.529177210903]])
    settings = DensityFunctional("hf", "6-31g**", density_fitting=False)
    assert settings.potential(np.array([1, 1]))(r)[0] / HARTREE == pytest.approx(-1.131, abs=1e-3)


def test_forces_are_minus_the_gradient():
    water = molecule("H2O")
    potential = DensityFunctional("pbe", "def2-svp", grid_level=5).potential(water.numbers)
    rng = np.random.default_rng(0)
    r, way, h = water.positions, rng.normal(size=(3, 3)), 2e-3
    _, forces = potential(r)
    slope = (potential(r + h * way)[0] - potential(r - h * way)[0]) / (2 * h)
    assert slope == pytest.approx(-np.sum(forces * way), abs=2e-3)


def test_radicals_are_unrestricted():
    """The hydrogen atom in the basis-set limit is -0.5 Hartree; def2-TZVP is within 1 mHartree."""
    settings = DensityFunctional("hf", "def2-tzvp", n_unpaired=1, density_fitting=False)
    energy, forces = settings.potential(np.array([1]))(np.zeros((1, 3)))
    assert energy / HARTREE == pytest.approx(-0.5, abs=1e-3) and np.allclose(forces, 0, atol=1e-8)


@pytest.mark.parametrize("settings", [DensityFunctional(basis="no-such-basis"), DensityFunctional(n_unpaired=1)])
def test_bad_settings_are_refused_with_one_message(settings):
    with pytest.raises(Invalid):
        settings.potential(np.array([8, 1, 1]))
