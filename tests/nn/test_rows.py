"""Operations that keep a batch as rows equal their plain twins under every transformation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.nn.rows import batch_as_rows, identity, plus, pointwise, product, shifted

X = jax.random.normal(jax.random.key(0), (5, 4, 6, 3))
W = jax.random.normal(jax.random.key(1), (3, 2))


def scalar(f):
    return lambda x, w: jnp.sum(jnp.sin(f(x, w)))


TRANSFORMED = {
    "plain": lambda f: f(X[0], W),
    "jit": lambda f: jax.jit(f)(X[0], W),
    "gradient": lambda f: jax.grad(scalar(f), (0, 1))(X[0], W),
    "gradient of a batch": lambda f: jax.jit(jax.grad(scalar(jax.vmap(f, (0, None))), (0, 1)))(X, W),
    "batch along another axis": lambda f: jax.vmap(f, (2, None))(X, W),
    "batch behind the channels": lambda f: jax.vmap(f, (3, None))(jnp.moveaxis(X, 0, 3), W),
    "batch of batches": lambda f: jax.vmap(jax.vmap(f, (0, None)), (0, None))(X, W),
    "batch of gradients": lambda f: jax.vmap(jax.grad(scalar(f), (0, 1)), (0, None))(X, W),
    "batch of weights": lambda f: jax.vmap(f, (None, 0))(X[0], jnp.stack([W, 2 * W])),
    "batch of both": lambda f: jax.vmap(f, (0, 1))(X[:2], jnp.stack([W, 2 * W], 1)),
    "forward derivative": lambda f: jax.jvp(jax.vmap(f, (0, None)), (X, W), (X + 1, W + 1)),
    "second derivative": lambda f: jax.jvp(jax.grad(scalar(f)), (X[0], W), (X[1], W)),
    "inside a loop": lambda f: jax.grad(
        lambda x: jnp.sum(jax.lax.scan(lambda c, _: (jax.vmap(f, (0, None))(c, W @ W.T), None), x, None, length=3)[0])
    )(X),
}
OPERATIONS = {  # each as a function of a field and a matrix of three rows
    "pointwise": (pointwise, product),
    "shifted": (lambda x, w: shifted(x, w[:, 0]), lambda x, w: plus(x, w[:, 0])),
    "batch as rows": (lambda x, w: batch_as_rows(x) @ w, lambda x, w: identity(x) @ w),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("name", TRANSFORMED)
def test_equals_the_plain_twin(name, operation):
    ours, plain = (TRANSFORMED[name](f) for f in OPERATIONS[operation])
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(plain), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_a_batch_stays_before_the_channels_through_a_layer():
    def layer(x):
        return shifted(pointwise(batch_as_rows(x), W @ W.T), W[:, 0])

    assert jax.vmap(layer, out_axes=-2)(X).shape == (4, 6, 5, 3)
    text = str(jax.make_jaxpr(jax.vmap(layer, out_axes=-2))(X))
    assert text.count("transpose") == 2  # one of W, and one of the batch
