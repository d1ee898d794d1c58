"""Fits that begin from an earlier run: the first weights are the earlier ones, the record says so, misfits are told."""

from __future__ import annotations

import dataclasses

import jax
import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.learn.batching import predict
from erlangen.methods.operators.fno import FNO
from erlangen.methods.wrappers.conformal import Conformal
from erlangen.study.run import run
from erlangen.tasks.continuum.burgers import Burgers

TASK = Burgers(**Burgers.toy)
SMALL = FNO(width=8, modes=4, layers=1)


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    return run(TASK, Conformal(SMALL, level=0.5), budget="60steps", runs=tmp_path_factory.mktemp("runs"), quiet=True)


def test_a_fit_goes_on_from_what_another_learned_intervals_and_all_peeled_off(earlier, tmp_path):
    moved = dataclasses.replace(TASK, viscosity=0.12)
    # a rate of zero: what is answered is what was learned before, in the units it was learned in
    still = dataclasses.replace(SMALL, rate=1e-12)
    done = run(moved, still, budget="1steps", runs=tmp_path, start=earlier, quiet=True)
    x = TASK.truth("test").inputs[:3]
    for old, new in zip(predict(earlier.fitted, x)["u_next"], predict(done.fitted, x)["u_next"]):
        np.testing.assert_allclose(new, old, atol=1e-6)
    assert done.record.start == earlier.folder.name
    anew = run(moved, still, budget="1steps", runs=tmp_path, quiet=True)
    assert done.record.score("nrmse").value < 0.8 * anew.record.score("nrmse").value


def test_repetitions_are_told_apart_by_where_they_began(earlier, tmp_path):
    first = run(TASK, SMALL, budget="1steps", runs=tmp_path, quiet=True)
    other = run(TASK, SMALL, budget="1steps", runs=tmp_path, start=str(earlier.folder), resume=True, quiet=True)
    again = run(TASK, SMALL, budget="1steps", runs=tmp_path, start=earlier, resume=True, quiet=True)
    assert other.folder != first.folder and again.folder == other.folder


def test_a_start_of_another_shape_or_for_a_method_that_has_none_is_refused(earlier, tmp_path):
    with pytest.raises(Invalid, match=r"same method and settings; came: Operator of .* for Operator of"):
        run(TASK, dataclasses.replace(SMALL, width=12), budget="1steps", runs=tmp_path, start=earlier, quiet=True)
    with pytest.raises(Invalid, match="persistence can begin from an earlier run"):
        run(TASK, "persistence", budget="1steps", runs=tmp_path, start=earlier, quiet=True)
    assert jax.tree.leaves(earlier.fitted)  # untouched
