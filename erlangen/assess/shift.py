"""Error against severity: how far an answer holds away from what it was trained on.

    shift_row(task, axis, value, predictions, samples, reference, *, key) -> ShiftRow

`reference` are the scores in distribution; ratio = first score there / first score in distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
from jaxtyping import PRNGKeyArray

from ..contract import Samples, Shift, Task
from .metrics import Predictions, estimate
from .rows import Estimate, ShiftRow


def shift_row(
    task: Task,
    shift: Shift,
    value: Any,
    predictions: Predictions,
    samples: Samples,
    reference: Sequence[Estimate],
    *,
    key: PRNGKeyArray,
) -> ShiftRow:
    """The one-step scores of `predictions` on the samples of task.shifted(shift.axis, value), against `reference`."""
    scores = [s for s in task.scores if s.steps == 1 and s.quantity in predictions]
    found = [estimate(s, predictions, samples, key=jax.random.fold_in(key, i)) for i, s in enumerate(scores)]
    return ShiftRow(shift.axis, value, shift.unit, found, ratio(found, reference))


def ratio(found: Sequence[Estimate], reference: Sequence[Estimate]) -> float:
    """First shared score there over the same score in distribution (NaN where none is shared or it is zero)."""
    known = {e.name: e.value for e in reference}
    for e in found:
        if known.get(e.name):
            return e.value / known[e.name]
    return float("nan")
