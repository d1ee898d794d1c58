"""Radial functions: smooth at the cutoff, orthogonal where the field says so."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.nn.radial import Bessel, Gaussians, polynomial_cutoff
from erlangen.numerics.precision import double


@pytest.mark.parametrize("order", [3, 5, 8])
def test_envelope_leaves_with_two_vanishing_derivatives(order):
    with double():
        u = lambda r: polynomial_cutoff(r, 4.0, order)  # noqa: E731
        for r in (jnp.asarray(4.0 - 1e-9), jnp.asarray(4.0 + 1e-9)):
            assert abs(u(r)) < 1e-8 and abs(jax.grad(u)(r)) < 1e-7 and abs(jax.grad(jax.grad(u))(r)) < 1e-6
        assert u(jnp.asarray(0.0)) == 1.0 and u(jnp.asarray(7.0)) == 0.0


def test_bessel_functions_without_envelope_are_orthonormal_in_the_sphere():
    """int_0^c b_n b_m r^2 dr = delta_nm (Gasteiger et al. 2020, eq. 7)."""
    c, count = 5.0, 6
    r = np.linspace(1e-4, c - 1e-3, 20001)
    with double():
        basis = np.asarray(Bessel(c, count)(jnp.asarray(r)) / polynomial_cutoff(jnp.asarray(r), c)[:, None])
    overlap = np.trapezoid(basis[:, :, None] * basis[:, None, :] * r[:, None, None] ** 2, r, axis=0)
    np.testing.assert_allclose(overlap, np.eye(count), atol=2e-3)


@pytest.mark.parametrize("basis", [Bessel(5.0, 8), Gaussians(5.0, 12)])
def test_a_basis_vanishes_at_the_cutoff_and_keeps_its_dtype(basis):
    r = jnp.asarray([0.8, 2.0, 5.0, 6.0], jnp.float32)
    out = basis(r)
    assert out.shape == (4, basis.count) and out.dtype == jnp.float32
    assert np.all(np.asarray(out[2:]) == 0) and np.all(np.isfinite(out)) and np.all(np.abs(out[:2]).max(1) > 0.1)
