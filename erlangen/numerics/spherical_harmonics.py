"""Spherical harmonics as transforms: fields on a sphere, their coefficients, and the calculus between the two.

    f(lambda, mu) = sum_m sum_l f_lm P_lm(mu) e^{i m lambda},   |m| <= l <= lmax,   mu = sin(latitude)

Triangular truncation: the one that every rotation of the sphere keeps. Normalisation: |f|^2 has the mean
sum_l |f_l0|^2 + 2 sum_{m > 0} |f_lm|^2 over the sphere, so that f_00 is the mean of f; no Condon-Shortley sign. Fields
are real arrays [lon, lat], from longitude 0 eastwards and from south to north; coefficients are complex arrays [m, l]
with m, l = 0 ... lmax and zeros where l < m. Axes before these are components. All on the unit sphere.

A product of tables per order m (lmax^2 n_lat multiplications for a field) between Fourier transforms along parallels.
Source: Orszag 1970, doi:10.1175/1520-0469(1970)027<0890:TMFTCO>2.0.CO;2.
Solid harmonics of a few vectors, for networks, are in `core.spherical_harmonics`.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Literal, get_args

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from erlangen.core.errors import Invalid, unknown

Latitudes = Literal["gauss", "equiangular"]
LARGEST = 1000  # lmax; beyond it P_mm underflows near the poles before P_lm is of any size


@dataclasses.dataclass(frozen=True)
class Sphere:
    """Points on the unit sphere and the harmonics up to lmax that are seen on them.

    ``gauss``        sines of the latitudes are the zeros of a Legendre polynomial: integrals are exact up to degree
                     2 n_lat - 1. For solvers.
    ``equiangular``  centres of n_lat equal intervals, no point at a pole: exact up to degree n_lat - 1 (first rule of
                     Fejer: Waldvogel 2006, doi:10.1007/s10543-006-0045-4). For what networks and files see.
    Fields of degree lmax survive a round trip if twice lmax is within that degree and n_lon > 2 lmax.
    """

    lmax: int
    n_lon: int
    n_lat: int
    latitudes: Latitudes = "gauss"

    def __post_init__(self):
        if self.latitudes not in get_args(Latitudes):
            raise unknown("choice of latitudes", str(self.latitudes), get_args(Latitudes))
        if not 1 <= self.lmax <= LARGEST:
            raise Invalid(must=f"lmax must be 1 to {LARGEST}", came=repr(self.lmax), do="Take 21, 42, 63, 85, ...")
        least = self.lmax + 1 if self.latitudes == "gauss" else 2 * self.lmax + 1
        if self.n_lon < 2 * self.lmax + 1 or self.n_lat < least:
            raise Invalid(
                must=f"harmonics up to lmax = {self.lmax} need {2 * self.lmax + 1} longitudes and {least} latitudes",
                came=f"{self.n_lon} x {self.n_lat} points, {self.latitudes}",
                do="Take more points or a smaller lmax.",
            )

    @property
    def mu(self) -> Float[np.ndarray, " lat"]:
        """[lat]: sin(latitude), from south to north."""
        return _latitudes(self.n_lat, self.latitudes)[0]

    @property
    def weights(self) -> Float[np.ndarray, " lat"]:
        """[lat] of sum 1: the mean of f over the sphere is the mean over longitudes of weights . f."""
        return _latitudes(self.n_lat, self.latitudes)[1]

    @property
    def cos_latitude(self) -> Float[np.ndarray, " lat"]:
        """[lat]: from south to north."""
        return np.sqrt(1 - self.mu**2)

    @property
    def angles(self) -> tuple[Float[np.ndarray, "lon 1"], Float[np.ndarray, "1 lat"]]:
        """Longitudes [lon, 1] and latitudes [1, lat] in radians."""
        return np.arange(self.n_lon)[:, None] * (2 * math.pi / self.n_lon), np.arcsin(self.mu)[None, :]

    @property
    def eigenvalues(self) -> Float[np.ndarray, " l"]:
        """[l]: l (l + 1), minus the symbol of the Laplacian."""
        return np.arange(self.lmax + 1.0) * np.arange(1.0, self.lmax + 2)

    def mean(self, f: Float[Array, "*any lon lat"]) -> Float[Array, "*any"]:
        """Over the sphere, weighted by area: exact for fields of the degrees that the points resolve."""
        return jnp.mean(f, axis=-2) @ jnp.asarray(self.weights, f.dtype)

    def analyse(self, f: Float[Array, "*any lon lat"]) -> Complex[Array, "*any m l"]:
        """f_lm = <P_lm e^{i m lambda}, f>: exact for fields of degree lmax, else a projection with aliasing."""
        return self._onto(_tables(self).legendre, self._waves(f) * _like(f, self.weights))

    def synthesise(self, f_lm: Complex[Array, "*any m l"]) -> Float[Array, "*any lon lat"]:
        """f = sum_lm f_lm P_lm(mu) e^{i m lambda} on the points, the inverse of `analyse`."""
        return self._values(_sum_over_l(_tables(self).legendre, f_lm))

    def laplacian(self, f_lm: Complex[Array, "*any m l"]) -> Complex[Array, "*any m l"]:
        """Lap f on the unit sphere: -l (l + 1) f_lm."""
        return f_lm * _like(f_lm, -self.eigenvalues)

    def inverse_laplacian(self, f_lm: Complex[Array, "*any m l"]) -> Complex[Array, "*any m l"]:
        """g without mean such that Lap g = f - mean f."""
        symbol = np.zeros(self.lmax + 1)
        symbol[1:] = -1 / self.eigenvalues[1:]
        return f_lm * _like(f_lm, symbol)

    def wind(
        self, vorticity: Complex[Array, "*any m l"], divergence: Complex[Array, "*any m l"]
    ) -> tuple[Float[Array, "*any lon lat"], Float[Array, "*any lon lat"]]:
        """(U, V) = cos(latitude) (u, v), eastward and northward, of the flow with this vorticity and divergence.

        U = -(1 - mu^2) psi_mu + chi_lambda,  V = psi_lambda + (1 - mu^2) chi_mu,  Lap psi = curl v,  Lap chi = div v.
        u and v themselves are not smooth at the poles, U and V are.
        """
        tables = _tables(self)
        psi, chi = self.inverse_laplacian(vorticity), self.inverse_laplacian(divergence)
        along = _like(psi, 1j * np.arange(self.lmax + 1))[:, None]
        across = _sum_over_l(tables.slope, jnp.stack([-psi, chi]))
        u, v = self._values(across + _sum_over_l(tables.legendre, along * jnp.stack([chi, psi])))
        return u, v

    def divergence_and_curl(
        self, a: Float[Array, "*any lon lat"], b: Float[Array, "*any lon lat"]
    ) -> tuple[Complex[Array, "*any m l"], Complex[Array, "*any m l"]]:
        """Of the vector field whose components, east and north, times cos(latitude) are (a, b).

        div = (a_lambda + (1 - mu^2) b_mu) / (1 - mu^2),  curl = (b_lambda - (1 - mu^2) a_mu) / (1 - mu^2);
        derivatives along mu are put on P_lm by parts. The inverse of `wind`; also for products such as vorticity times
        wind, on the grid of `quadratic`.
        """
        tables = _tables(self)
        waves = self._waves(jnp.stack([a, b])) * _like(a, self.weights / (1 - self.mu**2))
        along = _like(waves, 1j * np.arange(self.lmax + 1))[:, None]
        east, north = along * self._onto(tables.legendre, waves)
        from_east, from_north = self._onto(tables.slope, waves)
        return east - from_north, north + from_east

    def resized(self, f_lm: Complex[Array, "*any m l"]) -> Complex[Array, "*any m l"]:
        """Coefficients of another truncation, cut or filled with zeros to this one."""
        kept = min(self.lmax + 1, f_lm.shape[-1])
        room = [(0, 0)] * (f_lm.ndim - 2) + [(0, self.lmax + 1 - kept)] * 2
        return jnp.pad(f_lm[..., :kept, :kept], room)

    def _waves(self, f: Array) -> Array:
        """[..., m, lat]: amplitudes along each parallel."""
        return jnp.fft.rfft(f, axis=-2)[..., : self.lmax + 1, :] / self.n_lon

    def _values(self, waves: Array) -> Array:
        return jnp.fft.irfft(waves * self.n_lon, self.n_lon, axis=-2)

    def _onto(self, table: np.ndarray, waves: Array) -> Array:
        return _products("mly,...my->...ml", table, waves)


def quadratic(lmax: int) -> Sphere:
    """The smallest Gauss grid with fast transforms on which products of two fields do not alias: 128 x 64 for T42.

    3 lmax + 1 longitudes and half as many latitudes: lmax is 2/3 of what the grid could hold (Orszag 1970).
    """
    n = 3 * lmax + 1
    while n % 4 or not _is_smooth(n):
        n += 1
    return Sphere(lmax, n, n // 2)


@dataclasses.dataclass(frozen=True)
class Tables:
    """legendre: P_lm(mu) and slope: (1 - mu^2) dP_lm / dmu, both [m, l, lat]."""

    legendre: np.ndarray
    slope: np.ndarray


@functools.lru_cache(maxsize=16)
def _tables(sphere: Sphere) -> Tables:
    lmax = sphere.lmax
    p = legendre(lmax + 1, sphere.mu)
    l, m = np.arange(lmax + 2.0), np.arange(lmax + 1.0)[:, None]
    below = np.zeros((lmax + 1, lmax + 1, sphere.n_lat))
    below[:, 1:] = p[:-1, :lmax]
    epsilon = _epsilon(l, m)[..., None]
    l = l[:, None]
    slope = (l[:-1] + 1) * epsilon[:, :-1] * below - l[:-1] * epsilon[:, 1:] * p[:-1, 1:]
    return Tables(p[:-1, :-1], slope)


def legendre(lmax: int, mu: np.ndarray) -> np.ndarray:
    """P_lm(mu), [m, l, lat], in float64: mean square 1 over the sphere for m = 0, 1 for each of e^{+-i m lambda}.

    P_mm = sqrt((2m + 1) / 2m) sqrt(1 - mu^2) P_m-1,m-1,   eps_l+1 P_l+1 = mu P_l - eps_l P_l-1,
    eps_lm = sqrt((l^2 - m^2) / (4 l^2 - 1)): upwards in l, which is stable (Holmes and Featherstone 2002,
    doi:10.1007/s00190-002-0216-2).
    """
    p = np.zeros((lmax + 1, lmax + 1, len(mu)))
    epsilon = _epsilon(np.arange(lmax + 1.0), np.arange(lmax + 1.0)[:, None])
    p[0, 0] = 1.0
    for m in range(1, lmax + 1):
        p[m, m] = math.sqrt((2 * m + 1) / (2 * m)) * np.sqrt(1 - mu**2) * p[m - 1, m - 1]
    for l in range(lmax):
        m = slice(0, l + 1)
        lower = epsilon[m, l, None] * p[m, l - 1] if l else 0.0
        p[m, l + 1] = (mu * p[m, l] - lower) / epsilon[m, l + 1, None]
    return p


def _epsilon(l: np.ndarray, m: np.ndarray) -> np.ndarray:
    """[m, l]: sqrt((l^2 - m^2) / (4 l^2 - 1)), zero where l <= m."""
    return np.sqrt(np.maximum(l**2 - m**2, 0.0) / np.abs(4 * l**2 - 1))


@functools.lru_cache(maxsize=32)
def _latitudes(n: int, kind: Latitudes) -> tuple[np.ndarray, np.ndarray]:
    """sin(latitude) from south to north and weights of sum 1."""
    if kind == "gauss":
        return _gauss(n)
    theta = (np.arange(n) + 0.5) * (math.pi / n)
    k = np.arange(1, n // 2 + 1)
    return -np.cos(theta), (1 - 2 * np.cos(2 * np.outer(theta, k)) @ (1 / (4.0 * k**2 - 1))) / n


def _gauss(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Zeros of P_n and weights 1 / ((1 - mu^2) P_n'^2), by Newton's method in extended precision.

    NumPy's own are right to 1e-15 in mu, which is 1e-13 in the orthogonality of 42 degrees.
    """
    mu = np.polynomial.legendre.leggauss(n)[0].astype(np.longdouble)
    slope = np.ones_like(mu)
    for _ in range(2):
        lower, p = np.ones_like(mu), mu
        for l in range(1, n):
            lower, p = p, ((2 * l + 1) * mu * p - l * lower) / (l + 1)
        slope = n * (lower - mu * p) / (1 - mu**2)
        mu = mu - p / slope
    return mu.astype(float), (1 / ((1 - mu**2) * slope**2)).astype(float)


def _sum_over_l(table: np.ndarray, f_lm: Array) -> Array:
    return _products("mly,...ml->...my", table, f_lm)


def _products(axes: str, table: np.ndarray, z: Array) -> Array:
    """A real table times complex numbers, as two real products: half the work of complex ones."""
    parts = jnp.stack([z.real, z.imag])
    real, imaginary = jnp.einsum(axes, jnp.asarray(table, parts.dtype), parts)
    return real + 1j * imaginary


def _like(f: Array, coefficients: Float[np.ndarray, "..."]) -> Array:
    """Coefficients in the precision of `f`, complex ones as complex numbers."""
    real = jnp.finfo(f.dtype).dtype
    return jnp.asarray(coefficients, jnp.result_type(real, jnp.complex64) if np.iscomplexobj(coefficients) else real)


def _is_smooth(n: int) -> bool:
    for prime in (2, 3, 5):
        while n % prime == 0:
            n //= prime
    return n == 1
