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
from erlangen.nn.matrix_product import product
from erlangen.nn.tensor_product import coupling_paths, tensor_product
from erlangen.numerics.precision import double


def density(lmax, n=3, channels=4, seed=0):
    rng = np.random.default_rng(seed)
    return {l: jnp.asarray(rng.normal(size=(n, 2 * l + 1, channels))) for l in range(lmax + 1)}


def doubled(module):
    return jax.tree.map(lambda a: jnp.asarray(a, jnp.float64) if jnp.issubdtype(a.dtype, jnp.floating) else a, module)


PATHS = coupling_paths(range(4), range(4), range(4))


@pytest.mark.parametrize("path", PATHS)
def test_products_of_components_equal_the_plain_twin(path):
    with double():
        x, y = density(3), density(3, seed=1)
        plain = tensor_product(x, y, {path: jnp.ones((1, 4))})[path[2]]
        np.testing.assert_allclose(coupled(x[path[0]], y[path[1]], path[2:])[0], plain, atol=1e-12)
        along = jnp.moveaxis(y[path[1]], -1, 0)  # any leading axes
        by_matrix = jnp.einsum("cnma,nac->nmc", contracted(along, path), x[path[0]])
        np.testing.assert_allclose(by_matrix, plain, atol=1e-12)


@pytest.mark.parametrize(("l1", "l2"), [(0, 2), (2, 0), (1, 1), (2, 3)])
def test_derivatives_of_products_are_those_of_the_plain_twin(l1, l2):
    """First and second, in both factors, mapped over samples."""
    degrees = [l3 for a, b, l3 in PATHS if (a, b) == (l1, l2)]

    def ours(x, y):
        return sum(jnp.sum(jnp.sin(z)) for z in coupled(x, y, degrees))

    def plain(x, y):
        found = tensor_product({l1: x}, {l2: y}, {(l1, l2, l3): jnp.ones(1) for l3 in degrees})
        return sum(jnp.sum(jnp.sin(z)) for z in found.values())

    def curvature(f):
        def slope(x, y):
            return sum(jnp.sum(jnp.cos(g)) for g in jax.grad(f, (0, 1))(x, y))

        return jax.grad(lambda x, y: jnp.sum(jax.vmap(slope)(x, y)), (0, 1))

    with double():
        x, y = density(3)[l1], density(3, seed=1)[l2]
        for found, expected in zip(curvature(ours)(x, y), curvature(plain)(x, y), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-11)


@pytest.mark.parametrize("mapped", [(0, 0), (None, 0), (0, None), (1, 2)])
def test_matrix_products_and_their_derivatives(mapped):
    with double():
        a, b = (jnp.asarray(np.random.default_rng(i).normal(size=(5, 5, 5))) for i in range(2))

        def slope(multiply):
            def value(a, b):
                return jnp.sum(jnp.sin(multiply(a, b)))

            def one(a, b):
                return sum(jnp.sum(jnp.cos(g)) for g in jax.grad(value, (0, 1))(a, b))

            return jax.grad(lambda a, b: jnp.sum(jax.vmap(one, mapped)(a, b)), (0, 1))(a, b)

        for found, expected in zip(slope(product), slope(jnp.matmul), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-11)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_contraction_turns_with_the_density(order):
    with double():
        block = doubled(Contraction(4, 3, 1, order, 2, key=jax.random.key(0)))
        species = jax.nn.one_hot(jnp.asarray([0, 1, 1]), 2, dtype=jnp.float64)
        for sign in (1, -1):
            turn = sign * Rotation.random(random_state=5).as_matrix()
            x = density(3)
            moved = {l: jnp.einsum("ab,nbc->nac", wigner_d(l, turn), x[l]) for l in x}
            found, expected = block(moved, species), block(x, species)
            for l, part in found.items():
                turned = jnp.einsum("ab,nbc->nac", wigner_d(l, turn), expected[l])
                np.testing.assert_allclose(part, turned, atol=1e-11)


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
            doubled(Contraction(1, 2, 0, 3, 1, key=jax.random.key(seed)))(points, species)[0][:, 0, 0]
            for seed in range(2 * count)
        ]
        singular = np.linalg.svd(np.stack(values), compute_uv=False)
        assert np.sum(singular > 1e-9 * singular[0]) == count
