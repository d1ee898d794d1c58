"""Ionic crystals: lattice sums, Clausius-Mossotti, the transverse mode of rock salt, choice of the cell."""

from __future__ import annotations

import numpy as np
import pytest

from erlangen.physics.ionic_crystals import (
    COULOMB,
    RANGE,
    WAVENUMBER,
    Crystal,
    amplitudes,
    at_rest,
    coulomb_sums,
    dielectric_tensor,
    frequencies,
    lattice_vectors,
)
from erlangen.physics.prototypes import TYPES, compounds, halide_crystals, ideal

# Madelung constants referred to the nearest distance: Johnson and Templeton 1961, doi:10.1063/1.1731752
MADELUNG = {"rock salt": 1.74756, "caesium chloride": 1.76267, "zinc blende": 1.63806, "fluorite": 5.03879}


def first(name):
    return next(numbers for kind, numbers in compounds() if kind == name)


@pytest.mark.parametrize("name", MADELUNG)
def test_madelung_constants(name):
    crystal = ideal(name, first(name))
    charge = crystal.column(0)
    energy = -0.5 * charge @ coulomb_sums(crystal)[0] @ charge
    apart, shifts = crystal.images(8.0)
    distances = np.linalg.norm(apart[:, :, None] + shifts, axis=-1)
    assert energy * np.min(distances[distances > 1e-6]) == pytest.approx(MADELUNG[name], abs=1e-5)


def test_lorentz_field_and_clausius_mossotti():
    crystal = ideal("rock salt", (11, 17))
    field = coulomb_sums(crystal)[1]
    lorentz = 4 * np.pi / (3 * crystal.volume) * np.eye(3)
    assert np.allclose(field, lorentz, atol=1e-12)
    x = 4 * np.pi * crystal.column(2).sum() / (3 * crystal.volume)
    assert np.allclose(dielectric_tensor(crystal, field), (1 + 2 * x) / (1 - x) * np.eye(3), atol=1e-12)


def test_trace_of_the_dipole_sums_in_a_crystal_without_symmetry():
    crystal = halide_crystals(3, np.random.default_rng(1))[0][2]
    trace = np.trace(coulomb_sums(crystal)[1], axis1=-2, axis2=-1)
    assert np.allclose(trace * crystal.volume / (4 * np.pi), 1.0, atol=1e-11)


def test_transverse_mode_of_rock_salt():
    """mu omega^2 = sum over unlike ions (phi'' + 2 phi' / r) / 3 - 4 pi k / 3 V: Born and Huang 1954."""
    crystal = ideal("rock salt", (19, 35))
    apart, shifts = crystal.images(20.0)
    r = np.linalg.norm(apart[0, 1] + shifts, axis=-1)
    repulsion = amplitudes(crystal)[0, 1] * np.exp(-r / RANGE) / RANGE
    stiffness = np.sum(repulsion * (1 / RANGE - 2 / r)) / 3 - 4 * np.pi * COULOMB / (3 * crystal.volume)
    expected = WAVENUMBER * np.sqrt(stiffness * np.sum(1 / crystal.column(3)))
    found = frequencies(crystal, coulomb_sums(crystal)[1])
    assert found[3:] == pytest.approx(expected, rel=1e-9)
    assert np.max(np.abs(found[:3])) < 1e-3 * expected  # acoustic


def test_supercell_and_basis_change_nothing():
    crystal = halide_crystals(3, np.random.default_rng(4))[0][2]
    double = Crystal(
        np.concatenate([crystal.positions, crystal.positions + crystal.cell[1]]),
        np.tile(crystal.atomic_numbers, 2),
        np.diag([1, 2, 1]) @ crystal.cell,
    )
    basis = np.array([[1, 1, 0], [0, 1, 0], [2, 0, 1]])
    skewed = Crystal(crystal.positions, crystal.atomic_numbers, basis @ crystal.cell)
    expected = dielectric_tensor(crystal, coulomb_sums(crystal)[1])
    for other in (double, skewed):
        assert np.allclose(dielectric_tensor(other, coulomb_sums(other)[1]), expected, atol=1e-11)


@pytest.mark.parametrize("name", TYPES)
def test_crystals_rest(name):
    crystal = ideal(name, first(name))
    assert np.allclose(at_rest(crystal).cell, crystal.cell, rtol=1e-4)


def test_samples_are_of_every_type_and_vibrate():
    crystals, which = halide_crystals(60, np.random.default_rng(0))
    assert {compounds()[i][0] for i in which} == set(TYPES)
    assert min(frequencies(c, coulomb_sums(c)[1])[-1] for c in crystals) > 5


def test_lattice_vectors_are_complete():
    cell = np.array([[2.0, 0.3, 0.0], [0.0, 2.5, 0.4], [0.9, 0.0, 3.0]])
    everything = np.indices((15, 15, 15)).reshape(3, -1).T - 7
    expected = np.sum(np.linalg.norm(everything @ cell, axis=1) <= 7.0)
    assert len(lattice_vectors(cell, 7.0)) == expected
