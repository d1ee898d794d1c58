"""States that take the coupling as an input: symmetry, interpolation against the nearest fit, a whole run."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import erlangen
from erlangen.contract import Budget
from erlangen.core.errors import Invalid
from erlangen.learn.variational import full_sum, spin_problem
from erlangen.methods.variational.conditioned import Modulated, chebyshev
from erlangen.methods.variational.nearest import NearestCoupling
from erlangen.numerics.precision import double
from erlangen.tasks.quantum.spins_family import SpinsFamily

TASK = SpinsFamily(sites=8, couplings=3)


def error(task, fitted, coupling):
    member = task.member(coupling)
    with double():
        energy, _ = full_sum(fitted.at(coupling), spin_problem(member.law))
    return 1 - energy / member.reference()["energy"]


def test_polynomials_are_cosines_inside_and_tangents_outside():
    with double():
        for t in (-0.7, 0.2, 1.0):
            assert np.asarray(chebyshev(t, 5)) == pytest.approx(np.cos(np.arange(5) * np.arccos(t)))
        for end in (-1.0, 1.0):
            slope = np.asarray(jax.jacfwd(lambda t: chebyshev(t, 5))(0.9999999 * end))
            beyond = np.asarray(chebyshev(end * 1.5, 5) - chebyshev(end, 5)) / (0.5 * end)
            assert beyond == pytest.approx(slope, abs=1e-4)


@pytest.mark.slow
def test_it_interpolates_and_extrapolates_better_than_the_nearest_fit_does():
    one = Modulated(size=2).fit(TASK, Budget(steps=200), key=jax.random.key(0))
    other = NearestCoupling(size=2).fit(TASK, Budget(steps=300), key=jax.random.key(0))
    for coupling, factor in ((0.9, 10), (1.1, 10), (0.7, 3), (1.3, 3)):
        assert 0 <= error(TASK, one, coupling) < error(TASK, other, coupling) / factor


@pytest.mark.parametrize("network", ["rbm", pytest.param("lcn", marks=pytest.mark.slow)])
def test_frustrated_families_are_fitted_with_complex_weights(network):
    task = SpinsFamily("j1j2", sites=8, low=0.3, high=0.6, couplings=3)
    fitted = Modulated(network, size=2).fit(task, Budget(steps=60), key=jax.random.key(0))
    assert 0 <= error(task, fitted, 0.375) < 0.02


def test_a_whole_run_reports_couplings_inside_and_beyond(tmp_path):
    task = SpinsFamily(sites=6, couplings=2)
    run = erlangen.run(task, Modulated(size=2), budget="20steps", runs=tmp_path, quiet=True)
    record = run.record
    assert [s.name for s in record.scores] == ["energy_error", "worst_error", "v_score"]
    assert [row.value for row in record.shifts] == [0.6, 0.7, 1.3, 1.4, 1.5]
    assert all(row.error <= row.tolerance for row in record.symmetry if row.declared)
    assert record.solvers[-1].scores["energy_error"] < 1e-8
    assert "beyond" in task.shifts[0].label and "coupling" in run.table()


def test_bad_input_is_explained():
    with pytest.raises(Invalid):
        Modulated(alone=1.0)
    with pytest.raises(Invalid):
        NearestCoupling(size=0)
