"""Lattices of sites: neighbour shells, sublattices and the space group as site permutations.

Sites sit on an integer grid of shape `extent`, numbered row by row; distances are Euclidean, with periodic images where
`is_periodic`. A permutation p moves a configuration as (p s)_i = s_{p(i)}.
"""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np

from ..core.errors import Invalid, unknown


@dataclasses.dataclass(frozen=True)
class Lattice:
    """A chain (one extent) or a square lattice (two extents), periodic or open in all directions."""

    name: str
    extent: tuple[int, ...]
    is_periodic: bool = True

    @property
    def n_sites(self) -> int:
        return math.prod(self.extent)

    @property
    def coordinates(self) -> np.ndarray:
        """[sites, dimensions] integer coordinates."""
        return np.stack(np.unravel_index(np.arange(self.n_sites), self.extent), axis=1)

    def bonds(self, shell: int = 1) -> np.ndarray:
        """[bonds, 2] pairs of sites i < j at the shell-th smallest distance; every pair counts once.

        Pitfall: on a periodic extent of 2 both images of a neighbour are the same site: one bond, not two.
        """
        squared = _squared_distances(self)
        lengths = np.unique(squared[squared > 0])
        if shell > len(lengths):
            return np.zeros((0, 2), int)
        first, second = np.nonzero(squared == lengths[shell - 1])
        return np.stack([first, second], axis=1)[first < second]

    @property
    def sublattice(self) -> np.ndarray | None:
        """[sites] of +1/-1 such that nearest neighbours differ, or None where the boundary frustrates it."""
        signs = 1 - 2 * (self.coordinates.sum(axis=1) % 2)
        bonds = self.bonds()
        return signs if np.all(signs[bonds[:, 0]] != signs[bonds[:, 1]]) else None

    @property
    def translations(self) -> np.ndarray:
        """[sites, sites] site permutations of all translations (only the identity on an open lattice)."""
        if not self.is_periodic:
            return np.arange(self.n_sites)[None]
        shifts = self.coordinates
        moved = (self.coordinates[None] + shifts[:, None]) % np.array(self.extent)
        return np.asarray(np.ravel_multi_index(tuple(np.moveaxis(moved, -1, 0)), self.extent))

    @property
    def point_group(self) -> np.ndarray:
        """[elements, sites] rotations and reflections: 2 elements for a chain, C4v (8) or C2v (4) in two dimensions."""
        found, last = [], np.array(self.extent) - 1
        for axes in itertools.permutations(range(len(self.extent))):
            if tuple(self.extent[a] for a in axes) != self.extent:
                continue
            for flips in itertools.product((False, True), repeat=len(self.extent)):
                turned = self.coordinates[:, list(axes)]
                turned = np.where(flips, last - turned, turned)
                found.append(np.ravel_multi_index(tuple(turned.T), self.extent))
        return np.unique(found, axis=0)

    @property
    def space_group(self) -> np.ndarray:
        """[elements, sites] all products of a translation and a point-group element, each once."""
        products = self.point_group[:, self.translations].reshape(-1, self.n_sites)
        return np.unique(products, axis=0)

    def __str__(self) -> str:
        return f"{self.name} {'x'.join(map(str, self.extent))} {'periodic' if self.is_periodic else 'open'}"


def chain(n_sites: int, *, is_periodic: bool = True) -> Lattice:
    """A chain of `n_sites`."""
    return _lattice("chain", (n_sites,), is_periodic)


def square(*extent: int, is_periodic: bool = True) -> Lattice:
    """A square lattice: `square(4)` is 4 x 4, `square(4, 6)` is 4 x 6."""
    return _lattice("square", extent if len(extent) == 2 else extent * 2, is_periodic)


def named(name: str, n_sites: int, *, is_periodic: bool = True) -> Lattice:
    """The lattice called `name` with `n_sites` in total; a square lattice needs a square number."""
    if name == "chain":
        return chain(n_sites, is_periodic=is_periodic)
    if name != "square":
        raise unknown("lattice", name, ("chain", "square"))
    side = math.isqrt(n_sites)
    if side * side != n_sites:
        raise Invalid(
            must="a square lattice needs a square number of sites",
            came=f"{n_sites} sites",
            do=f"Take {side * side} or {(side + 1) ** 2}.",
        )
    return square(side, is_periodic=is_periodic)


def _lattice(name: str, extent: tuple[int, ...], is_periodic: bool) -> Lattice:
    if any(n < 2 for n in extent):
        raise Invalid(must="a lattice has at least 2 sites along each direction", came=str(extent), do="Enlarge it.")
    return Lattice(name, extent, is_periodic)


def _squared_distances(lattice: Lattice) -> np.ndarray:
    gap = np.abs(lattice.coordinates[:, None] - lattice.coordinates[None])
    if lattice.is_periodic:
        gap = np.minimum(gap, np.array(lattice.extent) - gap)
    return (gap**2).sum(axis=-1)
