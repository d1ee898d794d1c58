"""Phonons: closed forms of the fcc crystal with neighbours alone, thermal limits, symmetry of meshes, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.physics import phonons
from erlangen.physics.interatomic.lennard_jones import LennardJones
from erlangen.physics.units import AMU, BOLTZMANN

SIGMA, EPSILON = 3.4, 0.0104
NEAREST = LennardJones(epsilon=EPSILON, sigma=SIGMA, cutoff=1.3 * SIGMA)  # the second shell lies at 1.59 sigma
SIDE = 2 ** (1 / 6) * SIGMA * 2**0.5  # every bond at its minimum


def crystal(side: float = SIDE, **kinds: bool) -> Atoms:
    a = bulk("Ar", "fcc", side, **kinds)
    return Atoms(a.positions, a.numbers, a.cell.array, a.pbc)


def test_fcc_with_springs_between_neighbours_has_the_frequencies_of_the_textbook():
    """At X, omega^2 = 8 k / m along and 4 k / m across; at L, 8 k / m and 2 k / m; k = phi''(r) = 72 epsilon / r^2."""
    found = phonons.Phonons.of(NEAREST, crystal())
    k = 72 * EPSILON / (SIDE / 2**0.5) ** 2
    unit = np.sqrt(k / (found.masses[0] * AMU)) / (2 * np.pi * 1e-3)
    gamma, x, l_point = found.frequencies([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0.5, 0.5]])
    assert np.abs(gamma).max() < 1e-6 * unit
    assert x == pytest.approx(unit * np.sqrt([4, 4, 8]), rel=1e-9)
    assert l_point == pytest.approx(unit * np.sqrt([2, 2, 8]), rel=1e-9)
    assert max(found.defects().values()) < 1e-13 and found.force < 1e-12


def test_a_cubic_cell_folds_the_same_modes():
    """The four atoms of the cubic cell have at Gamma what the primitive cell has at Gamma and the three points X."""
    folded = phonons.Phonons.of(NEAREST, crystal(cubic=True)).frequencies([[0, 0, 0]])[0]
    own = phonons.Phonons.of(NEAREST, crystal()).frequencies([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    assert np.sort(folded) == pytest.approx(np.sort(own.ravel()), abs=1e-6)


def test_modes_are_what_the_matrices_say():
    found = phonons.Phonons.of(NEAREST, crystal(cubic=True))
    q = [[0.1, 0.2, 0.3]]
    nu, e = found.modes(q)
    d = found.matrices(q)
    values = np.sign(nu) * AMU * (2 * np.pi * 1e-3 * nu) ** 2
    assert d[0] @ e[0] == pytest.approx(e[0] * values[0], abs=1e-9 * np.abs(d).max())
    assert found.frequencies([[-0.1, -0.2, -0.3]]) == pytest.approx(nu, abs=1e-9)


def test_heavier_isotopes_are_slower():
    light, heavy = (phonons.Phonons.of(NEAREST, crystal(), weights=[m]).frequencies([[0.5, 0.5, 0]]) for m in (36, 40))
    assert light / heavy == pytest.approx(np.sqrt(40 / 36), rel=1e-12)


def test_thermal_sums_have_their_limits_and_a_symmetric_mesh_is_the_whole_one():
    found, temperatures = phonons.Phonons.of(NEAREST, crystal()), np.array([0.0, 20.0, 2000.0])
    few, whole = (phonons.mesh((6, 6, 6), x) for x in (found.x, None))
    assert len(few[0]) < len(whole[0]) / 10 and few[1].sum() == pytest.approx(1)
    one, other = (phonons.thermal(found.frequencies(q), w, temperatures) for q, w in (few, whole))
    for name in ("free_energy", "entropy", "heat_capacity"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-12)
    assert one.left_out == pytest.approx(1 / 216)
    assert one.heat_capacity[2] == pytest.approx(3 * BOLTZMANN * 215 / 216, rel=1e-3)  # Dulong and Petit
    assert one.heat_capacity[0] == one.entropy[0] == 0
    # S = -dF/dT and C = T dS/dT
    t = np.array([59.9, 60.0, 60.1])
    near = phonons.thermal(found.frequencies(whole[0]), whole[1], t)
    assert -(near.free_energy[2] - near.free_energy[0]) / 0.2 == pytest.approx(near.entropy[1], rel=1e-6)
    assert 60 * (near.entropy[2] - near.entropy[0]) / 0.2 == pytest.approx(near.heat_capacity[1], rel=1e-5)


def test_the_density_of_states_holds_all_of_them():
    nu, grid = np.array([[1.0, 2.0, 2.0], [1.5, 1.5, 3.0]]), np.linspace(-1, 5, 601)
    found = phonons.density_of_states(nu, np.array([0.25, 0.75]), grid)
    assert np.trapezoid(found, grid) == pytest.approx(3, rel=1e-6)


def test_grueneisen_parameters_are_slopes_of_frequencies():
    q, ratio = [[0.5, 0.5, 0], [0.3, 0.1, 0.2]], 1.002
    gamma = phonons.grueneisen(NEAREST, crystal(), q)
    below, above = (
        phonons.Phonons.of(NEAREST, crystal(SIDE * f ** (1 / 3))).frequencies(q) for f in (1 / ratio, ratio)
    )
    assert gamma == pytest.approx(-np.log(above / below) / (2 * np.log(ratio)), rel=1e-3)
    assert np.all(gamma > 2)


def test_a_path_has_the_special_points_of_its_lattice():
    way = phonons.path(crystal(), points=40)
    assert len(way.q) == len(way.distance) == 40 and np.all(np.diff(way.distance) >= 0)
    assert {"G", "X", "L", "K"} <= {name for _, name in way.labels}


def test_a_compressed_crystal_that_is_no_minimum_says_its_force_and_imaginary_modes_are_negative():
    stretched = phonons.Phonons.of(NEAREST, crystal(SIDE * 1.13))
    assert stretched.frequencies([[0.5, 0.5, 0.0]]).min() < 0
    moved = crystal(cubic=True)
    shaken = Atoms(moved.positions + np.eye(4, 3) * 0.1, moved.atomic_numbers, moved.cell, moved.pbc)
    assert phonons.Phonons.of(NEAREST, shaken).force > phonons.FORCE


def test_what_is_no_crystal_is_refused():
    with pytest.raises(Invalid, match="periodic in three directions"):
        phonons.Phonons.of(NEAREST, Atoms(np.zeros((1, 3)), np.array([18])))
