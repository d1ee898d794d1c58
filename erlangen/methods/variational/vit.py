"""Transformer on patches whose attention depends on displacements alone, and a complex log-cosh head.

    x_p = E s_patch(p),    x <- x + W concat_h sum_q a_h(q - p) V_h norm(x_q),    x <- x + MLP(norm(x))    layers times
    phi(s) = prod_a cosh( u_a . sum_p norm(x_p) + b_a ),        psi(s) = sum_g phi(g s)

Attention that does not look at its input keeps translations by whole patches exactly.
The rest of the symmetry comes by projection, in two stages: phi alone, then the sum over the group. Viteritti, Rende,
Becca 2023, doi:10.1103/PhysRevLett.130.236401; Rende, Viteritti 2025, arXiv:2405.18874 (attention of positions only).
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, Int, PRNGKeyArray, Shaped

from erlangen.contract import Budget, Session, Variational
from erlangen.core.errors import Invalid
from erlangen.learn.starts import begun
from erlangen.learn.variational import Settings, Wavefunction, minimise, spin_problem
from erlangen.nn.log_cosh import log_cosh, log_product_cosh
from erlangen.numerics.precision import double
from erlangen.physics.lattices import Lattice, Loose
from erlangen.physics.spins import Hamiltonian

from ._ansatz import Ansatz
from ._projection import Projected


@dataclasses.dataclass(frozen=True)
class ViT(Ansatz["Projected"]):
    channels: int = 16  # features per patch
    heads: int = 4  # patterns of attention
    layers: int = 2  # blocks
    samples: int = 1024  # per step
    rate: float = 0.05  # natural-gradient step
    shift: float = 1e-4  # final diagonal shift of the metric
    momentum: float = 0.0  # of the natural gradient (SPRING)
    alone: float = 0.6  # share of the budget before the projection on the whole symmetry

    limits: ClassVar = {"channels": (1, 1024), "heads": (1, 64), "layers": (1, 64), "alone": (-1e-9, 1)}

    def __post_init__(self):
        super().__post_init__()
        if self.channels % self.heads:
            raise Invalid(
                must="the channels are a multiple of the heads",
                came=f"{self.channels} channels, {self.heads} heads",
                do=f"Take {self.heads * max(self.channels // self.heads, 1)} channels.",
            )

    def amplitude(self, law: Hamiltonian, key: PRNGKeyArray) -> Projected:
        psi = Transformer.random(law.lattice, self, not law.is_stoquastic, key=key)
        return Projected.symmetric(psi, law.lattice.space_group, flip=law.is_flip_symmetric)

    def fit(self, task: Variational, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Projected:
        """First without, then with the sum over the group, unless it goes on from such a sum; both stages go on after
        an interruption.
        """
        first, early, late = jax.random.split(key, 3)
        alone = 0.0 if session.start else self.alone
        settings, problem = Settings.of(self), spin_problem(task.law)
        with double():
            psi = begun(self.amplitude(task.law, first), session.start)
        if alone > 0:
            part = budget.share(alone)
            phi = minimise(psi.inner, problem, settings, part, key=early, session=session.inside("alone"))
            psi = dataclasses.replace(psi, inner=phi)
        part = budget.share(1 - alone)
        return minimise(psi, problem, settings, part, key=late, session=session.inside("projected"))


class Block(eqx.Module):
    """Attention by displacement, then a perceptron, each added to its input."""

    attention: Float[Array, "heads displacements"]
    values: Float[Array, "channels channels"]
    mix: Float[Array, "channels channels"]
    up: Float[Array, "wide channels"]
    bias: Float[Array, " wide"]
    down: Float[Array, "channels wide"]

    @classmethod
    def random(cls, channels: int, heads: int, displacements: int, *, key: PRNGKeyArray) -> Block:
        """Weights that keep the spread of their inputs."""
        keys = jax.random.split(key, 5)
        square, wide = (channels, channels), 2 * channels

        def normal(k: PRNGKeyArray, shape: tuple[int, ...]) -> Array:
            return jax.random.normal(k, shape, jnp.float64) * shape[-1] ** -0.5

        attention = normal(keys[0], (heads, displacements))
        up, down = normal(keys[3], (wide, channels)), normal(keys[4], (channels, wide))
        return cls(attention, normal(keys[1], square), normal(keys[2], square), up, jnp.zeros(wide), down)

    def __call__(self, x: Float[Array, "patches channels"], displacement: Array) -> Float[Array, "patches channels"]:
        heads = len(self.attention)
        values = (_normed(x) @ self.values.T).reshape(len(x), heads, -1)
        received = jnp.einsum("hpq,qhc->phc", self.attention[:, displacement], values)
        x = x + received.reshape(x.shape) @ self.mix.T
        return x + jax.nn.gelu(_normed(x) @ self.up.T + self.bias) @ self.down.T


class Transformer(Wavefunction):
    """phi above. patches [patches, sites of a patch]; displacement [patches, patches]: number of q - p."""

    embedding: Float[Array, "channels patch"]
    blocks: list[Block]
    head: Float[Array, "channels channels"]
    bias: Float[Array, " channels"]
    phase: Float[Array, "channels channels"] | None
    patches: Int[Array, "patches patch"]
    displacement: Int[Array, "patches patches"]
    permutations: Int[Array, "elements sites"]

    @classmethod
    def random(cls, lattice: Lattice | Loose, method: ViT, is_complex: bool, *, key: PRNGKeyArray) -> Transformer:
        """Of the sizes that `method` names, log phi varying by about one between configurations."""
        patches, displacement, permutations = tiling(lattice)
        first, second, third, *keys = jax.random.split(key, 3 + method.layers)
        channels = method.channels
        embedding = jax.random.normal(first, (channels, patches.shape[1]), jnp.float64) * patches.shape[1] ** -0.5
        blocks = [Block.random(channels, method.heads, len(patches), key=k) for k in keys]
        spread = (channels * len(patches)) ** -0.5
        head = spread * jax.random.normal(second, (channels, channels), jnp.float64)
        phase = spread * jax.random.normal(third, (channels, channels), jnp.float64) if is_complex else None
        tables = (jnp.asarray(patches), jnp.asarray(displacement), jnp.asarray(permutations))
        return cls(embedding, blocks, head, jnp.zeros(channels), phase, *tables)

    def log_psi(self, spins: Shaped[Array, " sites"]) -> Inexact[Array, ""]:
        x = jnp.asarray(spins, self.embedding.dtype)[self.patches] @ self.embedding.T
        for block in self.blocks:
            x = block(x, self.displacement)
        total = _normed(x).sum(0)
        real = self.head @ total + self.bias
        return log_cosh(real).sum() if self.phase is None else log_product_cosh(real, self.phase @ total)

    @property
    def invariance(self) -> tuple[np.ndarray | None, bool]:
        return np.asarray(self.permutations), False


def tiling(lattice: Lattice | Loose) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(sites of each patch, number of the displacement q - p, translations by whole patches as permutations).

    Patches are two cells wide along every direction of a straight periodic cluster of even extents, else one cell.
    """
    translations = lattice.translations
    if isinstance(lattice, Lattice):
        vectors = np.array(lattice.vectors)
        extent = np.diag(vectors)
        is_even = np.array_equal(vectors, np.diag(extent)) and not np.any(extent % 2) and np.all(extent > 2)
        steps = (lattice.places[translations[:, 0]] - lattice.places[0]) // 6
        if is_even and lattice.is_periodic:
            translations = translations[~np.any(steps % 2, axis=1)]
    if len(translations) == 1:
        raise Invalid(
            must="patches need a periodic lattice",
            came=str(lattice),
            do="Take --method rbm or lcn.",
        )
    # one site of every set of sites that the translations connect
    seed = np.unique(translations.min(axis=0))
    patches = translations[:, seed]
    number = {int(start): i for i, start in enumerate(patches[:, 0])}
    displacement = np.empty((len(patches), len(patches)), int)
    for r, step in enumerate(translations):
        for p, patch in enumerate(patches):
            displacement[p, number[int(step[patch[0]])]] = r
    return patches, displacement, translations


def _normed(x: Float[Array, "patches channels"]) -> Float[Array, "patches channels"]:
    """Mean and variance are matrix products: sums over a short last axis are slow on CPUs."""
    weights = jnp.full(x.shape[1], 1 / x.shape[1], x.dtype)
    mean = x @ weights
    variance = (x * x) @ weights - mean**2
    return (x - mean[:, None]) * jax.lax.rsqrt(variance + 1e-5)[:, None]
