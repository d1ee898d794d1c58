"""Third derivatives on Bloch waves: differences of second ones, symmetry under exchange, nothing under shifts."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from erlangen.core.systems import Atoms
from erlangen.physics.anharmonic import cubic
from erlangen.physics.interatomic.stillinger_weber import StillingerWeber
from erlangen.physics.phonons import Phonons

LAW = StillingerWeber()
SILICON = bulk("Si", "diamond", 5.431)
START = SILICON.positions + np.array([[0.0, 0.0, 0.0], [0.05, -0.03, 0.02]])


def at(positions: np.ndarray) -> Phonons:
    return Phonons.of(LAW, Atoms(positions, SILICON.numbers, SILICON.cell.array, np.ones(3, bool)))


@pytest.fixture(scope="module")
def couplings() -> np.ndarray:
    """Of (0, q), (q, p) and (-q - p, q)."""
    q, p = np.array([0.13, 0.21, 0.4]), np.array([-0.25, 0.4, 0.05])
    return cubic(at(START), [[0 * q, q], [q, p], [-q - p, q]])


def test_a_wave_of_no_wave_vector_moves_the_atoms_of_the_cell(couplings):
    """Phi(0 a, q b, -q c) = d Phi(q)_cb / d r_a, here for the z of the second atom."""
    step = np.zeros((2, 3))
    step[1, 2] = 1e-4
    above, below = (at(START + sign * step).hessians([[0.13, 0.21, 0.4]])[0] for sign in (1, -1))
    slope = (above - below) / 2e-4
    assert couplings[0, 5] == pytest.approx(slope.T, abs=1e-6 * np.abs(slope).max())


def test_the_three_waves_can_be_exchanged_and_shifts_couple_to_nothing(couplings):
    assert couplings[1] == pytest.approx(np.einsum("cab->abc", couplings[2]), abs=1e-12)
    shift = couplings[0].reshape(2, 3, 6, 6).sum(0)
    assert np.abs(shift).max() < 1e-12 * np.abs(couplings[0]).max()


def test_slopes_are_those_of_the_squares_of_frequencies():
    crystal = at(SILICON.positions)
    q, step = np.array([[0.21, 0.13, 0.34]]), 1e-5
    e = crystal.modes(q)[1]
    slopes = np.einsum("am,abc,bm->mc", e[0].conj(), crystal.slopes(q)[0], e[0]).real
    k = np.array([0.3, -0.5, 0.2])  # Cartesian
    moved = k @ SILICON.cell.array.T / (2 * np.pi) * step
    above, below = (np.linalg.eigvalsh(crystal.matrices(q + sign * moved))[0] for sign in (1, -1))
    assert slopes @ k == pytest.approx((above - below) / (2 * step), rel=1e-5, abs=1e-9)
