"""Lattices of sites: neighbour shells, sublattices and the space group as site permutations.

    r = (n_1 + b_1) a_1 + (n_2 + b_2) a_2        n: cell,  b: one of the sites of a cell,  modulo the vectors of a torus

Everything is exact integer arithmetic: places count sixths of a cell, squared lengths come from the metric of the cell
vectors. A torus may be tilted: (x, y) and its turn by the smallest rotation of the lattice, so that the cluster keeps
the rotations; that gives the usual clusters of 8, 10, 18, 20 (square), 12, 36 (triangular, kagome) sites.
A permutation p moves a configuration as (p s)_i = s_{p(i)}.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math

import numpy as np
from jaxtyping import Int

from ..core.errors import Invalid, unknown

UNIT = 6  # places per cell vector

MOST_SITES = 1024
"""Of a lattice by name, or of a file: distances between all of them are tabulated."""


@dataclasses.dataclass(frozen=True)
class Shape:
    """Twice the metric of the cell vectors, the sites of a cell, and the second vector of a tilted torus (x, y)."""

    metric: tuple[tuple[int, ...], ...]
    basis: tuple[tuple[int, ...], ...]
    turn: tuple[tuple[int, ...], ...] = ()


SQUARE, HEXAGONAL = ((2, 0), (0, 2)), ((2, 1), (1, 2))
QUARTER, SIXTH = ((0, 1), (-1, 0)), ((0, 1), (-1, 1))  # (x, y) -> (-y, x) and (-y, x + y)
SHAPES = {
    "chain": Shape(((2,),), ((0,),)),
    "square": Shape(SQUARE, ((0, 0),), QUARTER),
    "triangular": Shape(HEXAGONAL, ((0, 0),), SIXTH),
    "honeycomb": Shape(HEXAGONAL, ((0, 0), (2, 2)), SIXTH),
    "kagome": Shape(HEXAGONAL, ((0, 0), (3, 0), (0, 3)), SIXTH),
}


@dataclasses.dataclass(frozen=True)
class Lattice:
    """Sites of one of the `SHAPES` in a cluster spanned by `vectors` (in cells), periodic or open in all directions."""

    name: str
    vectors: tuple[tuple[int, ...], ...]
    is_periodic: bool = True

    @property
    def shape(self) -> Shape:
        """Cell, basis and turn of its kind."""
        return SHAPES[self.name]

    @property
    def n_sites(self) -> int:
        """Number of sites."""
        return abs(_determinant(self.vectors)) * len(self.shape.basis)

    @functools.cached_property
    def places(self) -> Int[np.ndarray, "sites dimensions"]:
        """[sites, dimensions] integer places in sixths of a cell vector: cells row by row, sites within a cell."""
        span = np.abs(self.vectors).sum(0)
        cells = np.array(list(itertools.product(*(range(-s, s + 1) for s in span))))
        inside = cells[np.all(self._within(UNIT * cells) == UNIT * cells, axis=1)]
        return self._reduced((UNIT * inside[:, None] + np.array(self.shape.basis)).reshape(-1, len(span)))

    def bonds(self, shell: int = 1) -> Int[np.ndarray, "bonds 2"]:
        """[bonds, 2] pairs of sites i < j at the shell-th smallest distance; every pair counts once.

        Pitfall: on a small torus several images of a neighbour may be the same site: one bond, not two. On a periodic
        extent of 2 that are first neighbours; second ones on the ring of 4 (2 bonds, not 4) and on the tilted square of
        8 (each site has 2 of the 4, at the distance of two images each).
        """
        squared = self._squared_distances()
        lengths = np.unique(squared[squared > 0])
        if shell > len(lengths):
            return np.zeros((0, 2), int)
        first, second = np.nonzero(squared == lengths[shell - 1])
        return np.stack([first, second], axis=1)[first < second]

    @functools.cached_property
    def sublattice(self) -> Int[np.ndarray, " sites"] | None:
        """[sites] of +1/-1 such that nearest neighbours differ, or None where lattice or boundary frustrates it."""
        bonds, signs = self.bonds(), np.zeros(self.n_sites, int)
        signs[0] = 1
        while np.any(signs == 0):
            before = signs.copy()
            for a, b in (bonds.T, bonds.T[::-1]):
                reached = (signs[a] != 0) & (signs[b] == 0)
                signs[b[reached]] = -signs[a[reached]]
            if np.array_equal(before, signs):  # a separate part
                signs[np.flatnonzero(signs == 0)[0]] = 1
        return signs if np.all(signs[bonds[:, 0]] != signs[bonds[:, 1]]) else None

    @functools.cached_property
    def translations(self) -> Int[np.ndarray, "cells sites"]:
        """[cells, sites] site permutations of all translations (only the identity on an open lattice)."""
        return self._isometries(np.eye(len(self.vectors), dtype=int)[None])

    @functools.cached_property
    def space_group(self) -> Int[np.ndarray, "elements sites"]:
        """[elements, sites] all isometries of the cluster: translations, rotations, reflections and their products."""
        metric, dimension = np.array(self.shape.metric), len(self.vectors)
        turns = np.array(list(itertools.product((-1, 0, 1), repeat=dimension**2))).reshape(-1, dimension, dimension)
        kept = np.all(turns @ metric @ np.swapaxes(turns, 1, 2) == metric, axis=(1, 2))
        return self._isometries(turns[kept])

    def _isometries(self, turns: Int[np.ndarray, "turns dimensions dimensions"]) -> Int[np.ndarray, "elements sites"]:
        """The site permutations r -> r M + t that map the cluster onto itself, M out of `turns`."""
        number = {tuple(place): i for i, place in enumerate(self.places.tolist())}
        found = set()
        for turn in turns:
            if self.is_periodic and np.any(self._reduced(UNIT * np.array(self.vectors) @ turn)):
                continue  # the torus has not this rotation
            turned = self.places @ turn
            for target in self.places:
                images = self._reduced(turned + target - turned[0]).tolist()
                moved = [number.get(tuple(place), -1) for place in images]
                if min(moved) >= 0:
                    found.add(tuple(moved))
        return np.array(sorted(found))

    def _reduced(self, places: Int[np.ndarray, "... dimensions"]) -> Int[np.ndarray, "... dimensions"]:
        """The same places within the torus; those of an open lattice stay where they are."""
        return self._within(places) if self.is_periodic else places

    def _within(self, places: Int[np.ndarray, "... dimensions"]) -> Int[np.ndarray, "... dimensions"]:
        """Moved by whole `vectors` into the parallelogram that they span, exactly."""
        vectors = UNIT * np.array(self.vectors)
        adjugate, determinant = _adjugate(vectors), _determinant(vectors.tolist())
        return places - (places @ adjugate // determinant) @ vectors

    def _squared_distances(self) -> Int[np.ndarray, "sites sites"]:
        gaps = self.places[:, None] - self.places
        shifts = np.zeros((1, len(self.vectors)), int)
        if self.is_periodic:
            gaps = self._reduced(gaps)
            images = np.array(list(itertools.product((-1, 0, 1), repeat=len(self.vectors))))
            shifts = images @ (UNIT * np.array(self.vectors))
        moved = gaps[:, :, None] + shifts
        return np.einsum("ijka,ab,ijkb->ijk", moved, np.array(self.shape.metric), moved).min(axis=2)

    def __str__(self) -> str:
        vectors = np.array(self.vectors)
        straight = np.array_equal(vectors, np.diag(np.diag(vectors)))
        size = "x".join(map(str, np.diag(vectors))) if straight else f"of {self.n_sites} sites"
        return f"{self.name} {size} {'periodic' if self.is_periodic else 'open'}"


@dataclasses.dataclass(frozen=True)
class Loose:
    """Sites without a geometry: no symmetry is known."""

    n_sites: int

    @property
    def sublattice(self) -> None:
        """None is known."""
        return None

    @property
    def translations(self) -> Int[np.ndarray, "1 sites"]:
        """The identity alone."""
        return np.arange(self.n_sites)[None]

    @property
    def space_group(self) -> Int[np.ndarray, "1 sites"]:
        """The identity alone."""
        return np.arange(self.n_sites)[None]

    def __str__(self) -> str:
        return f"{self.n_sites} sites"


def chain(n_sites: int, *, is_periodic: bool = True) -> Lattice:
    """A chain of `n_sites`."""
    return straight("chain", (n_sites,), is_periodic=is_periodic)


def square(*extent: int, is_periodic: bool = True) -> Lattice:
    """A square lattice: `square(4)` is 4 x 4, `square(4, 6)` is 4 x 6."""
    return straight("square", extent if len(extent) == 2 else extent * 2, is_periodic=is_periodic)


def straight(name: str, extent: tuple[int, ...], *, is_periodic: bool = True) -> Lattice:
    """A cluster of `extent` cells along the cell vectors."""
    if any(n < 2 for n in extent):
        raise Invalid(must="a lattice has at least 2 sites along each direction", came=str(extent), do="Enlarge it.")
    vectors = tuple(tuple(n if i == j else 0 for j in range(len(extent))) for i, n in enumerate(extent))
    return Lattice(name, vectors, is_periodic)


def named(name: str, n_sites: int, *, is_periodic: bool = True) -> Lattice:
    """The lattice called `name` with `n_sites` in total and sides as even as can be; if need be on a tilted torus."""
    if name not in SHAPES:
        raise unknown("lattice", name, SHAPES)
    if n_sites > MOST_SITES:
        raise Invalid(must=f"a lattice has at most {MOST_SITES} sites", came=str(n_sites), do="Lower --sites.")
    if name == "chain":
        return chain(n_sites, is_periodic=is_periodic)
    found = _cluster(name, n_sites, is_periodic)
    if found is None:
        near = [n for n in range(max(n_sites - 40, 4), n_sites + 41) if _cluster(name, n, is_periodic)]
        near = sorted(near, key=lambda n: abs(n - n_sites))[:2]
        raise Invalid(
            must=f"{'a periodic' if is_periodic else 'an open'} {name} lattice has sides that differ by at most half",
            came=f"{n_sites} sites",
            do=f"Take {' or '.join(map(str, sorted(near)))}.",
        )
    return found


def _cluster(name: str, n_sites: int, is_periodic: bool) -> Lattice | None:
    """Straight where the number of cells is a square; else the tilted torus of the most even x >= y; else straight."""
    shape = SHAPES[name]
    cells, rest = divmod(n_sites, len(shape.basis))
    side = math.isqrt(cells)
    if rest or cells < 4:
        return None
    if side * side == cells:
        return straight(name, (side, side), is_periodic=is_periodic)
    for y in range(side, 0, -1) if is_periodic else ():
        for x in range(y, side + 1):
            vectors = np.array([(x, y), np.array((x, y)) @ np.array(shape.turn)])
            if abs(_determinant(vectors.tolist())) == cells:
                return Lattice(name, tuple(map(tuple, vectors.tolist())))
    shorter = next(n for n in range(side, 0, -1) if cells % n == 0)
    longer = cells // shorter
    return straight(name, (shorter, longer), is_periodic=is_periodic) if longer <= 2 * shorter else None


def _determinant(rows: tuple[tuple[int, ...], ...] | list[list[int]]) -> int:
    return rows[0][0] if len(rows) == 1 else rows[0][0] * rows[1][1] - rows[0][1] * rows[1][0]


def _adjugate(rows: np.ndarray) -> np.ndarray:
    return np.ones((1, 1), int) if len(rows) == 1 else np.array([[rows[1, 1], -rows[0, 1]], [-rows[1, 0], rows[0, 0]]])
