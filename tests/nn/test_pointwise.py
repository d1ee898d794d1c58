"""The pointwise product equals its plain twin under every transformation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.nn.pointwise import pointwise, product

X = jax.random.normal(jax.random.key(0), (5, 4, 6, 3))
W = jax.random.normal(jax.random.key(1), (3, 2))


def total(f):
    return lambda x, w: jnp.sum(jnp.sin(f(x, w)))


TRANSFORMED = {
    "plain": lambda f: f(X[0], W),
    "jit": lambda f: jax.jit(f)(X[0], W),
    "gradient": lambda f: jax.grad(total(f), (0, 1))(X[0], W),
    "gradient of a batch": lambda f: jax.jit(jax.grad(total(jax.vmap(f, (0, None))), (0, 1)))(X, W),
    "batch along another axis": lambda f: jax.vmap(f, (2, None))(X, W),
    "batch of gradients": lambda f: jax.vmap(jax.grad(total(f), (0, 1)), (0, None))(X, W),
    "batch of weights": lambda f: jax.vmap(f, (None, 0))(X[0], jnp.stack([W, 2 * W])),
    "batch of both": lambda f: jax.vmap(f, (0, 1))(X[:2], jnp.stack([W, 2 * W], 1)),
    "forward derivative": lambda f: jax.jvp(jax.vmap(f, (0, None)), (X, W), (X + 1, W + 1)),
    "second derivative": lambda f: jax.jvp(jax.grad(total(f)), (X[0], W), (X[1], W)),
    "inside a loop": lambda f: jax.grad(
        lambda x: jnp.sum(jax.lax.scan(lambda c, _: (jax.vmap(f, (0, None))(c, W @ W.T), None), x, None, length=3)[0])
    )(X),
}


@pytest.mark.parametrize("name", TRANSFORMED)
def test_equals_the_plain_product(name):
    ours, plain = (TRANSFORMED[name](f) for f in (pointwise, product))
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(plain), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
