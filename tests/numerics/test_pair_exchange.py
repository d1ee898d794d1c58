"""Sending to pairs and collecting from them against plain indexing, whose derivatives JAX finds by itself."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.numerics.pair_exchange import collect, send
from erlangen.numerics.precision import double


def exchange(n, k, seed):
    """A random map of pairs to their reverse, some of them alone."""
    rng = np.random.default_rng(seed)
    order, reverse = rng.permutation(n * k), np.arange(n * k)
    half = n * k // 2 - 3
    reverse[order[:half]], reverse[order[half : 2 * half]] = order[half : 2 * half], order[:half]
    return jnp.asarray(reverse.reshape(n, k), jnp.int32)


def plain(x, reverse):
    return x[reverse // reverse.shape[-1]]


@pytest.fixture(params=[(7, 4, ()), (6, 34, (2, 3))], ids=str)
def case(request):
    n, k, features = request.param
    rng = np.random.default_rng(1)
    with double():
        x, w = jnp.asarray(rng.normal(size=(n, *features))), jnp.asarray(rng.normal(size=(n, k, *features)))
        yield x, w, exchange(n, k, 0)


def energy(take, x, w, reverse):
    return jnp.sum(jnp.sin(w * jnp.tanh(take(x, reverse)) + x[:, None]))


def test_values_and_all_derivatives_are_those_of_indexing(case):
    x, w, reverse = case

    def training_loss(take, x):  # forces inside of a loss: the reverse pass of a reverse pass
        return jnp.sum(jax.grad(lambda r: energy(take, r, w, reverse))(x) ** 2)

    def lie(take, x):  # forward over reverse
        return jax.jvp(jax.grad(lambda r: energy(take, r, w, reverse)), (x,), (w[:, 0],))[1]

    functions = [
        lambda take: take(x, reverse),
        lambda take: jax.jvp(lambda r: take(r, reverse), (x,), (2 * x,))[1],
        lambda take: jax.grad(lambda r: energy(take, r, w, reverse))(x),
        lambda take: jax.grad(lambda r: training_loss(take, r))(x),
        lambda take: lie(take, x),
        lambda take: jax.jit(jax.hessian(lambda r: energy(take, r, w, reverse)))(x),
    ]
    for f in functions:
        np.testing.assert_allclose(f(send), f(plain), rtol=1e-12, atol=1e-12)


def test_the_two_are_transposes_of_each_other(case):
    x, w, reverse = case
    np.testing.assert_allclose(jnp.vdot(send(x, reverse), w), jnp.vdot(x, collect(w, reverse)), rtol=1e-12)
    (back,) = jax.linear_transpose(lambda v: collect(v, reverse), w)(x)
    np.testing.assert_array_equal(back, send(x, reverse))


@pytest.mark.parametrize("axes", [(0, 0), (0, None), (None, 0), (1, 0)], ids=str)
def test_batches_are_single_ones(case, axes):
    x, w, reverse = case
    n, k = reverse.shape
    xs, lists = jnp.stack([x, 2 * x, -x]), jnp.stack([exchange(n, k, seed) for seed in (0, 1, 2)])

    def gradient(take):
        return lambda x, reverse: jax.grad(lambda r: energy(take, r, w, reverse))(x)

    where = jnp.moveaxis(xs, 0, axes[0]) if axes[0] is not None else x
    found = jax.vmap(gradient(send), axes)(where, lists if axes[1] is not None else reverse)
    for m in range(3):
        a, b = (xs[m] if axes[0] is not None else x), (lists[m] if axes[1] is not None else reverse)
        np.testing.assert_allclose(found[m], gradient(plain)(a, b), rtol=1e-12, atol=1e-12)


def test_batches_of_batches():
    with double():
        lists = jnp.stack([exchange(5, 6, seed) for seed in range(3)])
        x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, 5, 4)))
        found, true = (jax.vmap(jax.vmap(take), (0, None))(x, lists) for take in (send, plain))
        np.testing.assert_array_equal(found, true)

        def cubes(take):
            return lambda x: jnp.sum(jax.vmap(jax.vmap(take), (0, None))(x, lists) ** 3)

        gradients = [jax.grad(cubes(take))(x) for take in (send, plain)]
        np.testing.assert_allclose(*gradients, rtol=1e-12)


def test_no_derivative_scatters():
    reverse = exchange(7, 8, 0)
    x = jnp.ones((7, 3))
    loss = jax.jit(jax.grad(lambda x: jnp.sum(jax.grad(lambda r: jnp.sum(send(r, reverse) ** 3))(x) ** 2)))
    assert "scatter" not in loss.lower(x).as_text()
