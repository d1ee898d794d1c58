"""Point groups and what they leave of tensors, against Neumann's principle as tabulated."""

from __future__ import annotations

import numpy as np
import pytest
from ase.spacegroup import crystal as spacegroup_crystal

from erlangen.physics.crystal_symmetry import forbidden, invariant, piezoelectric_from_voigt, symmetrised, turned

# independent components of symmetric tensors of rank 2 and of e_ijk = e_ikj: Nye 1957, ISBN 9780198511656
CRYSTALS = {
    225: ({"symbols": ["Na", "Cl"], "basis": [(0, 0, 0), (0.5, 0.5, 0.5)], "cellpar": [5.6] * 3 + [90] * 3}, 1, 0),
    216: ({"symbols": ["Zn", "S"], "basis": [(0, 0, 0), (0.25, 0.25, 0.25)], "cellpar": [5.4] * 3 + [90] * 3}, 1, 1),
    186: (
        {
            "symbols": ["Zn", "O"],
            "basis": [(1 / 3, 2 / 3, 0), (1 / 3, 2 / 3, 0.38)],
            "cellpar": [3.25, 3.25, 5.2, 90, 90, 120],
        },
        2,
        3,
    ),
    136: (
        {"symbols": ["Ti", "O"], "basis": [(0, 0, 0), (0.305, 0.305, 0)], "cellpar": [4.6, 4.6, 2.96, 90, 90, 90]},
        2,
        0,
    ),
    152: (
        {
            "symbols": ["Si", "O"],
            "basis": [(0.47, 0, 1 / 3), (0.413, 0.267, 0.119 + 1 / 3)],
            "cellpar": [4.91, 4.91, 5.4, 90, 90, 120],
        },
        2,
        2,
    ),
}


def made(number):
    settings, *counts = CRYSTALS[number]
    atoms = spacegroup_crystal(spacegroup=number, **settings)
    return atoms.positions, atoms.numbers, atoms.cell.array, *counts


@pytest.mark.parametrize("number", CRYSTALS)
def test_symmetrised_crystal_and_count_of_components(number):
    positions, numbers, cell, second, third = made(number)
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    noisy = (positions + 1e-4 * rng.normal(size=positions.shape)) @ turn.T
    strained = cell @ (np.eye(3) + 1e-5 * rng.normal(size=(3, 3))) @ turn.T
    exact, lattice, rotation, symmetry = symmetrised(noisy, numbers, strained)
    assert symmetry.number == number
    assert symmetry.is_centrosymmetric == (third == 0)
    assert np.max(np.abs(exact - noisy @ rotation.T)) < 2e-3
    group = symmetry.rotations
    assert np.max(np.abs(np.einsum("gij,gkj->gik", group, group) - np.eye(3))) < 1e-12
    inverse = np.linalg.inv(lattice)
    for r in group:  # every rotation maps the lattice onto itself
        whole = lattice @ r.T @ inverse
        assert np.max(np.abs(whole - np.round(whole))) < 1e-10
    basis = [invariant(0.5 * (e + e.T), group) for e in np.eye(9).reshape(9, 3, 3)]
    assert np.linalg.matrix_rank(np.reshape(basis, (9, 9)), tol=1e-8) == second
    basis = [invariant(e, group) for e in (piezoelectric_from_voigt(m) for m in np.eye(18).reshape(18, 3, 6))]
    assert np.linalg.matrix_rank(np.reshape(basis, (18, 27)), tol=1e-8) == third


def test_forbidden_part_and_rotation_of_tensors():
    group = symmetrised(*made(225)[:3])[3].rotations
    assert forbidden(np.eye(3), group) < 1e-14
    assert forbidden(np.diag([1.0, 1.0, 4.0]), group) == pytest.approx(2.0)
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    t = np.random.default_rng(3).normal(size=(3, 3, 3))
    assert np.allclose(turned(t, turn), np.einsum("ai,bj,ck,ijk->abc", turn, turn, turn, t))


def test_broken_cell_is_refused():
    with pytest.raises(ValueError, match="no space group"):
        symmetrised(np.zeros((2, 3)), np.array([11, 11]), 4 * np.eye(3))
