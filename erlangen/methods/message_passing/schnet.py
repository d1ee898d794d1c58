"""SchNet: continuous-filter convolutions over the neighbours of an atom.

    x_i += W3 ssp( W2 sum_j (W1 x_j) * w(r_ij) ),        w(r) = V2 ssp(V1 g(r)),        ssp(a) = ln(1/2 e^a + 1/2)

g: Gaussians of the distance; *: channel by channel. Only distances are received (lmax 0, two bodies): rotations,
reflections and permutations leave every feature unchanged. Schuett, Sauceda, Kindermans, Tkatchenko, Mueller 2018,
doi:10.1063/1.5019779. What differs here: the Gaussians carry an envelope that is zero at the cutoff and the filters
have no bias, so that forces are continuous; sums are scaled by 1/sqrt(N) with N the mean number of neighbours.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ...learn.supervised import Training
from ...nn.components import Components, scalars
from ...nn.convolution import Pairs
from ...nn.initial import split
from ...nn.linear import Linear
from ...nn.radial import Gaussians
from ._method import MessagePassing
from ._network import Network


def shifted_softplus(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """ln(1/2 e^x + 1/2): a softplus through the origin."""
    return jax.nn.softplus(x) - jnp.log(2.0).astype(x.dtype)


class Interaction(eqx.Module):
    """One layer: filtered features of the neighbours, two maps, residual."""

    sent: Linear
    filters: tuple[Linear, Linear]
    update: tuple[Linear, Linear]
    norm: float = eqx.field(static=True)

    def __init__(self, channels: int, n_radial: int, n_neighbours: float, *, key: PRNGKeyArray):
        keys = split(key, 5)
        self.sent = Linear(channels, channels, bias=False, key=keys[0])
        first = Linear(n_radial, channels, bias=False, gain=2.0, key=keys[1])
        self.filters = (first, Linear(channels, channels, bias=False, gain=2.0, key=keys[2]))
        self.update = (Linear(channels, channels, key=keys[3]), Linear(channels, channels, key=keys[4]))
        self.norm = n_neighbours**-0.5

    def __call__(self, x: Components, pairs: Pairs, species: Float[Array, "n species"]) -> Components:
        h = scalars(x)
        inner, outer = self.filters
        weights = outer(shifted_softplus(inner(pairs.radial)))
        received = self.norm * jnp.sum(weights * pairs.neighbours.at_senders(self.sent(h)), 1)
        first, second = self.update
        return {0: (h + second(shifted_softplus(first(received))))[:, None]}


RADIAL = Gaussians(5.0, 25)
TRAINING = Training(rate=2e-3, batch=8, clip=10.0)


@dataclasses.dataclass(frozen=True)
class SchNet(MessagePassing):
    """Continuous-filter convolutions: distances only (lmax = 0, two bodies per layer)."""

    channels: int = 64  # features per atom
    layers: int = 3  # rounds of message passing; an atom sees layers * cutoff far
    radial: Gaussians = RADIAL
    energy_weight: float = 0.1  # of the squared energy error per atom, against the squared force error, both / scale^2
    training: Training = TRAINING

    lmax: ClassVar[int] = 0
    body_order: ClassVar[int] = 2

    def build(self, n_species: int, n_neighbours: float, *, key: PRNGKeyArray) -> Network:
        """SchNet with random weights."""
        first, *keys = split(key, 1 + self.layers)
        layers = [Interaction(self.channels, self.radial.count, n_neighbours, key=k) for k in keys]
        return Network(n_species, self.channels, self.radial, 0, layers, key=first)


small = SchNet(channels=32, layers=2)
base = SchNet()
