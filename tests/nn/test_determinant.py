"""Determinants and inverses against LAPACK, singular matrices, and the derivative."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from erlangen.nn.determinant import inverse, log_determinant
from erlangen.numerics.precision import double

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("n", [1, 2, 9, 18])
def test_determinants_and_inverses_are_those_of_lapack(n):
    matrices = RNG.normal(size=(50, n, n))
    matrices[:, 0] *= 1e-6  # badly scaled rows
    with double():
        stacked = jnp.asarray(np.moveaxis(matrices, 0, 2))
        sign, log = jax.jit(log_determinant)(stacked)
        inverses = np.moveaxis(np.asarray(jax.jit(inverse)(stacked)), 2, 0)
    exact_sign, exact_log = np.linalg.slogdet(matrices)
    np.testing.assert_array_equal(sign, exact_sign)
    np.testing.assert_allclose(log, exact_log, atol=1e-10)
    np.testing.assert_allclose(inverses @ matrices, np.broadcast_to(np.eye(n), matrices.shape), atol=1e-6)


@pytest.mark.parametrize("rank", [0, 1, 5, 6])
def test_singular_matrices_have_sign_and_derivative_zero_and_leave_their_neighbours_alone(rank):
    regular, left = RNG.normal(size=(7, 7)), RNG.normal(size=(7, rank))
    matrices = np.stack([left @ RNG.normal(size=(rank, 7)), regular], axis=2)
    with double():
        stacked = jnp.asarray(matrices)
        sign, log = map(np.asarray, jax.jit(log_determinant)(stacked))
        slope = jax.jit(jax.grad(lambda a: jnp.sum(log_determinant(a)[0] * jnp.exp(log_determinant(a)[1]))))(stacked)
    assert sign[0] == 0 and log[0] == -np.inf
    np.testing.assert_allclose(sign[1] * np.exp(log[1]), np.linalg.det(regular), rtol=1e-12)
    np.testing.assert_array_equal(slope[..., 0], 0)
    np.testing.assert_allclose(slope[..., 1], np.linalg.det(regular) * np.linalg.inv(regular).T, rtol=1e-10)


def test_the_logarithm_has_the_derivative_of_finite_differences():
    with double():
        matrices = jnp.asarray(3 * np.eye(5)[..., None] + RNG.normal(size=(5, 5, 2)))
        check_grads(lambda a: log_determinant(a)[1], (matrices,), order=1)
