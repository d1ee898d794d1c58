"""A short list of neighbours out of a longer one: the long one lives for tens of steps, the short one for a few.

    pruned(x, pairs, reach, width) -> (the pairs within `reach`, how many the fullest row has)

A skin that spares lists makes rows longer, and a surface pays for every place of a row. So there are two, and only the
short one is shown to the surface. Páll and Hess 2013, doi:10.1016/j.cpc.2013.06.003.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from ..core.systems import Atoms
from .neighbour_lists import NeighbourList, from_list


def pruned(x: Atoms, pairs: NeighbourList, reach: float, width: int) -> tuple[NeighbourList, Int[Array, ""]]:
    """Rows keep their order; those with more than `width` pairs lose the last of them, and have to be asked again."""
    x = jax.lax.stop_gradient(x)
    n, k = pairs.mask.shape
    near, reverse = from_list(x, pairs, reach).mask, jnp.asarray(pairs.reverse)
    near &= near.ravel()[reverse]  # a pair and its reverse, both or neither
    before = jnp.triu(jnp.ones((k, k), jnp.float32))
    running = (near.astype(jnp.float32) @ before).astype(jnp.int32)
    slots = jnp.arange(1, width + 1, dtype=jnp.int32)
    columns = jnp.minimum(jax.vmap(lambda row: jnp.searchsorted(row, slots))(running), k - 1)
    mask = slots <= running[:, -1:]
    other = jnp.take_along_axis(reverse, columns, 1)
    place = other // k * width + running.ravel()[other] - 1
    own = jnp.arange(n * width, dtype=reverse.dtype).reshape(n, width)
    shifts = jnp.take_along_axis(jnp.asarray(pairs.shifts), columns[..., None], 1)
    short = NeighbourList(
        jnp.where(mask, place.astype(reverse.dtype), own),
        jnp.where(mask[..., None], shifts, 0),
        mask,
        jnp.asarray(x.positions),
        jnp.where(jnp.asarray(x.pbc)[:, None], jnp.asarray(x.cell), 0.0),
        reach,
    )
    return short, jnp.max(running[:, -1], initial=0)
