"""A budget in seconds as a number of steps, so that schedules can be laid out; when to save and when to stop."""

from __future__ import annotations

import time

from ...contract import Budget

_CHECKPOINT_SECONDS = 3.0
_PLANNING = (8, 16, 32, 64, 128, 256)
"""Steps after which the number of steps is planned anew, while less than half of them are done."""


class Clock:
    """total: steps planned, 0 before the first plan of a budget in seconds."""

    def __init__(self, budget: Budget):
        self.budget, self.total = budget, budget.steps or 0
        self.begun = self.saved = time.perf_counter()
        self.spent, self.first, self.warm = 0.0, 0, self.begun

    def go_on(self, seconds: float, total: int, step: int) -> None:
        self.spent, self.total, self.first = seconds, self.budget.steps or total, step

    def elapsed(self) -> float:
        return self.spent + time.perf_counter() - self.begun

    def progress(self, step: int) -> float:
        return step / self.total if self.total else 0.0

    def is_over(self, step: int) -> bool:
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

    def should_save(self, step: int) -> bool:
        if not self.is_over(step) and time.perf_counter() - self.saved < _CHECKPOINT_SECONDS:
            return False
        self.saved = time.perf_counter()
        return True
