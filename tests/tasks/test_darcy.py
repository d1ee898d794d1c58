"""Darcy task: the published recipe, labels that satisfy the equation, solvers that converge to the truth."""

from __future__ import annotations

import numpy as np
import pytest

from erlangen.assess.metrics import relative_l2
from erlangen.core.errors import Invalid
from erlangen.physics import elliptic
from erlangen.tasks.continuum.darcy import Darcy

SMALL = Darcy(n=15, fine=43, count=20)


def test_labels_solve_the_equation_on_the_nodes_of_the_truth():
    task = Darcy(**Darcy.toy)
    for x, u in zip(task.truth("test").inputs, task.truth("test").outputs["u"]):
        assert x.boundary == "walls" and x.spacing == (1 / 16, 1 / 16)
        assert set(np.unique(x["a"])) == {3.0, 12.0}
        np.testing.assert_allclose(elliptic.diffusion(u, x["a"]), 1, atol=1e-3)
        np.testing.assert_allclose(u, elliptic.solve_directly(x["a"], 1.0), atol=1e-6 * u.max())
        assert relative_l2(task.solve(x)["u"], u) < 1e-6


def test_both_materials_are_as_frequent_and_patches_shrink_with_the_wavenumber():
    def walls_between(task):
        return np.mean([np.mean(x["a"][1:] != x["a"][:-1]) for x in task.truth("train").inputs])

    task = Darcy(n=22, fine=43, count=60)
    assert np.mean([x["a"] for x in task.truth("train").inputs]) == pytest.approx(7.5, abs=0.3)
    assert walls_between(task.shifted("wavenumber", 12.0)) > 1.3 * walls_between(task)


def test_seen_nodes_are_nodes_of_the_truth():
    fine = SMALL.shifted("n", 43).truth("test")
    for x, y, u, v in zip(fine.inputs, SMALL.truth("test").inputs, fine.outputs["u"], SMALL.truth("test").outputs["u"]):
        np.testing.assert_array_equal(x["a"][::3, ::3], y["a"])
        np.testing.assert_array_equal(u[::3, ::3], v)
    assert SMALL.solve(SMALL.truth("test").inputs[0]) is None
    with pytest.raises(Invalid, match="n - 1 divides fine - 1"):
        Darcy(n=20)


def test_solvers_get_better_with_resolution_up_to_what_the_nodes_tell():
    task = Darcy(n=22, fine=127, count=40)
    samples, (arithmetic, harmonic) = task.truth("test"), task.solvers
    assert arithmetic.settings == harmonic.settings == (4, 8, 22, 43)

    def error(solver, n):
        answers = [solver.solve(x, n)["u"] for x in samples.inputs]
        return np.mean([relative_l2(answer, u) for answer, u in zip(answers, samples.outputs["u"])])

    for solver in task.solvers:
        errors = [error(solver, n) for n in solver.settings]
        assert errors[0] > 1.5 * errors[1] > 2 * errors[2] and errors[3] > 0.3 * errors[2]
    assert error(harmonic, 22) < error(arithmetic, 22)


def test_label_floor_is_far_below_what_the_nodes_tell():
    floor = Darcy(n=22, fine=127, count=40).floor(2)["relative_l2"]
    assert 0 < floor < 1


def test_default_shifts_and_solvers():
    task = Darcy()
    assert [s.values for s in task.shifts] == [(24.0,), (6.0,), (43, 106)]
    assert task.solvers[0].settings == (13, 15, 22, 29, 43, 85, 169)
    for shift in task.shifts:
        for value in shift.values:
            assert task.shifted(shift.axis, value) != task
