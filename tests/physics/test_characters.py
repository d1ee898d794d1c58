"""Characters of lattices: they multiply like the group, and their sectors hold the whole spectrum."""

from __future__ import annotations

import numpy as np
import pytest

from erlangen.physics import exact_diagonalisation as ed
from erlangen.physics import lattices, spins
from erlangen.physics.characters import characters_of, sectors, trivial

LATTICES = [
    lattices.chain(8),
    lattices.chain(5, is_periodic=False),
    lattices.square(4),
    lattices.named("square", 10),
    lattices.named("triangular", 12),
    lattices.named("kagome", 12),
]


@pytest.mark.parametrize("lattice", LATTICES, ids=str)
def test_every_character_multiplies_like_its_group(lattice):
    for one in sectors(lattice):
        group, chi = one.permutations, one.values
        place = {tuple(row): i for i, row in enumerate(group.tolist())}
        for j in range(0, len(group), 7):
            after = [place[tuple(row)] for row in group[j][group].tolist()]
            assert np.allclose(chi[after], chi * chi[j], atol=1e-12)


@pytest.mark.parametrize("lattice", LATTICES, ids=str)
def test_levels_of_all_sectors_have_as_many_states_as_the_space(lattice):
    """sum over sectors of degeneracy x dimension: that of the space, doublets counted as often as they occur."""
    sizes = [
        one.degeneracy
        * len(ed.enumerate_basis(lattice.n_sites, ed.Sector(one.permutations, 0, None, one.values)).states)
        for one in sectors(lattice)
    ]
    assert sum(sizes) == 2**lattice.n_sites


def test_characters_of_an_abelian_group_are_as_many_as_its_elements_and_orthogonal():
    group = lattices.square(4, 3).translations
    powers, order = characters_of(group)
    table = np.exp(2j * np.pi * powers / order)
    assert np.allclose(table @ table.conj().T, 12 * np.eye(12), atol=1e-12)


@pytest.mark.parametrize(
    "law",
    [
        spins.transverse_ising(lattices.chain(6), field=0.7),
        spins.j1j2(lattices.chain(8), j2=0.3, sign_rule=True),
        spins.heisenberg(lattices.named("square", 10)),
    ],
    ids=lambda law: law.title,
)
def test_sectors_hold_the_spectrum_of_the_dense_matrix(law):
    whole = ed.Sector(np.arange(law.n_sites)[None], 0, law.n_up)
    dense = ed.sparse_matrix(law, ed.enumerate_basis(law.n_sites, whole)).toarray()
    found = []
    for one in sectors(law.lattice):
        for flip in (1, -1):
            sector = ed.Sector(one.permutations, flip, law.n_up, one.values)
            matrix = ed.sparse_matrix(law, ed.enumerate_basis(law.n_sites, sector)).toarray()
            assert np.allclose(matrix, matrix.conj().T, atol=1e-12)
            found += [*np.linalg.eigvalsh(matrix)] * one.degeneracy
    assert np.sort(found) == pytest.approx(np.linalg.eigvalsh(dense), abs=1e-10)


def test_lowest_energies_count_degenerate_levels_as_often_as_they_occur():
    law = spins.j1j2(lattices.square(4), j2=0.5)
    found = ed.lowest_energies(law, 4).energies
    assert found == pytest.approx([-8.457923351, -8.138989061, -7.627830263, -7.627830263], abs=1e-8)
    small = spins.j1j2(lattices.chain(8), j2=0.5)  # exact dimers: two ground states
    whole = ed.Sector(np.arange(8)[None], 0, 4)
    dense = ed.sparse_matrix(small, ed.enumerate_basis(8, whole)).toarray()
    assert ed.lowest_energies(small, 6).energies == pytest.approx(np.linalg.eigvalsh(dense)[:6], abs=1e-10)
    assert ed.lowest_energies(small, 2).energies == pytest.approx([-3, -3], abs=1e-10)


def test_lanczos_finds_every_state_of_a_degenerate_level():
    import scipy.sparse

    values = np.sort(np.random.default_rng(0).uniform(0, 1, 300))
    values[:5] = -1.0
    assert ed.lowest_of(scipy.sparse.diags(values, format="csr"), 6) == pytest.approx(values[:6], abs=1e-9)


def test_free_fermions_give_the_levels_of_the_ising_ring():
    for field in (0.6, 1.0, 1.7):
        law = spins.transverse_ising(lattices.chain(8), field=field)
        exact = ed.lowest_energies(law, 8).energies
        assert spins.ising_chain_levels(8, 8, field=field) == pytest.approx(exact, abs=1e-9)


def test_the_trivial_character_is_the_first():
    assert sectors(lattices.square(4))[0].is_trivial
    assert trivial(lattices.chain(4).space_group).at(flip=-1).is_trivial is False
