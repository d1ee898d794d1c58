"""The task quantum/spins_family: what is trained, tested and shifted, and what it refuses."""

from __future__ import annotations

import pytest

from erlangen.core.errors import Invalid
from erlangen.core.systems import SpinLattice
from erlangen.tasks.quantum.spins import Spins
from erlangen.tasks.quantum.spins_family import SpinsFamily


def test_tested_couplings_lie_between_trained_ones_and_shifts_beyond():
    task = SpinsFamily(low=0.8, high=1.2, couplings=3)
    assert task.trained == (0.8, 1.0, 1.2) and task.tested == (0.9, 1.1)
    (shift,) = task.shifts
    assert shift.values == (0.6, 0.7, 1.3, 1.4, 1.5)
    assert task.shifted("coupling", 1.5).tested == (1.5,)
    assert task.shifted("coupling", 1.5).shifts == ()


@pytest.mark.parametrize(("model", "axis"), [("ising", "field"), ("j1j2", "j2"), ("xxz", "anisotropy")])
def test_members_are_tasks_of_their_own(model, axis):
    task = SpinsFamily(model, sites=6)
    assert task.member(0.9) == Spins(model, sites=6, **{axis: 0.9})
    x = SpinLattice((), {"coupling": 0.9})
    exact = task.member(0.9).reference()["energy"]
    assert task.solve_exactly(x, 1e-8)["energy"] == pytest.approx(exact, rel=1e-8)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"model": "heisenberg"}, "j1j2|ising"),
        ({"low": 1.3}, "low < high"),
        ({"couplings": 1}, "low < high"),
        ({"couplings": 0}, "couplings must be"),
        ({"low": -0.5}, "field is finite, 0 to 1e"),
    ],
)
def test_bad_input_is_explained(settings, words):
    with pytest.raises(Invalid, match=words):
        SpinsFamily(**settings)
