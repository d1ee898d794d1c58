"""Rules for methods. Each function takes a `Case` (a method on a task, fitted with a toy budget)."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
from hypothesis import HealthCheck, Phase, given, settings

from ..assess.conformal import calibrate
from ..assess.rows import Subject, SymmetryRow
from ..assess.symmetry import METHOD_TOLERANCE, double_tolerances, in_double, is_single, keeps
from ..contract import Interval, Method, Samples, Supervised
from ..core.groups import Broken, Group, act
from ..core.systems import Atoms, System
from ..learn.batching import predict, predict_interval
from ..learn.checkpoint import FITTED, load_fitted, save_fitted
from ..numerics.precision import double
from .cases import Asked, Case, ContractBroken, concerns, demand, is_map
from .strategies import systems
from .task_checks import accuse

TOY_SECONDS = 20.0
MAX_SETTINGS = 8
ROUNDING = 1e-5  # of the size of an output, in float32
DRAWN = 5  # inputs from hypothesis


def check_size(method: Method) -> None:
    """At most eight settings; more are nested."""
    count = len(dataclasses.fields(method))  # type: ignore[arg-type]
    demand(count <= MAX_SETTINGS, f"{method.name()} must have at most {MAX_SETTINGS} settings", count)


@concerns(is_map)
def check_outputs(case: Case) -> None:
    """The answer gives every declared output, finite and shaped like the truth."""
    for i, answer in enumerate(case.asked(case.samples.inputs[:4])):
        for q in case.task.outputs:
            demand(q.name in answer, f"{case} must answer with {q.name}", sorted(answer))
            value, true = answer[q.name], case.samples.outputs[q.name][i]
            demand(np.shape(value) == np.shape(true), f"{q.name} must have shape {np.shape(true)}", np.shape(value))
            demand(np.all(np.isfinite(value)), f"{q.name} of {case} must be finite")


def check_toy_time(case: Case) -> None:
    """A toy fit ends within 20 seconds, at the second attempt if not at the first."""
    _ = case.samples  # truth is computed before the clock starts
    seconds = case.seconds(TOY_SECONDS)
    demand(seconds <= TOY_SECONDS, f"{case} must fit a toy within {TOY_SECONDS:g} s", f"{seconds:.1f} s")


@concerns(lambda case: case.is_repeated)
def check_same_bits(case: Case) -> None:
    """Two fits from the same seed with the same number of steps agree bit for bit."""
    one, two = jax.tree.leaves(case.answer), jax.tree.leaves(case.again)
    same = len(one) == len(two) and all(np.array_equal(a, b, equal_nan=_is_real(a)) for a, b in zip(one, two))
    demand(same, f"{case}: the same seed must give the same bits")


@concerns(lambda case: is_map(case) and any(keeps(case.method, g) for g in case.task.symmetry))
def check_symmetry(case: Case) -> None:
    """The answer keeps every symmetry that the method declares, on held-out samples, in float32 and in float64.

    Where float64 tells a fault from rounding, float32 may round as elsewhere in the suite: a network after a toy fit of
    labels of small spread comes to 5e-6 of that. Records keep the limit of 5e-6.
    """
    inputs, groups = case.samples.inputs[:2], _kept(case)
    limit = ROUNDING if is_single(case.answer) else METHOD_TOLERANCE
    accuse(str(case), _audit("method", case, case.asked, inputs, groups, limit, count=4))
    if is_single(case.answer):
        limits = double_tolerances(case.task, case.samples)
        rows = _audit("method, float64", case, case.asked_in_double, inputs, groups, limits, count=4)
        exact = [n for n, v in case.asked_in_double(inputs[:1])[0].items() if v.dtype in (np.float64, np.complex128)]
        accuse(str(case), [row for row in rows if row.output in exact])


@concerns(check_symmetry.concerns)  # type: ignore[attr-defined]
def check_symmetry_of_drawn_inputs(case: Case) -> None:
    """The same on inputs that hypothesis draws from the declared quantities."""
    inputs: list[System] = []

    @settings(
        max_examples=DRAWN,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(systems(case.task, case.samples))
    def draw(x: System) -> None:
        inputs.append(x)

    draw()
    accuse(str(case), _audit("method", case, case.asked, inputs, _kept(case), 3 * ROUNDING, count=2))


def _kept(case: Case) -> list[Group]:
    return [g for g in case.task.symmetry if keeps(case.method, g) and not isinstance(g, Broken)]


def _audit(
    subject: Subject,
    case: Case,
    asked: Asked,
    inputs: Sequence[System],
    groups: Sequence[Group],
    tolerance: float | Mapping[str, float],
    count: int,
) -> list[SymmetryRow]:
    """The largest |f(g x) - g f(x)| over `inputs` and `count` elements g of each group, in units of the spread.

    All g x are made on the host and go through the answer together.
    """
    task, scales = case.task, case.scales
    moves, moved = [], []
    with double():
        wide = [in_double(x) for x in inputs]
        for i, x in enumerate(wide):
            for j, group in enumerate(groups):
                for key in jax.random.split(jax.random.key(1000 * i + j), count):
                    g = group.sample(x, key=key)
                    moves.append((i, group, g))
                    moved.append(act(group, g, x, task.inputs))
        plain, turned = asked(wide), asked(moved)
        worst: dict[tuple[str, str], float] = {}
        for (i, group, g), answer in zip(moves, turned):
            for q in task.outputs:
                gap = np.abs(answer[q.name] - np.asarray(group.act(g, q, plain[i][q.name])))
                error = float(np.max(gap, initial=0.0)) / scales[q.name]
                worst[group.name, q.name] = float(np.maximum(worst.get((group.name, q.name), 0.0), error))  # NaN wins
    limits = tolerance if isinstance(tolerance, Mapping) else dict.fromkeys(scales, tolerance)
    return [SymmetryRow(subject, group, q, error, True, False, limits[q]) for (group, q), error in worst.items()]


@concerns(is_map)
def check_batching(case: Case) -> None:
    """What a sample gives does not depend on the others in its batch, nor on there being any."""
    inputs = case.samples.inputs[:5]
    together = case.asked(inputs)
    _compare(case, together, [case.asked([x])[0] for x in inputs], "a batch must give what single samples give")
    if case.task.container is not Atoms:  # those are compared where nothing is padded
        _compare(case, together, case.alone, "a batch must give what single samples give")


@concerns(lambda case: is_map(case) and case.task.container is Atoms)
def check_padding(case: Case) -> None:
    """Atoms that are only padding (atomic number 0) change nothing."""
    _compare(case, case.alone, case.asked(case.samples.inputs[:2]), "padded atoms must change nothing")


def check_checkpoint(case: Case) -> None:
    """An answer comes back from its file bit for bit, and the file is no pickle."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            save_fitted(folder, case.answer)
        except TypeError as error:
            raise ContractBroken(f"the answer of {case} must be saved without pickle; found: {error}") from error
        with open(f"{folder}/{FITTED}", "rb") as file:
            demand(file.read(9)[8:9] == b"{", "a checkpoint must be a safetensors file")
        back = load_fitted(folder)
    one, two = jax.tree.leaves(case.answer), jax.tree.leaves(back)
    same = len(one) == len(two) and all(np.array_equal(a, b, equal_nan=_is_real(a)) for a, b in zip(one, two))
    demand(same, f"{case}: a reloaded answer must have the same arrays")
    if not is_map(case):
        return
    before, after = case.asked(case.samples.inputs[:2]), Asked(back, case.task, case.asked.room[0])
    for a, b in zip(before, after(case.samples.inputs[:2])):
        for name in a:
            demand(np.array_equal(a[name], b[name]), f"{case}: a reloaded answer must give the same {name}")


