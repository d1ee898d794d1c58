"""The pairs are what the theory needs, the task keeps its word, and a thin part of the table equals theory."""

from __future__ import annotations

import collections
import importlib
import itertools
from pathlib import Path

import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.methods.message_passing.painn import PaiNN
from erlangen.methods.message_passing.schnet import SchNet
from erlangen.tasks.molecules.expressivity import BOND, CUTOFF, SIZES, Expressivity, neighbourhoods, pair, wrong
from erlangen.testing import task_checks

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def bond_figures(x, bodies):
    """The same for figures that hold the bond of the first two atoms."""
    near, axis = x.positions[2:], x.positions[1]
    gram = np.round(near @ near.T, 9) + 0.0
    along = np.round(near @ axis, 9) + 0.0
    found = collections.Counter()
    for chosen in itertools.combinations(range(len(near)), bodies - 2):
        orders = itertools.permutations(chosen)
        found[min((*along[list(o)], *gram[np.ix_(o, o)].ravel()) for o in orders)] += 1
    return found


@pytest.mark.parametrize("bodies", [2, 3, 4])
def test_bonds_have_equal_figures_of_n_bodies_and_unequal_ones_of_n_plus_one(bodies):
    (one, other), marked = pair("bonds", bodies)
    assert marked.tolist() == [False, True] + [False] * (len(marked) - 2)
    for x in (one, other):
        assert np.all(np.linalg.norm(x.positions[2:] - x.positions[1], axis=1) > CUTOFF)
    for n in range(2, bodies + 1):
        assert bond_figures(one, n) == bond_figures(other, n)
    assert bond_figures(one, bodies + 1) != bond_figures(other, bodies + 1)


def figures(x, bodies):
    """All figures of the centre and bodies - 1 neighbours, as sorted tables of scalar products: equal up to O(3)."""
    near = x.positions[1:] - x.positions[0]
    gram = np.round(near @ near.T, 9) + 0.0
    found = collections.Counter()
    for chosen in itertools.combinations(range(len(near)), bodies - 1):
        tables = [tuple(gram[np.ix_(order, order)].ravel()) for order in itertools.permutations(chosen)]
        found[min(tables)] += 1
    return found


@pytest.mark.parametrize("bodies", [2, 3, 4])
def test_neighbourhoods_have_equal_figures_of_n_bodies_and_unequal_ones_of_n_plus_one(bodies):
    (one, other), marked = neighbourhoods(bodies)
    assert marked.sum() == 1 and marked[0]
    if bodies < 4:
        near = one.positions[1:]
        assert np.all(np.linalg.norm(near[:, None] - near[None], axis=-1) + 9 * np.eye(len(near)) > CUTOFF)
    for n in range(2, bodies + 1):
        assert figures(one, n) == figures(other, n)
    assert figures(one, bodies + 1) != figures(other, bodies + 1)


@pytest.mark.parametrize("k", [2, 3, 4, 7])
def test_chains_differ_by_one_end_and_only_adjacent_atoms_see_each_other(k):
    (cis, trans), marked = pair("chain", k)
    for x in (cis, trans):
        distances = np.linalg.norm(x.positions[:, None] - x.positions[None], axis=-1)
        near = (distances < CUTOFF) & (distances > 0)
        chain = abs(np.subtract.outer(np.arange(k + 2), np.arange(k + 2))) == 1
        np.testing.assert_array_equal(near, chain)
        np.testing.assert_allclose(distances[chain], BOND)
    np.testing.assert_array_equal(cis.positions[:-1], trans.positions[:-1])
    spread = [np.sort(np.linalg.norm(x.positions[:, None] - x.positions[None], axis=-1).ravel()) for x in (cis, trans)]
    assert not np.allclose(*spread) and 1 <= marked.sum() <= 2


@pytest.mark.parametrize("arms", [2, 3, 5])
def test_harmonics_below_the_number_of_arms_see_two_equal_stars(arms):
    (one, other), _ = pair("star", arms)
    for x in (one, other):
        assert np.all(np.linalg.norm(x.positions[1:-1] - x.positions[-1], axis=1) > CUTOFF)
    for degree in range(1, arms + 1):
        # mean over the arms of cos^degree of the angle to the pointer: all that degrees up to `degree` can know
        means = [np.mean((x.positions[1:-1] @ x.positions[-1]) ** degree) for x in (one, other)]
        assert np.isclose(*means) == (degree < arms)


@pytest.mark.parametrize("test", sorted(SIZES))
def test_the_task_keeps_the_contract(test):
    task = Expressivity(test, 3, n_train=8, n_test=4)
    for check in (task_checks.check_quantities, task_checks.check_truth, task_checks.check_splits):
        check(task)
    samples = task.truth("test")
    labels = np.concatenate(samples.outputs["side"])
    assert set(labels) == {-1.0, 0.0, 1.0} and labels.sum() == 0


def test_a_silent_answer_is_wrong_half_the_time():
    true = np.array([0.0, 1.0, -1.0])
    assert wrong(true, true) == 0 and wrong(-true, true) == 1 and wrong(0 * true, true) == 0.5
    assert wrong(np.array([9.0, 0.2, 0.1]), true) == 0.5


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(Invalid, match="the test must be"):
        Expressivity("ring")
    for test, size in [("bodies", 5), ("chain", 1), ("star", 40)]:
        with pytest.raises(Invalid, match="size"):
            Expressivity(test, size)


@pytest.mark.parametrize("method", [PaiNN, SchNet])
def test_a_thin_part_of_the_table_equals_theory(method, monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    table = importlib.import_module("expressivity")
    tests = [("chain", 2), ("star", 2), ("bodies", 2), ("bodies", 3)]
    (small,) = table.presets([method.name()]).values()
    rule = table.theory_of(small)
    assert table.verdicts(small, tests) == [rule.says(*test) for test in tests]
