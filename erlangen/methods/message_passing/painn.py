"""Polarizable atom interaction network: equivariant message passing with scalars and vectors.

Each atom i carries scalars s_i and vectors v_i (`channels` of each). One layer adds messages and updates in place:

    s_i += sum_j phi_s(s_j) W_s(r_ij)                                          r_ij = r_i - r_j
    v_i += sum_j phi_vv(s_j) W_vv(r_ij) v_j + phi_vs(s_j) W_vs(r_ij) r_ij/|r_ij|
    s_i += a_ss + a_sv <U v_i, V v_i>,     v_i += a_vv U v_i,                  a = MLP(s_i, |V v_i|)

phi: perceptrons; W: linear maps of a radial basis that vanishes at the cutoff. O(3)-equivariant, translation- and
permutation-invariant by construction. Schuett, Unke, Gastegger 2021, arXiv:2102.03150.
What differs here: the norm is smooth at 0, and messages are scaled by 1/2.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ...learn.supervised import Training
from ...nn.components import Components, inner, scalars, scaled
from ...nn.convolution import Pairs
from ...nn.initial import split
from ...nn.linear import Linear, Perceptron
from ...nn.matrix_product import product
from ...nn.radial import Bessel
from ._method import MessagePassing
from ._network import Network


class Message(eqx.Module):
    """What atoms hear from their neighbours: scalars, directions, and vectors where there are some already."""

    source: Perceptron
    filters: list[Linear]

    def __init__(self, channels: int, n_radial: int, *, vectors: bool, key: PRNGKeyArray):
        first, *others = split(key, 3 + vectors)
        self.source = Perceptron(channels, channels, len(others) * channels, key=first)
        self.filters = [Linear(n_radial, channels, bias=False, key=k) for k in others]

    def __call__(self, x: Components, pairs: Pairs) -> Components:
        near = pairs.neighbours
        sources = jnp.split(self.source(scalars(x)), len(self.filters), axis=-1)
        sent = [near.at_senders(phi) * w(pairs.radial) for phi, w in zip(sources, self.filters, strict=True)]
        directions = jnp.swapaxes(pairs.harmonics[1], 1, 2) / 3**0.5
        vectors = 0.5 * product(directions, sent[1])
        if len(sent) > 2:
            received = jnp.broadcast_to(near.at_senders(x[1]), (*near.mask.shape, *x[1].shape[1:]))
            vectors = vectors + 0.5 * jnp.sum(scaled(sent[2], received), 1) + x[1]
        return {0: x[0] + 0.5 * jnp.sum(sent[0], 1)[:, None], 1: vectors}


class Update(eqx.Module):
    """What an atom makes of it: scalars and vectors exchange, each atom on its own."""

    left: Linear
    right: Linear
    gates: Perceptron

    def __init__(self, channels: int, *, key: PRNGKeyArray):
        first, second, third = split(key, 3)
        self.left = Linear(channels, channels, bias=False, key=first)
        self.right = Linear(channels, channels, bias=False, key=second)
        self.gates = Perceptron(2 * channels, channels, 3 * channels, key=third)

    def __call__(self, x: Components) -> Components:
        u, v = self.left(x[1]), self.right(x[1])
        # the root is smooth where the vector vanishes: forces stay finite for linear and planar molecules
        length = jnp.sqrt(inner(v, v) + 1e-2)
        gates = self.gates(jnp.concatenate([scalars(x), length], -1))
        a_ss, a_sv, a_vv = jnp.split(gates, 3, axis=-1)
        return {0: x[0] + (a_ss + a_sv * inner(u, v))[:, None], 1: x[1] + scaled(a_vv, u)}


class Interaction(eqx.Module):
    """One layer: message, then update."""

    message: Message
    update: Update

    def __call__(self, x: Components, pairs: Pairs, species: Float[Array, "n species"]) -> Components:
        return self.update(self.message(x, pairs))


RADIAL = Bessel(5.0, 8)
TRAINING = Training(rate=2e-3, batch=8, clip=10.0)


@dataclasses.dataclass(frozen=True)
class PaiNN(MessagePassing):
    """E(3)-equivariant message passing with scalars and vectors (lmax = 1, two bodies per layer)."""

    channels: int = 64  # features per degree and atom
    layers: int = 3  # rounds of message passing; an atom sees layers * cutoff far
    radial: Bessel = RADIAL
    energy_weight: float = 0.1  # of the squared energy error per atom, against the squared force error, both / scale^2
    training: Training = TRAINING

    lmax: ClassVar[int] = 1
    body_order: ClassVar[int] = 2

    def build(self, n_species: int, n_neighbours: float, *, key: PRNGKeyArray) -> Network:
        """PaiNN with random weights."""
        keys = split(key, 2 * self.layers + 1)
        layers = [
            # before the first message there are no vectors to pass on
            Interaction(
                Message(self.channels, self.radial.count, vectors=i > 0, key=keys[2 * i]),
                Update(self.channels, key=keys[2 * i + 1]),
            )
            for i in range(self.layers)
        ]
        return Network(n_species, self.channels, self.radial, 1, layers, key=keys[-1])


small = PaiNN(channels=32, layers=2)
base = PaiNN()
