"""Message passing with moments of the neighbourhood up to rank 2, multiplied to correlations of four bodies.

Each layer collects densities of degree 0, 1 and 2 around every atom and contracts them to invariants and vectors:

    A_l,i = sum_j phi_l(s_j) W_l(r_ij) Y_l(r_ij) (+ vectors passed on),        v = V A_1,  u = U A_1,  t = Q A_2
    a = MLP(s_i, |v|, |t|^2, v.t v, det t)
    s_i += a_1 + a_2 u.v + a_3 |t|^2 + a_4 v.t v,        v_i += a_5 u + a_6 t v

t is a symmetric traceless matrix per channel. Angles enter within one layer, without sums over triples: the density
trick of moment tensors and of the atomic cluster expansion. O(3)-equivariant, conservative.
Shapeev 2016, doi:10.1137/15M1054183; Drautz 2019, doi:10.1103/PhysRevB.99.014104; Batatia 2022, arXiv:2206.07697.
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


class Contraction(eqx.Module):
    """Products of densities on one atom: scalars and vectors for the next layer."""

    vectors: Linear
    tensors: Linear
    gates: Perceptron

    def __init__(self, channels: int, *, key: PRNGKeyArray):
        first, second, third = jax.random.split(key, 3)
        self.vectors = Linear(channels, 2 * channels, bias=False, key=first)
        self.tensors = Linear(channels, channels, bias=False, key=second)
        self.gates = Perceptron(5 * channels, channels, 6 * channels, key=third)

    def __call__(self, x: Features) -> Features:
        scalars = x[0]
        u, v = jnp.split(self.vectors(x[1]), 2, axis=-1)  # [n, 3, channels] each
        q = [self.tensors(x[2])[:, m] for m in range(5)]
        # one array per component of the matrix t: elementwise products, which a compiler fuses
        xy, yz, zx = (0.5**0.5 * q[m] for m in range(3))
        xx, yy, zz = 0.5**0.5 * q[3] - 6**-0.5 * q[4], -(0.5**0.5) * q[3] - 6**-0.5 * q[4], 2 * 6**-0.5 * q[4]
        vx, vy, vz = (v[:, m] for m in range(3))
        tv = jnp.stack([xx * vx + xy * vy + zx * vz, xy * vx + yy * vy + yz * vz, zx * vx + yz * vy + zz * vz], 1)
        norm = sum(one**2 for one in q)
        determinant = xx * (yy * zz - yz**2) - xy * (xy * zz - yz * zx) + zx * (xy * yz - yy * zx)
        vtv = jnp.sum(v * tv, 1)
        # the root is smooth where the vector vanishes: forces stay finite for linear and planar molecules
        length = jnp.sqrt(jnp.sum(v**2, 1) + 1e-2)
        gates = self.gates(jnp.concatenate([scalars, length, norm, vtv, determinant], -1))
        a = jnp.split(gates, 6, axis=-1)
        scalars = scalars + a[0] + a[1] * jnp.sum(u * v, 1) + a[2] * norm + a[3] * vtv
        return {0: scalars, 1: x[1] + a[4][:, None] * u + a[5][:, None] * tv}


def network(n_species: int, channels: int, layers: int, radial: Bessel, *, key: PRNGKeyArray) -> Network:
    """The network with random weights."""
    keys = jax.random.split(key, 2 * layers + 1)
    # before the first message there are no vectors to pass on
    messages = [Message(channels, radial.count, 2, vectors=i > 0, key=keys[i]) for i in range(layers)]
    contractions = [Contraction(channels, key=k) for k in keys[layers:-1]]
    return Network(n_species, channels, radial, messages, contractions, key=keys[-1])


TRAINING = Training(rate=2e-3, batch=5, clip=10.0)


@dataclasses.dataclass(frozen=True)
class Moments(Method):
    """Message passing with moments up to rank 2 and products of four bodies."""

    channels: int = 64  # features per degree and atom
    layers: int = 2  # rounds of message passing; an atom sees layers * cutoff far
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
            return network(
                len(elements.numbers), self.channels, self.layers, Bessel(self.cutoff, self.n_radial), key=first
            )

        return fit_potential(
            build, task, self.cutoff, self.energy_weight, self.training, budget, key=second, session=session
        )


small = Moments(channels=32)
base = Moments()
