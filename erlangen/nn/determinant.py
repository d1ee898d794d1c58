"""Determinants and inverses of many small matrices side by side, by Gaussian elimination with partial pivoting.

    log |det A| = sum_i log |pivot_i|,          A^-1 = (d log |det A| / dA)^T

In plain arithmetic that XLA vectorises over all matrices. Batched LAPACK calls are no faster for matrices of this size,
and several of them inside one program can wait for each other for ever on two CPU cores (jaxlib 0.10).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

_SINGULAR = 1e-13
"""Of the largest element: a smaller pivot is rounding."""


@jax.custom_jvp
def log_determinant(a: Float[Array, "n n *k"]) -> tuple[Float[Array, "*k"], Float[Array, "*k"]]:
    """(sign, log |det|) of matrices whose rows and columns are the first two axes; sign 0 where they are singular."""
    pivots, sign = _eliminated(a)
    # beyond a pivot of zero all are NaN, which a minimum may pass over
    is_regular = jnp.all(jnp.abs(pivots) > _SINGULAR * jnp.abs(a).max(axis=(0, 1)), axis=0)
    sign = sign * jnp.prod(jnp.sign(pivots), axis=0)
    return jnp.where(is_regular, sign, 0.0), jnp.where(is_regular, _log_size(pivots), -jnp.inf)


@log_determinant.defjvp
def _log_determinant_jvp(primals, tangents):
    (a,), (change,) = primals, tangents
    sign, log = log_determinant(a)
    slope = jnp.where(sign == 0, 0.0, inverse(a))
    return (sign, log), (jnp.zeros_like(sign), jnp.einsum("ij...,ji...->...", slope, change))


def inverse(a: Float[Array, "n n *k"]) -> Float[Array, "n n *k"]:
    """Inverses of regular matrices."""
    return jnp.swapaxes(jax.grad(lambda a: _log_size(_eliminated(a)[0]).sum())(a), 0, 1)


def _log_size(pivots: Float[Array, " n *k"]) -> Float[Array, "*k"]:
    return jnp.log(jnp.abs(pivots)).sum(axis=0)


def _eliminated(a: Float[Array, "n n *k"]) -> tuple[Float[Array, " n *k"], Float[Array, "*k"]]:
    """(pivots, sign of the exchanges of rows): the largest element of the first column is the next pivot."""
    pivots, sign = [], jnp.ones(a.shape[2:], a.dtype)
    while len(a) > 1:
        size = jnp.abs(jax.lax.stop_gradient(a[:, 0]))
        is_pivot = size == size.max(axis=0)
        is_pivot = (is_pivot & (jnp.cumsum(is_pivot, axis=0) == 1)).astype(a.dtype)
        row = jnp.sum(is_pivot[:, None] * a, axis=0)
        sign = sign * (2 * is_pivot[0] - 1)
        pivots.append(row[0])
        # the first row takes the place of the pivot's
        rest = a[1:] + is_pivot[1:, None] * (a[0] - row)
        a = rest[:, 1:] - (rest[:, 0] / row[0])[:, None] * row[1:]
    return jnp.stack([*pivots, a[0, 0]]), sign
