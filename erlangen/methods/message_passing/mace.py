"""MACE: equivariant message passing whose messages are correlations of four bodies.

    A_i  = density of the neighbours: features h_j (degree <= lmax) coupled to Y_l(r_ij), l <= density  (nn.convolution)
    B_i  = products of up to body_order - 1 factors A_i, contracted to degree <= lmax                   (nn.contraction)
    h_i' = W B_i + (1 + e(Z_i)) V h_i,            E_i = sum over layers of readouts: linear, the last one a perceptron

Two layers suffice, since angles and torsions enter within one. Batatia, Kovacs, Simm, Ortner, Csanyi 2022,
arXiv:2206.07697. What differs here: natural parities only (as in the published energy models); the product of order 3
is factorised; the residual depends on the element through a factor per channel, not a matrix; densities are scaled by
1/sqrt(N) with N the mean number of neighbours in the training data.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import equinox as eqx
from jaxtyping import Array, Float, PRNGKeyArray

from ...learn.supervised import Training
from ...nn.components import Components
from ...nn.contraction import Contraction
from ...nn.convolution import Convolution, Pairs
from ...nn.initial import split
from ...nn.radial import Bessel
from ._method import MessagePassing
from ._network import Network, SelfInteraction


class Interaction(eqx.Module):
    """One layer: density, many-body product, residual."""

    convolution: Convolution
    contraction: Contraction
    residual: SelfInteraction

    def __init__(
        self, n_species: int, channels: int, degrees: tuple[int, int, int], order: int, convolution: Convolution, *, key
    ):
        """degrees: of the features that come in, of the density, of the features that go out."""
        first, second = split(key)
        sender, density, out = degrees
        self.convolution = convolution
        self.contraction = Contraction(channels, density, out, order, n_species, key=first)
        self.residual = SelfInteraction(n_species, channels, min(sender, out), key=second)

    def __call__(self, x: Components, pairs: Pairs, species: Float[Array, "n species"]) -> Components:
        new = dict(self.contraction(self.convolution(x, pairs), species))
        for l, kept in self.residual(x, species).items():
            new[l] = new[l] + kept
        return new


RADIAL = Bessel(5.0, 8)
TRAINING = Training(rate=5e-3, batch=5, clip=10.0)


@dataclasses.dataclass(frozen=True)
class MACE(MessagePassing):
    """Equivariant message passing with many-body messages: degree lmax, bodies body_order."""

    channels: int = 64  # features per degree and atom
    layers: int = 2  # rounds of message passing; an atom sees layers * cutoff far
    lmax: int = 1  # largest degree of the features that are passed on
    density: int = 3  # largest degree of the directions and of the density
    body_order: int = 4  # bodies that one layer correlates: 2, 3 or 4
    radial: Bessel = RADIAL
    energy_weight: float = 0.1  # of the squared energy error per atom, against the squared force error, both / scale^2
    training: Training = TRAINING

    limits: ClassVar = {"lmax": (0, 6), "density": (1, 6), "body_order": (2, 4)}

    def build(self, n_species: int, n_neighbours: float, *, key: PRNGKeyArray) -> Network:
        """MACE with random weights."""
        keys = split(key, 2 * self.layers + 1)
        layers, sender = [], 0
        for i in range(self.layers):
            out = self.lmax if i < self.layers - 1 else 0
            convolution = Convolution(
                self.channels,
                (sender, self.density, self.density),
                self.radial.count,
                n_neighbours,
                key=keys[2 * i],
            )
            degrees, order = (sender, self.density, out), self.body_order - 1
            layers.append(Interaction(n_species, self.channels, degrees, order, convolution, key=keys[2 * i + 1]))
            sender = out
        return Network(n_species, self.channels, self.radial, self.density, layers, every=True, hidden=16, key=keys[-1])


small = MACE(channels=32, density=2)
base = MACE()
