"""SphereNet: messages between pairs of atoms that hear distance, angle and torsion of other messages.

    m_ji' = f_update( m_ji,  sum_(k in N(j) \\ i)  Psi(r_kj, theta_kji, phi_k) W * f(m_kj, e_RBF(r_kj)) )
    Psi_lmn(r, theta, phi) = R_n(r) Y_lm(theta, phi)

(r, theta, phi): spherical coordinates of k about j with the pair ji as polar axis; phi counts from a reference atom, so
that a message correlates four bodies; all features are invariant (lmax 0). Liu, Wang, Liu, Lin, Zhang, Oztekin, Ji
2022, arXiv:2102.05013. What differs here: the paper's reference is the nearest neighbour, which jumps when two are
equally far and makes the energy discontinuous; the sum over all neighbours q as references stands in its place,

    sum_k sum_q  x_kj g_lm(r_q) N_lm(theta_k) N_lm(theta_q) cos m(phi_k - phi_q),      l <= `torsions`, 0 < m <= l,

which is a product of two densities about j, component by component in the frame of ji (`nn.angles`): no lists of
triplets or quadruples. Angles and torsions are added; the rest is as in `dimenet`.
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
class SphereNet(MessagePassing):
    """Messages of pairs with angles and torsions: invariant features, four bodies per layer."""

    channels: int = 64  # features per pair and atom
    layers: int = 3  # rounds of messages; an atom sees (layers + 1) * cutoff far
    angles: int = 3  # largest degree of the functions of angles
    torsions: int = 2  # largest degree of the functions of torsions, at most `angles`
    radial: Bessel = RADIAL
    energy_weight: float = 0.1  # of the squared energy error per atom, against the squared force error, both / scale^2
    training: Training = TRAINING

    lmax: ClassVar[int] = 0
    body_order: ClassVar[int] = 4

    @property
    def limits(self) -> dict[str, tuple[float, float]]:
        return {"angles": (1, 8), "torsions": (1, self.angles)}

    def build(self, n_species: int, n_neighbours: float, *, key: PRNGKeyArray) -> Network:
        """SphereNet with random weights."""
        first, second = split(key)
        degrees = (self.angles, self.torsions)
        layer = Directional(self.channels, self.layers, degrees, self.radial.count, n_neighbours, key=first)
        harmonics = max(self.angles, 2 * self.torsions)
        return Network(n_species, self.channels, self.radial, harmonics, [layer], key=second)


small = SphereNet(channels=32, layers=2)
base = SphereNet()
