"""Spin laws against dense matrices, free fermions, exact dimers and the published tables of varbench."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erlangen.core.errors import Invalid
from erlangen.numerics.precision import double
from erlangen.physics import exact_diagonalisation as ed
from erlangen.physics import lattices, spins

# Wu et al. 2024, doi:10.1126/science.adg9774 (Apache-2.0 tables); exchange models there are in Pauli units: a factor 4.
VARBENCH = [
    (spins.transverse_ising(lattices.chain(10)), -12.784906442999322, 1e-12),
    (spins.transverse_ising(lattices.chain(10, is_periodic=False)), -12.381489999654734, 1e-12),
    (spins.heisenberg(lattices.chain(20)), -35.61754611950579 / 4, 1e-12),
    (spins.heisenberg(lattices.chain(20, is_periodic=False)), -34.72989333759587 / 4, 1e-12),
    (spins.heisenberg(lattices.square(4)), -44.9139328 / 4, 1e-8),
    (spins.j1j2(lattices.square(4), j2=0.3), -37.310965 / 4, 1e-8),
    (spins.j1j2(lattices.square(4), j2=0.5), -33.83169340557936 / 4, 1e-12),
    (spins.j1j2(lattices.square(4), j2=1.0), -49.1819609 / 4, 1e-8),
]
SMALL = [
    spins.transverse_ising(lattices.chain(7), field=0.7),
    spins.transverse_ising(lattices.square(3, 2, is_periodic=False), coupling=-1.0, field=0.4),
    spins.heisenberg(lattices.chain(6), sign_rule=True),
    spins.j1j2(lattices.chain(8), j2=0.4),
    spins.j1j2(lattices.square(3), j2=0.6),
    spins.heisenberg(lattices.chain(5)),
    spins.xxz(lattices.chain(6), anisotropy=-0.4),
    spins.heisenberg(lattices.named("triangular", 9)),
    spins.of_terms("odd", lattices.Loose(4), [(0.7, {0: "Y"}), (-1.1, {0: "Z", 2: "Y", 3: "X"}), (0.4, {1: "X"})]),
    spins.of_terms("three bodies", lattices.Loose(5), [(0.7, {0: "Y", 1: "Y", 4: "Z"}), (0.3, {0: "X", 1: "X"})]),
]
LATTICES = [
    lattices.chain(6),
    lattices.square(4),
    lattices.square(2, 3, is_periodic=False),
    lattices.named("square", 10),
    lattices.named("triangular", 12),
    lattices.named("kagome", 12),
    lattices.named("honeycomb", 24),
    lattices.named("kagome", 12, is_periodic=False),
]
PAULI = {
    "x": np.array([[0, 1], [1, 0]]),
    "y": np.array([[0, 1j], [-1j, 0]]),
    "z": np.array([[-1, 0], [0, 1]]),  # the integer 1 is spin up
}


def title(law):
    return getattr(law, "title", "")


def pauli(n, **axes):
    """Kronecker product with site 0 as the least significant bit."""
    out = np.eye(1)
    for site in reversed(range(n)):
        out = np.kron(out, PAULI[axes[f"s{site}"]] if f"s{site}" in axes else np.eye(2))
    return out


def dense(law):
    """From the strings alone; the strings of the models are checked against published energies."""
    total = 0
    for string, coefficient in zip(law.strings, law.coefficients):
        total = total + coefficient * pauli(law.n_sites, **{f"s{i}": "Ixyz"[a] for i, a in enumerate(string) if a})
    return np.real(total) if law.is_real else total


@pytest.mark.parametrize("law", SMALL, ids=title)
def test_connected_elements_and_sparse_matrix_equal_the_kronecker_product(law):
    exact = dense(law)
    basis = ed.enumerate_basis(law.n_sites, ed.Sector(np.arange(law.n_sites)[None]))
    assert np.abs(ed.sparse_matrix(law, basis).toarray() - exact).max() < 1e-13
    with double():
        configurations, elements = jax.vmap(law.connected)(basis.configurations())
    columns = ((np.asarray(configurations, int) + 1) // 2 * 2 ** np.arange(law.n_sites)).sum(axis=-1)
    rebuilt = np.zeros_like(exact)
    np.add.at(rebuilt, (np.arange(len(exact))[:, None], columns), np.asarray(elements))
    assert np.abs(rebuilt - exact).max() < 1e-13


@pytest.mark.parametrize("law", SMALL, ids=title)
def test_symmetric_sectors_hold_the_ground_state(law):
    assert ed.ground_state(law).energy == pytest.approx(np.linalg.eigvalsh(dense(law))[0], abs=1e-11)


@pytest.mark.parametrize("law, energy, tolerance", VARBENCH, ids=title)
def test_ground_state_equals_the_published_energy(law, energy, tolerance):
    found = ed.ground_state(law)
    assert found.energy == pytest.approx(energy, abs=tolerance)
    assert found.residual < 1e-10


@settings(max_examples=12, deadline=None)
@given(st.sampled_from([4, 6, 8, 10]), st.floats(0.1, 3.0))
def test_ising_chain_by_free_fermions(n_sites, field):
    law = spins.transverse_ising(lattices.chain(n_sites), field=field)
    exact = spins.ising_chain_energy(n_sites, field=field)
    assert ed.ground_state(law).energy == pytest.approx(exact, abs=1e-10)


def test_free_fermions_equal_the_published_energy_of_32_sites():
    assert spins.ising_chain_energy(32) == pytest.approx(-40.76003249419223, abs=1e-11)
    assert spins.ising_chain_energy(32, field=0.5) == pytest.approx(-34.03342111916819, abs=1e-11)


def test_majumdar_ghosh_chain_is_made_of_dimers():
    assert ed.ground_state(spins.j1j2(lattices.chain(14), j2=0.5)).energy == pytest.approx(-3 / 8 * 14, abs=1e-11)


@pytest.mark.parametrize("law", [SMALL[3], SMALL[7]], ids=title)
def test_lowest_state_of_another_magnetisation(law):
    matrix = dense(law)
    up = np.bitwise_count(np.arange(len(matrix))) == law.n_up + 1
    assert ed.ground_state(law.at_magnetisation(1)).energy == pytest.approx(
        np.linalg.eigvalsh(matrix[np.ix_(up, up)])[0], abs=1e-11
    )


@pytest.mark.parametrize("lattice", LATTICES, ids=str)
def test_space_group_is_a_group_of_bond_permutations(lattice):
    group = {tuple(p) for p in lattice.space_group}
    assert tuple(range(lattice.n_sites)) in group
    assert all(tuple(np.array(p)[list(q)]) in group for p in group for q in group)
    for shell in (1, 2):
        bonds = {tuple(sorted(b)) for b in lattice.bonds(shell)}
        assert all({tuple(sorted((p[i], p[j]))) for i, j in bonds} == bonds for p in group)


def test_orders_of_the_space_groups():
    sizes = [len(g.space_group) for g in (lattices.chain(16), lattices.square(4), lattices.square(4, 6))]
    assert sizes == [32, 128, 96]
    assert [len(lattices.square(4).bonds(s)) for s in (1, 2)] == [32, 32]
    named = [("square", 20), ("triangular", 36), ("kagome", 36), ("honeycomb", 32), ("kagome", 108)]
    found = [lattices.named(*one) for one in named]
    assert [len(g.space_group) for g in found] == [80, 432, 144, 192, 432]
    assert [len(g.translations) for g in found] == [20, 36, 12, 16, 36]
    assert [2 * len(g.bonds()) / g.n_sites for g in found] == [4, 6, 4, 3, 4]
    assert [g.sublattice is not None for g in found] == [True, False, False, True, False]


@pytest.mark.parametrize("law", SMALL, ids=title)
def test_conserved_magnetisation_and_spin_flip_are_said_truly(law):
    matrix = dense(law)
    states = np.arange(len(matrix))
    up = np.bitwise_count(states)
    if law.n_up is not None:
        assert np.all(matrix[up[:, None] != up] == 0)
    turned = matrix[::-1, ::-1]
    if law.n_up in (None, law.n_sites / 2):
        assert (np.abs(turned - matrix).max() < 1e-13) == law.is_flip_symmetric
    assert law.is_stoquastic == bool(np.all((matrix - np.diag(np.diag(matrix))).real <= 1e-13) and law.is_real)


@given(st.lists(st.floats(0, 2 * np.pi), min_size=6, max_size=6))
def test_product_state_energy_is_an_expectation_value(angles):
    terms = [(0.8, {0: "X", 1: "Y", 3: "Z"}), (-0.5, {2: "X"}), (0.3, {4: "Z", 5: "Z"}), (0.2, {})]
    law, around = spins.of_terms("mixed", lattices.Loose(6), terms), np.linspace(0, 3, 6)
    vectors = np.stack([np.sin(angles) * np.cos(around), np.sin(angles) * np.sin(around), np.cos(angles)], axis=1)
    psi = np.ones(1)
    for angle, turn in zip(reversed(angles), reversed(around)):
        psi = np.kron(psi, [np.exp(1j * turn) * np.sin(angle / 2), np.cos(angle / 2)])
    with double():
        assert law.energy_of_product_state(vectors) == pytest.approx((psi.conj() @ dense(law) @ psi).real, abs=1e-12)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: lattices.named("kagom", 12),
        lambda: lattices.named("square", 14),
        lambda: spins.xxz(lattices.chain(4), anisotropy=-1.0),
        lambda: lattices.chain(1),
        lambda: spins.heisenberg(lattices.chain(5), sign_rule=True),
        lambda: ed.ground_state(spins.heisenberg(lattices.chain(26))),
        lambda: spins.ising_chain_energy(7),
        lambda: lattices.named("chain", 100_000),
        lambda: lattices.named("kagome", 3 * 10**12),
    ],
)
def test_bad_input_is_explained(wrong):
    with pytest.raises(Invalid):
        wrong()


def test_pairs_of_small_tori_count_once():
    """Ring of 4: sites 0 and 2 meet both ways round; H = S_13 . S_24 coupled by J1, split by J2: E = -2 J1 + J2 / 2."""
    ring = lattices.chain(4)
    assert len(ring.bonds(1)) == 4 and len(ring.bonds(2)) == 2
    for j2 in (0.0, 0.5, 0.8):
        assert ed.ground_state(spins.j1j2(ring, j2=j2)).energy == pytest.approx(-2 + j2 / 2, abs=1e-12)
    assert ed.ground_state(spins.j1j2(lattices.chain(6))).energy == pytest.approx(-3 * 6 / 8, abs=1e-10)
    tilted = lattices.named("square", 8)
    assert np.bincount(tilted.bonds(1).ravel()).tolist() == [4] * 8
    assert np.bincount(tilted.bonds(2).ravel()).tolist() == [2] * 8


def test_a_law_without_the_symmetry_of_its_lattice_is_not_given_it():
    """One bond of the ring is stronger: only what keeps it is used, in the ground state and its search."""
    ring = lattices.chain(6)
    terms = [(-2.0 if (i, j) == (0, 1) else -1.0, {i: "Z", j: "Z"}) for i, j in ring.bonds()]
    law = spins.of_terms("uneven", ring, terms + [(-0.7, {i: "X"}) for i in range(6)])
    assert law.kept_by(ring.space_group).sum() == 2
    assert ed.ground_state(law).energy == pytest.approx(np.linalg.eigvalsh(dense(law))[0], abs=1e-10)


def test_the_mean_over_a_group_and_the_flip():
    ring = lattices.chain(6)
    one = spins.of_terms("one", ring, [(1.0, {0: "X"}), (2.0, {1: "Z"}), (3.0, {2: "Z", 3: "Z"})])
    mean = one.symmetrised(ring.space_group, flip=True)
    expected = spins.of_terms(
        "mean", ring, [(1 / 6, {i: "X"}) for i in range(6)] + [(0.5, {i: "Z", j: "Z"}) for i, j in ring.bonds()]
    )
    assert dense(mean) == pytest.approx(dense(expected), abs=1e-12)
    assert mean.kept_by(ring.space_group).all() and mean.is_flip_symmetric
