"""Walkers shared evenly between all devices that JAX sees; parameters and the small solve are the same on each.

Several processes (`jax.distributed.initialize()` in each, before anything else) count as one machine with all their
devices. Results agree with those of one device to rounding: random numbers belong to walkers, not to devices.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, PyTree

from ...core.errors import Invalid

_AXIS = "walkers"


def mesh(chains: int) -> Mesh | None:
    """All devices in a row; None where there is one."""
    count = jax.device_count()
    if count == 1:
        return None
    if chains % count:
        raise Invalid(
            must="the walkers are shared evenly between the devices",
            came=f"{chains} walkers, {count} devices",
            do=f"Take {max(chains // count, 1) * count} chains.",
        )
    return Mesh(np.asarray(jax.devices()), (_AXIS,))


def spread(walkers: Array, over: Mesh | None) -> Array:
    """`walkers` [chains, ...], a part of them on each device."""
    return walkers if over is None else jax.device_put(walkers, NamedSharding(over, PartitionSpec(_AXIS)))


def everywhere(tree: PyTree, over: Mesh | None) -> PyTree:
    """A copy on each device."""
    return tree if over is None else jax.device_put(tree, NamedSharding(over, PartitionSpec()))


def gathered(tree: PyTree) -> PyTree:
    """The whole of each array in this process, to be saved."""
    if jax.process_count() == 1:
        return tree
    from jax.experimental import multihost_utils

    return jax.tree.map(lambda x: multihost_utils.process_allgather(x, tiled=True), tree)


def per_sample(f: Callable[[PyTree, Array], Array], over: Mesh | None) -> Callable[[PyTree, Array], Array]:
    """f(parameters, samples [n, ...]) -> [n, ...], each device with its own samples."""
    if over is None:
        return f
    own = PartitionSpec(_AXIS)
    return jax.shard_map(f, mesh=over, in_specs=(PartitionSpec(), own), out_specs=own, check_vma=False)
