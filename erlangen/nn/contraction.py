"""Many-body products on one atom: the density multiplied with itself, contracted to features of every degree.

    Q_l  = sum_(l1 <= l2) a [A_l1 x A_l2]_l                                     every weight per channel, times
    B_L  = w_1 A_L + sum_(l1 <= l2) w_2 [A_l1 x A_l2]_L + sum_(l, l2) w_3 [Q_l x A_l2]_L      a factor per element

A product of nu densities holds bodies up to order nu + 1 without a sum over triples or quadruples of neighbours: the
density trick. Order 3 is factorised (an inner sum Q, then an outer product): everything that three factors can make is
reached, with products of weights in place of free ones, and far fewer terms.
Drautz 2019, doi:10.1103/PhysRevB.99.014104; Batatia et al. 2022, arXiv:2206.07697.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from .components import Components, Parts, coupled
from .linear import Linear
from .tensor_product import Path, coupling_paths


class Weights(eqx.Module):
    """One number per path, channel and element."""

    values: Float[Array, "paths species channels"]

    def __init__(self, paths: int, n_species: int, channels: int, scale: float, *, key: PRNGKeyArray):
        self.values = scale * jax.random.normal(key, (paths, n_species, channels), jnp.float32)

    def __call__(self, species: Float[Array, "n species"]) -> list[Float[Array, "n channels"]]:
        return [species @ value for value in self.values]


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
        keys = jax.random.split(key, 4 + len(low))

        def weights(paths: tuple[Path, ...], k: PRNGKeyArray) -> Weights | None:
            return Weights(len(paths), n_species, channels, 0.5, key=k) if paths else None

        self.linear = Weights(len(low), n_species, channels, 0.5, key=keys[0])
        self.square, self.outer = weights(self.squares, keys[1]), weights(self.cubes, keys[2])
        self.inner = weights(self.pairs, keys[3]) if self.cubes else None
        self.mix = [Linear(channels, channels, bias=False, key=k) for k in keys[4:]]

    def __call__(self, density: Components, species: Float[Array, "n species"]) -> dict[int, Parts]:
        """Features of degree 0 ... `out`; species is one-hot."""
        # a polynomial on its own, not drawn into the loops around it, where parts of it would be computed again
        density = jax.lax.optimization_barrier(dict(density))
        sums = {l: [w * a for a in density[l]] for l, w in enumerate(self.linear(species))}
        products = {p: coupled(density[p[0]], density[p[1]], p) for p in self.pairs}
        if self.square is not None:
            for path, w in zip(self.squares, self.square(species), strict=True):
                _add(sums, path[2], w, products[path])
        if self.inner is not None and self.outer is not None:
            inside: dict[int, list[Array]] = {}
            for path, w in zip(self.pairs, self.inner(species), strict=True):
                _add(inside, path[2], w, products[path])
            for path, w in zip(self.cubes, self.outer(species), strict=True):
                _add(sums, path[2], w, coupled(inside[path[0]], density[path[1]], path))
        sums = jax.lax.optimization_barrier(sums)
        return {l: tuple(mix(x) for x in sums[l]) for l, mix in enumerate(self.mix)}


def _add(sums: dict[int, list[Array]], l: int, weight: Array, parts: list[Array]) -> None:
    scaled = [weight * x for x in parts]
    sums[l] = [a + b for a, b in zip(sums[l], scaled, strict=True)] if l in sums else scaled
