"""Linear maps and small perceptrons that act on the last axis, whatever stands before it."""

from __future__ import annotations

import equinox as eqx
import jax
from jaxtyping import Array, Float, PRNGKeyArray

from .initial import normal, split, zeros
from .matrix_product import product

SILU = 1.6765  # 1 / rms of x sigmoid(x) for x ~ N(0, 1)


def silu(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """x sigmoid(x), scaled such that the output has unit second moment for x ~ N(0, 1)."""
    return jax.nn.silu(x) * SILU


def mapped(x: Float[Array, "*any n_in"], weight: Float[Array, "n_in n_out"]) -> Float[Array, "*any n_out"]:
    """x W on the last axis, as one product of matrices, also for a batch."""
    return product(x.reshape(-1, x.shape[-1]), weight).reshape(*x.shape[:-1], weight.shape[-1])


class Linear(eqx.Module):
    """y = x W + b on the last axis; W ~ N(0, gain^2 / n_in), b = 0. float32.

    Without bias it may act on the channels of vectors [..., 3, channels] and stays equivariant.
    """

    weight: Float[Array, "n_in n_out"]
    bias: Float[Array, " n_out"] | None

    def __init__(self, n_in: int, n_out: int, *, bias: bool = True, gain: float = 1.0, key: PRNGKeyArray):
        self.weight = normal(key, (n_in, n_out), gain / n_in**0.5)
        self.bias = zeros(n_out) if bias else None

    def __call__(self, x: Float[Array, "*any n_in"]) -> Float[Array, "*any n_out"]:
        y = mapped(x, self.weight)
        return y if self.bias is None else y + self.bias


class Perceptron(eqx.Module):
    """y = silu(x W1 + b1) W2 + b2: one hidden layer."""

    inner: Linear
    outer: Linear

    def __init__(self, n_in: int, hidden: int, n_out: int, *, gain: float = 1.0, key: PRNGKeyArray):
        first, second = split(key)
        self.inner = Linear(n_in, hidden, key=first)
        self.outer = Linear(hidden, n_out, gain=gain, key=second)

    def __call__(self, x: Float[Array, "*any n_in"]) -> Float[Array, "*any n_out"]:
        return self.outer(silu(self.inner(x)))
