"""How many steps a budget of time affords, as far as is known by now.

in_time(left, step, check, checks) -> (steps, steps between two validations)
judged(seconds, step, batch, total) -> int    samples that are validated
replan(progress, budget)                 moves the end where the machine has become slower or faster
"""

from __future__ import annotations

import dataclasses
import math

from ..contract import Budget, Session

SHARE = 0.05  # of a budget of time that one validation takes at most
LEAST = 16  # samples that are validated, whatever they take
NOTHING = 0.99  # of the loss of an answer that is the same for all
HARDLY = 50  # steps: fewer in a budget of time are no training, and that is said


@dataclasses.dataclass
class Progress:
    """The part of a fit's state that is not arrays; it goes into the checkpoint as JSON."""

    step: int = 0
    total: int = 0
    every: int = 0
    seconds: float = 0.0
    planned: float = 0.0  # seconds before the first step: preparing, compiling, trying
    pace: float = 0.0  # seconds of a step, when it was planned
    judged: int = 0  # samples that are validated; 0: all there are
    scale: float = 1.0
    rollbacks: int = 0
    best: float = math.inf
    stale: int = 0
    history: list[dict[str, float]] = dataclasses.field(default_factory=list)


def in_time(left: float, step: float, check: float, checks: int) -> tuple[int, int]:
    """(steps in all, steps between two validations) for `left` seconds, where a step and a validation take so long.

    `checks` validations, or fewer where they would take more than a quarter of the time.
    """
    checks = min(checks, max(int(0.25 * left / check), 1))
    total = max(int((left - checks * check) / step), 1)
    return total, max(total // checks, 1)


def judged(seconds: float, step: float, batch: int, total: int) -> int:
    """How many of `total` samples are validated where a training step of `batch` samples takes so long.

    As many as take `SHARE` of the budget; a sample that is only answered takes a third of one that is learned from.
    """
    return min(total, max(LEAST, int(SHARE * seconds * 3 * batch / step)))


def replan(progress: Progress, budget: Budget) -> None:
    """Move the end of a fit whose budget is in seconds, where the machine's speed has changed by more than a tenth.

    Speed is that of the steps: what came before the first, compiling above all, is part of the budget but not of it.
    """
    if budget.seconds is None or progress.step >= progress.total:
        return
    left = budget.seconds - progress.seconds
    if left <= 0:
        progress.total = progress.step
        return
    affordable = progress.step + int(left * progress.step / max(progress.seconds - progress.planned, 1e-9))
    if abs(affordable - progress.total) > 0.1 * (progress.total - progress.step):
        progress.total = max(affordable, progress.step + 1)


def tell_if_hardly_trained(progress: Progress, budget: Budget, session: Session) -> None:
    """Say that a budget of time was too short for a fit to be one."""
    if budget.seconds is not None and progress.step < HARDLY:
        steps = f"{progress.step} step{'s' * (progress.step > 1)}"
        session.say(
            f"the time for the fit, {budget}, was enough for {steps} of training ({progress.planned:.0f} s went into "
            "preparing and compiling): the answer is hardly trained. Give a longer --budget, or take a smaller network."
        )


def tell_if_nothing_was_learned(progress: Progress, trivial: float | None, session: Session) -> None:
    """Say that the best answer is no better than one that is the same for all samples, whose loss is `trivial`."""
    if trivial is not None and progress.best > NOTHING * trivial:
        session.say(
            "nothing was learned: the loss on validation data is that of an answer which is the same for all. "
            "Where few labels go into a step, take more at once (--training.batch 64) or a lower --training.rate."
        )
