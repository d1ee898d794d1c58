"""Convolution between walls: modes one by one, the symmetries of the square, one function on every grid."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.nn.spectral_conv import SpectralConv
from erlangen.nn.wall_conv import WallConv
from erlangen.numerics.sine_cosine import cosines


def layer(modes, c_in=3, c_out=5):
    return WallConv(c_in, c_out, modes, key=jax.random.key(0))


@pytest.mark.parametrize("modes", [(3,), (4, 4), (3, 5), (2, 2, 2)])
def test_every_mode_meets_its_own_matrix(modes):
    conv, grid = layer(modes, 2, 2), tuple(9 + i for i in range(len(modes)))
    for place in np.ndindex(modes):
        wave = np.ones(())
        for axis, k in enumerate(place):
            wave = np.multiply.outer(wave, cosines(grid[axis], modes[axis])[:, k])
        out = conv(jnp.asarray(wave[..., None] * np.array([1.0, -2.0]), jnp.float32))
        expected = wave[..., None] * np.asarray(np.array([1.0, -2.0]) @ conv.symmetric[place])
        np.testing.assert_allclose(out, expected, atol=1e-5)


def test_is_a_spectral_convolution_of_the_even_reflection():
    """On the reflected torus of 2 (n - 1) points: the same real matrix for the modes m and -m."""
    conv, n, m = layer((5,), 3, 3), 12, 5
    torus = SpectralConv(3, 3, (m,), key=jax.random.key(0))
    real = conv.symmetric
    torus = jax.tree.map(lambda w: jnp.stack([real, jnp.zeros_like(real)]), torus)
    x = jax.random.normal(jax.random.key(1), (n, 3))
    reflected = jnp.concatenate([x, x[-2:0:-1]])
    np.testing.assert_allclose(conv(x), torus(reflected)[:n], atol=1e-5)


def test_commutes_with_mirrors_and_exchange_of_axes():
    conv = layer((6, 6))
    x = jax.random.normal(jax.random.key(2), (13, 13, 3))
    for move in (lambda v: v[::-1], lambda v: v[:, ::-1], lambda v: v.swapaxes(0, 1), lambda v: jnp.rot90(v)):
        np.testing.assert_allclose(conv(move(x)), move(conv(x)), atol=5e-6)


def test_same_weights_on_another_grid_are_the_same_function():
    conv = layer((4, 4), 2, 2)

    def field(n):
        x = np.cos(np.pi * np.linspace(0, 1, n))  # even at the walls: the trapezoidal rule is exact
        return jnp.asarray(np.stack([x[:, None] ** 3 * x**2, x[:, None] * x**4], -1), jnp.float32)

    coarse, fine = conv(field(41)), conv(field(121))
    np.testing.assert_allclose(fine[::3, ::3], coarse, atol=1e-5)


def test_single_samples_and_batches_agree_with_gradients():
    conv, x = layer((3, 3)), jax.random.normal(jax.random.key(3), (4, 8, 8, 3))

    def loss(c, v):
        return jnp.sum(jnp.sin(c(v)))

    together = jax.grad(lambda c: jnp.sum(jax.vmap(loss, (None, 0))(c, x)))(conv)
    alone = sum(jax.grad(loss)(conv, v).weight for v in x)
    np.testing.assert_allclose(together.weight, alone, atol=1e-4)


def test_a_grid_without_the_modes_is_refused():
    with pytest.raises(Invalid, match="resolves the modes"):
        layer((9, 9))(jnp.zeros((9, 20, 3)))
