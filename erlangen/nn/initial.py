"""Initial weights, and the keys they are drawn from: the bits of `jax.random`, in a few programs for all shapes.

Outside of compiled code JAX compiles a draw anew for every shape, tenths of a second each, and a network has dozens of
shapes. A random bit depends only on the key and on its place in the flat array (JAX's "partitionable" threefry):
drawn are arrays of a few round lengths, cut, shaped and scaled on the host. Inside of compiled code it is `jax.random`.
"""

from __future__ import annotations

import math

import jax
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, PRNGKeyArray

ROUND = 4096  # numbers, and four times as many, and so on
SPLITS = 64  # keys


def normal(
    key: PRNGKeyArray,
    shape: tuple[int, ...],
    scale: float = 1.0,
    *,
    over: float = 1.0,
    mean: Float[np.ndarray, "..."] | float = 0.0,
) -> Float[Array, "..."]:
    """Of float32: `jax.random.normal(key, shape) * scale / over + mean`."""
    if isinstance(key, Tracer) or not _partitionable():
        return jax.random.normal(key, shape, np.float32) * scale / over + np.asarray(mean, np.float32)
    count, length = math.prod(shape), ROUND
    while length < count:
        length *= 4
    drawn = np.asarray(jax.random.normal(key, (length,), np.float32))[:count]
    # XLA divides an array by a number as a product with its inverse
    scaled = (drawn * np.float32(scale) * (np.float32(1) / np.float32(over))).reshape(shape)
    return jax.device_put(scaled + np.asarray(mean, np.float32))


def zeros(shape: tuple[int, ...] | int) -> Float[Array, "..."]:
    """float32, as they are on the host."""
    return jax.device_put(np.zeros(shape, np.float32))


def split(key: PRNGKeyArray, count: int = 2) -> list[PRNGKeyArray]:
    """`jax.random.split` as a list."""
    if isinstance(key, Tracer) or not _partitionable():
        return list(jax.random.split(key, count))
    many = jax.random.split(key, SPLITS * -(-count // SPLITS))
    rows = np.asarray(jax.random.key_data(many))[:count]
    return [jax.random.wrap_key_data(row, impl=jax.random.key_impl(key)) for row in rows]


def _partitionable() -> bool:
    return bool(jax.config.jax_threefry_partitionable)  # type: ignore[attr-defined]
