"""Initial weights are the bits of `jax.random`, in and out of compiled code, from a few programs."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.methods.message_passing.mace import MACE
from erlangen.methods.message_passing.painn import PaiNN
from erlangen.nn import initial
from erlangen.nn.initial import SPLITS, normal, split, zeros

KEY = jax.random.key(7)


@pytest.mark.parametrize("shape", [(), (1,), (64, 64), (3, 5, 7), (70, 70), (4096,), (4097,), (2, 129, 65)])
def test_draws_are_those_of_jax(shape):
    found = normal(KEY, shape, 0.3)
    np.testing.assert_array_equal(found, jax.random.normal(KEY, shape, jnp.float32) * 0.3)
    assert found.dtype == jnp.float32
    if found.size > 1:
        divided = jax.random.normal(KEY, shape, jnp.float32) / 7**0.5
        np.testing.assert_array_equal(normal(KEY, shape, over=7**0.5), divided)


def test_draws_about_a_mean():
    mean = np.array([[0.0], [1.0]])
    expected = jax.random.normal(KEY, (2, 5), jnp.float32).at[1].add(1.0)
    np.testing.assert_array_equal(normal(KEY, (2, 5), mean=mean), expected)


@pytest.mark.parametrize("count", [1, 2, 3, SPLITS, SPLITS + 1, 3 * SPLITS])
def test_keys_are_those_of_jax(count):
    expected = jax.random.key_data(jax.random.split(KEY, count))
    np.testing.assert_array_equal([jax.random.key_data(k) for k in split(KEY, count)], expected)


def test_compiled_and_mapped_they_are_the_same():
    keys = jax.random.split(KEY, 4)
    inside = jax.jit(jax.vmap(lambda k: normal(split(k, 3)[1], (5, 6))))(keys)
    np.testing.assert_array_equal(inside, [normal(split(k, 3)[1], (5, 6)) for k in keys])
    assert not np.any(zeros((3, 4))) and zeros(3).dtype == jnp.float32


@pytest.mark.parametrize("method", [PaiNN(channels=8, layers=2), MACE(channels=8, density=2)])
def test_networks_start_with_the_weights_that_jax_draws(method, monkeypatch):
    found = jax.tree.leaves(method.build(3, 8.0, key=KEY))
    monkeypatch.setattr(initial, "_partitionable", lambda: False)  # every draw and split by `jax.random` itself
    for one, expected in zip(found, jax.tree.leaves(method.build(3, 8.0, key=KEY)), strict=True):
        np.testing.assert_array_equal(one, expected)
