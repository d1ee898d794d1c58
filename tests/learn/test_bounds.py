"""The energy from both sides: bounds hold for states of known error, and what cannot be is said."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erlangen.learn.variational import Evaluation, bracket, contradictions, doubts, spin_problem
from erlangen.physics import exact_diagonalisation as ed
from erlangen.physics import lattices, spins

LAW = spins.transverse_ising(lattices.chain(8), field=0.9)
SECTOR = ed.enumerate_basis(8, ed.Sector(LAW.lattice.space_group, 1))
VALUES, VECTORS = np.linalg.eigh(ed.sparse_matrix(LAW, SECTOR).toarray())


def measured(energy, variance, error=1e-6):
    return Evaluation(energy, error, variance, 0.0, 1.0, 1.0, 0.5, 10**6, 0, 0.0)


@given(st.floats(0, 0.3), st.integers(0, 100))
def test_bounds_hold_for_any_state_of_the_sector(mixture, seed):
    noise = np.random.default_rng(seed).standard_normal(len(VALUES))
    weights = (VECTORS.T @ (VECTORS[:, 0] + mixture * noise / np.linalg.norm(noise))) ** 2
    weights /= weights.sum()
    energy = float(weights @ VALUES)
    found = measured(energy, float(weights @ (VALUES - energy) ** 2))
    bounds = bracket(found, VALUES[1])
    assert bounds.temple is not None and bounds.temple - 1e-12 <= VALUES[0] <= bounds.upper + 1e-12
    assert np.any((bounds.weinstein[0] - 1e-9 <= VALUES) & (bounds.weinstein[1] + 1e-9 >= VALUES))
    assert contradictions(found, bounds, {"energy": VALUES[0]}, VALUES[1]) == []


def test_excited_energies_of_the_symmetric_sector():
    found = ed.ground_state(LAW)
    assert found.is_symmetric and found.excited == pytest.approx(VALUES[1], abs=1e-10)
    assert spins.ising_chain_excited_energy(8, field=0.9) == pytest.approx(VALUES[1], abs=1e-10)
    whole = ed.ground_state(spins.heisenberg(lattices.named("triangular", 9)))
    assert not whole.is_symmetric


def test_what_cannot_be_is_said():
    exact = {"energy": VALUES[0]}

    def said(found, excited=VALUES[1], reference=exact):
        return " ".join(contradictions(found, bracket(found, excited), reference, excited))

    assert "below the exact one" in said(measured(VALUES[0] - 1e-3, 1e-4))
    assert "Temple" in said(measured(VALUES[0] + 1e-2, 1e-6)) and "Weinstein" in said(measured(VALUES[0] + 1e-2, 1e-6))
    assert said(measured(VALUES[0] * (1 + 1e-15), 0.0), excited=None) == ""  # rounding is no contradiction
    assert "R-hat" in said(dataclasses.replace(measured(VALUES[0], 1e-4), r_hat=1.2), reference=None)


def test_without_a_gap_there_is_no_lower_bound():
    assert bracket(measured(-1.0, 0.1)).temple is None
    assert bracket(measured(-1.0, 0.1), -1.0).temple is None


def test_the_v_score_counts_from_the_energy_at_infinite_temperature():
    """A constant moves E and E_inf alike (Wu et al. 2024, doi:10.1126/science.adg9774)."""
    terms = [(c, {i: "IXYZ"[a] for i, a in enumerate(row) if a}) for row, c in zip(LAW.strings, LAW.coefficients)]
    for constant in (0.0, 5.0, 100.0, -VALUES[0]):
        problem = spin_problem(spins.of_terms("shifted", LAW.lattice, [*terms, (constant, {})]))
        assert problem.zero == constant
        assert problem.v_score(-8 + constant, 2.0) == pytest.approx(8 * 2.0 / 64)
    assert problem.v_score(constant, 1.0) == np.inf and problem.v_score(constant, 0.0) == 0.0


def test_rounding_of_terms_that_cancel_is_no_contradiction():
    assert doubts("the energy", 1.0, -1e-15, 0.0, 0.0, magnitude=32.0) == []
    assert "below the exact one" in doubts("the energy", 1.0, -1e-9, 0.0, 0.0, magnitude=32.0)[0]
    assert "no numbers" in doubts("the energy", np.nan, np.nan, np.nan, -1.0)[0]
    assert "R-hat inf" in doubts("the energy", np.inf, -1.0, 0.1, None)[0]
