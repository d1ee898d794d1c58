"""The symmetry certificate of answers and of reference solvers.

    audit_method(fitted, method, task, samples, *, key) -> rows     float32, tolerance 5e-6
    audit_in_double(fitted, method, task, samples, *, key) -> rows  the same answer in float64, tolerance 1e-12
    rounding_allowed(rows, exact, task, samples) -> rows            float32 totals far larger than their spread
    audit_solver(task, samples, *, key) -> rows                     float64, tolerance 1e-10; [] without a solver
    guilty(rows) -> rows                                            declared, not broken, beyond tolerance

The error of an output is the largest |f(g x) - g f(x)| over group elements g and inputs x, in units of the standard
deviation of its labels. Every group of the task is audited; `declared` says whether the subject claims to keep it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from ..contract import Answer, Method, Predictor, Samples, Supervised, Task
from ..core.equivariance import equivariance_defects
from ..core.groups import Broken, Group
from ..core.systems import System
from ..numerics.precision import double
from .rows import Subject, SymmetryRow

METHOD_TOLERANCE = 5e-6
DOUBLE_TOLERANCE = 1e-12
SOLVER_TOLERANCE = 1e-10
Map = Callable[[System], Mapping[str, Array]]
T = TypeVar("T")


def label_scales(task: Task, samples: Samples) -> dict[str, float]:
    """Standard deviation of every output over `samples`, components together: no constant can hide a defect."""
    scales = {}
    for q in task.outputs:
        if q.name in samples.outputs:
            labels = [np.asarray(v) for v in samples.outputs[q.name]]
            values = np.concatenate([np.ravel(v).astype(np.result_type(v, np.float64)) for v in labels])
            scales[q.name] = float(np.std(values)) or float(np.max(np.abs(values))) or 1.0
    return scales


def keeps(method: Method, group: Group) -> bool:
    """Whether `method` declares the kind of `group`."""
    inner = group.group if isinstance(group, Broken) else group
    return isinstance(inner, tuple(method.symmetry))


def audit_method(
    fitted: Predictor | Map,
    method: Method,
    task: Task,
    samples: Samples,
    *,
    key: PRNGKeyArray,
    inputs: int = 2,
    count: int = 4,
) -> list[SymmetryRow]:
    """Audit an answer under every group of the task, on the first `inputs` of `samples`, with `count` elements each.

    Inputs are moved and handed over in float64: g x rounded to float32 would be another structure, and stiff bonds turn
    that 1e-7 A into 1e-5 eV/A. What is audited is the rounding of the network, not that of the input.
    """
    declared = {group.name: keeps(method, group) for group in task.symmetry}
    f = _asked(fitted)
    with double():
        part = _first(samples, inputs)
        return audit("method", f, task, part, declared, METHOD_TOLERANCE, key=key, inputs=inputs, count=count)


def audit_in_double(
    fitted: Predictor | Map, method: Method, task: Task, samples: Samples, *, key: PRNGKeyArray
) -> list[SymmetryRow]:
    """As `audit_method`, with every parameter of the answer in float64: what is left is no rounding but a fault.

    Only outputs that then come in float64 are judged: whoever rounds them to float32 on purpose has no such row. No
    rows either for an answer without float32 parameters, of which `audit_method` has said everything.
    """
    if not is_single(fitted):
        return []
    declared = {group.name: keeps(method, group) for group in task.symmetry}
    with double():
        whole, part = in_double(fitted), _first(samples, 2)
        f, limits = _asked(whole), double_tolerances(task, samples)
        exact = {name for name, v in f(part.inputs[0]).items() if v.dtype == np.float64}
        rows = audit("method, float64", f, task, part, declared, limits, key=key)
    return [row for row in rows if row.output in exact]


def _asked(fitted: Predictor | Map) -> Map:
    """The answer as users get it: inputs prepared anew (neighbours of the moved crystal), then compiled."""
    compiled = eqx.filter_jit(fitted)
    return lambda x: compiled(fitted.prepare(x) if isinstance(fitted, Answer) else x)


def is_single(fitted: Predictor | Map) -> bool:
    """Whether an answer has parameters in float32: a network."""
    return any(eqx.is_inexact_array(a) and a.dtype == np.float32 for a in jax.tree.leaves(fitted))


def double_tolerances(task: Task, samples: Samples) -> dict[str, float]:
    """1e-12 per output, or 4 units in the last place of the largest label where that is more.

    A total energy of 10^5 eV with a spread of 0.1 eV holds no more than ten digits of that spread.
    """
    return _no_finer_than_rounding(DOUBLE_TOLERANCE, np.float64, task, samples)


def _no_finer_than_rounding(tolerance: float, precision: type, task: Task, samples: Samples) -> dict[str, float]:
    """`tolerance` per output, or 4 units in the last place of the largest label where that is more."""
    limits = {}
    for name, scale in label_scales(task, samples).items():
        largest = max(float(np.max(np.abs(np.asarray(v)), initial=0.0)) for v in samples.outputs[name])
        limits[name] = max(tolerance, 4 * float(np.finfo(precision).eps) * largest / scale)
    return limits


def rounding_allowed(
    rows: Sequence[SymmetryRow], exact: Sequence[SymmetryRow], task: Task, samples: Samples
) -> list[SymmetryRow]:
    """The float32 `rows`, held to 4 units in the last place of the largest label in float32 where that is more than
    their tolerance and the `exact` rows, of the same answer in float64, show that nothing but rounding breaks them.
    """
    limits = _no_finer_than_rounding(METHOD_TOLERANCE, np.float32, task, samples)
    holds = {(row.group, row.output) for row in exact if row.error <= row.tolerance}
    found = []
    for row in rows:
        beyond = row.error > row.tolerance and (row.group, row.output) in holds
        found.append(dataclasses.replace(row, tolerance=limits[row.output]) if beyond else row)
    return found


def audit_solver(
    task: Supervised, samples: Samples, *, key: PRNGKeyArray, inputs: int = 2, count: int = 3
) -> list[SymmetryRow]:
    """Audit task.solve in float64 under every group of the task; an empty list where the task has no solver."""
    if len(samples) == 0:
        return []
    with double():
        if task.solve(samples.inputs[0]) is None:
            return []
        declared = {group.name: True for group in task.symmetry}
        solve: Any = task.solve
        part, limits = _first(samples, inputs), {q.name: SOLVER_TOLERANCE for q in task.outputs}
        limits |= _no_finer_than_rounding(SOLVER_TOLERANCE, np.float64, task, samples)
        return audit("solver", solve, task, part, declared, limits, key=key, inputs=inputs, count=count)


def _first(samples: Samples, count: int) -> Samples:
    """The first `count` inputs in float64, with all the labels (they set the scale)."""
    return Samples([in_double(x) for x in samples.inputs[:count]], samples.outputs)


def in_double(x: T) -> T:
    """`x`, a system or an answer, with its floats in float64 and its complex numbers in complex128."""
    wide = {"f": np.float64, "c": np.complex128}

    def cast(leaf: Any) -> Any:
        kind = np.dtype(leaf.dtype).kind if eqx.is_array(leaf) or isinstance(leaf, np.ndarray) else ""
        if kind not in wide:
            return leaf
        return jnp.asarray(leaf, wide[kind]) if isinstance(leaf, jax.Array) else np.asarray(leaf, wide[kind])

    return jax.tree.map(cast, x)


def guilty(rows: Sequence[SymmetryRow]) -> list[SymmetryRow]:
    """The declared, unbroken symmetries beyond their tolerance, worst first; NaN counts as beyond."""
    found = [r for r in rows if r.declared and not r.broken and not r.error <= r.tolerance]
    return sorted(found, key=lambda r: -r.error)


def tell(rows: Sequence[SymmetryRow], say: Callable[[str], None]) -> None:
    """Name every guilty output to the user."""
    for row in guilty(rows):
        say(f"{row.subject}: output {row.output} breaks {row.group} by {row.error:.1e} (at most {row.tolerance:.0e})")


def audit(
    subject: Subject,
    f: Map,
    task: Task,
    samples: Samples,
    declared: Mapping[str, bool],
    tolerance: float | Mapping[str, float],
    *,
    key: PRNGKeyArray,
    inputs: int = 2,
    count: int = 4,
) -> list[SymmetryRow]:
    """One row per group of the task and output of `f`, judged against `tolerance`; `declared` by name of the group."""
    scales = label_scales(task, samples)
    worst: dict[tuple[str, str], SymmetryRow] = {}
    for i, x in enumerate(samples.inputs[:inputs]):
        for j, group in enumerate(task.symmetry):
            one = jax.random.fold_in(jax.random.fold_in(key, i), j)
            for d in equivariance_defects(f, x, task.inputs, task.outputs, group, scales=scales, count=count, key=one):
                limit = tolerance.get(d.output, 0.0) if isinstance(tolerance, Mapping) else tolerance
                row = SymmetryRow(subject, d.group, d.output, d.error, declared[group.name], d.broken, limit)
                old = worst.get((d.group, d.output))
                # NaN must win: `not (old >= new)` is true for a NaN in either place only if the old one is a number
                if old is None or not (np.isnan(old.error) or old.error >= row.error):
                    worst[d.group, d.output] = row
    return list(worst.values())
