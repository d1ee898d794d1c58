"""How honest an uncertainty is: coverage of intervals, proper scores of predictive distributions, ranking of errors.

    coverage(task, intervals, samples, *, level, where, key) -> list[CoverageRow]

`intervals` is what `learn.batching.predict_interval` returns: output name -> one (lower, upper) per sample.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from ..contract import Samples, Task
from .metrics import bootstrap_means, resampling_units
from .rows import CoverageRow


def coverage(
    task: Task,
    intervals: Mapping[str, Sequence[Any]],
    samples: Samples,
    *,
    level: float,
    where: str = "test",
    key: PRNGKeyArray,
) -> list[CoverageRow]:
    """How often the intervals hold the truth, per output: components, or whole fields for outputs on a grid.

    The error is one standard error, by bootstrap over samples (whole groups where samples.group is given).
    """
    rows = []
    for i, q in enumerate(task.outputs):
        if q.name not in intervals or q.name not in samples.outputs:
            continue
        whole = q.home == "grid"
        held, count, width = [], [], []
        for (low, high), true in zip(intervals[q.name], samples.outputs[q.name]):
            low, high, true = np.asarray(low), np.asarray(high), np.asarray(true)
            inside = (low <= true) & (true <= high)
            held.append(float(inside.all()) if whole else float(inside.sum()))
            count.append(1.0 if whole else float(inside.size))
            width.append(float(np.mean(high - low)))
        table = np.stack([held, count], 1)
        units, _ = resampling_units(len(held), samples.group)
        draws = bootstrap_means(table, units, key=jax.random.fold_in(key, i))
        error = float(np.std(draws[:, 0] / draws[:, 1], ddof=1)) if units.max(initial=0) > 0 else float("nan")
        share = float(table[:, 0].sum() / table[:, 1].sum())
        mean_width = float(np.average(width, weights=count))
        kind = "simultaneous band" if whole else "per component"
        rows.append(CoverageRow(where, q.name, level, share, error, mean_width, q.unit, kind))
    return rows
