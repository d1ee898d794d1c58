"""NequIP: equivariant convolutions with features of every degree up to lmax, gates and self-interactions.

    A_l,i = sum_j sum_paths R_path(r_ij) [Y_l2(r_ij) x U h_l1,j]_l                      (nn.convolution)
    z_l,i = A_l,i + V_l(Z_i) h_l,i,        h_0,i' = silu(z_0,i),        h_l,i' = sigmoid(G_l z_0,i) * z_l,i   for l > 0

U, V, G: linear maps of channels (self-interactions), V with a factor per element. Two bodies per layer: angles enter
through the degrees of the features. Batzner et al. 2022, arXiv:2101.03164, doi:10.1038/s41467-022-29939-5.
What differs here: natural parities only (the paper's even and odd features of each degree cost twice as much for the
last digits); all degrees have equally many channels.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import equinox as eqx
import jax
from jaxtyping import Array, Float, PRNGKeyArray

from ...learn.supervised import Training
from ...nn.components import Components
from ...nn.convolution import Convolution, Pairs
from ...nn.initial import split
from ...nn.linear import Linear, silu
from ...nn.radial import Bessel
from ._method import MessagePassing
from ._network import Network, SelfInteraction


class Interaction(eqx.Module):
    """One layer: convolution, self-interaction, gate."""

    convolution: Convolution
    own: SelfInteraction
    gates: list[Linear]

    def __init__(self, n_species: int, channels: int, degrees: tuple[int, int], convolution: Convolution, *, key):
        """degrees: largest of the features that come in and of those that go out."""
        first, second = split(key)
        out = degrees[1]
        self.convolution = convolution
        self.own = SelfInteraction(n_species, channels, min(degrees), key=first)
        self.gates = [Linear(channels, channels, key=k) for k in split(second, out)] if out else []

    def __call__(self, x: Components, pairs: Pairs, species: Float[Array, "n species"]) -> Components:
        new = dict(self.convolution(x, pairs))
        for l, kept in self.own(x, species).items():
            new[l] = (new[l] + kept) * 0.5**0.5
        scalars = new[0]
        for l, gate in enumerate(self.gates, 1):
            new[l] = 2 * jax.nn.sigmoid(gate(scalars)) * new[l]
        return {**new, 0: silu(scalars)}


RADIAL = Bessel(5.0, 8)
TRAINING = Training(rate=5e-3, batch=5, clip=10.0)


@dataclasses.dataclass(frozen=True)
class NequIP(MessagePassing):
    """Equivariant convolutions of degree lmax, two bodies per layer."""

    channels: int = 32  # features per degree and atom
    layers: int = 3  # rounds of message passing; an atom sees layers * cutoff far
    lmax: int = 2  # largest degree of the features and of the directions
    radial: Bessel = RADIAL
    energy_weight: float = 0.1  # of the squared energy error per atom, against the squared force error, both / scale^2
    training: Training = TRAINING

    body_order: ClassVar[int] = 2
    limits: ClassVar = {"lmax": (0, 6)}

    def build(self, n_species: int, n_neighbours: float, *, key: PRNGKeyArray) -> Network:
        """NequIP with random weights."""
        first, *keys = split(key, 1 + self.layers)
        layers, sender = [], 0
        for i, one in enumerate(keys):
            here, rest = split(one)
            out = self.lmax if i < self.layers - 1 else 0
            convolution = Convolution(
                self.channels, (sender, self.lmax, out), self.radial.count, n_neighbours, key=here
            )
            layers.append(Interaction(n_species, self.channels, (sender, out), convolution, key=rest))
            sender = out
        return Network(n_species, self.channels, self.radial, self.lmax, layers, key=first)


small = NequIP(channels=16, layers=2)
base = NequIP()
