"""What an answer costs, and what the classical solver costs at equal accuracy.

count_parameters(fitted) -> int
seconds_per_query(f, inputs, *, repeats, limit) -> float             median wall time of a call, without compilation
peak_memory_mb() -> float
solver_rows(task, samples, *, inputs, steps) -> list[SolverRow]  every setting of every solver, step or trajectory
places(total, count) -> rows                                     which samples they were judged on
solvers_of_laws(solvers, judge) -> list[SolverRow]             the same where there is a law and no samples
cost(task, scores, rows, *, parameters, fit_seconds, truth_seconds, query_seconds) -> Cost
break_even(upfront_seconds, query_seconds, solver_seconds) -> float | None

N* = (truth_seconds + fit_seconds) / (solver_seconds - query_seconds)
"""

from __future__ import annotations

import dataclasses
import functools
import math
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int, PyTree

from ..contract import Evolution, Outputs, ReferenceSolver, Samples, Score
from ..core.errors import Invalid
from ..core.systems import System
from ..numerics.precision import double
from ..numerics.steps import is_traced
from .metrics import at_step, estimate
from .rows import Cost, Estimate, SolverRow

X = TypeVar("X")
Answering = Callable[[Sequence[Any]], list[Outputs]]
"""What answers a list of inputs."""
ENOUGH = 0.5  # seconds of timing one setting
JUDGED = 10.0  # seconds in which all settings answer more samples than they are timed on


def count_parameters(fitted: PyTree) -> int:
    """Number of real numbers in the arrays of an answer (floating point; a complex number counts twice)."""
    leaves = [x for x in jax.tree.leaves(fitted) if eqx.is_inexact_array_like(x) and np.ndim(x) > 0]
    return int(sum(np.size(x) * (2 if np.iscomplexobj(x) else 1) for x in leaves))


def seconds_per_query(
    f: Callable[[X], object], inputs: Sequence[X], *, repeats: int = 20, limit: float = math.inf
) -> float:
    """Median wall time of f(x) over `inputs`, in turn, without compilation.

    `repeats` calls, or fewer once they have taken `limit` seconds in all; one at least.
    """
    for x in inputs:
        jax.block_until_ready(f(x))
    seconds = []
    for i in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(f(inputs[i % len(inputs)]))
        seconds.append(time.perf_counter() - start)
        if sum(seconds) > limit:
            break
    return float(np.median(seconds))


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far, in MB (NaN where the system does not tell)."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def spread(samples: Samples, count: int) -> Samples:
    """`count` of the samples from all over them: the first may all be the calm start of one trajectory."""
    return samples.take(places(len(samples), count))


def places(total: int, count: int) -> Int[np.ndarray, " n"]:
    """Rows of `count` of so many samples, evenly spread; all where there are no more."""
    return np.linspace(0, total - 1, min(count, total)).astype(int)


def solver_rows(
    task: Any,
    samples: Samples,
    *,
    inputs: int = 8,
    steps: int = 1,
    limit: float = math.inf,
    say: Callable[[str], None] = lambda message: None,
) -> list[SolverRow]:
    """Error and seconds per query of every solver at every setting, all on the same `row.samples` of `samples`: all of
    them, or as many as `JUDGED` seconds suffice for, `inputs` at least.

    A solver that JAX can batch is timed as a batch of all inputs, like the answer that it is compared with; a single
    step is timed alone too, and the better time counts.
    steps > 1: `samples` are trajectories of an evolution, a query is all of one, and scores of roll-outs judge it.
    limit: seconds for all of it; settings that they would not suffice for are left out, and `say` is told which, as
    are those that fail on any of the inputs: a solver is judged on all of them or not at all.
    """
    part = spread(samples, inputs)
    kept: dict[str, Answering] = {}
    scores = [s for s in task.scores if (s.steps > 1) == (steps > 1)]
    rows = []
    for solver in task.solvers:
        end, last = time.perf_counter() + limit / len(task.solvers), 0.0
        for i, setting in enumerate(solver.settings):
            start = time.perf_counter()
            if start + last > end:
                left = ", ".join(map(str, solver.settings[i:]))
                say(f"{solver.name}: {steps} steps with {solver.knob} = {left} are left out, they take too long")
                break
            try:
                rows.append(_solver_row(task, solver, setting, part, scores, steps, kept))
            except Exception as error:  # a foreign code may fail in any way; what was learned stands without it
                say(_left_out(solver, setting, error))
            last = time.perf_counter() - start
    more = spread(samples, int(JUDGED / max(sum(row.seconds for row in rows), 1e-6)))
    if len(more) <= len(part):
        return rows
    try:
        return [_scored(row, kept[row.title](more.inputs), more, scores) for row in rows]
    except Exception as error:  # of a solver, on one sample of many
        say(f"reference solvers are judged on {len(part)} samples: on more, {type(error).__name__}: {error}")
        return rows


