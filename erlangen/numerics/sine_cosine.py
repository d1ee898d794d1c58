"""Sine and cosine transforms: the Fourier analysis of fields between walls, on nodes x_j = j / N, j = 0 ... N.

    u(0) = u(1) = 0       u(x) = sum_k u_k sqrt2 sin(pi k x),   k = 1 ... N - 1      (interior nodes only)
    u'(0) = u'(1) = 0     u(x) = sum_k u_k c_k cos(pi k x),     k = 0 ... N          (walls included)

with c_0 = 1, c_k = sqrt2: both bases are orthonormal on [0, 1], so that coefficients belong to the function and not to
the grid. An odd or even extension to [-1, 1) makes either a Fourier series; what commutes with the reflections of the
square is therefore diagonal here. Source: Strang 1999, doi:10.1137/S0036144598336745 (types DST-I and DCT-I).
"""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


def sines(n: int, modes: int) -> np.ndarray:
    """[n, modes]: sqrt2 sin(pi k x_j) on n nodes, walls included, k = 1 ... modes."""
    return math.sqrt(2) * np.sin(np.pi * np.outer(np.linspace(0, 1, n), np.arange(1, modes + 1)))


def cosines(n: int, modes: int) -> np.ndarray:
    """[n, modes]: c_k cos(pi k x_j) on n nodes, walls included, k = 0 ... modes - 1."""
    k = np.arange(modes)
    return np.where(k > 0, math.sqrt(2), 1.0) * np.cos(np.pi * np.outer(np.linspace(0, 1, n), k))


def weights(n: int) -> np.ndarray:
    """[n]: the trapezoidal rule, in which the lowest n - 2 sines and n - 1 cosines are orthonormal on the nodes."""
    return np.where(np.arange(n) % (n - 1) == 0, 0.5, 1.0) / (n - 1)


def sine_transform(u: Float[Array, "*batch n"]) -> Float[Array, "*batch n"]:
    """sqrt(2 / N) sum_j u_j sin(pi j k / N) along the last axis, N = n + 1: orthogonal, and its own inverse.

    u holds interior nodes only. By a fast transform of the odd extension.
    """
    n = u.shape[-1]
    wall = jnp.zeros((*u.shape[:-1], 1), u.dtype)
    odd = jnp.concatenate([wall, u, wall, -u[..., ::-1]], axis=-1)
    return -jnp.fft.rfft(odd).imag[..., 1 : n + 1] / math.sqrt(2 * (n + 1))


def sine_transform_2d(u: Float[Array, "x y"]) -> Float[Array, "y x"]:
    """Both axes, and the axes exchanged: once more is the identity. Each pass runs along contiguous memory."""
    return sine_transform(sine_transform(u).T)
