"""Orbits of configurations under a group, and from them all of its symmetry sectors at the price of one.

    |r~> = sum_s V_sr |s>,      V_sr = chi(g_s)* sqrt(n_r / |G|),      g_s s = r

n_r: sum of chi over the stabiliser of r. The conventions are those of `exact_diagonalisation`, whose bases are the
same, one at a time.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Inexact, Int

from . import exact_diagonalisation as exact
from .spins import Hamiltonian

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclasses.dataclass(frozen=True, eq=False)
class Orbits:
    """Configurations of a law at its S_z and the orbits of a group (site permutations; `flip`: and all spins reversed).

    place [states]: the orbit of each configuration; element [states]: number of what leads to its representative;
    representatives [orbits]: numbers of configurations; stabilisers [elements, orbits]. With `flip` the second half of
    the elements reverses all spins as well.
    """

    basis: exact.Basis
    matrix: csr_matrix
    place: Int[np.ndarray, " states"]
    element: Int[np.ndarray, " states"]
    representatives: Int[np.ndarray, " orbits"]
    stabilisers: Bool[np.ndarray, "elements orbits"]

    @classmethod
    def of(cls, law: Hamiltonian, permutations: Int[np.ndarray, "elements sites"], *, flip: bool) -> Orbits:
        """Orbits under `permutations`."""
        basis = exact.enumerate_basis(law.n_sites, exact.Sector(np.arange(law.n_sites)[None], 0, law.n_up))
        states, every = basis.states, np.int64(2**law.n_sites - 1)
        smallest, element = states.copy(), np.zeros(len(states), int)
        moves = [image for image, _ in exact.elements(law.n_sites, exact.Sector(permutations))]
        moves += [lambda s, image=image: image(s) ^ every for image in moves] if flip else []
        for number, move in enumerate(moves):
            moved = move(states)
            better = moved < smallest
            smallest, element = np.where(better, moved, smallest), np.where(better, number, element)
        found, place = np.unique(smallest, return_inverse=True)
        stabilisers = np.array([move(found) == found for move in moves])
        # the representative itself is led to itself by the unit element
        element[smallest == states] = np.flatnonzero((permutations == np.arange(law.n_sites)).all(1))[0]
        matrix = exact.sparse_matrix(law, basis)
        return cls(basis, matrix, place, element, np.searchsorted(states, found), stabilisers)

    def sector(self, characters: Inexact[np.ndarray, " elements"], flip: int = 0) -> tuple[csr_matrix, csr_matrix]:
        """(V [states, dimension], H in the sector [dimension, dimension]), SciPy CSR; dimension 0 where no state is.

        flip: the character of the reversal of all spins.
        """
        import scipy.sparse

        values = np.concatenate([characters, flip * characters]) if flip else np.asarray(characters)
        weights = np.real(values @ self.stabilisers)
        kept = np.flatnonzero(weights > 0.5)
        column = np.full(len(weights), -1)
        column[kept] = np.arange(len(kept))
        inside = np.flatnonzero(column[self.place] >= 0)
        own = self.place[inside]
        factors = values[self.element[inside]].conj() * np.sqrt(weights[own] / len(values))
        shape = len(self.place), len(kept)
        v = scipy.sparse.csr_matrix((factors, (inside, column[own])), shape=shape)
        # H keeps the sector: the rows of the representatives say all of H V
        rows = self.representatives[kept]
        scale = scipy.sparse.diags(np.sqrt(len(values) / weights[kept]))
        return v, (scale @ (self.matrix[rows] @ v)).tocsr()
