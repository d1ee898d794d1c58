"""The frame of message-passing networks: features by degree, messages of any degree, atomic energies at the end.

Features are a dictionary by degree l: 0 -> [n, channels], l > 0 -> [n, 2 l + 1, channels]; absent degrees are zero.
Networks differ in their messages and updates, which are lists here; embedding, radial basis and readout are shared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ...nn.linear import Linear, Perceptron
from ...nn.neighbours import Neighbours

Features = dict[int, Array]


def harmonics(directions: Float[Array, "n K 3"], degree: int) -> Float[Array, "n K m"]:
    """Components of degree 1, the direction itself, or 2, the matrix r r^T - 1/3; zero for a zero direction.

    Degree 2 in an orthonormal basis of symmetric traceless matrices: xy, yz, zx, xx - yy, 2 zz - xx - yy.
    """
    if degree == 1:
        return directions
    x, y, z = (directions[..., axis] for axis in range(3))
    mixed = [2**0.5 * x * y, 2**0.5 * y * z, 2**0.5 * z * x]
    return jnp.stack([*mixed, (x**2 - y**2) / 2**0.5, (2 * z**2 - x**2 - y**2) / 6**0.5], -1)


class Pairs(eqx.Module):
    """The geometry of all pairs as the network sees it, in the precision of the network."""

    neighbours: Neighbours
    radial: Float[Array, "n K basis"]
    harmonics: Features


class Message(eqx.Module):
    """What atoms hear from their neighbours, degree by degree up to `lmax`, weighted by functions of the distance.

    h_l,i = 1/2 sum_j phi_l(s_j) W_l(r_ij) Y_l(r_ij),   and for l = 1, where vectors exist,  + 1/2 sum_j phi_v W_v v_j
    """

    source: Perceptron
    filters: Linear
    lmax: int = eqx.field(static=True)

    def __init__(self, channels: int, n_radial: int, lmax: int, *, vectors: bool, key: PRNGKeyArray):
        first, second = jax.random.split(key)
        paths = lmax + 1 + vectors
        self.source = Perceptron(channels, channels, paths * channels, key=first)
        self.filters = Linear(n_radial, paths * channels, bias=False, key=second)
        self.lmax = lmax

    def __call__(self, x: Features, pairs: Pairs) -> Features:
        near, channels = pairs.neighbours, x[0].shape[-1]
        sent = near.at_senders(self.source(x[0])) * self.filters(pairs.radial)  # [n, K, paths * channels]
        parts = jnp.split(sent, sent.shape[-1] // channels, axis=-1)
        heard = {0: 0.5 * jnp.sum(parts[0], 1)}
        for l in range(1, self.lmax + 1):
            heard[l] = 0.5 * jnp.einsum("nkm,nkc->nmc", pairs.harmonics[l], parts[l])
        for passed in parts[self.lmax + 1 :]:
            # product and sum fuse; as an einsum they would be one small matrix product per channel
            heard[1] += 0.5 * jnp.sum(passed[:, :, None] * near.at_senders(x[1]), 1)
        return {l: x[l] + heard[l] if l in x else heard[l] for l in heard}


class Network(eqx.Module):
    """Atomic energies [n], in units of the scale, from species and pairs; later layers hear what earlier ones made."""

    embedding: Float[Array, "species channels"]
    radial: Callable[[Array], Array]
    messages: list[Message]
    updates: Sequence[Callable[[Features], Features]]
    readout: Perceptron

    def __init__(
        self,
        n_species: int,
        channels: int,
        radial: Callable[[Array], Array],
        messages: list[Message],
        updates: Sequence[Callable[[Features], Features]],
        *,
        key: PRNGKeyArray,
    ):
        first, second = jax.random.split(key)
        self.embedding = jax.random.normal(first, (n_species, channels), jnp.float32)
        self.radial, self.messages, self.updates = radial, messages, updates
        self.readout = Perceptron(channels, max(channels // 2, 1), 1, gain=0.1, key=second)

    def __call__(self, species: Int[Array, " n"], near: Neighbours) -> Float[Array, " n"]:
        dtype = self.embedding.dtype
        radial = jnp.where(near.mask[..., None], self.radial(near.distances), 0.0).astype(dtype)
        degrees = range(1, max(message.lmax for message in self.messages) + 1)
        pairs = Pairs(near, radial, {l: harmonics(near.directions, l).astype(dtype) for l in degrees})
        x: Features = {0: self.embedding[species]}
        for message, update in zip(self.messages, self.updates, strict=True):
            x = update(message(x, pairs))
        return self.readout(x[0])[:, 0]
