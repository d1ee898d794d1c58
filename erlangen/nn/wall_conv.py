"""Convolution between walls: one learned matrix per sine and per cosine mode of the unit square (or interval, cube).

    (K x)(r) = sum_k  s_k(r) S_k <s_k, x>  +  sum_k  c_k(r) C_k <c_k, x>,      k < modes along each axis

s_k and c_k are products of sines and cosines that solve the Laplacian between walls of zero value and of zero slope. A
mirror about the middle of an axis changes the sign of modes alone, so K commutes with it whatever the matrices; with an
exchange of axes it commutes because S and C are the same for k and its permutations. Nothing wraps around: what
`SpectralConv` is to the torus, this is to the square with walls. Li et al. 2021, arXiv:2010.08895, for the idea of
matrices per mode; Concus and Golub 1973, doi:10.1137/0710092, for sines as nearly the modes of an elliptic operator.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from ..core.errors import Invalid
from ..numerics.sine_cosine import cosines, sines, weights


class WallConv(eqx.Module):
    """One convolution, channel-last: x [*grid, c_in] -> [*grid, c_out] on nodes that include the walls.

    weight [2, m_1, ..., m_d, c_in, c_out]: matrices of the sine modes k = 1 ... m, then of the cosine modes
    k = 0 ... m - 1. The grid needs modes + 2 nodes along each axis.
    """

    weight: Float[Array, "2 ... c_in c_out"]
    modes: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, c_in: int, c_out: int, modes: Sequence[int], *, key: PRNGKeyArray):
        self.modes = tuple(modes)
        # Variance 1 / 2 c_in for either basis, so that white input keeps its variance in the modes kept.
        shape = (2, *self.modes, c_in, c_out)
        self.weight = jax.random.normal(key, shape, jnp.float32) * math.sqrt(0.5 / c_in)

    def __call__(self, x: Float[Array, "*grid c_in"]) -> Float[Array, "*grid c_out"]:
        *grid, _ = x.shape
        if len(grid) != len(self.modes) or any(n < m + 2 for n, m in zip(grid, self.modes)):
            raise Invalid(
                must=f"the grid resolves the modes kept: {len(self.modes)} axes of at least modes + 2 nodes",
                came=f"grid {tuple(grid)}, modes {self.modes}",
                do="Give a finer grid, or build the layer with fewer modes.",
            )
        bases = [np.stack([sines(n, m), cosines(n, m)]) for n, m in zip(grid, self.modes)]  # [2, n, m] per axis
        y = x[None]
        for axis, (basis, n) in enumerate(zip(bases, grid)):
            y = _along(y, axis, (basis * weights(n)[:, None]).swapaxes(1, 2))
        y = jnp.einsum("s...i,s...io->s...o", y, self.symmetric)
        for axis, basis in enumerate(bases):
            y = _along(y, axis, basis)
        return y[0] + y[1]

    @property
    def symmetric(self) -> Array:
        """The matrices, alike for modes that an exchange of (equal) axes turns into each other."""
        d = len(self.modes)
        if len(set(self.modes)) > 1:
            return self.weight
        orders = list(itertools.permutations(range(1, d + 1)))
        alike = [self.weight.transpose(0, *order, d + 1, d + 2) for order in orders]
        return jnp.sum(jnp.stack(alike), axis=0) / math.sqrt(len(orders))


def _along(y: Array, axis: int, matrices: np.ndarray) -> Array:
    """One matrix [out, in] for either kind of modes, along `axis` of y [1 or 2, *grid, c]."""
    return jnp.stack(
        [
            jnp.moveaxis(jnp.tensordot(jnp.asarray(m, y.dtype), y[i % len(y)], (1, axis)), 0, axis)
            for i, m in enumerate(matrices)
        ]
    )
