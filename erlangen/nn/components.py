"""Features by degree, and their products as products of matrices.

Equivariant features are held as {l: [n, 2l+1, channels]}. A linear map of channels is then one product for all
components, and a Clebsch-Gordan product of two degrees is their outer product times one constant matrix. Derivatives
of any order are couplings again, with the axes of the table exchanged:

    z_m = sum_ab T_mab x_a y_b,        x'_a = sum_mb T_mab z'_m y_b,        y'_b = sum_am T_mab x_a z'_m

so that nothing is written out term by term, and programs stay small and compile fast; the sums over components that
JAX would derive instead are slow on a CPU. `nn.tensor_product` is the plain twin.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float

from .matrix_product import in_front, product
from .tensor_product import Path, coupling_table

Components = Mapping[int, Float[Array, "n m channels"]]
Order = tuple[int, int, int]  # which axes (m, a, b) of the table belong to the result, the first and the second factor
couple_p = Primitive("couple")


def coupled(x: Float[Array, "*any a c"], y: Float[Array, "*any b c"], degrees: Sequence[int]) -> list[Array]:
    """[x X y]_l for every l of `degrees`: z_m = sqrt(2l + 1) sum_ab C_abm x_a y_b, shape [*any, 2l+1, c].

    The degrees of x and y follow from their shapes; those of the results have the parity of their sum. Leading axes
    are the same; the last one too.
    """
    path = (x.shape[-2] // 2, y.shape[-2] // 2, tuple(degrees))
    parts = couple_p.bind(x, y, path=path, order=(0, 1, 2))
    return jnp.split(parts, np.cumsum([2 * l + 1 for l in degrees])[:-1].tolist(), axis=-2)


def scaled(weight: Float[Array, "*any c"], x: Float[Array, "*any m c"]) -> Float[Array, "*any m c"]:
    """weight * x, the same factor for all components."""
    return coupled(weight[..., None, :], x, (x.shape[-2] // 2,))[0]


def scalars(x: Components) -> Float[Array, "n channels"]:
    """The features of degree 0, without the axis of components."""
    return jnp.squeeze(x[0], 1)


def inner(x: Float[Array, "*any m c"], y: Float[Array, "*any m c"]) -> Float[Array, "*any c"]:
    """sum_m x_m y_m."""
    return x.shape[-2] ** 0.5 * jnp.squeeze(coupled(x, y, (0,))[0], -2)


def contracted(y: Float[Array, "*any b"], path: Path) -> Float[Array, "*any m a"]:
    """G_ma = sqrt(2 l3 + 1) sum_b C_abm y_b for path = (l1, l2, l3): a product with y as a matrix on degree l1."""
    return jnp.tensordot(y, jnp.asarray(coupling_table(*path).transpose(1, 2, 0), y.dtype), 1)


def total(terms: Sequence[Array]) -> Array:
    """The sum of arrays."""
    return sum(terms[1:], terms[0])


@functools.cache
def _table(l1: int, l2: int, degrees: tuple[int, ...]) -> np.ndarray:
    """T [m of all degrees, a, b]."""
    return np.concatenate([coupling_table(l1, l2, l).transpose(2, 0, 1) for l in degrees])


def _couple(x: Array, y: Array, *, path: tuple[int, int, tuple[int, ...]], order: Order) -> Array:
    table = _table(*path).transpose(order)
    if 1 in table.shape:  # a number among them: T is a multiple of the unit matrix
        both = float(table.ravel()[0]) * x * y
        return both if table.shape[0] > 1 or both.shape[-2] == 1 else total(jnp.split(both, both.shape[-2], -2))
    outer = x[..., :, None, :] * y[..., None, :, :]
    pairs = outer.reshape(*outer.shape[:-3], -1, outer.shape[-1])
    return product(jnp.asarray(table.reshape(len(table), -1), outer.dtype), pairs)


def _shape(x: Any, y: Any, *, path: tuple[int, int, tuple[int, ...]], order: Order) -> ShapedArray:
    count = _table(*path).transpose(order).shape[0]
    return ShapedArray((*x.shape[:-2], count, x.shape[-1]), jnp.result_type(x, y))


def _transpose(cotangent: Any, x: Any, y: Any, *, path: Any, order: Order) -> tuple[Any, Any]:
    out, left, right = order
    if ad.is_undefined_primal(x):
        if isinstance(cotangent, ad.Zero):
            return ad.Zero(x.aval), None
        return couple_p.bind(cotangent, y, path=path, order=(left, out, right)), None
    if isinstance(cotangent, ad.Zero):
        return None, ad.Zero(y.aval)
    return None, couple_p.bind(x, cotangent, path=path, order=(right, left, out))


couple_p.def_impl(_couple)
couple_p.def_abstract_eval(_shape)
ad.defjvp(
    couple_p,
    lambda t, x, y, **chosen: couple_p.bind(t, y, **chosen),
    lambda t, x, y, **chosen: couple_p.bind(x, t, **chosen),
)
ad.primitive_transposes[couple_p] = _transpose
batching.primitive_batchers[couple_p] = lambda values, axes, **chosen: (
    couple_p.bind(*in_front(values, axes), **chosen),
    0,
)
mlir.register_lowering(couple_p, mlir.lower_fun(_couple, multiple_results=False))
