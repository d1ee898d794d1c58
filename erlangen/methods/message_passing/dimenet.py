"""DimeNet++: messages between pairs of atoms that hear the angles under which other messages arrive.

    m_ji' = f_update( m_ji,  sum_(k in N(j) \\ i)  a_SBF(r_kj, theta_kji) W * f(m_kj, e_RBF(r_kj)) )
    a_SBF,ln(r, theta) = R_n(r) P_l(cos theta),         E_i = readout of sum_j e_RBF(r_ji) * m_ji over all blocks

Every message belongs to an ordered pair; angles make three bodies, all features are invariant (lmax 0).
Gasteiger, Giri, Margraf, Guennemann 2020, arXiv:2011.14115 (DimeNet++), and Gasteiger, Gross, Guennemann 2020,
arXiv:2003.03123. What differs here: the sum over triplets is a density projected on the direction of each pair
(`nn.angles`), exact up to degree `angles` and linear in the pairs; all degrees share the radial functions of the basis
(the paper takes a spherical Bessel function for each); a block has 3 dense layers behind the sum in place of 7; atoms
read out one sum of all blocks.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from jaxtyping import PRNGKeyArray

from ...learn.supervised import Training
from ...nn.initial import split
from ...nn.radial import Bessel
from ._directional import Directional
from ._method import MessagePassing
from ._network import Network

RADIAL = Bessel(5.0, 8)
TRAINING = Training(rate=2e-3, batch=8, clip=10.0)


@dataclasses.dataclass(frozen=True)
class DimeNet(MessagePassing):
    """Messages of pairs with angles: invariant features, three bodies per layer."""

    channels: int = 64  # features per pair and atom
    layers: int = 3  # rounds of messages; an atom sees (layers + 1) * cutoff far
    angles: int = 4  # largest degree of the angular functions
    radial: Bessel = RADIAL
    energy_weight: float = 0.1  # of the squared energy error per atom, against the squared force error, both / scale^2
    training: Training = TRAINING

    lmax: ClassVar[int] = 0
    body_order: ClassVar[int] = 3
    limits: ClassVar = {"angles": (1, 8)}

    def build(self, n_species: int, n_neighbours: float, *, key: PRNGKeyArray) -> Network:
        """DimeNet++ with random weights."""
        first, second = split(key)
        degrees = (self.angles, 0)
        layer = Directional(self.channels, self.layers, degrees, self.radial.count, n_neighbours, key=first)
        return Network(n_species, self.channels, self.radial, self.angles, [layer], key=second)


small = DimeNet(channels=32, layers=2)
base = DimeNet()
