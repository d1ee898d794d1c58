"""Observables against closed forms: random walks, a perfect gas, a lattice, a sum of cosines."""

from __future__ import annotations

import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.physics import observables as obs


def test_displacements_by_fourier_transform_are_those_by_definition():
    r = np.random.default_rng(0).normal(size=(30, 4, 3)).cumsum(0)
    times, found = obs.mean_squared_displacement(r, 2.0)
    direct = [np.mean(np.sum((r[t:] - r[: len(r) - t]) ** 2, -1)) for t in range(30)]
    np.testing.assert_allclose(found, direct, atol=1e-9)
    np.testing.assert_allclose(times, 2.0 * np.arange(30))


def test_a_random_walk_diffuses_by_half_the_variance_of_its_steps_over_their_time():
    r = np.random.default_rng(1).normal(scale=0.3, size=(2000, 50, 3)).cumsum(0)
    found = obs.diffusion(r, 5.0, window=(20.0, 200.0))
    assert abs(found.coefficient - 0.3**2 / 2 / 5.0) < 4 * found.error and found.error < 3e-4
    with pytest.raises(Invalid, match="longer than the window"):
        obs.diffusion(r, 5.0, window=(20.0, 2500.0))


def test_a_perfect_gas_has_no_structure_in_a_cell_smaller_than_the_reach():
    rng, cell = np.random.default_rng(2), np.array([[5.0, 0, 0], [1.0, 6.0, 0], [0, 2.0, 5.5]])
    r = rng.random((60, 40, 3)) @ cell
    found = obs.radial_distribution(r, np.broadcast_to(cell, (60, 3, 3)), furthest=7.0, bins=14)
    # an atom and its own images: nothing up to the shortest vector
    np.testing.assert_allclose(found.y[2:9], 39 / 40, atol=0.05)
    assert np.all(np.abs(found.y - 1)[2:9] < 5 * found.error[2:9] + 0.025)


def test_shells_of_a_lattice_hold_their_neighbours():
    cell = 4.0 * np.eye(3)
    r = np.array([[[0.1, 0, 0], [2.1, 2, 0], [2.1, 0, 2], [0.1, 2, 2]]])
    found = obs.radial_distribution(r, cell[None], furthest=4.5, bins=90)
    density, width = 4 / 64, found.x[1] - found.x[0]
    shells = 4 / 3 * np.pi * ((found.x + width / 2) ** 3 - (found.x - width / 2) ** 3)
    counts = found.y * density * shells
    assert counts[np.abs(found.x - 2.83) < 0.1].sum() == pytest.approx(12)
    assert counts[np.abs(found.x - 4.0) < 0.1].sum() == pytest.approx(6)


def test_a_vibration_is_a_line_at_its_wavenumber():
    t, period = np.arange(4000.0), 33.3564095 / 1.5  # fs: 1500 / cm
    v = np.zeros((4000, 2, 3))
    v[:, 0, 0], v[:, 1, 0] = np.cos(2 * np.pi * t / period), -0.5 * np.cos(2 * np.pi * t / period)
    wavenumbers, density = obs.vibrational_spectrum(v, 1.0, masses=np.array([1.0, 2.0]))
    assert wavenumbers[np.argmax(density)] == pytest.approx(1500, abs=5)
    assert np.sum(density) * wavenumbers[1] == pytest.approx(1.0)
    times, c = obs.velocity_autocorrelation(v, 1.0)
    assert c[0] == 1 and times[1] == 1 and c[round(period / 2)] == pytest.approx(-1, abs=0.02)


def test_bonds_are_found_and_their_breaking_is_seen():
    water = np.array([[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])
    bonds, lengths = obs.bonds_of(water, np.array([8, 1, 1]))
    assert bonds == [(0, 1), (0, 2)]
    later = np.stack([water, water * [[1, 1, 1], [1.6, 1, 1], [1, 1, 1]]])
    np.testing.assert_array_equal(obs.broken_bonds(later, bonds, lengths), [[False, False], [True, False]])
