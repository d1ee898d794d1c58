"""What is left of order where nothing repeats, as distributions: scattering, angles, rings.

    S(q) = 1/N | sum_i exp(i q . r_i) |^2       over the wave vectors of the cell, averaged in shells of |q|
    angles at atoms between bonds;  rings: the shortest way round through two bonds of an atom

Rings: King 1967, doi:10.1038/2131112a0: every pair of bonds of an atom closes with one shortest ring; crystalline
silicon has six-membered ones alone. A ring must close in space: one that leaves through one side of the cell and comes
back through the other is none.
"""

from __future__ import annotations

import itertools

import numpy as np
from jaxtyping import Float, Int

from erlangen.core.errors import Invalid
from erlangen.core.systems import System

from .surroundings import bonded

LONGEST = 12  # atoms in a ring that is looked for
AT_ONCE = 4096  # wave vectors


def structure_factor(
    x: System, q_max: float, width: float = 0.1
) -> tuple[Float[np.ndarray, " shells"], Float[np.ndarray, " shells"]]:
    """|q| [1/A] and S(q), 0 < |q| < q_max, averaged over shells of `width`; empty shells are left out."""
    if not np.all(x["pbc"]):
        raise Invalid(must="wave vectors are those of a cell that repeats", came=f"pbc {np.asarray(x['pbc'])}", do="")
    r, cell = np.asarray(x["positions"], float), np.asarray(x["cell"], float)
    reciprocal = 2 * np.pi * np.linalg.inv(cell).T
    extent = np.ceil(q_max * np.linalg.norm(cell, axis=1) / (2 * np.pi)).astype(int)
    whole = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in extent), indexing="ij"), -1).reshape(-1, 3)
    q = whole[len(whole) // 2 + 1 :] @ reciprocal  # one of q and -q
    size = np.linalg.norm(q, axis=1)
    q, size = q[size < q_max], size[size < q_max]
    found = np.concatenate(
        [abs(np.exp(1j * q[i : i + AT_ONCE] @ r.T).sum(1)) ** 2 / len(r) for i in range(0, len(q), AT_ONCE)] or [size]
    )
    shell = (size / width).astype(int)
    places, counts = np.unique(shell, return_counts=True)
    means = [np.bincount(shell, v)[places] / counts for v in (size, found)]
    return means[0], means[1]


def bond_angles(x: System, reach: float) -> Float[np.ndarray, " angles"]:
    """All angles [degree] between two bonds of an atom; bonds are pairs nearer than `reach` [A]."""
    shell = bonded(x, reach)
    there = np.isfinite(shell.distances)
    u = np.where(there[..., None], shell.vectors, 0) / np.where(there, shell.distances, 1.0)[..., None]
    i, j = np.triu_indices(u.shape[1], 1)
    cosine = np.sum(u[:, i] * u[:, j], -1)[there[:, i] & there[:, j]]
    return np.rad2deg(np.arccos(np.clip(cosine, -1, 1)))


def rings(x: System, reach: float, longest: int = LONGEST) -> Int[np.ndarray, " longest+1"]:
    """How many pairs of bonds close with a shortest ring of k atoms, at place k; at place 0 those that close with
    none of up to `longest`.
    """
    shell = bonded(x, reach)
    r, inverse = np.asarray(x["positions"], float), np.linalg.pinv(np.asarray(x["cell"], float))
    # atom, and the cell that it stands in, for each bond of each atom
    images = np.round((r[:, None] + np.where(np.isfinite(shell.vectors), shell.vectors, 0) - r[shell.atoms]) @ inverse)
    there = np.isfinite(shell.distances)
    near = [
        [(int(j), tuple(s)) for j, s in zip(shell.atoms[i][there[i]], images[i][there[i]].astype(int).tolist())]
        for i in range(len(r))
    ]
    counts = np.zeros(longest + 1, int)
    for centre, bonds in enumerate(near):
        for first, last in itertools.combinations(bonds, 2):
            counts[_shortest(near, (centre, (0, 0, 0)), first, last, longest)] += 1
    return counts


Place = tuple[int, tuple[int, ...]]


def _shortest(near: list[list[Place]], centre: Place, start: Place, end: Place, longest: int) -> int:
    """Atoms in the shortest ring through centre, start and end, by layers of what is reached; 0 where it is longer."""
    layer, seen = [start], {centre, start}
    for size in range(3, longest + 1):
        reached = []
        for atom, (a, b, c) in layer:
            for other, (u, v, w) in near[atom]:
                here = other, (a + u, b + v, c + w)
                if here == end:
                    return size
                if here not in seen:
                    seen.add(here)
                    reached.append(here)
        layer = reached
    return 0
