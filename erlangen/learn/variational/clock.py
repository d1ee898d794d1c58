"""A budget in seconds as a number of steps, so that schedules can be laid out; when to stop, to save and to go on."""

from __future__ import annotations

import time
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from ...contract import Budget, Session
from ..checkpoint import load_state, save_state
from .devices import gathered

S = TypeVar("S", bound=Any)  # a state that counts its steps

_CHECKPOINT_SECONDS = 3.0
_PLANNING = (8, 16, 32, 64, 128, 256)
"""Steps after which the number of steps is planned anew, while less than half of them are done."""


class Clock:
    """total: steps planned, 0 before the first plan of a budget in seconds."""

    def __init__(self, budget: Budget, session: Session):
        self.budget, self.session, self.total = budget, session, budget.steps or 0
        self.begun = self.saved = self.warm = time.perf_counter()
        self.spent, self.first = 0.0, 0

    def resumed(self, state: S) -> S:
        """`state` as an interrupted run left it in the folder of the session, if one did."""
        found = load_state(self.session.folder, state) if self.session.resume and self.session.folder else None
        if found is None:
            return state
        state, meta = jax.tree.map(jnp.asarray, found[0]), found[1]
        self.spent, self.total, self.first = meta["seconds"], self.budget.steps or meta["total"], int(state.step)
        self.session.say(f"resumed at step {self.first}")
        return state

    def save(self, state: PyTree, *, at_once: bool) -> None:
        """Keep `state` for a run that goes on: `at_once`, or where the last time is some seconds ago."""
        if self.session.folder and (at_once or time.perf_counter() - self.saved > _CHECKPOINT_SECONDS):
            self.saved = time.perf_counter()
            save_state(self.session.folder, gathered(state), {"seconds": self.elapsed(), "total": self.total})

    def elapsed(self) -> float:
        """Seconds, those before an interruption too."""
        return self.spent + time.perf_counter() - self.begun

    def progress(self, step: int) -> float:
        """The part of the steps that is done, 0 before there is a plan."""
        return step / self.total if self.total else 0.0

    def is_over(self, step: int) -> bool:
        """Whether the budget is spent."""
        late = self.budget.seconds is not None and step > self.first and self.elapsed() > self.budget.seconds
        return late or (bool(self.total) and step >= self.total)

    def tick(self, step: int) -> bool:
        """Count a finished step; whether the number of steps was planned anew."""
        ran = step - self.first
        if ran == 1:
            self.warm = time.perf_counter()
        if self.budget.seconds is None or ran not in _PLANNING or 2 * self.progress(step) > 1:
            return False
        per_step = (time.perf_counter() - self.warm) / (ran - 1)
        self.total = step + max(1, int((self.budget.seconds - self.elapsed()) / per_step))
        return True
