"""ComENet: messages between atoms whose weights hear all four angles of a pair and the neighbourhoods of both ends.

    x_i' = x_i + MLP[ sum_j  w_angle(r_ij, theta_ij, phi_ij) * U x_j  ,  sum_j  w_rotation(r_ij, tau_ij) * V x_j ]

theta, phi: spherical coordinates of j about i, counted from neighbours of i; tau: rotation angle about the pair ij
between a neighbour of i and a neighbour of j, so that one layer correlates four bodies; all features are invariant
(lmax 0). Wang, Liu, Lin, Liu, Ji 2022, arXiv:2206.08515. What differs here: the paper's reference neighbours are the
nearest ones, which jump when two are equally far and make the energy discontinuous; all neighbours are references
here, each with a weight that it learns from distance and features, j and i themselves among them where their angle is
plain. With A_i the density of the neighbours of i (`nn.angles`),

    w_angle    = sum_L  R_L(r_ij) [A_i, and products of two A_i of equal degree]_L . Y_L(r_ij)      theta, theta and phi
    w_rotation = sum_lm R_lm(r_ij) P_lm(A_i, A_j; r_ij),      P ~ cos m(phi_k - phi_q),  m > 0      tau
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ...learn.supervised import Training
from ...nn.angles import density, torsions_between
from ...nn.components import Components, coupled, scalars
from ...nn.convolution import Pairs
from ...nn.initial import split
from ...nn.linear import Linear, Perceptron
from ...nn.matrix_product import product
from ...nn.radial import Bessel
from ._method import MessagePassing
from ._network import Network


class Interaction(eqx.Module):
    """One layer: densities of references, weights of the pairs, messages, update."""

    reference: Linear
    densities: list[Linear]  # of the radial basis, by degree
    angle: list[Linear]  # of the radial basis, by degree of the projection
    rotation: list[Linear]  # of the radial basis, by torsion (l, m)
    widen: list[Linear]
    sent: list[Linear]
    update: Perceptron
    norm: float = eqx.field(static=True)

    def __init__(
        self, channels: int, inner: int, torsion: int, n_radial: int, n_neighbours: float, *, key: PRNGKeyArray
    ):
        """inner: channels of the densities; torsion: their largest degree."""
        keys = split(key, 7)
        n_torsions, n_angles = torsion * (torsion + 1) // 2, 2 * torsion + 1

        def radial(count: int, k: PRNGKeyArray) -> list[Linear]:
            return [Linear(n_radial, inner, bias=False, gain=count**-0.5, key=one) for one in split(k, count)]

        self.reference = Linear(channels, inner, key=keys[0])
        self.densities = [Linear(n_radial, inner, bias=False, key=k) for k in split(keys[1], torsion + 1)]
        self.angle, self.rotation = radial(n_angles, keys[2]), radial(n_torsions, keys[3])
        self.widen = [Linear(inner, channels, bias=False, key=k) for k in split(keys[4])]
        self.sent = [Linear(channels, channels, bias=False, key=k) for k in split(keys[5])]
        self.update = Perceptron(2 * channels, channels, channels, key=keys[6])
        self.norm = n_neighbours**-0.5

    def __call__(self, x: Components, pairs: Pairs, species: Float[Array, "n species"]) -> Components:
        h, near = scalars(x), pairs.neighbours
        around = self.around(near.at_senders(self.reference(h)), pairs)
        narrow = (self.angles(around, pairs), self.rotations(around, pairs))
        received = [
            self.norm * jnp.sum(widen(weights) * near.at_senders(sent(h)), 1)
            for widen, weights, sent in zip(self.widen, narrow, self.sent, strict=True)
        ]
        return {0: (h + self.update(jnp.concatenate(received, -1)))[:, None]}

    def around(self, sources: Float[Array, "rows K inner"], pairs: Pairs) -> dict[int, Array]:
        """A_i: densities of the neighbours by degree."""
        return {
            l: self.norm * density(radial(pairs.radial) * sources, pairs.harmonics[l])
            for l, radial in enumerate(self.densities)
        }

    def angles(self, around: dict[int, Array], pairs: Pairs) -> Float[Array, "n K inner"]:
        """Weights of pairs by what the neighbourhood of the receiver looks like along them."""
        seen = dict(around)
        for l in range(1, len(around)):
            degrees = range(0, 2 * l + 1, 2)
            for L, square in zip(degrees, coupled(around[l], around[l], degrees), strict=True):
                square = square / (2 * l + 1)
                seen[L] = seen[L] + square if L in seen else square
        terms = [
            # the density of the receiver: one product of matrices per atom
            radial(pairs.radial) * product(pairs.harmonics[l] / (2 * l + 1) ** 0.5, seen[l])
            for l, radial in enumerate(self.angle)
            if l in seen
        ]
        return sum(terms[1:], terms[0])

    def rotations(self, around: dict[int, Array], pairs: Pairs) -> Float[Array, "n K inner"]:
        """Weights of pairs by how the neighbourhoods of both ends are turned against each other."""
        degrees = range(1, len(around))
        far = {l: pairs.neighbours.at_senders(around[l]) for l in degrees}
        seen = [p / (2 * l + 1) for l in degrees for p in torsions_between(around[l], far[l], pairs.harmonics)]
        terms = [radial(pairs.radial) * p for radial, p in zip(self.rotation, seen, strict=True)]
        return sum(terms[1:], terms[0])


RADIAL = Bessel(5.0, 8)
TRAINING = Training(rate=2e-3, batch=8, clip=10.0)


@dataclasses.dataclass(frozen=True)
class ComENet(MessagePassing):
    """Messages of atoms with the angles and torsions of both ends: invariant features, four bodies per layer."""

    channels: int = 64  # features per atom
    layers: int = 3  # rounds of messages; an atom sees (layers + 1) * cutoff far
    torsions: int = 2  # largest degree of the densities
    radial: Bessel = RADIAL
    energy_weight: float = 0.1  # of the squared energy error per atom, against the squared force error, both / scale^2
    training: Training = TRAINING

    lmax: ClassVar[int] = 0
    body_order: ClassVar[int] = 4
    limits: ClassVar = {"torsions": (1, 3)}

    def build(self, n_species: int, n_neighbours: float, *, key: PRNGKeyArray) -> Network:
        """ComENet with random weights."""
        first, *keys = split(key, 1 + self.layers)
        inner = max(self.channels // 2, 1)
        layers = [
            Interaction(self.channels, inner, self.torsions, self.radial.count, n_neighbours, key=k) for k in keys
        ]
        return Network(n_species, self.channels, self.radial, 2 * self.torsions, layers, key=first)


small = ComENet(channels=32, layers=2)
base = ComENet()
