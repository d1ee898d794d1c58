"""The Kob-Andersen mixture against the sum over its pairs."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list

from erlangen.app.calculator import as_container
from erlangen.numerics.neighbour_lists import listed
from erlangen.numerics.precision import double
from erlangen.physics.interatomic.kob_andersen import A, B, KobAndersen


def test_energy_is_the_sum_over_pairs_with_the_published_table():
    grid = np.stack(np.meshgrid(*[np.arange(3)] * 3), -1).reshape(-1, 3) * 1.1
    numbers = np.where(np.arange(27) % 5 == 0, B, A)
    atoms = Atoms(numbers, grid + 0.08 * np.random.default_rng(0).normal(size=(27, 3)), cell=[3.3] * 3, pbc=True)
    table = {(A, A): (1.0, 1.0), (A, B): (1.5, 0.8), (B, A): (1.5, 0.8), (B, B): (0.5, 0.88)}
    expected = 0.0
    for i, j, r in zip(*neighbor_list("ijd", atoms, 2.5)):
        epsilon, sigma = table[numbers[i], numbers[j]]
        if r < 2.5 * sigma:
            expected += 0.5 * 4 * epsilon * ((sigma / r) ** 12 - (sigma / r) ** 6 - 2.5**-12 + 2.5**-6)
    law = KobAndersen()
    with double():
        found = jax.jit(law.shares)(listed(as_container(atoms), law.cutoff)).sum()
    assert float(found) == pytest.approx(expected, rel=1e-12)


def test_minima_of_pairs_lie_where_they_are_published():
    """phi(2^(1/6) sigma) = -epsilon, up to the shift."""
    law, shift = KobAndersen(), 4 * (2.5**-12 - 2.5**-6)
    for pair, epsilon, sigma in (((A, A), 1.0, 1.0), ((A, B), 1.5, 0.8), ((B, B), 0.5, 0.88)):
        atoms = Atoms(pair, [[0, 0, 0], [2 ** (1 / 6) * sigma, 0, 0]])
        with double():
            energy, forces = (jax.jit(law.mechanics)(as_container(atoms))[key] for key in ("energy", "forces"))
        assert float(energy) == pytest.approx(-epsilon * (1 + shift), rel=1e-12)
        assert np.abs(forces).max() < 1e-12
