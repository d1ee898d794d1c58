"""Matrix product states against exact diagonalisation; everything but the first three tests needs TeNPy."""

from __future__ import annotations

import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.physics import exact_diagonalisation as ed
from erlangen.physics import lattices, spins
from erlangen.physics import matrix_product_states as mps
from erlangen.tasks.quantum.spins import Spins

needs_tenpy = pytest.mark.skipif(not mps.is_installed(), reason="TeNPy is not installed: pip install erlangen[mps]")
LADDER = {"Sp": np.array([[0, 1], [0, 0]]), "Sm": np.array([[0, 0], [1, 0]]), "Sz": np.diag([0.5, -0.5])}
LAWS = [
    spins.transverse_ising(lattices.chain(8), field=0.7),
    spins.heisenberg(lattices.chain(8), sign_rule=True),
    spins.heisenberg(lattices.chain(8)).at_magnetisation(1),
    spins.transverse_ising(lattices.straight("square", (2, 3)), field=2.0),
    spins.j1j2(lattices.straight("square", (2, 3), is_periodic=False), j2=0.5),
]


@pytest.mark.parametrize("law", LAWS[3:], ids=lambda law: law.title)
def test_ladder_terms_are_the_same_matrix(law):
    n, (constant, terms) = law.n_sites, mps.ladder_terms(law)
    matrix = constant * np.eye(2**n, dtype=complex)
    for term, coefficient in terms.items():
        factors = [np.eye(2)] * n
        for name, site in term:
            factors[site] = LADDER[name]
        product = np.eye(1)
        for factor in factors:
            product = np.kron(product, factor)
        matrix += coefficient * product
    lowest = np.linalg.eigvalsh(matrix)[0]
    assert np.allclose(matrix, matrix.conj().T)
    assert lowest == pytest.approx(ed.ground_state(law).energy, abs=1e-10)


def test_terms_that_break_s_z_cancel_where_the_law_conserves_it():
    for law in LAWS[1:3]:
        for term in mps.ladder_terms(law)[1]:
            assert sum({"Sp": 1, "Sm": -1}.get(name, 0) for name, _ in term) == 0


def test_without_tenpy_nothing_changes_but_one_message(monkeypatch):
    monkeypatch.setattr(mps, "is_installed", lambda: False)
    assert "matrix product states" not in [o.name for o in Spins(sites=8).solvers]
    with pytest.raises(Invalid, match=r"erlangen\[mps\]"):
        mps.ground_state_energy(LAWS[0], 8)


@needs_tenpy
@pytest.mark.parametrize("law", LAWS, ids=lambda law: f"{law.title} {law.n_up}")
def test_a_sufficient_bond_dimension_is_exact_and_a_small_one_lies_above(law):
    exact = ed.ground_state(law).energy
    assert mps.ground_state_energy(law, 16)[0] == pytest.approx(exact, abs=1e-8)
    assert mps.ground_state_energy(law, 2)[0] > exact + 1e-6


@needs_tenpy
def test_it_is_a_solver_of_the_task():
    task = Spins("heisenberg", sites=8)
    (solver,) = (o for o in task.solvers if o.name == "matrix product states")
    assert solver.solve(None, 32)["energy"] == pytest.approx(task.reference()["energy"], rel=1e-9)
