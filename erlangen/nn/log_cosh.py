"""log cosh of real and complex arguments, the activation of neural quantum states."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

_BLOCK = 16
"""Factors multiplied before one logarithm is taken: |cosh| e^-|a| lies in [0, 1], so that 16 of them never overflow."""


@jax.custom_jvp
def log_cosh(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """log cosh x without overflow."""
    x = jnp.abs(x)
    return x + jnp.log1p(jnp.exp(-2 * x)) - math.log(2)


@log_cosh.defjvp
def _log_cosh_jvp(primals, tangents):
    return log_cosh(*primals), jnp.tanh(*primals) * tangents[0]


def log_product_cosh(a: Float[Array, " n"], b: Float[Array, " n"]) -> Complex[Array, ""]:
    """sum_k log cosh(a_k + i b_k), up to a multiple of 2 pi i, in real arithmetic.

        cosh(a + ib) = e^|a| [ (1 + e^-2|a|) / 2 cos b + i sign(a) (1 - e^-2|a|) / 2 sin b ]

    Faster on CPUs than the sum of complex logarithms: XLA's complex and trigonometric functions of float64 are not
    vectorised there, and logarithm and angle are taken once per 16 factors.
    """
    size = jnp.abs(a)
    small = jnp.exp(-2 * size)
    sine, cosine = sincos(b)
    real, imaginary = (0.5 + 0.5 * small) * cosine, jnp.sign(a) * (0.5 - 0.5 * small) * sine
    rest = -len(a) % _BLOCK
    real, imaginary = _product(
        jnp.pad(real, (0, rest), constant_values=1).reshape(_BLOCK, -1),
        jnp.pad(imaginary, (0, rest)).reshape(_BLOCK, -1),
    )
    modulus = size.sum() + 0.5 * jnp.log(real**2 + imaginary**2).sum()
    return jax.lax.complex(modulus, jnp.arctan2(imaginary, real).sum())


def log_sum_product_cosh(a: Float[Array, "n terms"], b: Float[Array, "n terms"]) -> Complex[Array, ""]:
    """log sum_t prod_k cosh(a_kt + i b_kt), with one logarithm for the whole sum: n up to some hundred.

    e^-|a| is taken out of every factor and put back for each term, relative to the largest one.
    """
    size = jnp.abs(a)
    small = jnp.exp(-2 * size)
    sine, cosine = sincos(b)
    real, imaginary = _product((1 + small) * cosine, jnp.sign(a) * (1 - small) * sine)
    total = size.sum(axis=0)
    largest = jax.lax.stop_gradient(jnp.max(total))
    scale = jnp.exp(total - largest)
    x, y = jnp.sum(scale * real), jnp.sum(scale * imaginary)
    modulus = largest - len(a) * math.log(2) + 0.5 * jnp.log(x**2 + y**2)
    return jax.lax.complex(modulus, jnp.arctan2(y, x))


def _product(
    real: Float[Array, "n terms"], imaginary: Float[Array, "n terms"]
) -> tuple[Float[Array, " terms"], Float[Array, " terms"]]:
    """Of complex numbers along the first axis, by halves."""
    while len(real) > 1:
        if len(real) % 2:
            real = jnp.concatenate([real, jnp.ones_like(real[:1])])
            imaginary = jnp.concatenate([imaginary, jnp.zeros_like(imaginary[:1])])
        half = len(real) // 2
        x, y, u, v = real[:half], imaginary[:half], real[half:], imaginary[half:]
        real, imaginary = x * u - y * v, x * v + y * u
    return real[0], imaginary[0]


def tanh(a: Float[Array, "..."], b: Float[Array, "..."]) -> Complex[Array, "..."]:
    """tanh(a + ib), the derivative of log cosh, in real arithmetic.

    tanh(a + ib) = (sinh 2a + i sin 2b) / (cosh 2a + cos 2b), both sides of the fraction times e^-2|a|
    """
    small = jnp.exp(-2 * jnp.abs(a))
    sine, cosine = sincos(b)
    below = 0.5 * (1 - small) ** 2 + 2 * small * cosine**2
    real, imaginary = 0.5 * jnp.sign(a) * (1 - small**2), 2 * small * sine * cosine
    return jax.lax.complex(real / below, imaginary / below)


@jax.custom_jvp
def sincos(x: Float[Array, "..."]) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """(sin x, cos x) by Taylor polynomials after reduction to |r| <= pi/4; error below 1e-15 for |x| < 1e4."""
    quarter = jnp.round(x * (2 / math.pi))
    # pi/2 in two parts, so that the reduction loses no digits
    r = (x - quarter * 1.57079632673412561417e00) - quarter * 6.07710050650619224932e-11
    square = r * r
    sine, cosine = jnp.ones_like(r), jnp.ones_like(r)
    for n in range(16, 0, -2):
        sine = 1 - square / (n * (n + 1)) * sine
        cosine = 1 - square / (n * (n - 1)) * cosine
    sine = r * sine
    turn = quarter.astype(jnp.int32) & 3
    odd = (turn & 1) == 1
    sign_sine = jnp.where(turn >= 2, -1, 1).astype(r.dtype)
    sign_cosine = jnp.where((turn == 1) | (turn == 2), -1, 1).astype(r.dtype)
    return sign_sine * jnp.where(odd, cosine, sine), sign_cosine * jnp.where(odd, sine, cosine)


@sincos.defjvp
def _sincos_jvp(primals, tangents):
    sine, cosine = sincos(*primals)
    (dx,) = tangents
    return (sine, cosine), (cosine * dx, -sine * dx)
