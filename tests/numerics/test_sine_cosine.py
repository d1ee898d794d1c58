"""Sine and cosine transforms: orthonormal on the nodes, fast equal to the sum, inverse of themselves."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from erlangen.numerics.precision import double
from erlangen.numerics.sine_cosine import cosines, sine_transform, sine_transform_2d, sines, weights


@pytest.mark.parametrize("n", [4, 17, 30])
def test_sines_and_cosines_are_orthonormal_on_the_nodes(n):
    for basis in (sines(n, n - 2), cosines(n, n - 1)):
        np.testing.assert_allclose(basis.T @ (weights(n)[:, None] * basis), np.eye(basis.shape[1]), atol=1e-13)


def test_fast_sine_transform_is_the_sum_that_defines_it():
    with double():
        u = jax.random.normal(jax.random.key(1), (2, 15))
        np.testing.assert_allclose(sine_transform(u), u @ sines(17, 15)[1:-1] / np.sqrt(16), atol=1e-13)
        np.testing.assert_allclose(sine_transform(sine_transform(u)), u, atol=1e-13)


def test_both_axes_twice_are_the_identity_and_the_axes_are_exchanged():
    with double():
        u = jax.random.normal(jax.random.key(2), (7, 12))
        there = sine_transform_2d(u)
        np.testing.assert_allclose(there, sine_transform(sine_transform(u).T), atol=1e-13)
        assert there.shape == (12, 7)
        np.testing.assert_allclose(sine_transform_2d(there), u, atol=1e-13)