@concerns(lambda case: isinstance(case.task, Supervised))
def check_intervals(case: Case) -> None:
    """Conformal intervals can be put around the answer, and lie around it; so do those that it brings itself."""
    task: Any = case.task
    samples: Samples = task.truth("calibration")
    level = 1 - 2 / (len(samples) + 1)
    own = isinstance(case.answer, Interval)
    wrapped = case.answer if own else calibrate(case.answer, task, samples, level=level)
    inputs, quantities = case.samples.inputs[:2], case.task.outputs
    centre = predict(wrapped, inputs, quantities=quantities)
    ends = predict_interval(wrapped, inputs, quantities=quantities)
    for q in quantities:
        for y, (low, high) in zip(centre[q.name], ends[q.name]):
            inside = np.all(low <= y) and np.all(y <= high) and np.all(np.isfinite(high - low))
            demand(inside, f"the interval of {q.name} must be finite and lie around the answer of {case}")


def _compare(case: Case, one: Sequence[Mapping[str, Any]], many: Sequence[Mapping[str, Any]], rule: str) -> None:
    for a, b in zip(one, many):
        for q in case.task.outputs:
            gap = float(np.max(np.abs(np.asarray(a[q.name]) - np.asarray(b[q.name])), initial=0.0))
            size = max(float(np.max(np.abs(np.asarray(a[q.name])), initial=0.0)), 1e-30)
            demand(gap <= ROUNDING * size, f"{case}: {rule}", f"{q.name} differs by {gap / size:.1e} of its size")


def _is_real(a: Any) -> bool:
    return np.issubdtype(np.asarray(a).dtype, np.inexact)
