"""The surroundings of an atom as invariant numbers, in lengths of its own: hot crystals of any size look alike.

    s_i = mean distance of the nearest 12,    w^N_ij = sigmoid[(R^N_i - r_ij) / (0.03 s_i)],    R^N between N and N + 1
    q^N_lm(i) = sum_j w^N_ij Y_lm(u_ij) / sum_j w^N_ij,      N = 4, 6, 8, 12, 14, 18,   l = 1 .. 8
    qbar^N_lm(i): averaged over the atom and its 14 nearest

    z_i = ( r_i(k) / s_i,  |q^N_l|,  |qbar^N_l|,  w_4 and w_6 of qbar^12 and qbar^14,  means of r(k) / s around )

r(k): distance of the k-th nearest. The soft count w^N makes all of it continuous where two neighbours change places.
Bond order averaged over neighbours: Lechner and Dellago 2008, doi:10.1063/1.2977970; counts of neighbours instead of a
range, and distances in units of their own: DC3, Chung et al. 2022, doi:10.1103/PhysRevMaterials.6.043801.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...core.spherical_harmonics import spherical_harmonics
from ...numerics.neighbours import Neighbours
from ...physics.order.bond_order import cubic

SEEN = 22  # neighbours that are looked at
COUNTS = (4, 6, 8, 12, 14, 18)
AROUND = 14  # neighbours averaged over
SCALE = 12  # neighbours whose mean distance is the unit of length
SOFT = 0.03  # of it
LMAX = 8
FAR = 9.0  # in that unit: where there is no neighbour
THIRD = ((12, 4), (12, 6), (14, 4), (14, 6))  # neighbours and degree
SIZE = 2 * SEEN + 2 * len(COUNTS) * LMAX + len(THIRD)


def describe(near: Neighbours) -> Float[Array, "n features"]:
    """z of every atom; finite, if of no use, for those that have fewer neighbours within the cutoff."""
    there, r, u, senders = _nearest(near)
    s = jnp.sum(r[:, :SCALE], 1) / jnp.maximum(jnp.sum(there[:, :SCALE], 1), 1)
    s = jnp.where(s > 0, s, 1.0).astype(r.dtype)[:, None]
    r = jnp.where(there, r / s, FAR)
    weights = {n: _soft(r, n) * there for n in COUNTS}
    own = jnp.stack([weights[n] for n in COUNTS], 1)  # [n, counts, k]
    y = spherical_harmonics(u, LMAX)[..., 1:]
    q = _mean(own, y)  # [n, counts, lm]
    w = weights[AROUND][..., None, None]
    averaged = (q + jnp.sum(w * q[senders], 1)) / (1 + jnp.sum(w, 1))
    around = (r + jnp.sum(w[..., 0] * jnp.minimum(r, 2)[senders], 1)) / (1 + jnp.sum(w[..., 0], 1))
    third = [cubic(averaged[:, COUNTS.index(n), l * l - 1 : (l + 1) ** 2 - 1], l) for n, l in THIRD]
    return jnp.concatenate(
        [jnp.minimum(r, 2), jnp.minimum(around, 2), _sizes(q), _sizes(averaged), jnp.stack(third, -1)], -1
    )


def _nearest(near: Neighbours) -> tuple[Array, Array, Array, Array]:
    """Of the nearest, in order: whether they are there, distances (0 where not), directions, which atoms."""
    k = near.mask.shape[1]
    _, order = jax.lax.top_k(-jnp.where(near.mask, near.distances, jnp.inf), min(SEEN, k))
    there, r, senders = (jnp.take_along_axis(a, order, 1) for a in (near.mask, near.distances, near.senders))
    u = jnp.take_along_axis(near.directions, order[..., None], 1)
    found = there, jnp.where(there, r, 0.0), u, senders
    return tuple(jnp.pad(a, [(0, 0), (0, SEEN - min(SEEN, k)), (0, 0)][: a.ndim]) for a in found)  # type: ignore[return-value]


def _soft(r: Float[Array, "n k"], count: int) -> Float[Array, "n k"]:
    edge = 0.5 * (r[:, count - 1] + r[:, count])[:, None]
    return jax.nn.sigmoid((edge - r) / SOFT)


def _mean(w: Float[Array, "n c k"], y: Float[Array, "n k m"]) -> Float[Array, "n c m"]:
    total = jnp.maximum(jnp.sum(w, -1, keepdims=True), 1e-3)
    return jnp.einsum("nck,nkm->ncm", w / total, y)


def _sizes(q: Float[Array, "n c m"]) -> Float[Array, "n cl"]:
    """|q_l| / sqrt(2 l + 1): 1 where all neighbours lie in one direction; smooth at 0."""
    ends = np.arange(1, LMAX + 1)
    parts = [jnp.sum(q[..., l * l - 1 : (l + 1) ** 2 - 1] ** 2, -1) / (2 * l + 1) for l in ends]
    return jnp.sqrt(jnp.stack(parts, -1) + 1e-12).reshape(len(q), -1)
