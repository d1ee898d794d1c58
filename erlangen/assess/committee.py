"""An ensemble of potentials as one potential: the surface of the mean energy, and how far its members are apart.

    E(x) = 1/n sum_m E_m(x),      s_i^2 = 1/(n - 1) sum_m |F_m,i - F_i|^2

What is derived (a frequency, an elastic constant) is derived for every member too: its spread is that of the figures.
Spreads rank errors where the training data were like what is asked; they are no intervals.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..core.systems import Atoms
from ..numerics.mechanics import Surface, mechanics_of
from ..numerics.precision import double
from .conformal import is_array
from .ensembles import Members

T = TypeVar("T")


class Committee(Members):
    """Members that are surfaces, as a surface."""

    @property
    def each(self) -> list[Surface]:
        """The members one by one."""
        if not self.stacked:
            return list(self.members)
        arrays, rest = eqx.partition(self.members, is_array)
        count = len(jax.tree.leaves(arrays)[0])
        return [eqx.combine(jax.tree.map(operator.itemgetter(m), arrays), rest) for m in range(count)]

    @property
    def _any(self) -> Surface:
        return self.members if self.stacked else self.members[0]

    @property
    def cutoff(self) -> float:
        """How far a list of neighbours has to reach [A]; all members are fits of one method."""
        return self._any.cutoff

    def check(self, x: Atoms) -> None:
        """Raise `Invalid` where there is no answer for `x`."""
        self._any.check(x)

    def shares(self, x: Atoms) -> Float[Array, " n"]:
        """What each atom adds to the energy [eV]: the mean of the members."""
        if not self.stacked:
            return jnp.mean(jnp.stack([one.shares(x) for one in self.members]), 0)
        arrays, rest = eqx.partition(self.members, is_array)
        return jnp.mean(jax.vmap(lambda a: eqx.combine(a, rest).shares(x))(arrays), 0)

    def disagreement(self, x: Atoms) -> Float[Array, " n"]:
        """s_i of every atom [eV/A]."""
        if self.stacked:
            arrays, rest = eqx.partition(self.members, is_array)
            forces = jax.vmap(lambda a: mechanics_of(eqx.combine(a, rest), x)["forces"])(arrays)
        else:
            forces = jnp.stack([mechanics_of(one, x)["forces"] for one in self.members])
        return jnp.sqrt(jnp.sum(jnp.var(forces, 0, ddof=1), -1))


def committee(members: Members) -> Members:
    """A `Committee` where all members are surfaces; else the members as they are."""
    own = [members.members] if members.stacked else list(members.members)
    return Committee(members.members, members.stacked) if all(isinstance(m, Surface) for m in own) else members


def spread_of_forces(surface: Surface, x: Atoms) -> Float[np.ndarray, " n"] | None:
    """s_i of every atom [eV/A]; None of a surface without members."""
    if not isinstance(surface, Committee):
        return None
    with double():
        return np.asarray(_spread(surface, surface.prepare(x)))


def of_members(surface: Surface, derive: Callable[[Surface], T]) -> list[T]:
    """What `derive` makes of every member; nothing of a surface without members."""
    return [derive(one) for one in surface.each] if isinstance(surface, Committee) else []


@eqx.filter_jit
def _spread(surface: Committee, x: Atoms) -> Float[Array, " n"]:
    return surface.disagreement(x)
