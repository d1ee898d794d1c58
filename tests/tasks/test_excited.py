"""The task quantum/excited: levels against the dense matrix and free fermions, the law it shares, bad input."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import pytest

from erlangen import registry
from erlangen.contract import Levels, Method, Session, Signature, Spectrum, Variational
from erlangen.core.errors import Invalid
from erlangen.core.systems import SpinLattice
from erlangen.learn.variational import ExcitedStates, Wavefunction
from erlangen.physics import exact_diagonalisation as ed
from erlangen.study.run import run
from erlangen.tasks.quantum.excited import Excited
from erlangen.tasks.quantum.spins import Spins

EVERY = [
    Excited(sites=6, field=0.7, states=4),
    Excited(sites=6, periodic=False),
    Excited("heisenberg", sites=8, states=3),
    Excited("j1j2", sites=8, j2=0.5, states=3),
    Excited("xxz", sites=8, anisotropy=1.5),
]


class Levelled(ExcitedStates):
    """An answer whose measured levels are given."""

    states: list[Wavefunction]
    scales: jax.Array

    def levels(self, law, *, samples, key):
        return Levels((-4.0, -2.5), (0.1, 0.1), (1.5,), (0.1,), r_hat=1.0, n_samples=samples, singular=0, seconds=0.0)


@dataclasses.dataclass(frozen=True)
class Told(Method):
    accepts = Signature(Variational, SpinLattice, asked=Spectrum)

    def fit(self, task, budget, *, key, session=Session()):
        return Levelled([], np.ones(2))


@pytest.mark.parametrize("task", EVERY, ids=repr)
def test_levels_are_those_of_the_dense_matrix(task):
    law = task.law
    basis = ed.enumerate_basis(task.sites, ed.Sector(np.arange(task.sites)[None], 0, law.n_up))
    exact = np.linalg.eigvalsh(ed.sparse_matrix(law, basis).toarray())[: task.states]
    reference = task.reference()
    assert reference["energies"] == pytest.approx(exact, abs=1e-9) and reference["energy"] == reference["energies"][0]
    (solver,) = task.solvers
    assert solver.solve(None, task.states)["energies"] == pytest.approx(exact, abs=1e-9)


def test_the_triplet_gap_of_an_antiferromagnet_shows_at_s_z_0():
    singlet, triplet = Excited("heisenberg", sites=8).reference()["energies"]
    lowest = Spins("heisenberg", sites=8, magnetisation=1).reference()["energy"]
    assert triplet == pytest.approx(lowest, abs=1e-10) and triplet > singlet


def test_the_law_and_its_symmetry_are_those_of_the_ground_state():
    task, ground = Excited("j1j2", "square", 16), Spins("j1j2", "square", 16)
    assert np.array_equal(task.law.strings, ground.law.strings)
    assert task.symmetry == ground.symmetry


def test_methods_for_ground_states_are_not_offered():
    for name in ("rbm", "jastrow"):
        with pytest.raises(Invalid, match="asks for Spectrum"):
            registry.load_method(name)().check(Excited())
    for name in ("sectors", "penalty", "natural_excited"):
        registry.load_method(name)().check(Excited())
        with pytest.raises(Invalid, match="asks for GroundState"):
            registry.load_method(name)().check(Spins())
    assert issubclass(Excited, Variational)


def test_beyond_exact_diagonalisation_the_task_goes_on_without_a_reference():
    with pytest.warns(UserWarning, match="at most 24 sites"):
        assert Excited("heisenberg", sites=30).reference() is None
    assert not Excited("heisenberg", sites=30).solvers


def test_a_run_without_a_reference_ends_with_a_gap_and_no_error_of_it(tmp_path, monkeypatch):
    monkeypatch.setattr(Excited, "reference", lambda self: None)  # as beyond 24 sites, where nothing is exact
    monkeypatch.setattr(Excited, "solvers", ())
    record = run(Excited(sites=4), Told(), runs=tmp_path, quiet=True).record
    assert record.state == "done" and record.solvers == []
    assert {score.name: score.value for score in record.scores} == {"gap": 1.5, "energy_0": -4.0, "energy_1": -2.5}


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"states": 1}, "states must be"), ({"model": "isng"}, "ising"), ({"model": "heisenberg", "sites": 15}, "even")],
)
def test_bad_input_is_explained(settings, words):
    with pytest.raises(Invalid, match=words):
        Excited(**settings)
