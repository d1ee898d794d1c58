"""Spectral convolution: products equal the fast transform, and both are a convolution."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.nn.spectral_conv import SpectralConv
from erlangen.numerics import spectral

CASES = [((31,), (9,)), ((32,), (16,)), ((16, 24), (5, 6)), ((9, 8), (5, 4)), ((8, 9, 10), (2, 3, 4))]


def layer(modes, c_in=3, c_out=5):
    return SpectralConv(c_in, c_out, modes, key=jax.random.key(0))


@pytest.mark.parametrize(("grid", "modes"), CASES)
def test_products_equal_fast_transforms_with_gradients(grid, modes):
    conv = layer(modes)
    x = jax.random.normal(jax.random.key(1), (*grid, 3))
    np.testing.assert_allclose(conv.by_product(x), conv.by_fft(x), atol=3e-6)

    def loss(c, v, name):
        return jnp.sum(jnp.sin(getattr(c, name)(v)))

    for fast, plain in zip(*(jax.tree.leaves(jax.grad(loss, (0, 1))(conv, x, n)) for n in ("by_product", "by_fft"))):
        np.testing.assert_allclose(fast, plain, atol=1e-5)


@pytest.mark.parametrize(("grid", "modes"), CASES)
def test_commutes_with_shifts_by_any_distance(grid, modes):
    conv = layer(modes)
    x = jax.random.normal(jax.random.key(2), (*grid, 3))
    distance = tuple(0.3 * (i + 1) for i in range(len(grid)))

    def move(v):
        return jnp.stack([spectral.translate(v[..., c], distance) for c in range(v.shape[-1])], axis=-1)

    np.testing.assert_allclose(conv(jnp.roll(x, 3, 0)), jnp.roll(conv(x), 3, 0), atol=3e-6)
    low = conv.by_fft(jnp.concatenate([x, x], -1)[..., :3])  # band-limited, so that the shift is one of the function
    square = layer(modes, 5, 5)
    np.testing.assert_allclose(square(move(low)), move(square(low)), atol=1e-5)


def test_one_mode_is_one_matrix():
    conv = layer((3, 4), 2, 2)
    x, y = spectral.grid((12, 10))
    wave = np.cos(2 * x - 3 * y)
    out = conv(jnp.asarray(np.stack([wave, 0 * wave], -1), jnp.float32))
    w = conv.weight[0, 2, 4, 0] + 1j * conv.weight[1, 2, 4, 0]  # places of m_y: 0 1 2 3 -3 -2 -1
    expected = (w * np.exp(1j * (2 * x - 3 * y))[..., None]).real
    np.testing.assert_allclose(out, expected, atol=1e-6)


def test_same_weights_on_another_grid_are_the_same_function():
    conv = layer((5,))
    coarse, fine = (np.sin(spectral.grid((n,))[0] * 3)[:, None] * np.ones(3) for n in (16, 48))
    a, b = (conv(jnp.asarray(u, jnp.float32)) for u in (coarse, fine))
    np.testing.assert_allclose(b[::3], a, atol=1e-6)


def test_a_grid_without_the_modes_is_refused():
    with pytest.raises(Invalid, match="resolves the modes"):
        layer((9,))(jnp.zeros((16, 3)))
