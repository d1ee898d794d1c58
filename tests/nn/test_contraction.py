"""Products of components and the many-body contraction: equal to their plain twins, equivariant, complete."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

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


def invariants(degrees, order):
    """How often Sym^order of the degrees holds 0e: the mean over O(3) of its character h_order, by Newton's identity

    k h_k = sum_j h_(k-j) p_j,      p_j = chi(g^j),      chi_l(angle) = sin((l + 1/2) angle) / sin(angle / 2).
    """
    x, weight = np.polynomial.legendre.leggauss(100)
    angle = np.pi * (x + 1) / 2

    def character(l, angle):
        return np.sin((l + 0.5) * angle) / np.sin(angle / 2)

    total = 0.0
    for inversion in (1, -1):
        p = [sum(inversion ** (l * j) * character(l, j * angle) for l in degrees) for j in range(1, order + 1)]
        h = [np.ones_like(angle)]
        for k in range(1, order + 1):
            h.append(sum(h[k - j] * p[j - 1] for j in range(1, k + 1)) / k)
        total += np.sum(weight * h[order] * (1 - np.cos(angle))) / 4
    return round(total)


def test_invariants_of_third_order_span_the_symmetric_power():
    """Values of random contractions at random densities have the rank of all products of up to three factors."""
    # published for degrees up to 3: Bartok et al. 2013, doi:10.1103/PhysRevB.87.184115
    assert [invariants((0, 1, 2, 3), order) for order in (1, 2, 3)] == [1, 4, 8]
    with double():
        count = sum(invariants((0, 1, 2), order) for order in (1, 2, 3))
        species, points = jnp.ones((60, 1)), density(2, n=60, channels=1)
        values = [
            doubled(Contraction(1, 2, 0, 3, 1, key=jax.random.key(seed)))(points, species)[0][0][:, 0]
            for seed in range(2 * count)
        ]
        singular = np.linalg.svd(np.stack(values), compute_uv=False)
        assert np.sum(singular > 1e-9 * singular[0]) == count
