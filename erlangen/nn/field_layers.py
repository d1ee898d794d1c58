"""Layers of networks on periodic fields: a perceptron at every point, a stencil per channel, blocks of points.

    perceptron   y(r) = W sigma(V x(r) + b) + d
    stencil      y_c(r) = sum_|delta_a| <= reach  w_c,delta  x_c(r + delta)      (depthwise: channels stay apart)
    coarsen      2^d points become one, their channels side by side;  refine is its inverse

A dense 3x3 convolution is the slowest layer that a CPU runs; a stencil and a product at every point do the same in
fused passes. Stencils commute with every shift of the grid, blocks with shifts by whole blocks only.
"""

from __future__ import annotations

import itertools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from .initial import normal, split, zeros
from .rows import pointwise, shifted

LARGEST_EXPONENT = 60.0  # of `gelu`, where its value is below 1e-25; e^60 and its square are numbers of float32


def gelu(x: Array) -> Array:
    """x / (1 + exp(-2 sqrt(2 / pi) (x + 0.044715 x^3))): the usual GELU (by tanh; Hendrycks and Gimpel 2016,
    arXiv:1606.08415) in a form that ends with a division: XLA would compute the last product of the other anew, from
    three arrays, for each layer that reads it.
    """
    inner = -2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    return x / (1 + jnp.exp(jnp.minimum(inner, LARGEST_EXPONENT)))


class FieldPerceptron(eqx.Module):
    """x [*grid, c_in] -> [*grid, c_out], with `hidden` channels between; sigma is GELU. `linear.Perceptron` for fields:
    samples and points stay the rows of one matrix. White input of unit spread gives an output of about `scale`.
    """

    first: Float[Array, "c_in hidden"]
    bias: Float[Array, " hidden"]
    second: Float[Array, "hidden c_out"]
    shift: Float[Array, " c_out"]

    def __init__(self, c_in: int, hidden: int, c_out: int, *, scale: float = 1.0, key: PRNGKeyArray):
        one, two = split(key)
        self.first = normal(one, (c_in, hidden), over=math.sqrt(c_in))
        self.bias = zeros(hidden)
        self.second = normal(two, (hidden, c_out), scale / math.sqrt(hidden))
        self.shift = zeros(c_out)

    def __call__(self, x: Float[Array, "*grid c_in"]) -> Float[Array, "*grid c_out"]:
        hidden = gelu(shifted(pointwise(x, self.first), self.bias))
        return shifted(pointwise(hidden, self.second), self.shift)


class Stencil(eqx.Module):
    """One weight per channel and neighbour [(2 reach + 1)^d, c]; starts near the identity."""

    weight: Float[Array, "neighbours c"]
    reach: int = eqx.field(static=True)

    def __init__(self, channels: int, axes: int, *, reach: int = 1, key: PRNGKeyArray):
        self.reach = reach
        count = (2 * reach + 1) ** axes
        same = np.eye(1, count, count // 2).T
        self.weight = normal(key, (count, channels), over=math.sqrt(count), mean=same)

    def __call__(self, x: Float[Array, "*grid c"]) -> Float[Array, "*grid c"]:
        return weighted_sum(self.weight, x, self.reach)


def plain_sum(weight: Float[Array, "neighbours c"], x: Float[Array, "*grid c"], reach: int) -> Float[Array, "*grid c"]:
    """The plain twin of `weighted_sum`, which differs from it only in how gradients are taken."""
    return sum((w * window for w, window in zip(weight, _windows(x, reach))), start=jnp.zeros((), x.dtype))


weighted_sum = jax.custom_vjp(plain_sum, nondiff_argnums=(2,))


def _forward(weight: Array, x: Array, reach: int) -> tuple[Array, tuple[Array, Array]]:
    return plain_sum(weight, x, reach), (weight, x)


def _backward(reach: int, saved: tuple[Array, Array], dy: Array) -> tuple[Array, Array]:
    """The adjoint of a stencil is the stencil of opposite offsets: one fused pass, where XLA would add nine fields."""
    weight, x = saved
    lines = [jnp.sum(dy * window, axis=0) for window in _windows(x, reach)]
    dw = jnp.stack([jnp.sum(line.reshape(-1, line.shape[-1]), axis=0) for line in lines])
    return dw, plain_sum(weight[::-1], dy, reach)


weighted_sum.defvjp(_forward, _backward)


def _windows(x: Float[Array, "*grid c"], reach: int) -> list[Float[Array, "*grid c"]]:
    """x(r + delta) for every |delta_a| <= reach, the last axis fastest."""
    grid = x.shape[:-1]
    wide = jnp.pad(x, [(reach, reach)] * len(grid) + [(0, 0)], mode="wrap")
    offsets = itertools.product(range(2 * reach + 1), repeat=len(grid))
    return [wide[tuple(slice(o, o + n) for o, n in zip(offset, grid))] for offset in offsets]


def normalise(x: Float[Array, "*grid c"]) -> Float[Array, "*grid c"]:
    """Channels of each point to mean square 1 (root-mean-square norm: Zhang and Sennrich 2019, arXiv:1910.07467)."""
    return x * jax.lax.rsqrt(jnp.mean(x**2, axis=-1, keepdims=True) + 1e-6)


class StencilBlock(eqx.Module):
    """x -> x + F(norm(stencil(x))), F a perceptron at every point: what a residual pair of convolutions does, in cheap
    passes (ConvNeXt: Liu et al. 2022, arXiv:2201.03545).
    """

    stencil: Stencil
    forward: FieldPerceptron

    def __init__(self, width: int, axes: int, *, expansion: int = 2, scale: float = 0.5, key: PRNGKeyArray):
        stencil, forward = split(key)
        self.stencil = Stencil(width, axes, key=stencil)
        self.forward = FieldPerceptron(width, expansion * width, width, scale=scale, key=forward)

    def __call__(self, x: Float[Array, "*grid c"]) -> Float[Array, "*grid c"]:
        return x + self.forward(normalise(self.stencil(x)))


def coarsen(x: Float[Array, "*grid c"], size: int = 2) -> Float[Array, "*coarse sc"]:
    """Blocks of size^d points as channels, so that a product at every point is a convolution with that stride."""
    *grid, c = x.shape
    d = len(grid)
    split = x.reshape(*(m for n in grid for m in (n // size, size)), c)
    order = (*range(0, 2 * d, 2), *range(1, 2 * d, 2), 2 * d)
    return split.transpose(order).reshape(*(n // size for n in grid), size**d * c)


def refine(x: Float[Array, "*coarse sc"], size: int = 2) -> Float[Array, "*grid c"]:
    """The inverse of `coarsen`."""
    *coarse, channels = x.shape
    d = len(coarse)
    split = x.reshape(*coarse, *([size] * d), channels // size**d)
    order = (*(i for a in range(d) for i in (a, d + a)), 2 * d)
    return split.transpose(order).reshape(*(n * size for n in coarse), channels // size**d)
