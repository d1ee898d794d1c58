"""What an answer costs, and what the classical solver costs at equal accuracy.

count_parameters(fitted) -> int
seconds_per_query(f, inputs, *, repeats) -> float                    median wall time of a call, without compilation
peak_memory_mb() -> float
opponent_rows(task, samples, *, inputs) -> list[OpponentRow]         every setting of every opponent
opponents_of_laws(opponents, judge) -> list[OpponentRow]             the same where there is a law and no samples
cost(task, scores, rows, *, parameters, fit_seconds, truth_seconds, query_seconds) -> Cost
break_even(upfront_seconds, query_seconds, opponent_seconds) -> float | None

N* = (truth_seconds + fit_seconds) / (opponent_seconds - query_seconds)
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np

from ..contract import Opponent, Outputs, Samples, Score, Task
from ..numerics.precision import double
from .metrics import per_sample, summarise
from .rows import Cost, Estimate, OpponentRow


def count_parameters(fitted: Any) -> int:
    """Number of real numbers in the arrays of an answer (floating point; a complex number counts twice)."""
    leaves = [x for x in jax.tree.leaves(fitted) if eqx.is_inexact_array_like(x) and np.ndim(x) > 0]
    return int(sum(np.size(x) * (2 if np.iscomplexobj(x) else 1) for x in leaves))


def seconds_per_query(f: Callable[[Any], Any], inputs: Sequence[Any], *, repeats: int = 20) -> float:
    """Median wall time of f(x) over `inputs`, in turn, `repeats` calls, without compilation."""
    for x in inputs:
        jax.block_until_ready(f(x))
    seconds = []
    for i in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(f(inputs[i % len(inputs)]))
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far, in MB (NaN where the system does not tell)."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def opponent_rows(task: Task, samples: Samples, *, inputs: int = 8, repeats: int = 3) -> list[OpponentRow]:
    """Error and seconds per query of every opponent at every setting, on the first `inputs` of `samples`.

    A solver that JAX can batch is timed as a batch of all inputs too, and its better time counts: the answer it is
    compared with is timed in batches. Scores that need a roll-out (steps > 1) are left out.
    """
    # Spread over the split: the first samples may all be the calm start of one trajectory.
    part = samples.take(np.linspace(0, len(samples) - 1, min(inputs, len(samples))).astype(int))
    scores = [s for s in task.scores if s.steps == 1]
    return [_opponent_row(o, setting, part, scores, repeats) for o in task.opponents for setting in o.settings]


def opponents_of_laws(
    opponents: Sequence[Opponent], judge: Callable[[Outputs], dict[str, float]], inputs: Sequence[Any] = (None,)
) -> list[OpponentRow]:
    """Every setting of solvers whose every query costs a whole solution: errors as `judge` finds them, one run each.

    A law alone has no input; where there are several inputs, judge(answer) is called in their order and averaged.
    """
    rows = []
    for opponent in opponents:
        for setting in opponent.settings:
            start = time.perf_counter()
            answers = [opponent.solve(x, setting) for x in inputs]
            seconds = (time.perf_counter() - start) / len(inputs)
            found = [judge(answer) for answer in answers]
            scores = {name: float(np.mean([one[name] for one in found])) for name in found[0]}
            rows.append(OpponentRow(opponent.name, opponent.knob, setting, seconds, scores))
    return rows


def _opponent_row(
    opponent: Opponent, setting: Any, samples: Samples, scores: Sequence[Score], repeats: int
) -> OpponentRow:
    answers = [jax.device_get(opponent.solve(x, setting)) for x in samples.inputs]
    predictions = {name: [a[name] for a in answers] for name in answers[0]}
    found = {s.name: summarise(s, per_sample(s, predictions, samples)) for s in scores if s.quantity in predictions}
    alone = seconds_per_query(lambda x: opponent.solve(x, setting), samples.inputs[:1], repeats=repeats)
    seconds = min(alone, _seconds_in_batch(opponent, setting, samples.inputs, repeats))
    return OpponentRow(opponent.name, opponent.knob, setting, seconds, found)


def _seconds_in_batch(opponent: Opponent, setting: Any, inputs: Sequence[Any], repeats: int) -> float:
    """Seconds per query of the solver under jit and vmap; infinite where it is not written in JAX or shapes differ."""
    with double():
        run = jax.jit(jax.vmap(lambda x: opponent.solve(x, setting)))
        try:
            stacked = jax.tree.map(lambda *v: np.stack(v), *inputs)
            jax.block_until_ready(run(stacked))
        except (TypeError, ValueError, jax.errors.JAXTypeError, jax.errors.ConcretizationTypeError):
            return float("inf")
        return seconds_per_query(run, [stacked], repeats=repeats) / len(inputs)


def equal_accuracy(rows: Sequence[OpponentRow], score: Estimate) -> OpponentRow | None:
    """The cheapest measured setting that is at least as accurate as `score`; None where no setting is."""
    sign = 1 if score.lower_is_better else -1
    good = [r for r in rows if score.name in r.scores and sign * r.scores[score.name] <= sign * score.value]
    return min(good, key=lambda r: r.seconds, default=None)


def break_even(upfront_seconds: float, query_seconds: float, opponent_seconds: float | None) -> float | None:
    """N* = upfront / (opponent - ours): queries after which training has paid; None where it never does."""
    if opponent_seconds is None or opponent_seconds <= query_seconds:
        return None
    return upfront_seconds / (opponent_seconds - query_seconds)


def cost(
    scores: Sequence[Estimate],
    rows: Sequence[OpponentRow],
    *,
    parameters: int,
    fit_seconds: float,
    truth_seconds: float,
    query_seconds: float,
) -> Cost:
    """The `Cost` of an answer; equal accuracy is judged by the first score that the opponents have too."""
    shared = [s for s in scores if any(s.name in r.scores for r in rows)]
    match = equal_accuracy(rows, shared[0]) if shared else None
    seconds = match.seconds if match else None
    return Cost(
        parameters,
        fit_seconds,
        truth_seconds,
        query_seconds,
        peak_memory_mb(),
        f"{match.name}, {match.knob} = {match.setting}" if match else "",
        seconds,
        break_even(truth_seconds + fit_seconds, query_seconds, seconds),
    )
