"""How many samples and parameters are looked at at once, so that a step fits into the memory there is.

The three large stages of a step follow one another, and each may fill the memory:

    sampling          walkers at once      x  bytes of one amplitude
    local energies    samples at once      x  (its configurations and elements  +  their amplitudes)
    log-derivatives   samples at once      x  bytes of one gradient  +  [samples, parameters / blocks]  +  the kernel

Bytes are counted in the traced program: all intermediate results of one sample, as if none were freed.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, PyTree

from ...core.errors import Invalid
from ...numerics.chunks import free
from .natural_gradient import ROWS_AT_ONCE
from .problem import AT_ONCE

_SHARE = 0.6
"""Of the free memory."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """walkers: amplitudes computed side by side in sampling; samples: looked at at once in local energies (0: all).

    amplitudes, rows: log psi and log-derivatives computed side by side there; blocks: of parameters, whose
    log-derivatives are computed anew for each product where there are several.
    """

    walkers: int = AT_ONCE
    samples: int = 0
    amplitudes: int = AT_ONCE
    rows: int = ROWS_AT_ONCE
    blocks: int = 1

    def __str__(self) -> str:
        side_by_side = f"{self.amplitudes} amplitudes and {self.rows} log-derivatives at once"
        blocks = f"{self.blocks} block{'s' * (self.blocks > 1)} of parameters"
        return f"{self.walkers} walkers, {self.samples or 'all'} samples, {side_by_side}, {blocks}"


def plan(
    log_psi: Callable[[PyTree, Array], Array],
    local_energies: Callable[..., Array],
    parameters: PyTree,
    walkers: Array,
    *,
    n_samples: int,
    limit: float | None = None,
) -> Plan:
    """The plan of a step of `n_samples` samples in `limit` bytes (None: 60 % of what is free now)."""
    limit = _SHARE * free() if limit is None else limit
    one = walkers[0]
    size = ravel_pytree(parameters)[0].size
    amplitude = counted(log_psi, parameters, one)
    together = _fitting(limit / 4 / amplitude, AT_ONCE)
    some, more = (
        counted(lambda p, s: local_energies(lambda x: log_psi(p, x), s, at_once=together), parameters, walkers[:n])
        for n in (2, 4)
    )
    per_sample = (more - some) / 2
    gradient = counted(lambda p, s: jax.grad(lambda q: jnp.real(log_psi(q, s)))(p), parameters, one)
    n_rows = n_samples * (2 if jnp.iscomplexobj(jax.eval_shape(log_psi, parameters, one)) else 1)
    kernel = 4 * 8 * n_rows**2 if n_rows < size else 4 * 8 * size**2
    rows = _fitting(limit / 4 / gradient, ROWS_AT_ONCE)
    left = limit - kernel - rows * gradient
    if left <= 0 or limit < some:
        raise Invalid(
            must=f"a step of {n_samples} samples and {size} parameters has room in memory",
            came=f"{limit:.3g} bytes; the natural gradient alone takes {kernel + rows * gradient:.3g}",
            do="Lower --samples or the size of the network, or free memory.",
        )
    return Plan(
        walkers=_fitting(limit / amplitude, AT_ONCE),
        samples=_all_or(2 + (limit - some) / per_sample, n_samples),
        amplitudes=together,
        rows=rows,
        blocks=min(max(1, math.ceil(3 * 8 * n_rows * size / left)), size),
    )


def counted(f: Callable[..., Any], *arguments: Any) -> float:
    """Bytes of all results, intermediate ones too, in the program of f(*arguments)."""
    return float(_bytes(jax.make_jaxpr(f)(*arguments).jaxpr)) + 1.0


def _bytes(program: Any) -> int:
    total = 0
    for equation in program.eqns:
        total += sum(math.prod(v.aval.shape) * np.dtype(v.aval.dtype).itemsize for v in equation.outvars)
        for value in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda x: hasattr(x, "eqns")):
            inner = getattr(value, "jaxpr", value)
            total += _bytes(inner) if hasattr(inner, "eqns") else 0
    return total


def _fitting(most: float, usual: int) -> int:
    return max(1, min(int(most), usual))


def _all_or(most: float, everything: int) -> int:
    """0 where everything fits, else how many: the largest divisor of everything that does."""
    return 0 if most >= everything else next(n for n in range(max(1, int(most)), 0, -1) if everything % n == 0)
