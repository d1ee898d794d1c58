"""The atomic cluster expansion: a linear basis of energies of two, three and four bodies.

    A_i,clm = sum_j R_n(r_ij) Y_lm(r_ij),                               c = (element of j, n)
    B       = A_c00;   A_c1 . A_c2;   [A_c1 x A_c2]_l3 . A_c3            one, two, three factors
    E_i     = sum_f  w_f(Z_i)  B_i,f

R_n = P_n(x(r)) u(r): Legendre polynomials of a coordinate that resolves distances best near that of the nearest
neighbours, times an envelope. Kept are the products whose degree sum_t (n_t + WEIGHT l_t) is at most that of their
number of factors; each once, since factors commute. Drautz 2019, doi:10.1103/PhysRevB.99.014104; the coordinate: Witt
et al. 2023, doi:10.1063/5.0158783.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..numerics.neighbours import Neighbours
from .convolution import Pairs
from .radial import polynomial_cutoff
from .tensor_product import coupling_table

WEIGHT = 1.5  # of a degree of direction against one of distance
SLOPE = 10 / 13  # puts the steepest place of the coordinate at the nearest neighbours

Group = tuple[int, ...]  # degrees of direction of the factors, ascending


class Distances(eqx.Module):
    """R_n(r), n = 0 ... count - 1; shape [*pairs] -> [*pairs, count].

    x(r) = 1 / (1 + SLOPE s^4 / (1 + s^2)), s = r / nearest, mapped to [-1, 1] between r = 0 and the cutoff.
    """

    cutoff: float = eqx.field(static=True)
    nearest: float = eqx.field(static=True)  # A
    count: int = eqx.field(static=True)

    def __call__(self, r: Float[Array, "*pairs"]) -> Float[Array, "*pairs count"]:
        low = _coordinate(self.cutoff / self.nearest)
        x = 2 * (_coordinate(r / self.nearest) - low) / (1 - low) - 1
        found = [jnp.ones_like(x), x]
        for n in range(2, self.count):
            found.append(((2 * n - 1) * x * found[-1] - (n - 1) * found[-2]) / n)
        envelope = polynomial_cutoff(r, self.cutoff, 2)
        return jnp.stack(found[: self.count], -1) * envelope[..., None]


def _coordinate(s: Array | float) -> Array | float:
    return 1 / (1 + SLOPE * s**4 / (1 + s**2))


@dataclasses.dataclass(frozen=True)
class Products:
    """Which products there are: degrees[k - 1] limits those of k factors; `elements` of neighbours."""

    degrees: tuple[int, ...]
    elements: int = 1

    @property
    def lmax(self) -> int:
        """Largest degree of direction."""
        return max((g[-1] for g in self.groups), default=0)

    @property
    def groups(self) -> tuple[Group, ...]:
        """Degrees of direction that go together: equal for two factors, even sum and triangle for three."""
        most = [int(d / WEIGHT) for d in self.degrees]
        found: list[Group] = [(0,)]
        if len(most) > 1:
            found += [(l, l) for l in range(most[1] // 2 + 1)]
        if len(most) > 2:
            low = range(most[2] + 1)
            found += [
                (a, b, c)
                for a in low
                for b in range(a, most[2] + 1)
                for c in range(b, a + b + 1)
                if (a + b + c) % 2 == 0 and a + b + c <= most[2]
            ]
        return tuple(found)

    def radial(self, group: Group) -> int:
        """How many functions of the distance a factor of that group has."""
        return int(self.degrees[len(group) - 1] - WEIGHT * sum(group)) + 1

    @property
    def count(self) -> int:
        """Functions of the distance in all."""
        return max(self.radials)

    @property
    def radials(self) -> tuple[int, ...]:
        """How many functions of the distance go with each degree of direction."""
        return tuple(max(self.radial(g) for g in self.groups if l in g) for l in range(self.lmax + 1))

    @property
    def sizes(self) -> list[int]:
        """Of each group the products of all functions with all, most of which are not kept."""
        return [(self.elements * self.radial(g)) ** len(g) for g in self.groups]

    @property
    def kept(self) -> Int[np.ndarray, " functions"]:
        """Places of the basis among all products, group after group."""
        starts = np.cumsum([0, *self.sizes])
        return np.concatenate([s + np.flatnonzero(self._kept(g)) for s, g in zip(starts, self.groups)])

    @property
    def orders(self) -> Float[np.ndarray, " functions"]:
        """sum_t (n_t + WEIGHT l_t) of each function of the basis."""
        return np.concatenate([self._degree(g).ravel()[self._kept(g)] for g in self.groups])

    def factors(self, group: Group) -> tuple[Int[np.ndarray, " functions"], ...]:
        """Channels of the factors of each function of a group, in the densities of their degrees."""
        own = self.radial(group)
        places = np.unravel_index(np.flatnonzero(self._kept(group)), (self.elements * own,) * len(group))
        return tuple(i // own * self.radials[l] + i % own for i, l in zip(places, group))

    def _degree(self, group: Group) -> Float[np.ndarray, "..."]:
        n = np.tile(np.arange(self.radial(group)), self.elements)
        return sum(np.ix_(*[n] * len(group))) + WEIGHT * sum(group)  # type: ignore[return-value]

    def _kept(self, group: Group) -> Bool[np.ndarray, " products"]:
        """Small enough, and in the order of places among factors of equal degree of direction."""
        degree = self._degree(group)
        good = degree <= self.degrees[len(group) - 1]
        places = np.indices(degree.shape)
        for t in range(len(group) - 1):
            if group[t] == group[t + 1]:
                good &= places[t] <= places[t + 1]
        return good.ravel()


class Expansion(eqx.Module):
    """The basis of each atom, and what each atom adds to the energy in units of the scale."""

    weights: Float[Array, "species functions"]
    radial: Distances
    products: Products = eqx.field(static=True)

    def __call__(self, species: Int[Array, " n"], near: Neighbours) -> Float[Array, " n"]:
        dense = jnp.zeros((len(self.weights), sum(self.products.sizes)), self.weights.dtype)
        dense = dense.at[:, self.products.kept].set(self.weights)
        every = self.multiplied(self.density(species, near))
        own = jax.nn.one_hot(species, len(self.weights), dtype=every.dtype)
        return jnp.sum(own * (every @ dense.T), 1)

    def representations(self, species: Int[Array, " n"], near: Neighbours) -> tuple[Sequence[dict[int, Array]], None]:
        """The basis as scalars of one layer: for what is learned from features."""
        basis = self.multiplied(self.density(species, near))[:, self.products.kept]
        return [{0: basis[:, None]}], None

    def density(self, species: Int[Array, " n"], near: Neighbours) -> list[Float[Array, "n channels m"]]:
        """A by degree of direction."""
        return [jnp.einsum("nkc,nkm->ncm", radial, y) for radial, y in self.pairs(species, near)]

    def pairs(
        self, species: Int[Array, " n"], near: Neighbours
    ) -> list[tuple[Float[Array, "n K channels"], Float[Array, "n K m"]]]:
        """By degree of direction the functions of the distance, one set per element of the sender, and harmonics."""
        dtype, count = self.weights.dtype, self.products.elements
        r = jnp.where(near.mask[..., None], self.radial(near.distances), 0.0).astype(dtype)
        harmonics = Pairs.of(near, r, self.products.lmax).harmonics
        own = jax.nn.one_hot(species, count, dtype=dtype)
        sent = jnp.broadcast_to(near.at_senders(own), (*r.shape[:2], count))[..., None]
        return [
            ((sent * r[..., None, :many]).reshape(*r.shape[:2], -1) if count > 1 else r[..., :many], harmonics[l])
            for l, many in enumerate(self.products.radials)
        ]

    def multiplied(self, density: Sequence[Float[Array, "n channels m"]]) -> Float[Array, "n products"]:
        """All products, group after group."""
        n = len(density[0])
        parts = []
        for group in self.products.groups:
            factors = [self._cut(density[l], self.products.radial(group)) for l in group]
            if len(group) == 1:
                found = factors[0]
            elif len(group) == 2:
                found = jnp.einsum("nxm,nym->nxy", *factors) / (2 * group[0] + 1) ** 0.5
            else:
                table = jnp.asarray(coupling_table(*group) / (2 * group[2] + 1) ** 0.5, factors[0].dtype)
                pair = jnp.einsum("abm,nxa,nyb->nxym", table, factors[0], factors[1])
                found = jnp.einsum("nxym,nzm->nxyz", pair, factors[2])
            parts.append(found.reshape(n, -1))
        return jnp.concatenate(parts, 1)

    def _cut(self, a: Float[Array, "n channels m"], count: int) -> Float[Array, "n some m"]:
        """The first `count` functions of the distance of every element."""
        whole = a.reshape(len(a), self.products.elements, -1, a.shape[-1])[:, :, :count]
        return whole.reshape(len(a), -1, a.shape[-1])
