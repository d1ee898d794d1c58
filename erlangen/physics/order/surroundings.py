"""The nearest neighbours of every atom, nearest first, each periodic image on its own.

nearest(x, 12) -> Shell(vectors [n, 12, 3], atoms [n, 12])
bonded(x, 2.6) -> Shell of all pairs nearer than that, rows filled up with infinitely far ones
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float, Int

from erlangen.core.errors import Invalid
from erlangen.core.systems import System
from erlangen.numerics.neighbour_lists import neighbour_list

CROWD = 1.4  # how many times more neighbours a first guess of the range is for
TRIES = 12  # ranges, each a third longer: 30 times the first


@dataclasses.dataclass(frozen=True)
class Shell:
    """vectors [n, k, 3] from each atom to its neighbours in A, and which atoms these are."""

    vectors: Float[np.ndarray, "n k 3"]
    atoms: Int[np.ndarray, "n k"]

    @property
    def distances(self) -> Float[np.ndarray, "n k"]:
        """Lengths of the vectors [A]."""
        return np.linalg.norm(self.vectors, axis=-1)

    def first(self, count: int) -> Shell:
        """The nearest `count` of them."""
        return Shell(self.vectors[:, :count], self.atoms[:, :count])


def nearest(x: System, count: int) -> Shell:
    """The `count` nearest neighbours of every atom; an isolated cluster must have more atoms than that."""
    n = len(x["positions"])
    if not np.any(x["pbc"]) and n <= count:
        raise Invalid(
            must=f"every atom has {count} neighbours", came=f"{n} atoms that do not repeat", do="Give a larger piece."
        )
    reach = (count * CROWD / (4 / 3 * np.pi) * _room(x)) ** (1 / 3)
    for _ in range(TRIES):
        found = bonded(x, reach)
        if found.vectors.shape[1] >= count and np.all(np.isfinite(found.vectors[:, count - 1, 0])):
            return found.first(count)
        reach *= 4 / 3
    raise Invalid(
        must=f"every atom has {count} neighbours", came=f"one without, up to {reach:.0f} A", do="Look for stray atoms."
    )


def bonded(x: System, reach: float) -> Shell:
    """All neighbours nearer than `reach` [A]; missing ones have infinite vectors and the number of the atom itself."""
    pairs = neighbour_list(x["positions"], x["atomic_numbers"], reach, cell=x["cell"], pbc=x["pbc"])
    r, senders = np.asarray(x["positions"], float), np.asarray(pairs.reverse) // pairs.width
    vectors = r[senders] + np.asarray(pairs.shifts) @ np.asarray(pairs.cell) - r[:, None]
    vectors = np.where(np.asarray(pairs.mask)[..., None], vectors, np.inf)
    order = np.argsort(np.sum(vectors**2, -1), 1, kind="stable")
    return Shell(np.take_along_axis(vectors, order[..., None], 1), np.take_along_axis(senders, order, 1))


def second(shell: Shell) -> Float[np.ndarray, "n 12 3"]:
    """The neighbours of four neighbours, without the way back."""
    there = shell.vectors[:, :, None] + shell.vectors[shell.atoms]  # [n, 4, 4, 3]
    order = np.argsort(np.sum(there**2, -1), -1)[..., 1:]  # the atom itself is the nearest to itself
    return np.take_along_axis(there, order[..., None], 2).reshape(len(there), 12, 3)


def _room(x: System) -> float:
    """A^3 per atom, in the cell or in the box around the atoms."""
    r = np.asarray(x["positions"], float)
    if np.all(x["pbc"]):
        return abs(float(np.linalg.det(x["cell"]))) / len(r)
    return float(np.prod(np.ptp(r, axis=0) + 2.0)) / len(r)
