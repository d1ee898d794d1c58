"""The published tables: they are found for our lattices, and their exact energies are ours."""

from __future__ import annotations

import pytest

from erlangen.data.varbench import published
from erlangen.physics import exact_diagonalisation as ed
from erlangen.physics import lattices, spins


@pytest.mark.parametrize(
    ("law", "model", "coupling"),
    [
        (spins.heisenberg(lattices.named("triangular", 16)), "heisenberg", 0.0),
        (spins.heisenberg(lattices.straight("kagome", (2, 3))), "heisenberg", 0.0),
        (spins.j1j2(lattices.square(4), j2=0.85), "j1j2", 0.85),
    ],
)
def test_exact_energies_are_ours(law, model, coupling):
    rows = published(model, law.lattice, coupling)
    exact = next(row for row in rows if row.is_exact)
    assert ed.ground_state(law).energy == pytest.approx(exact.energy / 4, abs=1e-7)
    assert all(row.energy >= exact.energy - 5 * (row.sigma or 1e-8) for row in rows)


def test_clusters_that_the_tables_do_not_have_give_no_rows():
    assert published("heisenberg", lattices.named("square", 10), 0.0) == []
    assert published("ising", lattices.Loose(10), 1.0) == []
    assert published("j1j2", lattices.square(4), 0.123) == []


def test_variances_keep_their_exponents():
    rows = {
        (n, periodic): next(
            row for row in published("heisenberg", lattices.chain(n, is_periodic=periodic), 0.0) if "DMRG" in row.method
        )
        for n in (20, 200)
        for periodic in (False, True)
    }
    found = {key: row.variance for key, row in rows.items()}
    assert found == {(20, False): 6.3e-10, (20, True): 1.2e-10, (200, False): 5.4e-9, (200, True): 2.559e-8}


def test_no_energy_of_a_small_variance_is_above_the_exact_one():
    """Variances of good states are of the order of the energy that is missing, times a gap."""
    law = spins.heisenberg(lattices.chain(20))
    exact = 4 * ed.ground_state(law).energy
    for row in published("heisenberg", law.lattice, 0.0):
        if row.variance is not None and not row.is_exact:
            assert (row.energy - exact) / row.variance < 1
            assert row.variance < 50 * abs(row.energy - exact) + 1e-8
