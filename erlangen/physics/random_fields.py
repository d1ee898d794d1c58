"""Smooth random fields: Gaussian, with a spectrum that is stated and not left to the grid; periodic, or between walls.

The random numbers belong to the modes, not to the points: the same key gives the same function on every grid that
resolves it, so that a fine reference and a coarse solver start from one and the same initial field.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from erlangen.core.errors import Invalid
from erlangen.numerics.sine_cosine import cosines


def smooth_field(
    shape: Sequence[int],
    *,
    modes: int,
    rms: float = 1.0,
    decay: float = 0.0,
    dtype: jnp.dtype = jnp.float32,
    key: PRNGKeyArray,
) -> Float[Array, "..."]:
    """Gaussian random field without mean, of rms ``rms`` in expectation, band-limited to 0 < |m| <= ``modes``.

    u(x) = sum_m a_m cos(m . x) + b_m sin(m . x),  Var a_m = Var b_m proportional to |m|^(-2 decay);  x in [0, 2 pi)^d.
    ``decay`` 0: white up to the cut (choppy); 1-2: large waves dominate. A grid needs n > 2 ``modes`` points per axis.
    """
    waves = half_space(len(shape), modes)
    spread = np.linalg.norm(waves, axis=1) ** -decay
    return _synthesised(shape, waves, spread * rms / math.sqrt(np.sum(spread**2)), dtype, key)


def elliptic_field(
    shape: Sequence[int],
    *,
    modes: int,
    variance: float,
    tau: float,
    alpha: float,
    length: float,
    dtype: jnp.dtype = jnp.float32,
    key: PRNGKeyArray,
) -> Float[Array, "..."]:
    """N(0, variance (-Lap + tau^2)^-alpha) on [0, length)^d without its mean, cut at |m| <= ``modes``.

    The coefficients of the waves e^{i k x} / length^(d/2) have the variance that the covariance states at k.
    """
    waves = half_space(len(shape), modes)
    k2 = (2 * math.pi / length) ** 2 * np.sum(waves**2, axis=1)
    spread = np.sqrt(2 * variance * length ** -len(shape)) * (k2 + tau**2) ** (-alpha / 2)
    return _synthesised(shape, waves, spread, dtype, key)


def _synthesised(
    shape: Sequence[int],
    waves: Int[np.ndarray, "waves dimensions"],
    spread: Float[np.ndarray, " waves"],
    dtype: jnp.dtype,
    key: PRNGKeyArray,
) -> Float[Array, "..."]:
    """sum_m a_m cos(m . x) + b_m sin(m . x),  a_m and b_m normal with the standard deviation `spread` of each wave."""
    modes = int(np.max(np.abs(waves)))
    if min(shape) <= 2 * modes:
        raise Invalid(
            must="a grid must resolve the random field: more than 2 * modes points per axis",
            came=f"shape {tuple(shape)}, modes {modes}",
            do=f"Take at least {2 * modes + 1} points, or fewer modes.",
        )
    amplitudes = jax.random.normal(key, (len(waves), 2), dtype) * jnp.asarray(spread, dtype)[:, None]
    coefficients = 0.5 * (amplitudes[:, 0] - 1j * amplitudes[:, 1]) * math.prod(shape)
    index = tuple((waves % np.asarray(shape)).T)
    mirror = tuple((-waves % np.asarray(shape)).T)
    u_hat = jnp.zeros(tuple(shape), coefficients.dtype).at[index].set(coefficients)
    u_hat = u_hat.at[mirror].set(jnp.conj(coefficients))
    return jnp.fft.ifftn(u_hat).real


def half_space(dimensions: int, modes: int) -> Int[np.ndarray, "waves dimensions"]:
    """[waves, dimensions]: one of each pair (m, -m) of integer vectors with 0 < |m| <= modes, in a fixed order."""
    axis = np.arange(-modes, modes + 1)
    m = np.stack(np.meshgrid(*[axis] * dimensions, indexing="ij"), axis=-1).reshape(-1, dimensions)
    m = m[len(m) // 2 + 1 :]  # lexicographically positive half; the middle entry is zero
    return m[np.sum(m**2, axis=1) <= modes**2]


def cosine_field(
    shape: Sequence[int],
    *,
    modes: int,
    wavenumber: float = 3.0,
    power: float = 2.0,
    dtype: jnp.dtype = jnp.float32,
    key: PRNGKeyArray,
) -> Float[Array, "x y"]:
    """Gaussian random field N(0, (-Lap + q^2)^-power) on nodes of the unit square, walls included, without mean.

    u(x, y) = sum_kl a_kl c_k cos(pi k x) c_l cos(pi l y),  Var a_kl = (pi^2 (k^2 + l^2) + q^2)^-power,  k, l < modes:
    zero slope at the walls, correlation length of about 1 / q. As smooth_field, one key is one function on every grid.
    Li et al. 2021, arXiv:2010.08895, take q = 3, power = 2.
    """
    if min(shape) < modes:
        raise Invalid(
            must="nodes must resolve the random field: at least `modes` per axis",
            came=f"shape {tuple(shape)}, modes {modes}",
            do="Draw it on a finer grid and look at every second node.",
        )
    k2 = (np.pi * np.arange(modes)) ** 2
    spread = (k2[:, None] + k2 + wavenumber**2) ** (-power / 2)
    spread[0, 0] = 0.0
    amplitudes = jax.random.normal(key, (modes, modes), dtype) * jnp.asarray(spread, dtype)
    along_x, along_y = (jnp.asarray(cosines(n, modes), dtype) for n in shape)
    return along_x @ amplitudes @ along_y.T
