"""Operations on channel-last fields [*grid, *rows, c] that say where `vmap` keeps the samples of a batch.

    pointwise(x, W)   y(r) = x(r) W      one flat product; the batch stays where it is
    shifted(x, b)     y(r) = x(r) + b    the batch stays where it is
    batch_as_rows(x)  y(r) = x(r)        the batch becomes rows: the axis before the channels

By JAX's own rules a batch goes to the front, where a transform along the grid is many small products, and a gradient of
weights contracts two axes at once, for which XLA on a CPU first copies x into another order: 2-5 times slower. With the
batch as rows, a transform along the first axis is one product for all samples. `rowwise` makes such an operation of a
plain function, which stays its meaning under every other transformation.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Hashable

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float

Setting = Hashable  # of an operation: known when it is compiled


def rowwise(plain: Callable[..., Array], *, move: bool = True) -> Callable[..., Array]:
    """`plain(x, *weights, *, settings)` as one operation: a mapped axis of x is one more axis of rows.

    plain: defined for any axes of rows before the last one, the same for each row; they stay before the last one.
    move: the mapped axis goes before the channels; otherwise it stays where it is. Mapped weights: a plain `vmap`.
    """
    primitive = _primitive(plain, move)

    def derivative(
        values: tuple[Array, ...], tangents: tuple[Array | ad.Zero, ...], **chosen: Setting
    ) -> tuple[Array, Array]:
        moving = [i for i, tangent in enumerate(tangents) if not isinstance(tangent, ad.Zero)]

        def moved(*some: Array) -> Array:
            every = dict(enumerate(values)) | dict(zip(moving, some))
            return plain(*every.values(), **chosen)

        return jax.jvp(moved, [values[i] for i in moving], [tangents[i] for i in moving])

    ad.primitive_jvps[primitive] = derivative
    return primitive.bind


def adjoint(one: Callable[..., Array], other: Callable[..., Array]) -> tuple[Callable[..., Array], ...]:
    """Two linear maps x -> M x and y -> M^T y of the same settings as operations: each is the gradient of the other.

    JAX would derive M^T from M with the axes in an order that costs a copy.
    """
    pair = [_primitive(plain, move=True) for plain in (one, other)]
    for primitive, transpose in zip(pair, reversed(pair)):
        ad.deflinear(primitive, functools.partial(_transposed, transpose))
    return tuple(primitive.bind for primitive in pair)


def _transposed(primitive: Primitive, cotangent: Array, **chosen: Setting) -> list[Array]:
    return [primitive.bind(cotangent, **chosen)]


def _primitive(plain: Callable[..., Array], move: bool) -> Primitive:
    """Shape, code and batching of `plain`; how it is differentiated is still to be said."""
    settings = [p.name for p in inspect.signature(plain).parameters.values() if p.kind is p.KEYWORD_ONLY]
    primitive = Primitive(plain.__name__)

    def shape(*values: ShapedArray, **chosen: Setting) -> ShapedArray:
        out = jax.eval_shape(lambda *v: plain(*v, **chosen), *values)
        return ShapedArray(out.shape, out.dtype)

    def batch(
        values: tuple[Array, ...], axes: tuple[int, *tuple[int | None, ...]], **chosen: Setting
    ) -> tuple[Array, int]:
        (x, *weights), (axis, *others) = values, axes
        if any(other is not None for other in others):
            return jax.vmap(lambda *v: plain(*v, **chosen), in_axes=axes)(*values), 0
        place = x.ndim - 2 if move else min(axis, x.ndim - 2)
        y = primitive.bind(jnp.moveaxis(x, axis, place), *weights, **chosen)
        return y, place + y.ndim - x.ndim

    primitive.def_impl(jax.jit(plain, static_argnames=settings))
    primitive.def_abstract_eval(shape)
    mlir.register_lowering(primitive, mlir.lower_fun(plain, multiple_results=False))
    batching.primitive_batchers[primitive] = batch
    return primitive


def product(x: Float[Array, "*points c_in"], weight: Float[Array, "c_in c_out"]) -> Float[Array, "*points c_out"]:
    """The plain twin of `pointwise`."""
    return (x.reshape(-1, x.shape[-1]) @ weight).reshape(*x.shape[:-1], weight.shape[-1])


def plus(x: Float[Array, "*points c"], bias: Float[Array, " c"]) -> Float[Array, "*points c"]:
    """The plain twin of `shifted`."""
    return x + bias


def identity(x: Array) -> Array:
    """The plain twin of `batch_as_rows`."""
    return x


pointwise, shifted = rowwise(product, move=False), rowwise(plus, move=False)
batch_as_rows = rowwise(identity)
