"""Layers of fields: stencils are convolutions with exact adjoints, blocks of points come back as they were."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.nn import field_layers
from erlangen.nn.field_layers import FieldPerceptron, Stencil, coarsen, normalise, refine

GRIDS = [(7,), (6, 5), (4, 6, 4)]


def field(grid, channels=3):
    return jax.random.normal(jax.random.key(len(grid)), (*grid, channels))


@pytest.mark.parametrize(("grid", "reach"), [((7,), 2), ((6, 5), 1)])
def test_gradients_of_a_stencil_are_those_of_its_plain_twin(grid, reach):
    x, weight = field(grid), Stencil(3, len(grid), reach=reach, key=jax.random.key(1)).weight
    batch = jnp.stack([x, 2 * x])

    def loss(w, v, f):
        return jnp.sum(jnp.sin(jax.vmap(lambda one: f(w, one, reach))(v)))

    found, expected = (
        jax.jit(jax.value_and_grad(lambda w, v, f=f: loss(w, v, f), (0, 1)))(weight, batch)
        for f in (field_layers.weighted_sum, field_layers.plain_sum)
    )
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected)):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_a_stencil_can_be_a_derivative():
    x = np.sin(2 * np.pi * np.arange(64) / 64)[:, None]
    central = jnp.array([[-0.5], [0.0], [0.5]]) * 64 / (2 * np.pi)
    slope = field_layers.weighted_sum(central, jnp.asarray(x, jnp.float32), 1)
    np.testing.assert_allclose(slope, np.cos(2 * np.pi * np.arange(64) / 64)[:, None], atol=2e-3)


@pytest.mark.parametrize("grid", GRIDS)
def test_stencils_commute_with_shifts(grid):
    stencil, x = Stencil(3, len(grid), key=jax.random.key(0)), field(grid)
    np.testing.assert_array_equal(stencil(jnp.roll(x, 2, 0)), jnp.roll(stencil(x), 2, 0))


@pytest.mark.parametrize(("grid", "size"), [((8,), 2), ((6, 9), 3), ((4, 2, 6), 2)])
def test_blocks_come_back_as_they_were(grid, size):
    x = field(grid)
    blocks = coarsen(x, size)
    assert blocks.shape == (*(n // size for n in grid), 3 * size ** len(grid))
    np.testing.assert_array_equal(refine(blocks, size), x)
    corner = x[(slice(0, size),) * len(grid)]
    np.testing.assert_array_equal(blocks[(0,) * len(grid)], corner.ravel())


def test_norm_and_scale():
    x = field((32, 32), 16)
    np.testing.assert_allclose(jnp.mean(normalise(5 * x) ** 2, -1), 1, atol=1e-5)
    y = FieldPerceptron(16, 64, 64, scale=0.5, key=jax.random.key(0))(x)
    assert 0.2 < float(jnp.std(y)) < 0.6
