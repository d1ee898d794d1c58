"""Float precision, chosen per scope and never globally.

Laws, reference solvers and linear solves run in float64; networks in float32.
"""

from __future__ import annotations

import contextlib

import jax


def double() -> contextlib.AbstractContextManager:
    """Context in which arrays may be float64/complex128; outside it JAX keeps its own default (float32).

    Example
    -------
    >>> with double():
    ...     u = solve(jnp.asarray(u0, jnp.float64))
    """
    return jax.enable_x64(True)
