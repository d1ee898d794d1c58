"""Convolution with a kernel that is given by its lowest Fourier modes: one learned matrix per mode.

    (K x)(r) = sum_{|m| < modes}  e^{i m . r}  W_m  x_m,          x_m = mean_r e^{-i m . r} x(r)

It commutes with every cyclic shift of the grid, and the same weights act on any grid that resolves the modes.
Li et al. 2021, arXiv:2010.08895.

On a CPU, and for few modes, the transform is cheapest as a product with the few rows of the Fourier matrix that are
kept; all products are real. The first axis is the halved one: it is the leading one in memory, so that its transform is
one product for the whole batch (`rows`). Above `LARGEST_PRODUCT_GRID` points per axis the fast transform wins. `by_fft`
is the plain twin.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from ..core.errors import Invalid
from .initial import normal
from .rows import adjoint, rowwise

LARGEST_PRODUCT_GRID = 256
Basis = Literal["analysis", "synthesis"]


class SpectralConv(eqx.Module):
    """One convolution, channel-last: x [*grid, *rows, c_in] -> [*grid, *rows, c_out], one to three periodic axes.

    modes: kept are |m| < modes on each axis; the grid needs at least 2 modes - 1 points along each (Nyquist is left
    out, so that the operation commutes with shifts by any distance, not only by grid points). weight [2, m_1, ...,
    m_d, c_in, c_out] holds real and imaginary part; the first axis has `modes` entries (a real field), the others 2
    modes - 1, in the order 0 ... modes - 1, 1 - modes ... -1.
    """

    weight: Float[Array, "2 ... c_in c_out"]
    modes: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, c_in: int, c_out: int, modes: Sequence[int], *, key: PRNGKeyArray):
        self.modes = tuple(modes)
        shape = (2, self.modes[0], *(2 * m - 1 for m in self.modes[1:]), c_in, c_out)
        # Variance 1 / c_in of W_m as a complex number, so that white input keeps its variance in the modes kept.
        self.weight = normal(key, shape, math.sqrt(0.5 / c_in))

    def __call__(self, x: Float[Array, "*grid_and_rows c_in"]) -> Float[Array, "*grid_and_rows c_out"]:
        grid = x.shape[: min(len(self.modes), x.ndim - 1)]
        self._check(grid)
        return self.by_product(x) if max(grid) <= LARGEST_PRODUCT_GRID else self.by_fft(x)

    def by_fft(self, x: Float[Array, "*grid_and_rows c_in"]) -> Float[Array, "*grid_and_rows c_out"]:
        """The definition, by fast transforms."""
        grid = x.shape[: len(self.modes)]
        axes = (*range(1, len(grid)), 0)  # the last of them is halved
        kept = np.ix_(*self._places(grid))
        x_hat = jnp.fft.rfftn(x, axes=axes, norm="forward")[kept]
        mixed = _mix(x_hat, jax.lax.complex(*self.weight))
        y_hat = jnp.zeros((grid[0] // 2 + 1, *grid[1:], *mixed.shape[len(grid) :]), mixed.dtype).at[kept].set(mixed)
        return jnp.fft.irfftn(y_hat, s=(*grid[1:], grid[0]), axes=axes, norm="forward")

    def by_product(self, x: Float[Array, "*grid_and_rows c_in"]) -> Float[Array, "*grid_and_rows c_out"]:
        """The same by products with the kept rows of the Fourier matrix."""
        real, imaginary = self.weight
        space = {"grid": x.shape[: len(self.modes)], "modes": self.modes}
        x_hat = project(x, basis="analysis", **space)
        y_hat = _mix(x_hat, real) + times_i(_mix(x_hat, imaginary), axis=len(self.modes))
        return expand(y_hat, basis="synthesis", **space)

    def _places(self, grid: Sequence[int]) -> list[np.ndarray]:
        """Where the kept modes lie among the coefficients, per axis."""
        return [np.arange(self.modes[0]), *(np.r_[0:m, n - m + 1 : n] for n, m in zip(grid[1:], self.modes[1:]))]

    def _check(self, grid: Sequence[int]) -> None:
        if len(grid) != len(self.modes) or any(n < 2 * m - 1 for n, m in zip(grid, self.modes)):
            raise Invalid(
                must=f"the grid resolves the modes kept: {len(self.modes)} axes of at least 2 * modes - 1 points",
                came=f"grid {tuple(grid)}, modes {self.modes}",
                do="Give a finer grid, or build the layer with fewer modes.",
            )


def _project(
    x: Float[Array, "*grid_and_rows c"], *, basis: Basis, grid: tuple[int, ...], modes: tuple[int, ...]
) -> Float[Array, "*modes_2_and_rows c"]:
    """B x: coefficients on the modes kept [*modes, 2, *rows, c], real and imaginary parts."""
    first, *others = bases(basis, grid, modes)
    y = jnp.tensordot(jnp.asarray(first, x.dtype), x, 1).reshape(modes[0], 2, *x.shape[1:])
    for b, n in zip(others, grid[1:]):
        y = _products(b, y.reshape(len(y), 2 * n, -1)).reshape(-1, 2, *y.shape[3:])
    return y.reshape(modes[0], *(2 * m - 1 for m in modes[1:]), *y.shape[1:])


def _expand(
    y: Float[Array, "*modes_2_and_rows c"], *, basis: Basis, grid: tuple[int, ...], modes: tuple[int, ...]
) -> Float[Array, "*grid_and_rows c"]:
    """B^T y: the field with these coefficients."""
    first, *others = bases(basis, grid, modes)
    rest = y.shape[len(modes) + 1 :]
    for b, n in zip(reversed(others), reversed(grid[1:])):
        rest = (n, *rest)
        y = _products(b.T, y.reshape(-1, len(b), math.prod(rest[1:]))).reshape(-1, 2, *rest)
    return jnp.tensordot(jnp.asarray(first.T, y.dtype), y.reshape(len(first), *rest), 1)


def _times_i(y: Array, *, axis: int) -> Array:
    """i y, of pairs (real, imaginary) along `axis`."""
    real, imaginary = jnp.split(y, 2, axis=axis)
    return jnp.concatenate([-imaginary, real], axis=axis)


project, expand = adjoint(_project, _expand)
times_i = rowwise(_times_i)


def _mix(x_hat: Array, weight: Array) -> Array:
    """A matrix [*modes, i, o] per mode, for all rows: [*modes, *rows, i] -> [*modes, *rows, o]."""
    d = weight.ndim - 2
    modes = tuple(range(d))
    return jax.lax.dot_general(x_hat, weight, (((x_hat.ndim - 1,), (d,)), (modes, modes)))


def _products(matrix: np.ndarray, y: Float[Array, "batch k rest"]) -> Float[Array, "batch j rest"]:
    """The same matrix [j, k] for each of the batch. Repeated, since XLA would turn y around to make it one product."""
    return jnp.broadcast_to(jnp.asarray(matrix, y.dtype), (len(y), *matrix.shape)) @ y


def bases(basis: Basis, grid: Sequence[int], modes: Sequence[int]) -> list[np.ndarray]:
    """B as one matrix per axis: [2 modes, n] of real fields, then [2 (2 modes - 1), 2 n] of complex ones.

    analysis: B x are the x_m. synthesis: B^T y is the sum over modes, on the first axis 2 Re sum_{m > 0} + Re y_0.
    """
    found = []
    for axis, (n, m) in enumerate(zip(grid, modes)):
        angle = 2 * np.pi * np.outer(np.r_[0:m, 1 - m : 0] if axis else np.arange(m), np.arange(n)) / n
        cos, sin = np.cos(angle), np.sin(angle)
        if axis:
            parts = np.array([[cos, sin], [-sin, cos]])  # [2 of x_m, 2 of x(r), modes, n]
            b = parts.transpose(2, 0, 1, 3).reshape(2 * len(angle), 2 * n)
        else:
            weight = np.where(np.arange(m) > 0, 2.0, 1.0)[:, None, None] if basis == "synthesis" else 1.0
            b = (weight * np.stack([cos, -sin], axis=1)).reshape(2 * m, n)
        found.append(b / n if basis == "analysis" else b)
    return found
