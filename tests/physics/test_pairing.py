"""Projected pairs: boundary signs, the Fermi sea of a ring, and which terms of a sum over the group differ."""

from __future__ import annotations

import numpy as np
import pytest

from erlangen.physics import exact_diagonalisation as ed
from erlangen.physics import lattices, pairing
from erlangen.physics.spins import heisenberg


def amplitudes(f, configurations):
    """sign(s) det f, one configuration after the other."""
    found = []
    for spins in configurations:
        up, down = np.flatnonzero(spins > 0), np.flatnonzero(spins < 0)
        sign = (-1) ** sum(int((down < i).sum()) for i in up)
        found.append(sign * np.linalg.det(f[np.ix_(up, down)]))
    return np.array(found)


@pytest.mark.parametrize(("lattice", "antiperiodic"), [(lattices.square(4), True), (lattices.chain(10), False)])
def test_the_mean_field_has_the_signed_translations_of_its_boundary(lattice, antiperiodic):
    f, gap = pairing.mean_field(lattice, antiperiodic=antiperiodic)
    classes = pairing.signed_classes(lattice, antiperiodic=antiperiodic)
    assert gap > 0.1
    np.testing.assert_allclose(classes.matrix(classes.values(f)), f, atol=1e-10 * np.abs(f).max())
    np.testing.assert_allclose(f, f.T, atol=1e-10 * np.abs(f).max())


def test_pairs_half_way_around_an_antiperiodic_ring_cannot_be_singlets():
    classes = pairing.signed_classes(lattices.chain(8), antiperiodic=True)
    assert classes.sign[0, 4] == 0 and classes.sign[0, 3] == classes.sign[1, 4] != 0
    assert classes.sign[0, 7] == -classes.sign[0, 1]


def test_larger_cells_leave_more_pairs_free():
    lattice = lattices.square(4)
    counts = [pairing.signed_classes(lattice, antiperiodic=True, cell=cell).count for cell in (1, 2)]
    assert counts[1] > 2 * counts[0] and len(pairing.translations(lattice, 2)) == 4


@pytest.mark.parametrize(("sites", "antiperiodic"), [(10, False), (12, True)])
def test_the_projected_fermi_sea_of_a_ring_is_close_to_its_ground_state(sites, antiperiodic):
    """Exact for the 1/r^2 law (Haldane 1988, doi:10.1103/PhysRevLett.60.635), within 0.2 % for nearest neighbours."""
    lattice = lattices.chain(sites)
    law = heisenberg(lattice)
    basis = ed.enumerate_basis(sites, ed.Sector(np.arange(sites)[None], 0, sites // 2))
    psi = amplitudes(pairing.mean_field(lattice, antiperiodic=antiperiodic)[0], basis.configurations())
    energy = psi @ (ed.sparse_matrix(law, basis) @ psi) / (psi @ psi)
    exact = ed.ground_state(law).energy
    assert 0 <= 1 - energy / exact < 2.2e-3


def test_turned_images_of_inverted_pairs_are_the_same_state():
    lattice = lattices.square(4)
    classes = pairing.signed_classes(lattice, antiperiodic=True)
    everything = lattice.space_group
    found = pairing.alike(everything, classes)
    assert found.shape == (4, 32, 16)  # 128 isometries, 16 translations; inversion keeps singlets


@pytest.mark.parametrize(("permutation", "sign"), [((0, 1, 2), 1), ((1, 0, 2), -1), ((1, 2, 0), 1), ((1, 2, 3, 0), -1)])
def test_parity(permutation, sign):
    assert pairing.parity(np.array(permutation)) == sign