def _left_out(solver: ReferenceSolver, setting: Any, error: Exception) -> str:
    """One line; the kind of an error that is not meant for users is part of what it says."""
    words = " ".join(str(error).split())
    why = words if isinstance(error, Invalid) else f"{type(error).__name__}: {words}".strip(": ")
    return f"{solver.name} with {solver.knob} = {setting} is left out: {why}"


def solvers_of_laws(
    solvers: Sequence[ReferenceSolver],
    judge: Callable[[Outputs], dict[str, float]],
    inputs: Sequence[Any] = (None,),
    *,
    say: Callable[[str], None] = lambda message: None,
) -> list[SolverRow]:
    """Every setting of solvers whose every query costs a whole solution: errors as `judge` finds them, one run each.

    A law alone has no input; where there are several inputs, judge(answer) is called in their order and averaged.
    Settings that fail on any of the inputs are left out, and `say` is told.
    """
    rows = []
    for solver in solvers:
        for setting in solver.settings:
            start = time.perf_counter()
            try:
                answers = [solver.solve(x, setting) for x in inputs]
            except Exception as error:
                say(_left_out(solver, setting, error))
                continue
            seconds = (time.perf_counter() - start) / len(inputs)
            found = [judge(answer) for answer in answers]
            scores = {name: float(np.mean([one[name] for one in found])) for name in found[0]}
            rows.append(SolverRow(solver.name, solver.knob, setting, seconds, scores))
    return rows


def _solver_row(
    task: Any,
    solver: ReferenceSolver,
    setting: Any,
    samples: Samples,
    scores: Sequence[Score],
    steps: int,
    kept: dict[str, Answering],
) -> SolverRow:
    """One setting, timed and scored on `samples`; what answers more of them is kept by title."""

    def one_step(x: System) -> Outputs:
        return solver.solve(x, setting)

    ask = one_step if steps == 1 else functools.partial(_path, task, solver, setting, steps)
    answers, seconds, batched = _answered(ask, samples.inputs)
    if batched is not None and steps == 1:  # trajectories are not tried alone: compiling them twice takes longer
        seconds = min(seconds, seconds_per_query(ask, samples.inputs[:1], limit=ENOUGH))
    row = SolverRow(solver.name, solver.knob, setting, seconds, {}, {}, steps)
    kept[row.title] = batched or (lambda inputs: [jax.device_get(ask(x)) for x in inputs])
    return _scored(row, answers, samples, scores)


def _scored(row: SolverRow, answers: Sequence[Outputs], samples: Samples, scores: Sequence[Score]) -> SolverRow:
    """The row with the scores of these answers."""
    predictions = {name: [a[name] for a in answers] for name in answers[0]}
    found = []
    for score in (s for s in scores if s.quantity in predictions):
        true = dataclasses.replace(samples, outputs=at_step(score, samples.outputs))
        found.append(estimate(score, at_step(score, predictions), true, key=jax.random.key(0)))
    errors = {e.name: e.error for e in found if math.isfinite(e.error)}
    return dataclasses.replace(row, scores={e.name: e.value for e in found}, errors=errors, samples=len(samples))


