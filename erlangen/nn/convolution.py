"""The equivariant convolution: what an atom hears of its neighbours, as a density of every degree.

    A_l3,i = 1/sqrt(N)  sum_j  sum_paths  W_path [ R_path(r_ij)  Y_l2(r_ij) x U_l1 h_l1,j ]_l3

R_path: radial functions, a perceptron of the radial basis, one per path (l1, l2, l3) and channel; U, W: linear maps of
channels; N: mean number of neighbours. Thomas et al. 2018, arXiv:1802.08219; Batatia et al. 2022, arXiv:2206.07697.
"""

from __future__ import annotations

import functools

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from ..numerics.neighbours import Neighbours
from .components import Components, contracted, scaled
from .initial import split
from .linear import Linear, mapped, silu
from .matrix_product import product
from .tensor_product import Path, coupling_paths, coupling_table


class Pairs(eqx.Module):
    """The geometry of all pairs as a network sees it, in the precision of the network."""

    neighbours: Neighbours
    radial: Float[Array, "n K basis"]
    harmonics: dict[int, Float[Array, "n K m"]]  # Y_l of the direction from sender to receiver

    @classmethod
    def of(cls, near: Neighbours, radial: Float[Array, "n K basis"], lmax: int) -> Pairs:
        """Harmonics up to `lmax`; everything is zero where there is no pair."""
        found = {0: near.mask[..., None].astype(near.directions.dtype)}
        for l in range(1, lmax + 1):
            both = found[l - 1][..., :, None] * near.directions[..., None, :]
            found[l] = mapped(both.reshape(*near.mask.shape, -1), jnp.asarray(_raising(l), both.dtype))
        return cls(near, radial, {l: y.astype(radial.dtype) for l, y in found.items()})


@functools.cache
def _raising(l: int) -> np.ndarray:
    """[(m of degree l - 1, x y z), m of degree l]: Y_l = c [Y_(l-1) X r]_l, c from the polar axis: Y_l0 = sqrt(2l+1).

    The same polynomials as `core.spherical_harmonics`, as one product of matrices per degree.
    """
    table = coupling_table(l - 1, 1, l)
    return (table * ((2 * l + 1) / (2 * l - 1)) ** 0.5 / table[l - 1, 1, l]).reshape(-1, 2 * l + 1)


class RadialWeights(eqx.Module):
    """R_path(r): a perceptron of the radial basis, `channels` outputs per path; without bias it is 0 at the cutoff."""

    hidden: list[Linear]
    outer: list[Linear]

    def __init__(self, n_radial: int, hidden: tuple[int, ...], channels: int, paths: int, *, key: PRNGKeyArray):
        sizes = (n_radial, *hidden)
        keys = split(key, len(hidden) + paths)
        self.hidden = [Linear(a, b, bias=False, key=k) for a, b, k in zip(sizes[:-1], sizes[1:], keys)]
        self.outer = [Linear(sizes[-1], channels, bias=False, key=k) for k in keys[len(hidden) :]]

    def __call__(self, basis: Float[Array, "n K basis"]) -> list[Float[Array, "n K channels"]]:
        for layer in self.hidden:
            basis = silu(layer(basis))
        whole = mapped(basis, jnp.concatenate([layer.weight for layer in self.outer], 1))  # one product for all paths
        return jnp.split(whole, np.cumsum([layer.weight.shape[1] for layer in self.outer])[:-1].tolist(), axis=-1)


class Convolution(eqx.Module):
    """Features of the senders and directions, coupled to densities of degree 0 ... `out`."""

    up: list[Linear]
    radial: RadialWeights
    mix: list[Linear]
    paths: tuple[Path, ...] = eqx.field(static=True)
    norm: float = eqx.field(static=True)

    def __init__(
        self,
        channels: int,
        degrees: tuple[int, int, int],
        n_radial: int,
        n_neighbours: float,
        *,
        hidden: tuple[int, ...] = (64, 64),
        key: PRNGKeyArray,
    ):
        """degrees: largest degree of the features, of the harmonics and of the result."""
        sender, harmonic, out = (range(l + 1) for l in degrees)
        self.paths = coupling_paths(sender, harmonic, out)
        first, second, third = split(key, 3)
        self.up = [Linear(channels, channels, bias=False, key=k) for k in split(first, len(sender))]
        self.radial = RadialWeights(n_radial, hidden, channels, len(self.paths), key=second)
        copies = {l3: sum(path[2] == l3 for path in self.paths) for l3 in out}
        keys = split(third, len(self.paths))
        self.mix = [
            Linear(channels, channels, bias=False, gain=copies[path[2]] ** -0.5, key=k)
            for path, k in zip(self.paths, keys)
        ]
        self.norm = n_neighbours**-0.5

    def __call__(self, h: Components, pairs: Pairs) -> dict[int, Float[Array, "n m channels"]]:
        """Densities by degree."""
        near = pairs.neighbours
        sent = [near.at_senders(up(h[l])) for l, up in enumerate(self.up)]  # [rows, K, m, channels]
        received: dict[int, list[tuple[Array, Array]]] = {}
        for path, weight, mix in zip(self.paths, self.radial(pairs.radial), self.mix, strict=True):
            turned = jnp.moveaxis(contracted(pairs.harmonics[path[1]], path), 2, 1)  # [n, m3, K, m1]
            sources = sent[path[0]]
            weighted = scaled(weight, jnp.broadcast_to(sources, (*weight.shape[:2], *sources.shape[2:])))
            # the sum over neighbours and components as one product of matrices per atom
            summed = product(_flat(turned, 2), _flat(weighted, 1))
            received.setdefault(path[2], []).append((summed, mix.weight))
        return {
            l: self.norm * mapped(jnp.concatenate([a for a, _ in both], -1), jnp.concatenate([w for _, w in both]))
            for l, both in received.items()
        }


def _flat(x: Array, axis: int) -> Array:
    """Axes `axis` and the next as one."""
    return x.reshape(*x.shape[:axis], -1, *x.shape[axis + 2 :])
