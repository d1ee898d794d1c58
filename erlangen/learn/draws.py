"""Many draws from a sampler, each with a key of its own; draws for one input are computed side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from ..contract import Outputs, Sampler
from ..core.quantity import Quantity
from ..core.systems import System
from ..numerics.precision import double
from .batching import along_atoms, pack, prepared

AT_ONCE = 256


def draw(
    sampler: Sampler,
    inputs: Sequence[System],
    counts: Sequence[int],
    quantities: Sequence[Quantity],
    *,
    key: PRNGKeyArray,
) -> list[dict[str, list[np.ndarray]]]:
    """For each input, outputs by name: counts[i] draws. Inputs are padded to a few shapes, draws are cut again.

    The draws of an input depend on the key and its place alone, not on how inputs are batched.
    """
    found: list[dict[str, list[np.ndarray]]] = [{} for _ in inputs]
    along = along_atoms(quantities)
    with double():
        for bucket in pack(prepared(sampler, inputs)):
            for j, place in enumerate(bucket.rows):
                x = jax.tree.map(lambda a, j=j: a[j], bucket.inputs)
                n = None if bucket.sizes is None else bucket.sizes[j]
                keys = jax.random.split(jax.random.fold_in(key, int(place)), AT_ONCE * -(-counts[place] // AT_ONCE))
                for start in range(0, counts[place], AT_ONCE):
                    out = jax.tree.map(np.asarray, _drawn(sampler, x, keys[start : start + AT_ONCE]))
                    for name, values in out.items():
                        real = (slice(n),) * along.get(name, 0)
                        kept = found[place].setdefault(name, [])
                        kept += [value[real] for value in values[: counts[place] - start]]
    return found


@eqx.filter_jit
def _drawn(sampler: Sampler, x: Any, keys: PRNGKeyArray) -> Outputs:
    return jax.vmap(lambda one: sampler.sample(x, key=one))(keys)
