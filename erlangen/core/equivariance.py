"""How far a map is from commuting with a group.

epsilon_q = max_g || f(g x)_q - g f(x)_q ||_inf / scale_q        for each output quantity q
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Inexact, PRNGKeyArray

from .groups import Broken, Group, act
from .quantity import Quantity
from .systems import System


@dataclasses.dataclass(frozen=True)
class Defect:
    """The largest violation of one symmetry by one output, relative to the scale of that output."""

    group: str
    output: str
    error: float
    scale: float
    broken: bool = False


def equivariance_defects(
    f: Callable[[System], Mapping[str, Inexact[Array, "..."]]],
    x: System,
    inputs: Sequence[Quantity],
    outputs: Sequence[Quantity],
    group: Group,
    *,
    scales: Mapping[str, float] | None = None,
    count: int = 4,
    key: PRNGKeyArray,
) -> list[Defect]:
    """One `Defect` per output: the largest |f(g x) - g f(x)| over `count` random elements g, in units of `scales`.

    The scale of an output defaults to max |f(x)|; give the spread of the labels where a large constant (a total energy)
    would hide the violation. Work in float64 (`numerics.precision.double`) to audit a law, in float32 to audit a
    network.
    """
    plain = f(x)
    worst = {q.name: 0.0 for q in outputs}
    for one in jax.random.split(key, count):
        g = group.sample(x, key=one)
        turned = f(act(group, g, x, inputs))
        for q in outputs:
            gap = jnp.abs(jnp.asarray(turned[q.name]) - group.act(g, q, plain[q.name]))
            worst[q.name] = float(np.maximum(worst[q.name], np.max(gap)))  # NaN must win
    defects = []
    for q in outputs:
        scale = (scales or {}).get(q.name) or float(np.max(np.abs(plain[q.name]))) or 1.0
        defects.append(Defect(group.name, q.name, worst[q.name] / scale, scale, isinstance(group, Broken)))
    return defects


def guilty(defects: Sequence[Defect], tolerance: float) -> list[Defect]:
    """The unbroken symmetries that are violated by more than `tolerance`, worst first; NaN counts as violated."""
    found = [d for d in defects if not d.broken and not d.error <= tolerance]
    return sorted(found, key=lambda d: -d.error)
