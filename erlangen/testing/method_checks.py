"""Rules for methods. Each function takes a `Case` (a method on a task, fitted with a toy budget)."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np
from hypothesis import HealthCheck, Phase, given, settings

from ..assess import symmetry
from ..assess.conformal import calibrate
from ..assess.symmetry import audit_in_double, audit_method, in_double, label_scales
from ..contract import Interval, Method, Supervised
from ..core.equivariance import equivariance_defects, guilty
from ..core.systems import Atoms, System
from ..learn.batching import predict, predict_interval
from ..learn.checkpoint import FITTED, load_fitted, save_fitted
from ..numerics.precision import double
from .cases import Case, ContractBroken, demand
from .strategies import systems
from .task_checks import accuse

TOY_SECONDS = 20.0
MAX_SETTINGS = 8
ROUNDING = 1e-5  # of the size of an output, in float32


def check_size(method: Method) -> None:
    """At most eight settings; more are nested."""
    count = len(dataclasses.fields(method))  # type: ignore[arg-type]
    demand(count <= MAX_SETTINGS, f"{method.name()} must have at most {MAX_SETTINGS} settings", count)


def check_outputs(case: Case) -> None:
    """The answer gives every declared output, finite and shaped like the truth."""
    answers = predict(case.answer, case.samples.inputs[:4])
    for q in case.task.outputs:
        demand(q.name in answers, f"{case} must answer with {q.name}", sorted(answers))
        for value, true in zip(answers[q.name], case.samples.outputs[q.name]):
            demand(np.shape(value) == np.shape(true), f"{q.name} must have shape {np.shape(true)}", np.shape(value))
            demand(np.all(np.isfinite(value)), f"{q.name} of {case} must be finite")


def check_toy_time(case: Case) -> None:
    """A toy fit ends within 20 seconds (the better of two)."""
    _ = case.samples  # truth is computed before the clock starts
    demand(case.seconds <= TOY_SECONDS, f"{case} must fit a toy within {TOY_SECONDS:g} s", f"{case.seconds:.1f} s")


def check_same_bits(case: Case) -> None:
    """Two fits from the same seed with the same number of steps agree bit for bit."""
    one, two = jax.tree.leaves(case.answer), jax.tree.leaves(case.again)
    same = len(one) == len(two) and all(np.array_equal(a, b, equal_nan=_is_real(a)) for a, b in zip(one, two))
    demand(same, f"{case}: the same seed must give the same bits")


def check_symmetry(case: Case) -> None:
    """The answer keeps every symmetry that the method declares, on held-out samples, in float32 and in float64."""
    for audit in (audit_method, audit_in_double):
        accuse(str(case), audit(case.answer, case.method, case.task, case.samples, key=jax.random.key(3)))


def check_symmetry_of_drawn_inputs(case: Case, examples: int = 5) -> None:
    """The same on inputs that hypothesis draws from the declared quantities."""
    groups = [g for g in case.task.symmetry if symmetry.keeps(case.method, g)]
    scales = label_scales(case.task, case.samples)
    f = eqx.filter_jit(case.answer)
    task = case.task

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(systems(task, case.samples))
    def keeps_all(x: System) -> None:
        with double():
            for i, group in enumerate(groups):
                one = jax.random.key(i)
                found = equivariance_defects(
                    f, in_double(x), task.inputs, task.outputs, group, scales=scales, count=2, key=one
                )
                bad = [f"output {d.output} breaks {d.group} by {d.error:.1e}" for d in guilty(found, 3 * ROUNDING)]
                demand(not bad, f"{case} must keep the symmetry it declares", "; ".join(bad))

    keeps_all()


def check_batching(case: Case) -> None:
    """A batch of samples gives what each of them gives alone."""
    inputs = case.samples.inputs[:5]
    together = predict(case.answer, inputs)
    with double():
        alone = [jax.device_get(eqx.filter_jit(case.answer)(_single(x))) for x in inputs]
    _compare(case, together, alone, "a batch must give what single samples give")


def check_padding(case: Case) -> None:
    """Atoms that are only padding (atomic number 0) change nothing."""
    if case.task.container is not Atoms:
        return
    inputs = case.samples.inputs[:2]
    padded = [_with_ghosts(x, 3) for x in inputs]
    plain = predict(case.answer, inputs)
    with double():
        grown = [jax.device_get(eqx.filter_jit(case.answer)(_single(x))) for x in padded]
    atoms = [q.name for q in case.task.outputs if q.axes == "atoms"]
    cut = [{k: v[: len(x["atomic_numbers"])] if k in atoms else v for k, v in g.items()} for g, x in zip(grown, inputs)]
    _compare(case, plain, cut, "padded atoms must change nothing")


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
    inputs = case.samples.inputs[:2]
    before, after = predict(case.answer, inputs), predict(back, inputs)
    for name in before:
        same = all(np.array_equal(a, b) for a, b in zip(before[name], after[name]))
        demand(same, f"{case}: a reloaded answer must give the same {name}")


def check_intervals(case: Case) -> None:
    """Conformal intervals can be put around the answer, and lie around it."""
    if not isinstance(case.task, Supervised) or isinstance(case.answer, Interval):
        return
    samples = case.task.truth("calibration")
    wrapped = calibrate(case.answer, case.task, samples, level=1 - 2 / (len(samples) + 1))
    inputs = case.samples.inputs[:2]
    centre, ends = predict(wrapped, inputs), predict_interval(wrapped, inputs)
    for q in case.task.outputs:
        for y, (low, high) in zip(centre[q.name], ends[q.name]):
            inside = np.all(low <= y) and np.all(y <= high) and np.all(np.isfinite(high - low))
            demand(inside, f"the interval of {q.name} must be finite and lie around the answer of {case}")


def _compare(case: Case, one: Mapping[str, Any], many: Sequence[Mapping[str, Any]], rule: str) -> None:
    for q in case.task.outputs:
        for a, b in zip(one[q.name], [m[q.name] for m in many]):
            gap = float(np.max(np.abs(np.asarray(a) - np.asarray(b)), initial=0.0))
            size = max(float(np.max(np.abs(np.asarray(a)), initial=0.0)), 1e-30)
            demand(gap <= ROUNDING * size, f"{case}: {rule}", f"{q.name} differs by {gap / size:.1e} of its size")


def _single(x: System) -> System:
    """The input as a network sees it: float32."""

    def cast(leaf: Any) -> np.ndarray:
        leaf = np.asarray(leaf)
        return leaf.astype(np.float32) if leaf.dtype == np.float64 else leaf

    return jax.tree.map(cast, x)


def _with_ghosts(x: System, count: int) -> System:
    positions, numbers = np.asarray(x["positions"]), np.asarray(x["atomic_numbers"])
    return x.replace(
        positions=np.concatenate([positions, np.zeros((count, 3), positions.dtype)]),
        atomic_numbers=np.concatenate([numbers, np.zeros(count, numbers.dtype)]),
    )


def _is_real(a: Any) -> bool:
    return np.issubdtype(np.asarray(a).dtype, np.inexact)
