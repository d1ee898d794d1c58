"""Convolution between walls: one learned matrix per cosine mode of the interval, square or cube.

    (K x)(r) = sum_k  c_k(r) W_k <c_k, x>,      c_k(r) = prod_a c_{k_a} cos(pi k_a r_a),      k_a < modes

This is `SpectralConv` on the even reflection of the field to a torus of twice the length, at the cost of the domain
itself: nothing wraps around from one wall to the opposite one. A mirror about the middle of an axis changes the sign of
modes alone, so K commutes with it whatever the matrices; with an exchange of axes it commutes because W is the same for
k and its permutations. Li et al. 2021, arXiv:2010.08895, for matrices per mode.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from ..core.errors import Invalid
from ..numerics.sine_cosine import cosines, weights
from .initial import normal


class WallConv(eqx.Module):
    """One convolution, channel-last: x [*grid, c_in] -> [*grid, c_out] on nodes that include the walls.

    weight [m_1, ..., m_d, c_in, c_out]: the matrices of k = 0 ... m - 1. The grid needs more than `modes` nodes along
    each axis.
    """

    weight: Float[Array, "... c_in c_out"]
    modes: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, c_in: int, c_out: int, modes: Sequence[int], *, key: PRNGKeyArray):
        self.modes = tuple(modes)
        # Variance 1 / c_in, so that white input keeps its variance in the modes kept.
        self.weight = normal(key, (*self.modes, c_in, c_out), over=math.sqrt(c_in))

    def __call__(self, x: Float[Array, "*grid c_in"]) -> Float[Array, "*grid c_out"]:
        *grid, _ = x.shape
        if len(grid) != len(self.modes) or any(n <= m for n, m in zip(grid, self.modes)):
            raise Invalid(
                must=f"the grid resolves the modes kept: {len(self.modes)} axes of more than `modes` nodes",
                came=f"grid {tuple(grid)}, modes {self.modes}",
                do="Give a finer grid, or build the layer with fewer modes.",
            )
        bases = [cosines(n, m) for n, m in zip(grid, self.modes)]
        for axis, (basis, n) in enumerate(zip(bases, grid)):
            x = _along(x, axis, (weights(n)[:, None] * basis).T)
        x = jnp.einsum("...i,...io->...o", x, self.symmetric)
        for axis, basis in reversed(list(enumerate(bases))):
            x = _along(x, axis, basis)
        return x

    @property
    def symmetric(self) -> Array:
        """The matrices, alike for modes that an exchange of (equal) axes turns into each other."""
        d = len(self.modes)
        if len(set(self.modes)) > 1:
            return self.weight
        orders = list(itertools.permutations(range(d)))
        return jnp.mean(jnp.stack([self.weight.transpose(*order, d, d + 1) for order in orders]), axis=0)


def _along(x: Array, axis: int, matrix: np.ndarray) -> Array:
    """A matrix [out, in] along `axis` of x [*grid, c]."""
    return jnp.moveaxis(jnp.tensordot(jnp.asarray(matrix, x.dtype), x, (1, axis)), 0, axis)
