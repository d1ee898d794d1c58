"""Adaptive common neighbour analysis: how the neighbours that a bond has in common are bonded among each other.

    signature of a bond (a, b, c): a common neighbours, b bonds among them, c bonds in the largest connected piece

    fcc  12 x (4, 2, 1)        hcp  6 x (4, 2, 1) + 6 x (4, 2, 2)        bcc  8 x (6, 6, 6) + 6 x (4, 4, 4)

with 12 neighbours, or 14 for bcc, and a range of its own for every atom, halfway between two shells:

    r_c = (1 + sqrt 2) / 2  <r>,      bcc: <r> over 8 neighbours times 2 / sqrt 3, and 6 as they are

Honeycutt and Andersen 1987, doi:10.1021/j100303a014; adaptive: Stukowski 2012, doi:10.1088/0965-0393/20/4/045021.
Diamond: the twelve second neighbours of an atom stand as the first do in fcc (Maras et al. 2016,
doi:10.1016/j.cpc.2016.04.001). No threshold to choose; a bond too long or too short, by heat, and an atom is "other".
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int

from erlangen.core.systems import System

from .surroundings import nearest, second

ORDERS = ("fcc", "bcc", "hcp", "diamond", "other")
HALFWAY = (1 + np.sqrt(2)) / 2
AT_ONCE = 2048  # atoms


def common_neighbours(x: System) -> Int[np.ndarray, " n"]:
    """Place in `ORDERS` of every atom."""
    shell = nearest(x, 14)
    found = np.full(len(shell.atoms), ORDERS.index("other"))
    for start in range(0, len(found), AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        found[rows] = _of(shell.vectors[rows])
    # diamond is no close packing, but what it is of second neighbours is
    around = second(shell.first(4))
    close = _close_packed(around, HALFWAY * np.mean(np.linalg.norm(around, axis=-1), 1))
    found[(found == ORDERS.index("other")) & (close == ORDERS.index("fcc"))] = ORDERS.index("diamond")
    return found


def _of(vectors: Float[np.ndarray, "n 14 3"]) -> Int[np.ndarray, " n"]:
    r = np.linalg.norm(vectors, axis=-1)
    packed = _close_packed(vectors[:, :12], HALFWAY * np.mean(r[:, :12], 1))
    reach = HALFWAY * (2 / np.sqrt(3) * np.sum(r[:, :8], 1) + np.sum(r[:, 8:], 1)) / 14
    common, bonds, chain = signatures(vectors, reach)
    eight = np.sum((common == 6) & (bonds == 6) & (chain == 6), 1) == 8
    six = np.sum((common == 4) & (bonds == 4) & (chain == 4), 1) == 6
    return np.where(eight & six, ORDERS.index("bcc"), packed)


def _close_packed(vectors: Float[np.ndarray, "n 12 3"], reach: Float[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    common, bonds, chain = signatures(vectors, reach)
    four = (common == 4) & (bonds == 2)
    straight, bent = np.sum(four & (chain == 1), 1), np.sum(four & (chain == 2), 1)
    hexagonal = np.where((straight == 6) & (bent == 6), ORDERS.index("hcp"), ORDERS.index("other"))
    return np.where(straight == 12, ORDERS.index("fcc"), hexagonal)


def signatures(
    vectors: Float[np.ndarray, "n k 3"], reach: Float[np.ndarray, " n"]
) -> tuple[Int[np.ndarray, "n k"], Int[np.ndarray, "n k"], Int[np.ndarray, "n k"]]:
    """(a, b, c) of the bond to each neighbour, bonds being pairs of neighbours nearer than `reach` of the atom."""
    near = np.linalg.norm(vectors[:, :, None] - vectors[:, None], axis=-1) < reach[:, None, None]
    near &= ~np.eye(vectors.shape[1], dtype=bool)
    among = near[:, :, :, None] & near[:, :, None, :] & near[:, None]  # of neighbour 1: bonds 2-3 of its neighbours
    return near.sum(-1), among.sum((-1, -2)) // 2, _largest(among)


def _largest(bonds: Bool[np.ndarray, "n k k k"]) -> Int[np.ndarray, "n k"]:
    """Number of bonds in the largest connected piece of each graph."""
    k = bonds.shape[-1]
    met = (bonds | np.eye(k, dtype=bool)).astype(np.float32)
    for _ in range(4):  # paths of up to 16 bonds
        met = (met @ met > 0).astype(np.float32)
    degrees = bonds.sum(-1).astype(np.float32)
    return (np.max((met @ degrees[..., None])[..., 0], -1) / 2).astype(int)
