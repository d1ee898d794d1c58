"""Mean forces of chains whose free energy is known."""

from __future__ import annotations

import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.physics.coarse_graining import beads, match

K, KT = 2.0, 0.5


def chains(count, seed=0):
    """A - B - C on springs k of no length: without B, A and C are held by a spring k / 2."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(count, 3))
    c = a + np.sqrt(2 * KT / K) * rng.normal(size=(count, 3))
    b = 0.5 * (a + c) + np.sqrt(KT / (2 * K)) * rng.normal(size=(count, 3))
    forces = np.stack([K * (b - a), K * (a + c - 2 * b), K * (b - c)], 1)
    return np.stack([a, b, c], 1), forces


def test_two_springs_in_a_row_are_a_spring_of_half_the_strength():
    r, f = chains(40000)
    found = match(*beads(r, f, [[0], [2]], np.ones(3)), np.linspace(0.2, 2.2, 11))
    middle = slice(2, 9)
    np.testing.assert_allclose(found.force[middle], -K / 2 * found.knots[middle], atol=0.05)
    assert found.error[middle].max() < 0.05
    gap = found.potential - 0.25 * K * found.knots**2
    assert np.ptp(gap[middle]) < 0.05
    assert found.residual == pytest.approx(np.sqrt(K**2 * KT / (2 * K)), rel=0.05)  # what B adds


def test_beads_are_centres_of_mass_and_their_forces_sums():
    r, f = chains(10)
    centres, sums = beads(r, f, [[0, 1], [2]], np.array([3.0, 1.0, 1.0]))
    np.testing.assert_allclose(centres[:, 0], 0.75 * r[:, 0] + 0.25 * r[:, 1])
    np.testing.assert_allclose(sums.sum(1), 0, atol=1e-12)
    for groups in ([[0, 1], [1]], [[0], []]):
        with pytest.raises(Invalid, match="no atom is in two"):
            beads(r, f, groups, np.ones(3))
    with pytest.raises(Invalid, match="two knots"):
        match(centres, sums, np.array([1.0]))
