"""The task quantum/spins: references, symmetry of the law, shifts, solvers and bad input."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.learn.variational import full_sum, spin_problem
from erlangen.methods.variational.mean_field import MeanField
from erlangen.numerics.precision import double
from erlangen.physics import exact_diagonalisation as ed
from erlangen.tasks.quantum.excited import Excited
from erlangen.tasks.quantum.quench import Quench
from erlangen.tasks.quantum.spins import Spins
from erlangen.tasks.quantum.spins_family import SpinsFamily

EVERY = [
    Spins(sites=6),
    Spins(sites=6, periodic=False),
    Spins("ising", "square", 9, field=3.0),
    Spins("heisenberg", sites=8),
    Spins("j1j2", sites=8, j2=0.3),
    Spins("j1j2", "square", 16, periodic=False),
]


@pytest.mark.parametrize("task", EVERY, ids=repr)
def test_every_declared_site_symmetry_maps_the_law_onto_itself(task):
    law = task.law

    def couplings(permutation):
        return {(tuple(row), c) for row, c in zip(law.strings[:, permutation], law.coefficients)}

    for group in task.symmetry[:-1]:
        for permutation in group.permutations:
            assert couplings(np.array(permutation)) == couplings(np.arange(task.sites))


@pytest.mark.parametrize("task", EVERY[:5], ids=repr)
def test_the_reference_is_the_exact_ground_state(task):
    assert task.reference()["energy"] == pytest.approx(ed.ground_state(task.law).energy, rel=1e-12)


def test_solvers_are_exact_or_above():
    task = Spins("heisenberg", sites=10)
    exact, *_, mean = task.solvers
    assert exact.solve(None, 1e-8)["energy"] == pytest.approx(task.reference()["energy"], rel=1e-10)
    assert mean.solve(None, 8)["energy"] == pytest.approx(-10 / 4, rel=1e-6)


@pytest.mark.parametrize("field", [0.0, 0.5])
def test_product_states_of_the_ising_ring_are_the_best_ones(field):
    """E / N = -(1 + h^2 / 4) for h <= 2: exact without a field; a fit begins there."""
    task, exact = Spins(sites=12, field=field), -12 * (1 + field**2 / 4)
    assert task.solve_mean_field(None, 1)["energy"] == pytest.approx(exact, rel=1e-6)
    with double():
        start = MeanField().amplitude(task.law, jax.random.key(0))
    assert full_sum(start, spin_problem(task.law))[0] == pytest.approx(exact, rel=2e-3)


def test_shifts_move_the_coupling_and_stay_allowed():
    (field,) = Spins().shifts
    assert Spins().shifted("field", field.values[0]).field == field.values[0]
    (frustration,) = Spins("heisenberg").shifts
    assert Spins("heisenberg").shifted("j2", frustration.values[-1]).model == "j1j2"


def test_shifts_of_extreme_couplings_are_other_couplings():
    for task in (
        Spins(field=0.0),
        Spins(field=1e-9),
        Spins(field=1e6),
        Spins("xxz", anisotropy=-0.99),
        Spins("j1j2", j2=0.0),
    ):
        (axis,) = task.shifts
        assert len(set(axis.values)) == len(axis.values) >= 2
        for value in axis.values:
            moved = task.shifted(axis.axis, value)
            assert moved != task and moved.law.n_sites == 16


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Spins(sites=100_000),
        lambda: Spins(field=1e308),
        lambda: Spins("xxz", anisotropy=1e300),
        lambda: Spins("j1j2", j2=float("nan")),
        lambda: Quench(after=1e308),
        lambda: Quench(time=1e308),
        lambda: Excited(sites=10**9),
        lambda: SpinsFamily(low=0.5, high=1e200),
    ],
)
def test_extreme_settings_are_refused_at_once(wrong):
    with pytest.raises(Invalid):
        wrong()


def test_published_errors_are_those_of_the_table():
    found = {one.name: one.value for one in Spins("j1j2", "square", 16).published}
    assert found["ClebschTree"] == pytest.approx(1.93e-5, rel=0.01)
    assert not Spins(sites=14).published
    large = Spins("j1j2", "square", 36)  # beyond diagonalisation here: the table has it
    assert large.reference()["energy"] == pytest.approx(-72.548590160286 / 4)
    assert len(large.published) == 6
    (best, *_) = Spins("heisenberg", "triangular", 144).published
    assert best.score == "energy" and best.value == pytest.approx(-0.55, abs=0.02)


def test_beyond_exact_diagonalisation_the_task_goes_on_without_a_reference():
    with pytest.warns(UserWarning, match="at most 24 sites"):
        assert Spins("heisenberg", sites=30).reference() is None
    assert "exact diagonalisation" not in [o.name for o in Spins("heisenberg", sites=30).solvers]
    assert Spins(sites=100).reference()["source"] == "free fermions"


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"model": "isng"}, "ising"),
        ({"lattice": "kagom"}, "kagome"),
        ({"model": "heisenberg", "sites": 15}, "even number of spins"),
        ({"lattice": "square", "sites": 14}, "13 or 15"),
        ({"model": "xxz", "anisotropy": -2.0}, "above -1"),
        ({"file": "no_such_file.txt"}, "no_such_file"),
        ({"field": float("nan")}, "finite"),
        ({"model": "heisenberg", "magnetisation": 9}, "without states"),
        ({"magnetisation": 1}, "conserves S_z"),
        ({"sites": 1}, "at least 2"),
    ],
)
def test_bad_input_is_explained(settings, words):
    with pytest.raises(Invalid, match=words):
        Spins(**settings)
