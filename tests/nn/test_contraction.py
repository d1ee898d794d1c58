"""Products of components and the many-body contraction: equal to their plain twins, equivariant, complete."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from erlangen.core.symmetric_powers import symmetric_power
from erlangen.core.wigner import wigner_d
from erlangen.nn.components import contracted, coupled
from erlangen.nn.contraction import Contraction
from erlangen.nn.tensor_product import coupling_paths, tensor_product
from erlangen.numerics.precision import double


def density(lmax, n=3, channels=4, seed=0):
    rng = np.random.default_rng(seed)
    return {l: tuple(jnp.asarray(rng.normal(size=(n, channels))) for _ in range(2 * l + 1)) for l in range(lmax + 1)}


def on_axis(parts):
    return {l: jnp.stack(x, -2) for l, x in parts.items()}


def doubled(module):
    return jax.tree.map(lambda a: jnp.asarray(a, jnp.float64) if jnp.issubdtype(a.dtype, jnp.floating) else a, module)


@pytest.mark.parametrize("path", coupling_paths(range(4), range(4), range(4)))
def test_products_of_components_equal_the_plain_twin(path):
    with double():
        x, y = density(3), density(3, seed=1)
        plain = tensor_product(on_axis(x), on_axis(y), {path: jnp.ones((1, 4))})[path[2]]
        np.testing.assert_allclose(jnp.stack(coupled(x[path[0]], y[path[1]], path), -2), plain, atol=1e-12)
        rows = contracted(y[path[1]], path)
        by_matrix = [
            sum(row[c] * a for row, a in zip(rows, x[path[0]], strict=True) if row[c] is not None)
            for c in range(2 * path[2] + 1)
        ]
        np.testing.assert_allclose(jnp.stack(by_matrix, -2), plain, atol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_contraction_turns_with_the_density(order):
    with double():
        block = doubled(Contraction(4, 3, 1, order, 2, key=jax.random.key(0)))
        species = jax.nn.one_hot(jnp.asarray([0, 1, 1]), 2, dtype=jnp.float64)
        for sign in (1, -1):
            turn = sign * Rotation.random(random_state=5).as_matrix()
            x = on_axis(density(3))
            moved = {l: jnp.einsum("ab,nbc->nac", wigner_d(l, turn), x[l]) for l in x}
            found = block({l: tuple(jnp.unstack(v, axis=1)) for l, v in moved.items()}, species)
            expected = on_axis(block(density(3), species))
            for l, parts in found.items():
                turned = jnp.einsum("ab,nbc->nac", wigner_d(l, turn), expected[l])
                np.testing.assert_allclose(jnp.stack(parts, 1), turned, atol=1e-11)


def test_invariants_of_third_order_span_the_symmetric_power():
    """Values of random contractions at random densities have the rank of all products of up to three factors."""
    with double():
        count = sum(symmetric_power((0, 1, 2), order, 0).shape[-1] for order in (1, 2, 3))
        species, points = jnp.ones((60, 1)), density(2, n=60, channels=1)
        values = [
            doubled(Contraction(1, 2, 0, 3, 1, key=jax.random.key(seed)))(points, species)[0][0][:, 0]
            for seed in range(2 * count)
        ]
        singular = np.linalg.svd(np.stack(values), compute_uv=False)
        assert np.sum(singular > 1e-9 * singular[0]) == count
