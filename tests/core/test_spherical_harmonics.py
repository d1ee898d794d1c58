"""Solid harmonics and Clebsch-Gordan coefficients against e3nn-jax, theorems and finite differences."""

from __future__ import annotations

import itertools

import e3nn_jax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.core.clebsch_gordan import clebsch_gordan
from erlangen.core.errors import Invalid
from erlangen.core.spherical_harmonics import spherical_harmonics

LMAX = 6
POINTS = np.random.default_rng(0).normal(size=(20, 3))


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def test_values_are_those_of_e3nn():
    irreps = e3nn_jax.Irreps([(1, (l, (-1) ** l)) for l in range(LMAX + 1)])
    vectors = e3nn_jax.IrrepsArray("1o", jnp.asarray(POINTS))
    theirs = e3nn_jax.spherical_harmonics(irreps, vectors, normalize=False, normalization="component").array
    ours = spherical_harmonics(jnp.asarray(POINTS), LMAX)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-13 * abs(theirs).max())


def test_norm_parity_and_homogeneity():
    unit = jnp.asarray(POINTS / np.linalg.norm(POINTS, axis=-1, keepdims=True))
    y, inverted, stretched = (spherical_harmonics(s * unit, LMAX) for s in (1.0, -1.0, 1.7))
    np.testing.assert_allclose(y[:, 1:4], np.sqrt(3) * unit, atol=1e-14)
    for l in range(LMAX + 1):
        part = slice(l * l, (l + 1) ** 2)
        np.testing.assert_allclose((y[:, part] ** 2).sum(-1), 2 * l + 1, rtol=1e-13)
        np.testing.assert_allclose(inverted[:, part], (-1) ** l * y[:, part], atol=1e-13)
        np.testing.assert_allclose(stretched[:, part], 1.7**l * y[:, part], atol=1e-10)


def test_first_and_second_derivatives_match_finite_differences_and_the_laplacian_vanishes():
    def y(r):
        return spherical_harmonics(r, LMAX)

    def centred(f, r, h=1e-5):
        return np.stack([(f(r + h * e) - f(r - h * e)) / (2 * h) for e in np.eye(3)], -1)

    r = jnp.asarray(POINTS[0])
    for jacobian in (jax.jacfwd, jax.jacrev):
        first, second = jacobian(y), jacobian(jacobian(y))
        np.testing.assert_allclose(first(r), centred(y, r), atol=1e-7)
        np.testing.assert_allclose(second(r), centred(first, r), atol=1e-6)
        np.testing.assert_allclose(jnp.trace(second(r), axis1=1, axis2=2), 0, atol=1e-10)


def test_zero_vector_and_lmax_zero_have_finite_derivatives():
    for lmax in (0, 1, 3):
        y = spherical_harmonics(jnp.zeros(3), lmax)
        np.testing.assert_array_equal(y, np.eye((lmax + 1) ** 2)[0])
        hessian = jax.hessian(lambda r, lmax=lmax: (spherical_harmonics(r, lmax) ** 2).sum())(jnp.zeros(3))
        assert np.isfinite(hessian).all()


def test_dtype_is_kept_and_padding_axes_are_free():
    y = spherical_harmonics(jnp.zeros((2, 5, 3), jnp.float32), 2)
    assert y.shape == (2, 5, 9) and y.dtype == jnp.float32
    with pytest.raises(Invalid, match="axis of 3"):
        spherical_harmonics(jnp.zeros((2, 2)), 1)


def test_clebsch_gordan_is_that_of_e3nn():
    for l1, l2, l3 in itertools.product(range(5), range(5), range(7)):
        ours = clebsch_gordan(l1, l2, l3)
        if abs(l1 - l2) <= l3 <= l1 + l2:
            np.testing.assert_allclose(ours, e3nn_jax.clebsch_gordan(l1, l2, l3), atol=1e-14)
            assert np.linalg.norm(ours) == pytest.approx(1, abs=1e-13)
        else:
            assert not ours.any()


def test_clebsch_gordan_is_a_complete_orthonormal_basis_and_holds_dot_and_cross_product():
    for l1, l2 in itertools.product(range(5), range(5)):
        degrees = range(abs(l1 - l2), l1 + l2 + 1)
        rows = np.concatenate([np.sqrt(2 * l + 1) * clebsch_gordan(l1, l2, l) for l in degrees], -1)
        square = rows.reshape((2 * l1 + 1) * (2 * l2 + 1), -1)
        np.testing.assert_allclose(square @ square.T, np.eye(len(square)), atol=1e-13)
    a, b = POINTS[:2]
    np.testing.assert_allclose(np.einsum("ijk,i,j", clebsch_gordan(1, 1, 0), a, b)[0], a @ b / np.sqrt(3))
    cross = np.einsum("ijk,i,j", clebsch_gordan(1, 1, 1), a, b)
    np.testing.assert_allclose(abs(cross), abs(np.cross(a, b)) / np.sqrt(6))
    with pytest.raises(Invalid):
        clebsch_gordan(-1, 0, 0)
