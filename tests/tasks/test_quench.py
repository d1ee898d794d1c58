"""The task quantum/quench: laws, references, solvers, bad input, and a whole run with its report."""

from __future__ import annotations

import math

import jax
import numpy as np
import pytest

from erlangen.contract import Budget
from erlangen.core.errors import Invalid
from erlangen.methods.variational.rbm import RBM
from erlangen.methods.variational.tdvp import TDVP, is_polarised
from erlangen.study.measures import _quench
from erlangen.study.run import run
from erlangen.tasks.quantum.quench import Quench
from erlangen.tasks.quantum.spins import Spins

TOY = Quench(sites=6, time=0.2)


def test_laws_are_those_of_the_spin_task():
    task = Quench(sites=6, before=2.0, after=0.5)
    for law, field in ((task.initial, 2.0), (task.law, 0.5)):
        twin = Spins(sites=6, field=field).law
        assert np.array_equal(law.strings, twin.strings) and np.array_equal(law.coefficients, twin.coefficients)
    assert is_polarised(TOY.initial) and not is_polarised(task.initial)
    assert set(Quench("xxz", sites=6, before=4.0).observables) == {"zz"}


def test_the_reference_starts_at_the_ground_state_and_free_fermions_take_over_beyond_20_sites():
    sx = TOY.reference()["observables"]["sx"]
    assert sx[0] == pytest.approx(1)
    large = Quench(sites=40, time=0.2).reference()
    assert large["source"] == "free fermions" and large["state"] is None
    # within the light cone nothing knows the size of the ring
    assert large["observables"]["sx"] == pytest.approx(
        Quench(sites=14, time=0.2).reference()["observables"]["sx"], abs=1e-6
    )
    with pytest.warns(UserWarning, match="no reference"):
        assert Quench("xxz", sites=22, before=4.0).reference() is None


def test_solvers_are_exact_or_blind_to_correlations():
    exact, mean = TOY.solvers
    assert exact.solve(None, 1e-8)["infidelity"] < 1e-10
    answer = mean.solve(None, 1e-8)
    # spins along x feel no field from each other
    assert answer["sx"] == pytest.approx(1, abs=1e-6)
    assert answer["infidelity"] == pytest.approx(1 - abs(overlap_with_x(TOY)) ** 2, abs=1e-6)


def overlap_with_x(task):
    vectors = task.reference()["state"].vectors
    return np.vdot(vectors[0], vectors[-1])


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"model": "isng"}, "ising"),
        ({"before": 0.0}, "two ground states"),
        ({"after": math.inf}, "finite"),
        ({"model": "xxz"}, "finite"),
        ({"model": "heisenberg"}, "a coupling"),
        ({"time": 0.0}, "time"),
        ({"lattice": "square", "sites": 14}, "13 or 15"),
    ],
)
def test_bad_settings_are_refused(settings, words):
    with pytest.raises(Invalid, match=words):
        Quench(**settings)


def test_a_run_is_close_to_the_exact_state_and_its_record_has_the_plots(tmp_path):
    from erlangen.app.report_plots import figures

    found = run(TOY, TDVP(bond=4, tolerance=1e-3), budget="2m", runs=tmp_path, quiet=True)
    record = found.record
    assert record.score("infidelity").value < 1e-4
    assert record.score("sx_error").value < 1e-2
    assert record.score("energy_drift").value < 1e-3
    arrays = dict(np.load(found.folder / "arrays.npz"))
    assert arrays["path/sx/predicted"].shape == arrays["times"].shape
    drawn = "".join(figures(record, arrays))
    assert all(f"alt='{name}'" in drawn for name in ("path of sx", "path of zz", "path of energy", "infidelity"))
    assert "infidelity" in found.table()


@pytest.mark.slow
def test_a_fitted_start_and_a_boltzmann_machine_move_too():
    fitted = Quench(sites=6, before=2.0, time=0.1), TDVP(bond=4, tolerance=1e-3), 1e-3
    machine = Quench(sites=6, time=0.1), TDVP(state="rbm", alpha=4, tolerance=1e-3, cutoff=1e-6), 2e-2
    for task, method, limit in (fitted, machine):
        path = method.fit(task, Budget(steps=300), key=jax.random.key(0))
        lost = _quench._infidelities(_quench._summed(path, task), task.reference()["state"])
        assert lost.max() < limit


def test_methods_for_ground_states_do_not_answer_and_matrices_need_a_ring():
    with pytest.raises(Invalid, match="asks for Quench"):
        RBM().check(TOY)
    with pytest.raises(Invalid, match="periodic chain"):
        run(Quench(lattice="square", sites=9), TDVP(state="mps"), budget="1steps", quiet=True)
    with pytest.raises(Invalid, match="bond is even"):
        TDVP(bond=3)
