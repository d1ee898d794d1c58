"""Convolution with a kernel that is given by its lowest Fourier modes: one learned matrix per mode.

    (K x)(r) = sum_{|m| < modes}  e^{i m . r}  W_m  x_m,          x_m = mean_r e^{-i m . r} x(r)

It commutes with every cyclic shift of the grid, and the same weights act on any grid that resolves the modes.
Li et al. 2021, arXiv:2010.08895.

On a CPU, and for few modes, the transform is cheapest as a product with the few rows of the Fourier matrix that are
kept; all products are real. Above `LARGEST_PRODUCT_GRID` points per axis the fast transform wins. `by_fft` is the
plain twin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from ..core.errors import Invalid

LARGEST_PRODUCT_GRID = 256


class SpectralConv(eqx.Module):
    """One convolution, channel-last: x [*grid, c_in] -> [*grid, c_out], one to three periodic axes.

    modes: kept are |m| < modes on each axis; the grid needs at least 2 modes - 1 points along each (Nyquist is left
    out, so that the operation commutes with shifts by any distance, not only by grid points). weight [2, m_1, ...,
    m_d, c_in, c_out] holds real and imaginary part; the last axis has `modes` entries (a real field), the others 2
    modes - 1.
    """

    weight: Float[Array, "2 ... c_in c_out"]
    modes: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, c_in: int, c_out: int, modes: Sequence[int], *, key: PRNGKeyArray):
        self.modes = tuple(modes)
        shape = (2, *(2 * m - 1 for m in self.modes[:-1]), self.modes[-1], c_in, c_out)
        # Variance 1 / c_in of W_m as a complex number, so that white input keeps its variance in the modes kept.
        self.weight = jax.random.normal(key, shape, jnp.float32) * math.sqrt(0.5 / c_in)

    def __call__(self, x: Float[Array, "... c_in"]) -> Float[Array, "... c_out"]:
        self._check(x.shape[:-1])
        return self.by_product(x) if max(x.shape[:-1]) <= LARGEST_PRODUCT_GRID else self.by_fft(x)

    def by_fft(self, x: Float[Array, "... c_in"]) -> Float[Array, "... c_out"]:
        """The definition, by fast transforms."""
        grid = x.shape[:-1]
        axes = tuple(range(len(grid)))
        kept = np.ix_(*self._places(grid))
        x_hat = jnp.fft.rfftn(x, axes=axes, norm="forward")[kept]
        weight = jax.lax.complex(self.weight[0], self.weight[1])
        y_hat = jnp.zeros((*grid[:-1], grid[-1] // 2 + 1, weight.shape[-1]), weight.dtype)
        y_hat = y_hat.at[kept].set(jnp.einsum("...i,...io->...o", x_hat, weight))
        return jnp.fft.irfftn(y_hat, s=grid, axes=axes, norm="forward")

    def by_product(self, x: Float[Array, "... c_in"]) -> Float[Array, "... c_out"]:
        """The same by products with the kept rows of the Fourier matrix, last axis first (it is halved)."""
        *grid, c_in = x.shape
        first, last = math.prod(grid[:-1]), grid[-1]
        m = self.modes[-1]
        # [first, last, c] -> [*grid[:-1], 2, m, c]: cosine and minus-sine coefficients
        inward, outward = (jnp.asarray(f(last, m), x.dtype) for f in (analysis_real, synthesis_real))
        y = jnp.einsum("kr,frc->fkc", inward, x.reshape(first, last, c_in)).reshape(*grid[:-1], 2, m * c_in)
        for axis in reversed(range(len(grid) - 1)):
            y = _along(y, axis, analysis_complex(grid[axis], self.modes[axis]))
        y = self._mix(jnp.moveaxis(y, -2, 0).reshape(2, -1, c_in))
        c_out = y.shape[-1]
        y = jnp.moveaxis(y.reshape(2, *(2 * k - 1 for k in self.modes[:-1]), m * c_out), 0, -2)
        for axis in range(len(grid) - 1):
            y = _along(y, axis, synthesis_complex(grid[axis], self.modes[axis]))
        y = jnp.einsum("kr,fkc->frc", outward, y.reshape(first, 2 * m, c_out))
        return y.reshape(*grid, c_out)

    def _mix(self, x_hat: Float[Array, "2 modes c_in"]) -> Float[Array, "2 modes c_out"]:
        """W_m x_m as one real product per mode: [re im] @ [[Wr, Wi], [-Wi, Wr]]; modes lead, samples become rows."""
        real, imaginary = self.weight.reshape(2, -1, *self.weight.shape[-2:])
        block = jnp.concatenate(
            [jnp.concatenate([real, imaginary], -1), jnp.concatenate([-imaginary, real], -1)], axis=-2
        )
        y = jnp.einsum("mi,mio->mo", jnp.concatenate([x_hat[0], x_hat[1]], axis=-1), block)
        return jnp.stack(jnp.split(y, 2, axis=-1))

    def _places(self, grid: Sequence[int]) -> list[np.ndarray]:
        """Where the kept modes lie among the coefficients of ``rfftn``, per axis."""
        full = [np.r_[0:m, n - m + 1 : n] for n, m in zip(grid[:-1], self.modes[:-1])]
        return [*full, np.arange(self.modes[-1])]

    def _check(self, grid: Sequence[int]) -> None:
        if len(grid) != len(self.modes) or any(n < 2 * m - 1 for n, m in zip(grid, self.modes)):
            raise Invalid(
                must=f"the grid resolves the modes kept: {len(self.modes)} axes of at least 2 * modes - 1 points",
                came=f"grid {tuple(grid)}, modes {self.modes}",
                do="Give a finer grid, or build the layer with fewer modes.",
            )


def analysis_real(n: int, modes: int) -> np.ndarray:
    """[2 modes, n]: rows (1/n) cos(2 pi m r / n), then -(1/n) sin(...): real and imaginary parts of x_m, m >= 0."""
    angle = 2 * np.pi * np.outer(np.arange(modes), np.arange(n)) / n
    return np.concatenate([np.cos(angle), -np.sin(angle)]) / n


def synthesis_real(n: int, modes: int) -> np.ndarray:
    """[2 modes, n]: x(r) = Re x_0 + 2 sum_{m > 0} Re(x_m e^{i m r}), inverse of `analysis_real` if band-limited."""
    weight = np.where(np.arange(2 * modes) % modes == 0, 1.0, 2.0)[:, None]
    return n * weight * analysis_real(n, modes)


def analysis_complex(n: int, modes: int) -> np.ndarray:
    """[2, modes', 2, n]: (re, im) of x_m from (re, im) of x(r); modes' = 0 ... modes - 1, -modes + 1 ... -1."""
    angle = 2 * np.pi * np.outer(np.r_[0:modes, 1 - modes : 0], np.arange(n)) / n
    cos, sin = np.cos(angle) / n, np.sin(angle) / n
    return np.array([[cos, sin], [-sin, cos]]).transpose(0, 2, 1, 3)


def synthesis_complex(n: int, modes: int) -> np.ndarray:
    """[2, n, 2, modes']: the inverse of `analysis_complex` on band-limited fields (its adjoint, times n)."""
    return (n * analysis_complex(n, modes)).transpose(2, 3, 0, 1)


def _along(y: Array, axis: int, matrix: np.ndarray) -> Array:
    """Apply a complex matrix [2, out, 2, in] along `axis` of y [*grid, 2, rest]."""
    y = jnp.tensordot(jnp.asarray(matrix, y.dtype), y, axes=((2, 3), (y.ndim - 2, axis)))  # [2, out, *others, rest]
    return jnp.moveaxis(jnp.moveaxis(y, 0, -2), 0, axis)
