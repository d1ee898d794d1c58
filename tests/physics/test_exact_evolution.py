"""Exact evolution against dense exponentials, free fermions, conservation and the precession of single spins."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from erlangen.core.errors import Invalid
from erlangen.physics import exact_diagonalisation as ed
from erlangen.physics import exact_evolution, lattices, mean_field, spins

TIMES = np.linspace(0, 1, 5)
RING = lattices.chain(8)
PAIRS = {
    "ising": (spins.transverse_ising(RING, field=2.5), spins.transverse_ising(RING, field=0.7)),
    "open": (spins.transverse_ising(lattices.chain(6, is_periodic=False), field=3.0),) * 2,
    "xxz": (spins.xxz(RING, anisotropy=4.0, sign_rule=True), spins.xxz(RING, anisotropy=0.5, sign_rule=True)),
    "frustrated": (spins.j1j2(RING, j2=0.2), spins.j1j2(RING, j2=0.6)),
    "unrotated": (spins.heisenberg(RING), spins.xxz(RING, anisotropy=0.3)),
}


def whole(n_sites, n_up=None):
    """All configurations, and the basis without symmetry."""
    basis = ed.enumerate_basis(n_sites, ed.Sector(np.arange(n_sites)[None], 0, n_up))
    return basis.configurations(), basis


@pytest.mark.parametrize("name", PAIRS)
def test_sector_evolution_equals_the_dense_exponential_in_the_full_space(name):
    before, after = PAIRS[name]
    found = exact_evolution.quench(before, after, TIMES)
    states, basis = whole(before.n_sites, before.n_up)
    first, second = (ed.sparse_matrix(law, basis).toarray() for law in (before, after))
    start = np.linalg.eigh(first)[1][:, 0]
    amplitudes = found.amplitudes(states)
    for t, own in zip(TIMES, amplitudes):
        exact = scipy.linalg.expm(-1j * second * t) @ start
        assert abs(np.vdot(exact, own)) == pytest.approx(1, abs=1e-10)
    assert np.ptp(found.expectation(after)) < 1e-10
    assert found.expectation(after)[0] == pytest.approx(np.vdot(start, second @ start).real, abs=1e-10)


def test_the_two_integrators_agree():
    before, after = PAIRS["ising"]
    one, two = (exact_evolution.quench(before, after, TIMES, tolerance=tolerance) for tolerance in (0.0, 1e-10))
    assert np.abs(one.vectors - two.vectors).max() < 1e-8
    assert np.abs(np.linalg.norm(one.vectors, axis=1) - 1).max() < 1e-12


@pytest.mark.parametrize("n_sites, fields", [(8, (np.inf, 1.0)), (10, (2.0, 0.5)), (12, (0.4, 1.7))])
def test_free_fermions(n_sites, fields):
    lattice = lattices.chain(n_sites)
    before, after = fields
    start = spins.transverse_ising(lattice, coupling=0.0) if np.isinf(before) else None
    start = start or spins.transverse_ising(lattice, field=before)
    found = exact_evolution.quench(start, spins.transverse_ising(lattice, field=after), TIMES)
    sx = spins.of_terms("sx", lattice, [(1 / n_sites, {i: "X"}) for i in range(n_sites)])
    zz = spins.of_terms("zz", lattice, [(1 / n_sites, {i: "Z", j: "Z"}) for i, j in lattice.bonds()])
    exact = exact_evolution.ising_ring_quench(n_sites, TIMES, before=before, after=after)
    assert found.expectation(sx) == pytest.approx(exact[0], abs=1e-11)
    assert found.expectation(zz) == pytest.approx(exact[1], abs=1e-11)


def test_mean_field_is_exact_for_spins_without_couplings_and_conserves_the_energy():
    lattice = lattices.chain(4)
    tilted = spins.of_terms("tilted", lattice, [(-1.0, {i: a}) for i in range(4) for a in "XZ"])
    after = spins.of_terms("z", lattice, [(-1.0, {i: "Z"}) for i in range(4)])
    paths = mean_field.precession(tilted, after, TIMES)
    # about -z at frequency 2: a field of 1 in Pauli matrices splits the levels by 2
    root = 0.5**0.5
    assert paths[:, 0] == pytest.approx(
        np.stack([root * np.cos(2 * TIMES), -root * np.sin(2 * TIMES), np.full(5, root)], 1), abs=1e-6
    )
    states, basis = whole(4)
    matrix = ed.sparse_matrix(after, basis).toarray()
    first = mean_field.amplitudes(paths[0], states)
    exact = scipy.linalg.expm(-1j * matrix) @ first
    assert abs(np.vdot(exact, mean_field.amplitudes(paths[-1], states))) == pytest.approx(1, abs=1e-6)
    law = PAIRS["ising"][1]
    moved = mean_field.precession(PAIRS["ising"][0], law, TIMES)
    assert np.ptp(mean_field.energies(law, moved)) < 1e-5


def test_too_large_or_unequal_laws_are_refused():
    ring = lattices.chain(22)
    with pytest.raises(Invalid, match="at most 20 sites"):
        exact_evolution.quench(spins.transverse_ising(ring), spins.transverse_ising(ring), TIMES)
    with pytest.raises(Invalid, match="same spins"):
        exact_evolution.quench(PAIRS["ising"][0], PAIRS["xxz"][0], TIMES)
    with pytest.raises(Invalid, match="free-fermion"):
        exact_evolution.ising_ring_quench(7, TIMES, before=1.0, after=2.0)


def on_ring(title, lattice, terms):
    """A law by its coefficients: ZZ along bonds, X and Z on sites, or on site 0 alone."""
    strings = [(terms.get("ZZ", 0), {i: "Z", j: "Z"}) for i, j in lattice.bonds()]
    strings += [(terms.get(a, 0), {i: a}) for a in "XZ" for i in range(lattice.n_sites)]
    return spins.of_terms(title, lattice, [*strings, (terms.get("Z0", 0), {0: "Z"})])


@pytest.mark.parametrize(
    "after", [{"ZZ": 1, "X": 0.5, "Z": 0.7}, {"ZZ": 1, "X": 0.5, "Z0": 0.7}, {"X": 0.5, "Z0": 1.3}]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_symmetry_that_the_second_law_breaks_is_given_up(after, sign):
    ring = lattices.chain(6)
    before, after = on_ring("before", ring, {"ZZ": 1, "X": 2 * sign}), on_ring("after", ring, after)
    times = np.linspace(0, 2, 4)
    found = exact_evolution.quench(before, after, times)
    states, basis = whole(6)
    first, second = (ed.sparse_matrix(law, basis).toarray() for law in (before, after))
    start = np.linalg.eigh(first)[1][:, 0]
    paths = [scipy.linalg.expm(-1j * second * t) @ start for t in times]
    assert np.abs(np.sum(found.amplitudes(states).conj() * paths, axis=1)) == pytest.approx(np.ones(4), abs=1e-9)
    for string in ({0: "X"}, {0: "Z"}, {1: "Z", 2: "X"}):
        seen = spins.of_terms("seen", ring, [(1.0, string)])
        matrix = ed.sparse_matrix(seen, basis)
        exact = [np.vdot(path, matrix @ path).real for path in paths]
        assert found.expectation(seen) == pytest.approx(exact, abs=1e-9)


def test_an_observable_without_the_symmetry_of_the_sector_counts_by_its_symmetric_part():
    before, after = PAIRS["ising"]
    found = exact_evolution.quench(before, after, TIMES)
    one = spins.of_terms("one", RING, [(1.0, {3: "X"}), (5.0, {2: "Z"})])
    every = spins.of_terms("every", RING, [(1 / 8, {i: "X"}) for i in range(8)])
    assert found.expectation(one) == pytest.approx(found.expectation(every), abs=1e-12)
