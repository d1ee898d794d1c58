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
