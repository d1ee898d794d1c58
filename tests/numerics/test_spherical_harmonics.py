"""Transforms on the sphere against SciPy's harmonics, closed forms and their own inverses."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import sph_harm_y

from erlangen.core.errors import Invalid
from erlangen.numerics.precision import double
from erlangen.numerics.spherical_harmonics import Sphere, legendre, quadratic

GRIDS = [quadratic(10), Sphere(10, 21, 11), Sphere(10, 24, 21, "equiangular"), Sphere(10, 40, 20 + 8, "equiangular")]
each = pytest.mark.parametrize("sphere", GRIDS, ids=lambda s: f"{s.n_lon}x{s.n_lat}-{s.latitudes}")


def coefficients(lmax: int, seed: int = 0, least: int = 0) -> np.ndarray:
    """Random ones of a real field, [m, l], from degree `least` on."""
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(lmax + 1, lmax + 1)) + 1j * rng.normal(size=(lmax + 1, lmax + 1))
    found[0] = found[0].real
    return np.triu(found) * (np.arange(lmax + 1) >= least)


def values(f_lm: np.ndarray, longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    """The field at any points, from SciPy: orthonormal harmonics with the sign (-1)^m."""
    total = np.zeros(np.broadcast_shapes(longitude.shape, latitude.shape))
    for m in range(len(f_lm)):
        for l in range(m, len(f_lm)):
            y = np.sqrt(4 * np.pi) * (-1) ** m * sph_harm_y(l, m, np.pi / 2 - latitude, longitude)
            total = total + (1 if m == 0 else 2) * (f_lm[m, l] * y).real
    return total


@each
def test_synthesis_is_the_sum_of_harmonics(sphere):
    f_lm = coefficients(10)
    with double():
        np.testing.assert_allclose(sphere.synthesise(jnp.asarray(f_lm)), values(f_lm, *sphere.angles), atol=1e-12)


@each
def test_analysis_is_the_inverse_of_synthesis(sphere):
    f_lm = np.stack([coefficients(10, seed) for seed in (1, 2)])
    with double():
        np.testing.assert_allclose(sphere.analyse(sphere.synthesise(jnp.asarray(f_lm))), f_lm, atol=1e-13)


@each
def test_means_and_the_mean_square(sphere):
    f_lm = coefficients(5, 3)
    with double():
        field = sphere.synthesise(sphere.resized(jnp.asarray(f_lm)))
        square = np.sum(np.abs(f_lm[0]) ** 2) + 2 * np.sum(np.abs(f_lm[1:]) ** 2)
        np.testing.assert_allclose(sphere.mean(field), f_lm[0, 0].real, atol=1e-14)
        np.testing.assert_allclose(sphere.mean(field**2), square, rtol=1e-13)
    np.testing.assert_allclose(sphere.weights.sum(), 1, rtol=1e-14)


@each
def test_wind_has_the_given_vorticity_and_divergence(sphere):
    vorticity, divergence = coefficients(10, 4, least=1), coefficients(10, 5, least=1)
    with double():
        u, v = sphere.wind(jnp.asarray(vorticity), jnp.asarray(divergence))
        found = sphere.divergence_and_curl(u, v)
        np.testing.assert_allclose(found[0], divergence, atol=1e-12)
        np.testing.assert_allclose(found[1], vorticity, atol=1e-12)


def test_wind_of_closed_forms():
    """psi = x y z and chi = y^2: U = -cos d_lat psi + d_lon chi, V = d_lon psi + cos d_lat chi."""
    sphere = quadratic(10)
    longitude, latitude = sphere.angles
    s, c = np.sin(latitude), np.cos(latitude)
    psi, chi = (np.cos(longitude) * np.sin(longitude) * c**2 * s, np.sin(longitude) ** 2 * c**2)
    with double():
        vorticity, divergence = (sphere.laplacian(sphere.analyse(jnp.asarray(f))) for f in (psi, chi))
        u, v = sphere.wind(vorticity, divergence)
        half, twice = np.sin(2 * longitude) / 2, np.cos(2 * longitude)
        np.testing.assert_allclose(u, -c * half * (c**3 - 2 * c * s**2) + 2 * half * c**2, atol=1e-14)
        np.testing.assert_allclose(v, twice * c**2 * s - 2 * s * c**2 * np.sin(longitude) ** 2, atol=1e-14)


def test_laplacian():
    """x y z is a harmonic of degree 3; the inverse leaves the mean out."""
    sphere = quadratic(6)
    longitude, latitude = sphere.angles
    field = np.sin(2 * longitude) * np.cos(latitude) ** 2 * np.sin(latitude)
    with double():
        f_lm = sphere.analyse(jnp.asarray(field))
        np.testing.assert_allclose(sphere.synthesise(sphere.laplacian(f_lm)), -12 * field, atol=1e-13)
        np.testing.assert_allclose(sphere.inverse_laplacian(sphere.laplacian(f_lm.at[0, 0].set(3.0))), f_lm, atol=1e-15)


def test_products_do_not_alias():
    """The product of two fields of degree lmax, cut at lmax: the same from the quadratic grid and from a finer one."""
    coarse, fine = quadratic(14), Sphere(14, 96, 48)
    with double():
        f, g = jnp.asarray(coefficients(14, 6)), jnp.asarray(coefficients(14, 7))
        products = [s.analyse(s.synthesise(f) * s.synthesise(g)) for s in (coarse, fine)]
        np.testing.assert_allclose(products[0], products[1], atol=1e-12)
        rates = [s.divergence_and_curl(*(s.synthesise(f) * w for w in s.wind(g, f))) for s in (coarse, fine)]
        np.testing.assert_allclose(rates[0][0], rates[1][0], atol=1e-11)
        np.testing.assert_allclose(rates[0][1], rates[1][1], atol=1e-11)


@pytest.mark.parametrize("lmax", [42, 170])
def test_legendre_functions_are_orthonormal_at_high_degree(lmax):
    sphere = quadratic(lmax)
    p = legendre(lmax, sphere.mu)
    for m in (0, 1, lmax // 2, lmax):
        gram = (p[m] * sphere.weights) @ p[m].T
        np.testing.assert_allclose(gram, np.diag(np.arange(lmax + 1) >= m), atol=1e-13)


def test_grids_of_usual_truncations():
    assert [(quadratic(t).n_lon, quadratic(t).n_lat) for t in (21, 31, 42, 63, 85, 170)] == [
        (64, 32), (96, 48), (128, 64), (192, 96), (256, 128), (512, 256)
    ]  # fmt: skip


def test_resizing_keeps_the_function():
    with double():
        f_lm = jnp.asarray(coefficients(6, 8))
        fine = quadratic(12)
        np.testing.assert_allclose(
            fine.synthesise(fine.resized(f_lm)), values(np.asarray(f_lm), *fine.angles), atol=1e-13
        )
        np.testing.assert_array_equal(quadratic(6).resized(fine.resized(f_lm)), f_lm)


def test_single_precision_stays_single():
    sphere = quadratic(10)
    f_lm = jnp.asarray(coefficients(10, 9), jnp.complex64)
    field = sphere.synthesise(f_lm)
    assert field.dtype == jnp.float32 and sphere.analyse(field).dtype == jnp.complex64
    np.testing.assert_allclose(sphere.analyse(field), f_lm, atol=1e-5)


def test_transforms_have_derivatives():
    sphere = quadratic(5)
    with double():
        f = jax.random.normal(jax.random.key(0), (sphere.n_lon, sphere.n_lat), jnp.float64)

        def energy(f):
            return sphere.mean(sphere.synthesise(sphere.laplacian(sphere.analyse(f))) ** 3)

        step = 1e-5 * jnp.cos(f)
        along = (energy(f + step) - energy(f - step)) / 2
        np.testing.assert_allclose(jnp.sum(jax.grad(energy)(f) * step), along, rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "must"),
    [
        ((10, 20, 16), "harmonics up to lmax = 10 need 21 longitudes and 11 latitudes"),
        ((10, 32, 16, "equiangular"), "need 21 longitudes and 21 latitudes"),
        ((0, 8, 8), "lmax must be 1 to 1000"),
        ((3, 8, 8, "gaussian"), "choice of latitudes must be a known name"),
    ],
)
def test_bad_grids(settings, must):
    with pytest.raises(Invalid, match=must):
        Sphere(*settings)
