"""Trees grown by scikit-learn, as arrays that compiled code descends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

if TYPE_CHECKING:
    from sklearn.ensemble import ExtraTreesRegressor


class Forest(eqx.Module):
    """Regression trees as arrays [trees, nodes]; a leaf points at itself."""

    feature: Int[Array, "trees nodes"]
    threshold: Float[Array, "trees nodes"]
    left: Int[Array, "trees nodes"]
    right: Int[Array, "trees nodes"]
    value: Float[Array, "trees nodes outputs"]
    depth: int = eqx.field(static=True)

    def __call__(self, x: Float[Array, " d"]) -> Float[Array, "trees outputs"]:
        """What every tree says."""
        trees = jnp.arange(len(self.feature))
        feature, threshold, left, right = map(jnp.asarray, (self.feature, self.threshold, self.left, self.right))

        def descend(_: int, node: Array) -> Array:
            smaller = x[feature[trees, node]] <= threshold[trees, node]
            return jnp.where(smaller, left[trees, node], right[trees, node])

        leaf = jax.lax.fori_loop(0, self.depth, descend, jnp.zeros(len(trees), jnp.int32))
        return jnp.asarray(self.value)[trees, leaf]

    @classmethod
    def of(cls, fitted: ExtraTreesRegressor) -> Forest:
        """The trees of a scikit-learn ensemble."""
        trees = [one.tree_ for one in fitted.estimators_]
        size = max(t.node_count for t in trees)

        def padded(rows: Sequence[np.ndarray], kind: type[np.generic]) -> Array:
            return np.stack([np.pad(r, [(0, size - len(r))] + [(0, 0)] * (r.ndim - 1)) for r in rows]).astype(kind)  # type: ignore[return-value]

        own = [np.arange(t.node_count) for t in trees]
        leaves = [t.children_left < 0 for t in trees]
        return cls(
            padded([np.where(end, 0, t.feature) for t, end in zip(trees, leaves)], np.int32),
            padded([t.threshold for t in trees], np.float64),
            padded([np.where(end, i, t.children_left) for t, end, i in zip(trees, leaves, own)], np.int32),
            padded([np.where(end, i, t.children_right) for t, end, i in zip(trees, leaves, own)], np.int32),
            padded([t.value[:, :, 0] for t in trees], np.float64),
            max(t.max_depth for t in trees) + 1,
        )
