"""Messages between pairs of atoms that hear the angles, and the torsions, under which they meet (DimeNet++, SphereNet).

    m_ji  = silu(W [h_j, h_i, e(r_ji)])                                       of sender j to receiver i
    m_ji' = m_ji + D( silu(W1 m_ji) + silu(U sum_(k in N(j) \\ i) f(kj, ji) * V silu(W2 m_kj) * e(r_kj)) )
    t_i   = sum over blocks of silu( sum_j e(r_ji) * m_ji )

f: functions of the distance r_kj and of the angle between the pairs, and where asked of torsions about ji; e: linear
maps of the radial basis; D: dense layers. The sum over k is a density of atom j projected on the direction of ji
(`nn.angles`), minus the term of the reverse pair: no list of triplets.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ...nn.angles import density, projected, torsions
from ...nn.components import Components, scalars
from ...nn.convolution import Pairs
from ...nn.initial import normal, split
from ...nn.linear import Linear, silu

Edges = Float[Array, "n K channels"]


class References(eqx.Module):
    """Densities of the neighbours as such, from which torsions are counted, and a weight per torsion (l, m)."""

    radial: list[Linear]
    weights: Float[Array, "torsions c"]
    lmax: int = eqx.field(static=True)

    def __init__(self, lmax: int, channels: int, n_radial: int, *, key: PRNGKeyArray):
        self.lmax = lmax
        first, *keys = split(key, 1 + lmax)
        self.radial = [Linear(n_radial, channels, bias=False, key=k) for k in keys]
        self.weights = normal(first, (lmax * (lmax + 1) // 2, channels))

    def __call__(self, received: Components, pairs: Pairs, norm: float) -> Components:
        """What `received` makes of the references, as densities to be projected."""
        own = {l: norm * density(radial(pairs.radial), pairs.harmonics[l]) for l, radial in enumerate(self.radial, 1)}
        orders = [(l, m) for l in range(1, self.lmax + 1) for m in range(1, l + 1)]
        # of order 1 whatever the degree, like the projections of the angles
        weights = {(l, m): w / (2 * l + 1) for (l, m), w in zip(orders, self.weights, strict=True)}
        return torsions(received, own, weights)


class Block(eqx.Module):
    """One round: every message hears those that arrive at its sender."""

    own: Linear
    other: Linear
    distance: Linear
    down: Linear
    radial: list[Linear]  # by degree
    references: References | None
    up: Linear
    dense: list[Linear]
    norm: float = eqx.field(static=True)

    def __init__(self, channels: int, inner: int, degrees: tuple[int, int], n_radial: int, n_neighbours: float, *, key):
        """inner: channels of the angular sums. degrees: largest of the angles and of the torsions (0: none)."""
        angles, torsion = degrees
        keys = split(key, 9)
        self.own, self.other = (Linear(channels, channels, key=k) for k in keys[:2])
        self.distance = Linear(n_radial, channels, bias=False, key=keys[2])
        self.down = Linear(channels, inner, bias=False, key=keys[3])
        self.radial = [
            Linear(n_radial, inner, bias=False, gain=(angles + 1) ** -0.5, key=k) for k in split(keys[4], angles + 1)
        ]
        self.references = References(torsion, inner, n_radial, key=keys[5]) if torsion else None
        self.up = Linear(inner, channels, bias=False, key=keys[6])
        self.dense = [Linear(channels, channels, gain=0.5, key=k) for k in split(keys[7], 3)]
        self.norm = n_neighbours**-0.5

    def __call__(self, m: Edges, pairs: Pairs) -> Edges:
        sent = silu(self.down(silu(self.other(m)) * self.distance(pairs.radial)))
        received = 0.5**0.5 * (silu(self.own(m)) + silu(self.up(self.sums(sent, pairs))))
        first, second, third = self.dense
        m = m + first(received)
        return m + third(silu(second(m)))

    def sums(self, sent: Edges, pairs: Pairs) -> Edges:
        """sum_(k in N(j) not i) f(kj, ji) * sent_kj for every pair ji."""
        near, back = pairs.neighbours, []
        at_atoms = {}
        for l, radial in enumerate(self.radial):
            weighted = radial(pairs.radial) * sent
            at_atoms[l] = self.norm * density(weighted, pairs.harmonics[l])
            # the reverse pair runs the opposite way: P_l(-1) = (-1)^l
            back.append((-1) ** l * (2 * l + 1) ** 0.5 * self.norm * weighted)
        if self.references is not None:
            for l, more in self.references(at_atoms, pairs, self.norm).items():
                at_atoms[l] = at_atoms[l] + more if l in at_atoms else more
        received = projected({l: near.at_senders(part) for l, part in at_atoms.items()}, pairs.harmonics)
        return received - near.at_reverse(sum(back[1:], back[0]))


class Directional(eqx.Module):
    """All rounds as one layer, features of atoms in and out: the messages in between belong to pairs."""

    receiver: Linear
    sender: Linear
    edge: Linear
    blocks: list[Block]
    gather: list[Linear]  # of the radial basis, before the first block and after each
    out: list[Linear]
    norm: float = eqx.field(static=True)

    def __init__(
        self,
        channels: int,
        layers: int,
        degrees: tuple[int, int],
        n_radial: int,
        n_neighbours: float,
        *,
        inner: int | None = None,
        key: PRNGKeyArray,
    ):
        """degrees: largest of the angles and of the torsions. inner: channels of the angular sums, by default half."""
        first, second, third, *keys = split(key, 3 + layers)
        half = inner or max(channels // 2, 1)
        ends = split(second, 3)
        self.receiver = Linear(channels, channels, gain=0.5, key=ends[0])
        self.sender = Linear(channels, channels, bias=False, gain=0.5, key=ends[1])
        self.edge = Linear(n_radial, channels, bias=False, key=ends[2])
        self.blocks = [Block(channels, half, degrees, n_radial, n_neighbours, key=k) for k in keys]
        self.gather = [Linear(n_radial, channels, bias=False, key=k) for k in split(first, layers + 1)]
        self.out = [Linear(channels, channels, key=k) for k in split(third, layers + 1)]
        self.norm = n_neighbours**-0.5

    def __call__(self, x: Components, pairs: Pairs, species: Float[Array, "n species"]) -> Components:
        h, near = scalars(x), pairs.neighbours
        m = silu(self.receiver(h)[:, None] + near.at_senders(self.sender(h)) + self.edge(pairs.radial))
        found = h
        for i, (gather, out) in enumerate(zip(self.gather, self.out, strict=True)):
            if i:
                m = self.blocks[i - 1](m, pairs)
            found = found + silu(out(self.norm * jnp.sum(gather(pairs.radial) * m, 1)))
        return {0: found[:, None]}
