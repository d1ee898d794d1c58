"""A matrix at every point of a field, kept as one flat product under `vmap` and `grad`.

    y(r) = x(r) W,     dL/dW = sum_r x(r)^T dL/dy(r)

Written as `x @ W` and mapped over samples, the gradient contracts two axes at once, for which XLA on a CPU first copies
x into another order: 2-5 times slower. As an operation of its own, samples and points stay the rows of one matrix.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float

_pointwise = Primitive("pointwise")


def pointwise(x: Float[Array, "*points c_in"], weight: Float[Array, "c_in c_out"]) -> Float[Array, "*points c_out"]:
    """x @ weight at every point; x and weight have one dtype."""
    return _pointwise.bind(x, weight)


def product(x: Array, weight: Array) -> Array:
    """The plain twin of `pointwise`."""
    return (x.reshape(-1, x.shape[-1]) @ weight).reshape(*x.shape[:-1], weight.shape[-1])


def _of_batch(values: tuple[Array, Array], axes: tuple[Any, Any]) -> tuple[Array, Any]:
    (x, weight), (x_axis, weight_axis) = values, axes
    if weight_axis is None:
        return _pointwise.bind(jnp.moveaxis(x, x_axis, 0), weight), 0
    return jax.vmap(product, in_axes=axes)(x, weight), 0


def _to_x(cotangent: Array, x: Any, weight: Array) -> Array:
    return _pointwise.bind(cotangent, weight.T)


def _to_weight(cotangent: Array, x: Array, weight: Any) -> Array:
    return x.reshape(-1, x.shape[-1]).T @ cotangent.reshape(-1, cotangent.shape[-1])


_pointwise.def_impl(jax.jit(product))
_pointwise.def_abstract_eval(lambda x, weight: ShapedArray((*x.shape[:-1], weight.shape[-1]), x.dtype))
mlir.register_lowering(_pointwise, mlir.lower_fun(product, multiple_results=False))
ad.defbilinear(_pointwise, _to_x, _to_weight)
batching.primitive_batchers[_pointwise] = _of_batch
