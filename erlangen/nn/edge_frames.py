"""Convolutions over neighbours in the frame of each edge, where they are almost diagonal.

The plain message couples the sender's features with the harmonics of the edge direction n,

    m_l3 = sum over l1, l2  w_(l1 l2 l3)  C^(l1 l2 l3) (x_l1, Y_l2(n)).

Turn the axes by R such that n becomes the polar axis. There Y_l2,m = sqrt(2 l2 + 1) [m = 0], and C[a, 0, c] = 0 unless
a = c (even l1 + l2 + l3): only rotations about the edge, SO(2), are left of SO(3). The message is

    m_l3 = D^l3(R)^T h,     h_m = sum over l1  f_(l1 l3 |m|) (D^l1(R) x_l1)_m,
    f_(l1 l3 m) = sum over l2  w_(l1 l2 l3) sqrt((2 l2 + 1)(2 l3 + 1)) C^(l1 l2 l3)[m, 0, m]

with O(L^3) instead of O(L^6) products per channel and edge. w -> f is one-to-one: f itself may be what a network
learns. Source: Passaro, Zitnick 2023 (eSCN), arXiv:2302.03655.
"""

from __future__ import annotations

from collections.abc import Mapping

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..core.wigner import rotation_to_pole, wigner_matrices
from .tensor_product import Features, Path, coupling_table


class EdgeFrames(eqx.Module):
    """D^l(R) [..., 2l+1, 2l+1] for l = 0..lmax, with R n = (0, 1, 0) for each edge direction n."""

    matrices: list[Float[Array, "*any m m"]]

    @classmethod
    def of(cls, directions: Float[Array, "*any 3"], lmax: int) -> EdgeFrames:
        """Frames of unit vectors. The turn about the edge is arbitrary: nothing may depend on it."""
        return cls(wigner_matrices(lmax, rotation_to_pole(directions)))

    def enter(self, x: Features) -> dict[int, Float[Array, "*any m channels"]]:
        """Features as seen from the edge's axes: D x."""
        return {l: part if l == 0 else self.matrices[l] @ part for l, part in x.items()}

    def leave(self, x: Features) -> dict[int, Float[Array, "*any m channels"]]:
        """Features of the edge's axes as seen from the common axes: D^T x."""
        return {l: part if l == 0 else jnp.swapaxes(self.matrices[l], -1, -2) @ part for l, part in x.items()}


def frame_table(l1: int, l2: int, l3: int) -> np.ndarray:
    """sqrt((2 l2 + 1)(2 l3 + 1)) C^(l1 l2 l3)[m, 0, m] for m = -k..k, k = min(l1, l3); even in m."""
    k = min(l1, l3)
    rows = coupling_table(l1, l2, l3)[l1 - k : l1 + k + 1, l2, l3 - k : l3 + k + 1]
    return np.sqrt(2 * l2 + 1) * np.diagonal(rows)


def frame_weights(
    weights: Mapping[Path, Float[Array, "*any channels"]],
) -> dict[tuple[int, int], Float[Array, "*any m channels"]]:
    """{(l1, l3): f [..., 2 min(l1, l3) + 1, channels]} of the paths' weights w [..., channels]."""
    result: dict[tuple[int, int], Array] = {}
    for (l1, l2, l3), weight in weights.items():
        part = weight[..., None, :] * jnp.asarray(frame_table(l1, l2, l3), weight.dtype)[:, None]
        result[l1, l3] = result[l1, l3] + part if (l1, l3) in result else part
    return result


def edge_convolution(
    x: Features, frames: EdgeFrames, filters: Mapping[tuple[int, int], Float[Array, "*any m channels"]]
) -> dict[int, Float[Array, "*any m channels"]]:
    """Messages {l3: [..., 2l3+1, channels]} of senders' features x along the edges of `frames`.

    `filters`: f of `frame_weights`, or learnt as such (even in m, then reflections are kept). Equal to
    `tensor_product(x, {l: Y_l(n)}, weights)`. Edges that do not exist (zero vectors) must have filters 0.
    """
    turned, inside = frames.enter({l: x[l] for l in sorted({l1 for l1, _ in filters})}), {}
    for (l1, l3), f in filters.items():
        k = min(l1, l3)
        part = f * turned[l1][..., l1 - k : l1 + k + 1, :]
        part = jnp.pad(part, [(0, 0)] * (part.ndim - 2) + [(l3 - k, l3 - k), (0, 0)])
        inside[l3] = inside[l3] + part if l3 in inside else part
    return dict(sorted(frames.leave(inside).items()))
