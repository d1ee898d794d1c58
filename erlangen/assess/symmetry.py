"""The symmetry certificate of answers and of reference solvers.

    audit_method(fitted, method, task, samples, *, key) -> rows     float32, tolerance 1e-5
    audit_solver(task, samples, *, key) -> rows                     float64, tolerance 1e-10; [] without a solver
    guilty(rows) -> rows                                            declared, not broken, beyond tolerance

The error of an output is the largest |f(g x) - g f(x)| over group elements g and inputs x, in units of the standard
deviation of its labels. Every group of the task is audited; `declared` says whether the subject claims to keep it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from ..contract import Fitted, Method, Samples, Supervised, Task
from ..core.equivariance import equivariance_defects
from ..core.groups import Broken, Group
from ..core.systems import System
from ..numerics.precision import double
from .rows import SymmetryRow

METHOD_TOLERANCE = 1e-5
SOLVER_TOLERANCE = 1e-10
Map = Callable[[System], Mapping[str, Array]]


def label_scales(task: Task, samples: Samples) -> dict[str, float]:
    """Standard deviation of every output over `samples`, components together: no constant can hide a defect."""
    scales = {}
    for q in task.outputs:
        if q.name in samples.outputs:
            values = np.concatenate([np.ravel(np.asarray(v, np.float64)) for v in samples.outputs[q.name]])
            scales[q.name] = float(np.std(values)) or float(np.max(np.abs(values))) or 1.0
    return scales


def keeps(method: Method, group: Group) -> bool:
    """Whether `method` declares the kind of `group`."""
    inner = group.group if isinstance(group, Broken) else group
    return isinstance(inner, tuple(method.symmetry))


def audit_method(
    fitted: Fitted | Map,
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
    f = eqx.filter_jit(fitted)
    with double():
        part = _first(samples, inputs)
        return audit("method", f, task, part, declared, METHOD_TOLERANCE, key=key, inputs=inputs, count=count)


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
        part = _first(samples, inputs)
        return audit("solver", solve, task, part, declared, SOLVER_TOLERANCE, key=key, inputs=inputs, count=count)


def _first(samples: Samples, count: int) -> Samples:
    """The first `count` inputs in float64, with all the labels (they set the scale)."""
    return Samples([in_double(x) for x in samples.inputs[:count]], samples.outputs)


def in_double(x: System) -> System:
    """`x` with its floats in float64."""
    return jax.tree.map(lambda a: np.asarray(a, np.float64) if np.asarray(a).dtype.kind == "f" else a, x)


def guilty(rows: Sequence[SymmetryRow]) -> list[SymmetryRow]:
    """The declared, unbroken symmetries beyond their tolerance, worst first; NaN counts as beyond."""
    found = [r for r in rows if r.declared and not r.broken and not r.error <= r.tolerance]
    return sorted(found, key=lambda r: -r.error)


def audit(
    subject: Literal["method", "solver"],
    f: Map,
    task: Task,
    samples: Samples,
    declared: Mapping[str, bool],
    tolerance: float,
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
                row = SymmetryRow(subject, d.group, d.output, d.error, declared[group.name], d.broken, tolerance)
                old = worst.get((d.group, d.output))
                # NaN must win: `not (old >= new)` is true for a NaN in either place only if the old one is a number
                if old is None or not (np.isnan(old.error) or old.error >= row.error):
                    worst[d.group, d.output] = row
    return list(worst.values())
