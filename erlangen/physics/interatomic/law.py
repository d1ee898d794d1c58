"""What all laws of interaction share: an energy that is a sum over atoms, each of which sees its neighbours.

E(x) = sum_i e_i({r_ij}: |r_ij| < cutoff),      F_i = -dE/dr_i,      sigma = (1/V) dE/d epsilon

A law is a `numerics.mechanics.Surface`, as a fitted potential is: dynamics, relaxations, phonons and calculators take
either. Laws are exact to the precision in which they are asked: within `numerics.precision.double()` float64.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from erlangen.core.arrays import AnyArray
from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.numerics import mechanics
from erlangen.numerics.neighbour_lists import LABEL, listed, near_of
from erlangen.numerics.neighbours import Neighbours

from ..molecules import symbols

HEAVIEST = 118  # atomic number
LISTED = 64  # atoms from which a list of neighbours pays against all pairs


class Law(eqx.Module):
    """A law of interaction. cutoff [A]: nobody sees further; elements: atomic numbers that it is for, None: any."""

    cutoff: eqx.AbstractVar[float]
    elements: eqx.AbstractVar[tuple[int, ...] | None]

    @abc.abstractmethod
    def among(self, atomic_numbers: Int[AnyArray, " n"], near: Neighbours) -> Float[Array, " n"]:
        """What each atom adds to the energy [eV], from the pairs within the cutoff."""

    def shares(self, x: Atoms) -> Float[Array, " n"]:
        """What each atom adds to the energy [eV]; NaN, and so are the forces, where the list of neighbours is no longer
        complete, or for an element that the law is not for.
        """
        return self.of_pairs(jnp.asarray(x.atomic_numbers), self.near(x))

    def near(self, x: Atoms) -> Neighbours:
        """Pairs within the cutoff."""
        return near_of(x, self.cutoff)

    def of_pairs(self, atomic_numbers: Int[Array, " n"], near: Neighbours) -> Float[Array, " n"]:
        """What each atom adds to the energy [eV]; NaN where the law has no answer."""
        found = jnp.where(atomic_numbers > 0, self.among(atomic_numbers, near), 0.0)
        answerable = near.complete
        if self.elements is not None:
            answerable &= jnp.all(jnp.isin(atomic_numbers, jnp.array([0, *self.elements], atomic_numbers.dtype)))
        # a factor: chosen by `where`, the gradient of what is not answered would be 0
        return found * jnp.where(answerable, 1.0, jnp.nan).astype(found.dtype)

    def mechanics(self, x: Atoms) -> dict[str, Array]:
        """Energy [eV], energies [n], forces [n, 3] in eV/A and stress [3, 3] in eV/A^3."""
        return mechanics.by_pairs(self, x)

    def prepare(self, x: Atoms) -> Atoms:
        """With a list of neighbours, for crystals and for large molecules."""
        if LABEL in x.labels:
            return x
        return listed(x, self.cutoff) if np.any(x.pbc) or len(x.atomic_numbers) > LISTED else x

    def check(self, x: Atoms) -> None:
        """Raise `Invalid` where the law is not for these elements."""
        found = set(np.asarray(x.atomic_numbers).tolist()) - {0}
        if self.elements is not None and (foreign := found - set(self.elements)):
            raise Invalid(
                must=f"{type(self).__name__} is for {', '.join(symbols(self.elements))}",
                came=", ".join(symbols(sorted(foreign))),
                do="Take another law, or a trained run.",
            )


def by_atomic_number(
    elements: Sequence[int], rows: Float[np.ndarray, " elements *p"]
) -> Float[np.ndarray, " numbers *p"]:
    """Parameters in a table that atomic numbers are places in; 1 for all other elements and where there is no atom."""
    table = np.ones((HEAVIEST + 1, *rows.shape[1:]))
    table[list(elements)] = rows
    return table
