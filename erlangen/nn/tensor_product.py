"""Products of features that turn with the axes: the plain Clebsch-Gordan product.

Features are held as {l: [..., 2l+1, channels]} with natural parity (-1)^l: scalars, vectors, quadrupoles, ... A path
(l1, l2, l3) couples degrees l1 and l2 to l3. Paths with odd l1 + l2 + l3 would make pseudotensors (the cross product
of two vectors is no vector) and are left out, so reflections are kept exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..core.clebsch_gordan import clebsch_gordan

Path = tuple[int, int, int]
Features = Mapping[int, Float[Array, "*any m channels"]]


def coupling_paths(left: Iterable[int], right: Iterable[int], out: Iterable[int]) -> tuple[Path, ...]:
    """All (l1, l2, l3) with |l1 - l2| <= l3 <= l1 + l2 and l1 + l2 + l3 even, sorted by l3, l1, l2."""
    left, right = tuple(left), tuple(right)
    return tuple(
        (l1, l2, l3)
        for l3 in sorted(out)
        for l1 in sorted(left)
        for l2 in sorted(right)
        if abs(l1 - l2) <= l3 <= l1 + l2 and (l1 + l2 + l3) % 2 == 0
    )


def coupling_table(l1: int, l2: int, l3: int) -> np.ndarray:
    """sqrt(2 l3 + 1) C [2l1+1, 2l2+1, 2l3+1]: components of variance 1 couple to components of variance 1."""
    return np.sqrt(2 * l3 + 1) * clebsch_gordan(l1, l2, l3)


def tensor_product(
    x: Features, y: Features, weights: Mapping[Path, Float[Array, "*any channels"]]
) -> dict[int, Float[Array, "*any m channels"]]:
    """z_l3,c = sum over paths  w_path  sqrt(2 l3 + 1) C[a, b, c] x_l1,a y_l2,b   channel by channel.

    `weights`: one array [..., channels] per path; the paths decide what is computed. Shapes broadcast, so y may have
    one channel (harmonics) and weights the axes of edges. Cost of all paths up to degree L: O(L^6) per channel;
    `edge_frames.edge_convolution` gives the same for harmonics in O(L^3).
    """
    parts: dict[int, list[Array]] = {}
    for (l1, l2, l3), weight in weights.items():
        table = jnp.asarray(coupling_table(l1, l2, l3), jnp.result_type(x[l1], y[l2]))
        product = jnp.einsum("...an,...bn,abc->...cn", x[l1], y[l2], table)
        parts.setdefault(l3, []).append(product * weight[..., None, :])
    return {l3: sum(terms[1:], terms[0]) for l3, terms in sorted(parts.items())}
