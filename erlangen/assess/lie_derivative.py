"""Lie derivatives: a second certificate for continuous groups, exact up to rounding and without sampled elements.

    lie_derivatives(fitted, method, task, samples) -> list[SymmetryRow]

        max_x || d/dt [ g(-t) f(g(t) x) ] ||_inf / std(labels)   at t = 0, for every generator g of the group

It is zero where f commutes with the connected part of the group; reflections and other discrete elements need the audit
with finite elements (`assess.symmetry`). Gruver, Finzi, Goldblum, Wilson 2023, arXiv:2210.02984.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..contract import Method, Predictor, Samples, Task
from ..core.groups import Broken, Group, Orthogonal, Translations, act
from ..core.systems import System
from ..numerics.precision import double
from .rows import Subject, SymmetryRow
from .symmetry import METHOD_TOLERANCE, double_tolerances, in_double, keeps, label_scales

Map = Callable[[System], Mapping[str, Array]]


def lie_derivatives(
    fitted: Predictor | Map,
    method: Method,
    task: Task,
    samples: Samples,
    *,
    inputs: int = 2,
    subject: Subject = "method",
) -> list[SymmetryRow]:
    """How fast an answer leaves its symmetry, on the first `inputs` of `samples`: a row per group and output.

    Rotations: per radian about each axis; translations: per unit of length along each axis. Needs an answer that JAX
    can differentiate. `subject` "method, float64" casts the parameters first. Tolerances are those of the audit.
    """
    scales = label_scales(task, samples)
    limits = dict.fromkeys(scales, METHOD_TOLERANCE)
    if subject == "method, float64":
        with double():
            fitted = in_double(fitted)
        limits = double_tolerances(task, samples)
    rows = []
    with double():
        for group in task.symmetry:
            inner = group.group if isinstance(group, Broken) else group
            found = _generators(inner)
            if found is None:
                continue
            identity, generators = found
            speed = jax.jit(_speed(fitted, task, inner, identity))
            speeds = [speed(in_double(x), one) for x in samples.inputs[:inputs] for one in generators]
            for name in speeds[0]:
                error = float(np.max([v[name] for v in speeds])) / scales.get(name, 1.0)
                title, broken = f"{group.name}, infinitesimal", isinstance(group, Broken)
                declared = keeps(method, group)
                limit = limits.get(name, METHOD_TOLERANCE)
                rows.append(SymmetryRow(subject, title, name, error, declared, broken, limit))
    return rows


def _generators(group: Group) -> tuple[Array, Array] | None:
    """Identity and generators [dimension, ...] of a continuous group: g(t) = identity + t generator + O(t^2)."""
    axes = jnp.eye(3)
    if isinstance(group, Orthogonal):
        # (J_a)_ij = -epsilon_aij: an infinitesimal rotation about axis a
        return axes, jnp.stack([jnp.cross(axes, axis) for axis in axes])
    if isinstance(group, Translations):
        return jnp.zeros(3), axes
    return None


def _speed(f: Map, task: Task, group: Group, identity: Array) -> Callable[[System, Array], dict[str, Array]]:
    """Largest component of d/dt [g(-t) f(g(t) x)] per output, as a function of x and the generator."""
    outputs = {q.name: q for q in task.outputs}

    def speed(x: System, generator: Array) -> dict[str, Array]:
        def back(t: Array) -> dict[str, Array]:
            moved = f(act(group, identity + t * generator, x, task.inputs))
            there = identity - t * generator
            return {name: group.act(there, q, moved[name]) for name, q in outputs.items() if name in moved}

        _, tangent = jax.jvp(back, (jnp.zeros(()),), (jnp.ones(()),))
        return {name: jnp.max(jnp.abs(v)) for name, v in tangent.items()}

    return speed
