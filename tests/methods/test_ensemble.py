"""Members of an ensemble that see shares of the training data: whole groups, other ones each, nothing else changed."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from erlangen.contract import Budget, Predictor, Samples, Supervised
from erlangen.core.errors import Invalid
from erlangen.methods.wrappers.ensemble import Ensemble
from erlangen.registry import load_task

GROUPS = np.repeat(np.arange(6), 2)


class Grouped(load_task("continuum/burgers")):
    """Twelve samples of six groups that are their own numbers."""

    def truth(self, split):
        return Samples(list(range(12)), {"u_next": list(range(12))}, GROUPS)


class Constant(Predictor):
    """The same answer always."""

    def __call__(self, x):
        return {"u_next": 0.0}


class Remembers:
    """A method that notes what it was shown."""

    def __init__(self):
        self.seen = []

    def fit(self, task: Supervised, budget, *, key, session):
        self.seen.append((task.truth("train").inputs, len(task.truth("validation"))))
        return Constant()


def test_members_see_whole_groups_of_their_own():
    inside = Remembers()
    Ensemble(inside, n=4, share=0.5).fit(Grouped(), Budget(steps=4), key=jax.random.key(0))
    shown = [rows for rows, _ in inside.seen]
    assert all(len(rows) == 6 and sorted(set(GROUPS[rows])) == sorted(GROUPS[rows][::2]) for rows in shown)
    assert len({tuple(rows) for rows in shown}) > 1
    assert all(held == 12 for _, held in inside.seen)
    whole = Remembers()
    Ensemble(whole, n=2).fit(Grouped(), Budget(steps=4), key=jax.random.key(0))
    assert all(len(rows) == 12 for rows, _ in whole.seen)


def test_a_share_is_between_none_and_all():
    with pytest.raises(Invalid, match="share must be"):
        Ensemble(Remembers(), share=0.0)
