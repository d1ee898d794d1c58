"""Fifth-order weighted essentially non-oscillatory reconstruction: values at faces from averages over cells.

Three parabolas p_0, p_1, p_2 keep the averages of three neighbouring cells each; the value at a face is

    sum_k w_k p_k,     w_k ~ d_k / (beta_k + eps)^2            Jiang and Shu 1996, doi:10.1006/jcph.1996.0130
                       w_k ~ d_k (1 + tau / (beta_k + eps))    WENO-Z: Borges et al. 2008, doi:10.1016/j.jcp.2007.11.038

with d = (1, 6, 3) / 10, which would be of fifth order, beta_k the square of how much p_k varies in the middle cell and
tau = |beta_0 - beta_2|: a parabola across a jump gets no weight. eps is relative to the mean square of the five
averages, so that the unit of v does not matter: where v varies by less than sqrt(eps) of its size, noise included, the
weights are d, and derivatives exist. WENO-Z is sharper at no further cost: the default.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import jax.numpy as jnp
from jaxtyping import Array, Float

from erlangen.core.errors import unknown

Weights = Literal["z", "js"]
Faces = tuple[Float[Array, "..."], Float[Array, "..."]]
Reconstruction = Callable[[Sequence[Float[Array, "..."]]], Faces]
"""(values left of a face, values right of it), from the averages of the six cells around it: three on either side."""
GHOSTS = 3  # cells beyond the domain that a face at its end looks at
RELATIVE = {"z": 1e-13, "js": 1e-6}  # eps, by rule


def fifth_order(weights: Weights = "z") -> Reconstruction:
    """WENO by rule of its weights."""
    if weights not in get_args(Weights):
        raise unknown("rule of WENO weights", str(weights), get_args(Weights))

    def faces(cells: Sequence[Float[Array, "..."]]) -> Faces:
        both = [jnp.stack(pair) for pair in zip(cells[:5], cells[:0:-1])]  # the right side is a left one in the mirror
        left, right = right_end(*both, weights=weights)
        return left, right

    return faces


def first_order(cells: Sequence[Float[Array, "..."]]) -> Faces:
    """The averages themselves (Godunov)."""
    return cells[2], cells[3]


def right_end(
    a: Array, b: Array, c: Array, d: Array, e: Array, *, weights: Weights = "z", factors: Sequence[Array] | None = None
) -> Array:
    """The value at the right end of the middle one of five cells; the three weights are multiplied by `factors`."""
    ends = (2 * a - 7 * b + 11 * c) / 6, (-b + 5 * c + 2 * d) / 6, (2 * c + 5 * d - e) / 6
    beta = variations(a, b, c, d, e)
    floor = RELATIVE[weights] * (a * a + b * b + c * c + d * d + e * e) / 5 + jnp.finfo(c.dtype).tiny
    return _blend(ends, beta, (0.1, 0.6, 0.3), floor, weights, factors)


def variations(a: Array, b: Array, c: Array, d: Array, e: Array) -> tuple[Array, Array, Array]:
    """beta_k = sum_{m = 1, 2} dx^(2m - 1) int (d^m p_k / dx^m)^2 over the middle cell."""
    return (
        13 / 12 * (a - 2 * b + c) ** 2 + (a - 4 * b + 3 * c) ** 2 / 4,
        13 / 12 * (b - 2 * c + d) ** 2 + (b - d) ** 2 / 4,
        13 / 12 * (c - 2 * d + e) ** 2 + (3 * c - 4 * d + e) ** 2 / 4,
    )


def refine(v: Float[Array, "*parts x"], ratio: int) -> Float[Array, "*parts fine"]:
    """Averages over cells `ratio` times finer on a periodic axis, that keep the average of each given cell.

    The same three parabolas with the weights (1, 2, 1) / 4, which know neither left nor right; of third order, and
    free of oscillations at jumps between cells (as in Levy, Puppo, Russo 2000, doi:10.1137/S1064827599359461).
    """
    a, b, c, d, e = (jnp.roll(v, k, -1) for k in (2, 1, 0, -1, -2))
    beta = variations(a, b, c, d, e)
    floor = RELATIVE["z"] * (a * a + b * b + c * c + d * d + e * e) / 5 + jnp.finfo(v.dtype).tiny
    slopes = _blend(
        ((a - 4 * b + 3 * c) / 2, (d - b) / 2, (4 * d - 3 * c - e) / 2), beta, (0.25, 0.5, 0.25), floor, "z"
    )
    bends = _blend((a - 2 * b + c, b - 2 * c + d, c - 2 * d + e), beta, (0.25, 0.5, 0.25), floor, "z")
    x = (jnp.arange(ratio, dtype=v.dtype) + 0.5) / ratio - 0.5  # middle of the fine cell, in units of the given one
    square = x * x + (1 / ratio**2 - 1) / 12  # average of x^2 over the fine cell, less that over the given one
    fine = c[..., None] + slopes[..., None] * x + bends[..., None] / 2 * square
    return fine.reshape(*v.shape[:-1], -1)


def coarsen(v: Float[Array, "*parts fine"], ratio: int) -> Float[Array, "*parts x"]:
    """Averages over cells `ratio` times larger."""
    return jnp.mean(v.reshape(*v.shape[:-1], -1, ratio), -1)


def _blend(
    values: Sequence[Array],
    beta: Sequence[Array],
    ideal: Sequence[float],
    floor: Array,
    weights: Weights,
    factors: Sequence[Array] | None = None,
) -> Array:
    """sum_k w_k values_k / sum_k w_k."""
    if weights == "js":
        raw = [d / (b + floor) ** 2 for d, b in zip(ideal, beta)]
    else:
        tau = jnp.abs(beta[0] - beta[2])
        raw = [d * (1 + tau / (b + floor)) for d, b in zip(ideal, beta)]
    if factors is not None:
        raw = [w * factor for w, factor in zip(raw, factors)]
    x, y, z = (w * v for w, v in zip(raw, values))
    return (x + y + z) / (raw[0] + raw[1] + raw[2])
