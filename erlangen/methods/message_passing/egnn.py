"""E(n)-equivariant graph network: messages move the atoms, and the moved atoms are received in the next layer.

    m_ij = phi_e(h_i, h_j, |x_ij|^2, a_ij),        x_ij = x_i - x_j,        x_i(0) = r_i
    x_i += C sum_j x_ij phi_x(m_ij),               h_i += phi_h(h_i, sum_j m_ij)

phi: perceptrons; a_ij: radial basis of the true distance. The coordinates x_i are the only vectors, one per atom
(lmax 1, two bodies). Satorras, Hoogeboom, Welling 2021, arXiv:2102.09844. What differs here: messages are multiplied by
an envelope of the true distance, where the paper connects all atoms; C is 1/N with N the mean number of neighbours, and
sums of messages are scaled by 1/sqrt(N); the squared distance is received in units of the cutoff.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ...learn.supervised import Training
from ...nn.components import Components, scalars
from ...nn.convolution import Pairs
from ...nn.initial import normal, split
from ...nn.linear import Linear, Perceptron, silu
from ...nn.matrix_product import product
from ...nn.radial import Bessel, polynomial_cutoff
from ._method import MessagePassing
from ._network import Network


class Interaction(eqx.Module):
    """One layer; features {0: (h,), 1: (what the coordinates have moved by, one channel)}."""

    receiver: Linear
    sender: Linear
    edge: Linear
    square: Float[Array, " channels"]
    message: Linear
    move: Perceptron
    update: Perceptron
    cutoff: float = eqx.field(static=True)
    norm: float = eqx.field(static=True)

    def __init__(self, channels: int, radial: Bessel, n_neighbours: float, *, key: PRNGKeyArray):
        keys = split(key, 7)
        self.receiver = Linear(channels, channels, gain=0.5, key=keys[0])
        self.sender = Linear(channels, channels, bias=False, gain=0.5, key=keys[1])
        self.edge = Linear(radial.count, channels, bias=False, key=keys[2])
        self.square = normal(keys[3], (channels,))
        self.message = Linear(channels, channels, key=keys[4])
        self.move = Perceptron(channels, channels, 1, gain=0.1, key=keys[5])
        self.update = Perceptron(2 * channels, channels, channels, key=keys[6])
        self.cutoff, self.norm = radial.cutoff, n_neighbours**-0.5

    def __call__(self, x: Components, pairs: Pairs, species: Float[Array, "n species"]) -> Components:
        near, h = pairs.neighbours, scalars(x)
        apart = near.displacements.astype(h.dtype)
        square = (near.distances**2).astype(h.dtype)[..., None]
        if 1 in x:
            moved = jnp.squeeze(x[1], -1)
            shift = moved[:, None] - near.at_senders(moved)
            # |d + u|^2 = |d|^2 + (2 d + u) . u: what is large has been rounded after it became invariant
            square = square + jnp.sum((2 * apart + shift) * shift, -1, keepdims=True)
            apart = apart + shift
        square = square / self.cutoff**2
        received = self.receiver(h)[:, None] + near.at_senders(self.sender(h))
        sent = silu(received + self.edge(pairs.radial) + square * self.square)
        envelope = jnp.where(near.mask, polynomial_cutoff(near.distances, self.cutoff), 0.0).astype(h.dtype)
        sent = silu(self.message(sent)) * envelope[..., None]
        # the perceptron has a bias: where there is no pair, the envelope makes the step zero
        step = self.norm**2 * envelope[..., None] * self.move(sent)
        moves = product(jnp.swapaxes(apart, 1, 2), step)
        gathered = jnp.concatenate([h, self.norm * jnp.sum(sent, 1)], -1)
        return {0: (h + self.update(gathered))[:, None], 1: moves + x[1] if 1 in x else moves}


RADIAL = Bessel(5.0, 8)
TRAINING = Training(rate=2e-3, batch=8, clip=10.0)


@dataclasses.dataclass(frozen=True)
class EGNN(MessagePassing):
    """Messages that move the atoms: scalars and one vector per atom (lmax = 1, two bodies per layer)."""

    channels: int = 64  # features per atom
    layers: int = 3  # rounds of message passing; an atom sees layers * cutoff far
    radial: Bessel = RADIAL
    energy_weight: float = 0.1  # of the squared energy error per atom, against the squared force error, both / scale^2
    training: Training = TRAINING

    lmax: ClassVar[int] = 1
    body_order: ClassVar[int] = 2

    def build(self, n_species: int, n_neighbours: float, *, key: PRNGKeyArray) -> Network:
        """EGNN with random weights."""
        first, *keys = split(key, 1 + self.layers)
        layers = [Interaction(self.channels, self.radial, n_neighbours, key=k) for k in keys]
        return Network(n_species, self.channels, self.radial, 0, layers, key=first)


small = EGNN(channels=32, layers=2)
base = EGNN()
