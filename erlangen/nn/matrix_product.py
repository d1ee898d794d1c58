"""Products of small matrices, one per atom or pair, whose derivatives are such products again, in the order at hand.

    (A B)_ij = sum_k A_ik B_kj,      gradients:  A' = C' B^T,   B' = A^T C'

The gradient that JAX derives for B is (C'^T A)^T: as its last step a large array is turned around.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float

product_p = Primitive("matrix_product")


def product(a: Float[Array, "*any i k"], b: Float[Array, "*any k j"]) -> Float[Array, "*any i j"]:
    """A B; axes before the last two are broadcast as by `jnp.matmul`."""
    lead = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return product_p.bind(*(jnp.broadcast_to(x, (*lead, *x.shape[-2:])) for x in (a, b)))


def _turned(x: Array) -> Array:
    return jnp.swapaxes(x, -1, -2)


def _transpose(cotangent: Any, a: Any, b: Any) -> tuple[Any, Any]:
    if ad.is_undefined_primal(a):
        return (ad.Zero(a.aval) if isinstance(cotangent, ad.Zero) else product_p.bind(cotangent, _turned(b))), None
    return None, (ad.Zero(b.aval) if isinstance(cotangent, ad.Zero) else product_p.bind(_turned(a), cotangent))


def in_front(values: Sequence[Array], axes: Sequence[int | None]) -> list[Array]:
    """All with the mapped axis as their first."""
    size = next(x.shape[axis] for x, axis in zip(values, axes, strict=True) if axis is not None)
    return [
        jnp.broadcast_to(x, (size, *x.shape)) if axis is None else jnp.moveaxis(x, axis, 0)
        for x, axis in zip(values, axes, strict=True)
    ]


def _batch(values: Sequence[Array], axes: Sequence[int | None]) -> tuple[Array, int]:
    a, b = values
    if axes[1] is None and b.ndim == 2:  # one matrix for all: still one product, of more rows
        a = jnp.moveaxis(a, axes[0] or 0, 0)
        return product_p.bind(a.reshape(-1, a.shape[-1]), b).reshape(*a.shape[:-1], b.shape[-1]), 0
    return product_p.bind(*in_front(values, axes)), 0


product_p.def_impl(jnp.matmul)
product_p.def_abstract_eval(lambda a, b: ShapedArray((*a.shape[:-1], b.shape[-1]), jnp.result_type(a, b)))
ad.defjvp(product_p, lambda t, a, b: product_p.bind(t, b), lambda t, a, b: product_p.bind(a, t))
ad.primitive_transposes[product_p] = _transpose
batching.primitive_batchers[product_p] = _batch
mlir.register_lowering(product_p, mlir.lower_fun(jnp.matmul, multiple_results=False))
