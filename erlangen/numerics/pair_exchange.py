"""Values of atoms carried to the pairs that they send to, and back, without a scatter in any derivative.

Pairs (i, k) lie in rows by receiver i. In a symmetric list every pair has its reverse, the same atoms with their roles
exchanged; `reverse[i, k] = j K + k'` is its flat place. This map is its own inverse, hence

    send:     y[i, k] = x[j],                       j = reverse[i, k] // K
    collect:  x[j]    = sum_k' y[reverse[j, k']]

are each other's transpose, exactly and with sums in a fixed order. Both are linear, so derivatives of any order are
again made of these two. The transpose that JAX would find itself is a scatter, which a GPU sums in an order that
changes from run to run; `benchmarks/atoms_scaling.py` times both (on a CPU the scatter is as fast or faster).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float, Int

UNROLLED = 16  # columns of a sum that are added in one loop: between one by one and all, which takes long to compile

Tangent = Array | ad.Zero
send_p, collect_p = Primitive("send_to_pairs"), Primitive("collect_from_pairs")


def send(x: Float[Array, " n *features"], reverse: Int[Array, "n K"]) -> Float[Array, "n K *features"]:
    """Features of the sender of every pair."""
    return send_p.bind(x, reverse, n_batch=0)


def collect(y: Float[Array, "n K *features"], reverse: Int[Array, "n K"]) -> Float[Array, " n *features"]:
    """For every atom the sum over the pairs in which it is the sender."""
    return collect_p.bind(y, reverse, n_batch=0)


def _flat(reverse: Array, n_batch: int) -> Array:
    """The places of the reverse pairs in the rows of all members of a batch, one below the other."""
    size = math.prod(reverse.shape[n_batch:])
    members = math.prod(reverse.shape[:n_batch])
    offsets = jnp.arange(members, dtype=reverse.dtype)[:, None] * size
    return (reverse.reshape(members, size) + offsets).ravel()


def _send(x: Array, reverse: Array, *, n_batch: int) -> Array:
    places, k = _flat(reverse, n_batch), reverse.shape[-1]
    features = x.shape[n_batch + 1 :]
    rows = x.reshape(-1, math.prod(features)).at[places // k].get(mode="promise_in_bounds")
    return rows.reshape(*reverse.shape, *features)


def _collect(y: Array, reverse: Array, *, n_batch: int) -> Array:
    features = y.shape[n_batch + 2 :]
    rows = y.reshape(-1, math.prod(features)).at[_flat(reverse, n_batch)].get(mode="promise_in_bounds")
    return jnp.sum(rows.reshape(*reverse.shape, *features), n_batch + 1)


def _collect_on_cpu(y: Array, reverse: Array, *, n_batch: int) -> Array:
    """The same sum column by column: whole rows are added, where XLA's fused loop would walk across them."""
    k, features = reverse.shape[-1], y.shape[n_batch + 2 :]
    rows, columns = y.reshape(-1, math.prod(features)), _flat(reverse, n_batch).reshape(-1, k).T
    step = next((c for c in range(min(k, UNROLLED), 0, -1) if k % c == 0), 1)

    def add(i: Array, total: Array) -> Array:
        for column in jax.lax.dynamic_slice_in_dim(columns, i * step, step):
            total = total + rows.at[column].get(mode="promise_in_bounds")
        return total

    start = jnp.zeros((columns.shape[1], rows.shape[1]), y.dtype)
    total = add(jnp.int32(0), start) if step == k else jax.lax.fori_loop(0, k // step, add, start)
    return total.reshape(*reverse.shape[:-1], *features)


def _define(primitive: Primitive, other: Primitive, plain: Callable[..., Array], n_own: int) -> None:
    """Shape, derivative, transpose (`other`), batching and code of one of the two; `n_own`: axes before features."""

    def jvp(primals: tuple[Array, Array], tangents: tuple[Tangent, ad.Zero], *, n_batch: int) -> tuple[Array, Tangent]:
        (x, reverse), t = primals, tangents[0]
        y = primitive.bind(x, reverse, n_batch=n_batch)
        if isinstance(t, ad.Zero):
            return y, ad.Zero(jax.typeof(y).to_tangent_aval())
        return y, primitive.bind(t, reverse, n_batch=n_batch)

    def transpose(cotangent: Tangent, x: ad.UndefinedPrimal, reverse: Array, *, n_batch: int) -> tuple[Tangent, None]:
        if isinstance(cotangent, ad.Zero):
            return ad.Zero(x.aval), None
        return other.bind(cotangent, reverse, n_batch=n_batch), None

    def batch(values: tuple[Array, Array], axes: tuple[Any, int | None], *, n_batch: int) -> tuple[Array, int]:
        (x, reverse), (at_x, at_reverse) = values, axes
        if at_reverse is None:  # one list for all members: they are so many more features
            last = x.ndim - 1
            y = primitive.bind(jnp.moveaxis(x, at_x, last), reverse, n_batch=n_batch)
            return y, y.ndim - 1
        reverse = jnp.moveaxis(reverse, at_reverse, 0)
        if at_x is None:
            x = jnp.broadcast_to(x, (len(reverse), *x.shape))
        else:
            x = jnp.moveaxis(x, at_x, 0)
        return primitive.bind(x, reverse, n_batch=n_batch + 1), 0

    def shape(x: ShapedArray, reverse: ShapedArray, *, n_batch: int) -> ShapedArray:
        lead = reverse.shape if primitive is send_p else reverse.shape[:-1]
        return x.update(shape=(*lead, *x.shape[n_batch + n_own :]), weak_type=False)

    primitive.def_impl(lambda x, reverse, *, n_batch: plain(x, reverse, n_batch=n_batch))
    primitive.def_abstract_eval(shape)
    ad.primitive_jvps[primitive] = jvp
    ad.primitive_transposes[primitive] = transpose
    batching.primitive_batchers[primitive] = batch
    mlir.register_lowering(primitive, mlir.lower_fun(plain, multiple_results=False))


_define(send_p, collect_p, _send, n_own=1)
_define(collect_p, send_p, _collect, n_own=2)
mlir.register_lowering(collect_p, mlir.lower_fun(_collect_on_cpu, multiple_results=False), platform="cpu")
