"""Several fits of one method as one answer: their mean, and how far they spread.

    f(x) = 1/n sum_i f_i(x),      s^2(x) = 1/(n - 1) sum_i (f_i(x) - f(x))^2

Lakshminarayanan, Pritzel, Blundell (2017), arXiv:1612.01474.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..contract import Outputs, Predictor, Spread
from ..core.systems import System
from ..numerics.precision import double
from .conformal import is_array


class Members(Spread):
    """The members of an ensemble; those of equal structure are stacked and run by one `vmap`."""

    members: Any
    stacked: bool = eqx.field(static=True)

    @classmethod
    def of(cls, members: Sequence[Predictor]) -> Members:
        """Stack members with arrays of equal shapes and equal other fields; keep others side by side."""
        arrays, rest = zip(*(eqx.partition(m, is_array) for m in members))
        alike = all(jax.tree.structure(a) == jax.tree.structure(arrays[0]) for a in arrays)
        alike = alike and all(bool(eqx.tree_equal(r, rest[0])) for r in rest)
        shapes = [[np.shape(leaf) for leaf in jax.tree.leaves(a)] for a in arrays]
        if not alike or not shapes[0] or any(s != shapes[0] for s in shapes):
            return cls(tuple(members), False)
        with double():  # stacking must not round what members keep in float64 (reference energies)
            stacked = jax.tree.map(lambda *leaves: jnp.stack([jnp.asarray(leaf) for leaf in leaves]), *arrays)
        return cls(eqx.combine(stacked, rest[0]), True)

    def prepare(self, x: System) -> System:
        """As the members need it; they are fits of one method."""
        return (self.members if self.stacked else self.members[0]).prepare(x)

    def _answers(self, x: System) -> dict[str, Array]:
        if not self.stacked:
            answers = [m(x) for m in self.members]
            return {name: jnp.stack([jnp.asarray(a[name]) for a in answers]) for name in answers[0]}
        arrays, rest = eqx.partition(self.members, is_array)
        return dict(jax.vmap(lambda a: eqx.combine(a, rest)(x))(arrays))

    def __call__(self, x: System) -> Outputs:
        """Mean over the members."""
        return {name: jnp.mean(a, 0) for name, a in self._answers(x).items()}

    def spread(self, x: System) -> Outputs:
        """Standard deviation over the members (n - 1 in the denominator)."""
        return {name: jnp.std(a, 0, ddof=1) for name, a in self._answers(x).items()}
