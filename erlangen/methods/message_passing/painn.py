"""Polarizable atom interaction network: equivariant message passing with scalars and vectors.

Each atom i carries scalars s_i and vectors v_i (`channels` of each). One layer adds messages and updates in place:

    s_i += sum_j phi_s(s_j) W_s(r_ij)                                          r_ij = r_i - r_j
    v_i += sum_j phi_vv(s_j) W_vv(r_ij) v_j + phi_vs(s_j) W_vs(r_ij) r_ij/|r_ij|
    s_i += a_ss + a_sv <U v_i, V v_i>,     v_i += a_vv U v_i,                  a = MLP(s_i, |V v_i|)

    E = sum_i [ e(Z_i) + scale * readout(s_i) ],     F_i = -dE/dr_i

phi: perceptrons; W: linear maps of a radial basis that vanishes at the cutoff; e(Z): reference energies from the
training data. O(3)-equivariant, translation- and permutation-invariant by construction, conservative by derivation.
Schuett, Unke, Gastegger 2021, arXiv:2102.03150. Here the norm is smooth at 0 and messages are scaled by 1/2.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ...contract import Budget, Fitted, Method, Session, Signature, Supervised
from ...core.errors import within
from ...core.groups import Group, Orthogonal, Permutations, Translations
from ...core.systems import Atoms
from ...learn.supervised import Training
from ...nn.elements import Elements
from ...nn.linear import Linear, Perceptron
from ...nn.neighbours import Neighbours
from ...nn.radial import Bessel
from ._potential import fit_potential

Features = dict[int, Array]  # by degree l: 0 -> [n, channels], 1 -> [n, 3, channels]; absent degrees are zero


class Message(eqx.Module):
    """What atoms hear from their neighbours: scalars and vectors, weighted by functions of the distance."""

    source: Perceptron
    filters: Linear

    def __init__(self, channels: int, n_radial: int, paths: int, *, key: PRNGKeyArray):
        first, second = jax.random.split(key)
        self.source = Perceptron(channels, channels, paths * channels, key=first)
        self.filters = Linear(n_radial, paths * channels, bias=False, key=second)

    def __call__(self, x: Features, pairs: Pairs) -> Features:
        near, channels = pairs.neighbours, x[0].shape[-1]
        sent = near.at_senders(self.source(x[0])) * self.filters(pairs.radial)  # [n, K, paths * channels]
        to_scalars, to_vectors, *passed = jnp.split(sent, sent.shape[-1] // channels, axis=-1)

        def along(axis: int) -> Float[Array, "n channels"]:
            """One Cartesian component: sums over neighbours that fuse, where one product over all three would not."""
            told = pairs.directions[..., axis, None] * to_vectors
            if passed:
                told += passed[0] * near.at_senders(x[1][:, axis])
            return jnp.sum(told, 1)

        heard = {0: 0.5 * jnp.sum(to_scalars, 1), 1: 0.5 * jnp.stack([along(axis) for axis in range(3)], 1)}
        return {l: x[l] + heard[l] if l in x else heard[l] for l in heard}


class Update(eqx.Module):
    """What an atom makes of it: scalars and vectors exchange, each atom on its own."""

    mixing: Linear
    gates: Perceptron

    def __init__(self, channels: int, *, key: PRNGKeyArray):
        first, second = jax.random.split(key)
        self.mixing = Linear(channels, 2 * channels, bias=False, key=first)
        self.gates = Perceptron(2 * channels, channels, 3 * channels, key=second)

    def __call__(self, x: Features) -> Features:
        scalars, vectors = x[0], x[1]
        u, v = jnp.split(self.mixing(vectors), 2, axis=-1)  # [n, 3, channels] each
        # the root is smooth where the vector vanishes: forces stay finite for linear and planar molecules
        length = jnp.sqrt(jnp.sum(v**2, 1) + 1e-2)
        gates = self.gates(jnp.concatenate([scalars, length], -1))
        a_ss, a_sv, a_vv = jnp.split(gates, 3, axis=-1)
        return {0: scalars + a_ss + a_sv * jnp.sum(u * v, 1), 1: vectors + a_vv[:, None] * u}


class Pairs(eqx.Module):
    """The geometry of all pairs as the network sees it, in the precision of the network."""

    neighbours: Neighbours
    radial: Float[Array, "n K basis"]
    directions: Float[Array, "n K 3"]


class Network(eqx.Module):
    """Atomic energies [n], in units of the scale, from species and pairs; later layers hear what earlier ones made."""

    embedding: Float[Array, "species channels"]
    radial: Bessel
    messages: list[Message]
    updates: list[Update]
    readout: Perceptron

    def __init__(self, n_species: int, channels: int, layers: int, radial: Bessel, *, key: PRNGKeyArray):
        keys = jax.random.split(key, 2 * layers + 2)
        self.embedding = jax.random.normal(keys[0], (n_species, channels), jnp.float32)
        self.radial = radial
        # before the first message there are no vectors to pass on
        self.messages = [Message(channels, radial.count, 3 if i else 2, key=keys[1 + i]) for i in range(layers)]
        self.updates = [Update(channels, key=k) for k in keys[layers + 1 : -1]]
        self.readout = Perceptron(channels, channels // 2, 1, gain=0.1, key=keys[-1])

    def __call__(self, species: Int[Array, " n"], near: Neighbours) -> Float[Array, " n"]:
        dtype = self.embedding.dtype
        radial = jnp.where(near.mask[..., None], self.radial(near.distances), 0.0).astype(dtype)
        pairs = Pairs(near, radial, near.directions.astype(dtype))
        x = {0: self.embedding[species]}
        for message, update in zip(self.messages, self.updates, strict=True):
            x = update(message(x, pairs))
        return self.readout(x[0])[:, 0]


TRAINING = Training(rate=2e-3, batch=8, clip=10.0)


@dataclasses.dataclass(frozen=True)
class PaiNN(Method):
    """E(3)-equivariant message passing with scalars and vectors (lmax = 1)."""

    channels: int = 64  # features per degree and atom
    layers: int = 3  # rounds of message passing; an atom sees layers * cutoff far
    cutoff: float = 5.0  # A
    n_radial: int = 8  # radial basis functions
    energy_weight: float = 0.1  # of the squared energy error per atom, against the squared force error, both / scale^2
    training: Training = TRAINING

    accepts: ClassVar[Signature] = Signature(Supervised, Atoms, frozenset({"energy", "forces"}))

    def __post_init__(self):
        within(self, channels=(1, 4096), layers=(1, 64), n_radial=(1, 256))
        within(self, cutoff=(0.5, 50.0), energy_weight=(-1e-9, 1e9))

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (Orthogonal, Translations, Permutations)

    def fit(self, task: Supervised, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Fitted:
        """Match energies and forces of the training split; the parameters that do best on validation are kept."""
        first, second = jax.random.split(key)

        def build(elements: Elements) -> Network:
            radial = Bessel(self.cutoff, self.n_radial)
            return Network(len(elements.numbers), self.channels, self.layers, radial, key=first)

        return fit_potential(
            build, task, self.cutoff, self.energy_weight, self.training, budget, key=second, session=session
        )


small = PaiNN(channels=32, layers=2)
base = PaiNN()
