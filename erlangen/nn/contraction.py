"""Many-body products on one atom: the density multiplied with itself, contracted to features of every degree.

    Q_l  = sum_(l1 <= l2) a [A_l1 x A_l2]_l                                     every weight per channel, times
    B_L  = w_1 A_L + sum_(l1 <= l2) w_2 [A_l1 x A_l2]_L + sum_(l, l2) w_3 [Q_l x A_l2]_L      a factor per element

A product of nu densities holds bodies up to order nu + 1 without a sum over triples or quadruples of neighbours: the
density trick. Order 3 is factorised (an inner sum Q, then an outer product): everything that three factors can make is
reached, with products of weights in place of free ones, and far fewer terms.
Drautz 2019, doi:10.1103/PhysRevB.99.014104; Batatia et al. 2022, arXiv:2206.07697.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from .components import Components, coupled, scaled, total
from .initial import normal, split
from .linear import Linear, mapped
from .tensor_product import Path, coupling_paths


class Weights(eqx.Module):
    """One number per path, channel and element."""

    values: Float[Array, "paths species channels"]

    def __init__(self, paths: int, n_species: int, channels: int, scale: float, *, key: PRNGKeyArray):
        self.values = normal(key, (paths, n_species, channels), scale)

    def __call__(self, species: Float[Array, "n species"]) -> list[Float[Array, "n channels"]]:
        whole = mapped(species, jnp.moveaxis(self.values, 1, 0).reshape(species.shape[-1], -1))
        return jnp.split(whole, len(self.values), axis=-1)


class Contraction(eqx.Module):
    """Powers of the density up to `order`, for results of degree 0 ... `out`, and a linear map of their channels."""

    linear: Weights
    square: Weights | None
    inner: Weights | None
    outer: Weights | None
    mix: list[Linear]
    pairs: tuple[Path, ...] = eqx.field(static=True)
    squares: tuple[Path, ...] = eqx.field(static=True)
    cubes: tuple[Path, ...] = eqx.field(static=True)

    def __init__(self, channels: int, density: int, out: int, order: int, n_species: int, *, key: PRNGKeyArray):
        """density: largest degree of A. order: 1, 2 or 3 factors."""
        every, low = range(density + 1), range(out + 1)
        symmetric = [p for p in coupling_paths(every, every, every) if p[0] <= p[1]]
        self.pairs = tuple(symmetric) if order > 1 else ()
        self.squares = tuple(p for p in self.pairs if p[2] in low)
        self.cubes = coupling_paths(every, every, low) if order > 2 else ()
        keys = split(key, 4 + len(low))

        def weights(paths: tuple[Path, ...], k: PRNGKeyArray) -> Weights | None:
            return Weights(len(paths), n_species, channels, 0.5, key=k) if paths else None

        self.linear = Weights(len(low), n_species, channels, 0.5, key=keys[0])
        self.square, self.outer = weights(self.squares, keys[1]), weights(self.cubes, keys[2])
        self.inner = weights(self.pairs, keys[3]) if self.cubes else None
        self.mix = [Linear(channels, channels, bias=False, key=k) for k in keys[4:]]

    def __call__(self, density: Components, species: Float[Array, "n species"]) -> dict[int, Array]:
        """Features of degree 0 ... `out`; species is one-hot."""
        terms = {l: [scaled(w, density[l])] for l, w in enumerate(self.linear(species))}
        products = _products(density, density, self.pairs)
        if self.square is not None:
            _weighted(terms, self.squares, self.square(species), products)
        if self.inner is not None and self.outer is not None:
            inside: dict[int, list[Array]] = {}
            _weighted(inside, self.pairs, self.inner(species), products)
            cubes = _products({l: total(parts) for l, parts in inside.items()}, density, self.cubes)
            _weighted(terms, self.cubes, self.outer(species), cubes)
        return {l: mix(total(terms[l])) for l, mix in enumerate(self.mix)}


def _products(x: Components, y: Components, paths: Sequence[Path]) -> dict[Path, Array]:
    """[x_l1 X y_l2]_l3 by path; one product of matrices for all l3 of a pair (l1, l2)."""
    found: dict[Path, Array] = {}
    for l1, l2 in dict.fromkeys(path[:2] for path in paths):
        degrees = [l3 for a, b, l3 in paths if (a, b) == (l1, l2)]
        found |= dict(zip([(l1, l2, l3) for l3 in degrees], coupled(x[l1], y[l2], degrees), strict=True))
    return found


def _weighted(
    terms: dict[int, list[Array]], paths: Sequence[Path], weights: Sequence[Array], products: Mapping[Path, Array]
) -> None:
    """One more term per path, filed under its result's degree."""
    for path, weight in zip(paths, weights, strict=True):
        terms.setdefault(path[2], []).append(scaled(weight, products[path]))
