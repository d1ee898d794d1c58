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
from jaxtyping import PRNGKeyArray

from ...contract import Budget, Fitted, Method, Session, Signature, Supervised
from ...core.errors import within
from ...core.groups import Group, Orthogonal, Permutations, Translations
from ...core.systems import Atoms
from ...learn.supervised import Training
from ...nn.elements import Elements
from ...nn.linear import Linear, Perceptron
from ...nn.radial import Bessel
from ._network import Features, Message, Network
from ._potential import fit_potential


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


def network(n_species: int, channels: int, layers: int, radial: Bessel, *, key: PRNGKeyArray) -> Network:
    """PaiNN with random weights."""
    keys = jax.random.split(key, 2 * layers + 1)
    # before the first message there are no vectors to pass on
    messages = [Message(channels, radial.count, 1, vectors=i > 0, key=keys[i]) for i in range(layers)]
    updates = [Update(channels, key=k) for k in keys[layers:-1]]
    return Network(n_species, channels, radial, messages, updates, key=keys[-1])


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
            return network(len(elements.numbers), self.channels, self.layers, radial, key=first)

        return fit_potential(
            build, task, self.cutoff, self.energy_weight, self.training, budget, key=second, session=session
        )


small = PaiNN(channels=32, layers=2)
base = PaiNN()