def _path(task: Evolution, solver: ReferenceSolver, setting: Any, steps: int, x: System) -> Outputs:
    """Outputs [steps, ...] of a solver: on its own grid all the way where it can, else step by step."""
    if solver.path is not None:
        return solver.path(x, setting, steps)

    def step(x: System, _: None) -> tuple[System, Outputs]:
        outputs = solver.solve(x, setting)
        return task.feed(x, outputs), outputs

    if is_traced(*jax.tree.leaves(x)):
        x, first = step(x, None)  # from here on the state has the solver's precision, as a scan demands
        rest = jax.lax.scan(step, x, None, length=steps - 1)[1]
        return jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), first, rest)
    states = []
    for _ in range(steps):
        x, outputs = step(x, None)
        states.append(outputs)
    return jax.tree.map(lambda *v: np.stack(v), *states)


def _answered(ask: Callable[[Any], Outputs], inputs: Sequence[Any]) -> tuple[list[Outputs], float, Answering | None]:
    """The answer to every input, seconds per query, and where JAX can answer all of them as a batch what answers more,
    so many at a time.
    """
    run = jax.jit(jax.vmap(ask))

    def batched(inputs: Sequence[Any], size: int = len(inputs)) -> list[Outputs]:
        found = []
        with double():
            for start in range(0, len(inputs), size):
                part = [inputs[min(start + j, len(inputs) - 1)] for j in range(size)]  # the last is repeated: one shape
                whole = jax.device_get(run(jax.tree.map(lambda *v: np.stack(v), *part)))
                found += [jax.tree.map(lambda v, i=i: v[i], whole) for i in range(size)]
        return found[: len(inputs)]

    with double():
        try:
            answers = batched(inputs)
        except (TypeError, ValueError, jax.errors.JAXTypeError, jax.errors.ConcretizationTypeError):
            alone = seconds_per_query(ask, inputs[:1], limit=ENOUGH)  # not written in JAX, or shapes differ
            return [jax.device_get(ask(x)) for x in inputs], alone, None
        stacked = jax.tree.map(lambda *v: np.stack(v), *inputs)
        return answers, seconds_per_query(run, [stacked], limit=ENOUGH) / len(inputs), batched


def equal_accuracy(rows: Sequence[SolverRow], score: Estimate) -> SolverRow | None:
    """The cheapest measured setting that is at least as accurate as `score`; None where no setting is.

    An answer that blew up (NaN) is worse than any finite one.
    """
    sign = 1 if score.lower_is_better else -1
    least = math.inf if math.isnan(score.value) else sign * score.value
    good = [r for r in rows if score.name in r.scores and sign * r.scores[score.name] <= least]
    return min(good, key=lambda r: r.seconds, default=None)


def break_even(upfront_seconds: float, query_seconds: float, solver_seconds: float | None) -> float | None:
    """N* = upfront / (solver - ours): queries after which training has paid; None where it never does."""
    if solver_seconds is None or solver_seconds <= query_seconds:
        return None
    return upfront_seconds / (solver_seconds - query_seconds)


def cost(
    scores: Sequence[Estimate],
    rows: Sequence[SolverRow],
    *,
    parameters: int,
    fit_seconds: float,
    truth_seconds: float,
    query_seconds: float,
    steps: int = 1,
) -> Cost:
    """The `Cost` of an answer; equal accuracy is judged by the first score that the solvers have too.

    scores: on the samples that the solvers were judged on. steps > 1: `rows` and `query_seconds` are of trajectories of
    so many steps.
    """
    samples = max((row.samples for row in rows), default=0)
    shared = [s for s in scores if any(s.name in r.scores for r in rows)]
    match = equal_accuracy(rows, shared[0]) if shared else None
    seconds = match.seconds if match else None
    return Cost(
        parameters,
        fit_seconds,
        truth_seconds,
        query_seconds,
        peak_memory_mb(),
        match.title if match else "",
        seconds,
        break_even(truth_seconds + fit_seconds, query_seconds, seconds),
        steps,
        samples,
        {s.name: s.value for s in shared} if samples else {},
        {s.name: s.error for s in shared if math.isfinite(s.error)} if samples else {},
    )
