"""Restricted Boltzmann machine with the symmetry of the lattice.

    psi(s) = prod_{g in G} prod_{a=1}^{alpha} cosh( w_a . (g s) )                              symmetrise = "features"
    psi(s) = sum_{p in G/T} prod_{t in T} prod_{a=1}^{alpha} cosh( w_a . (t p s) )        symmetrise = "translations"
    psi(s) = sum_{g in G} prod_{a=1}^{alpha} cosh( w_a . (g s) )                             symmetrise = "projection"

G is the space group of the lattice, T its translations (or the unit element alone, "none": alpha is then the plain
number of features, and the sample kernel factorises); log cosh is even, which keeps the spin flip (where the law has
none, w_a . (g s) has a bias b_a). Real weights make psi positive, complex ones give it a sign structure (needed where
the model is frustrated). On lattices without Marshall's signs the terms of the projection carry characters of the
group, +1 or -1: all one-dimensional sectors are tried first, and the lowest one goes on.
Carleo and Troyer 2017, doi:10.1126/science.aag2302; projection: Nomura 2021, doi:10.1088/1361-648X/abe268.
"""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, Int, PRNGKeyArray, Shaped

from erlangen.contract import Budget, Session, Variational
from erlangen.core.groups import Group, SpinFlip
from erlangen.learn.variational import Factors, Settings, Wavefunction
from erlangen.nn.log_cosh import log_cosh, log_product_cosh, log_sum_product_cosh, tanh
from erlangen.numerics.precision import double
from erlangen.physics.characters import Character
from erlangen.physics.spins import Hamiltonian

from ._ansatz import Ansatz
from ._in_sectors import fit_in_lowest_sector
from ._projection import Projected, exchanged, logsumexp
from ._screening import LARGEST, Screened, screened

LARGEST_PROJECTED = 20
"""Sites up to which "auto" projects in Marshall's basis: on J1-J2 4x4 that ends at 3e-8; on 6x6, alpha = 4, it stays at
1e-1 after 331 steps, where the product over the group is at 2e-2 after 50. Beyond it, real weights are multiplied over
translations only: see `benchmarks/spins_symmetrisation.py`."""


@dataclasses.dataclass(frozen=True)
class RBM(Ansatz["RestrictedBoltzmann | Projected"]):
    alpha: int = 8  # features (each acts at all images under the lattice's group)
    weights: Literal["auto", "real", "complex"] = "auto"  # auto: real where the ground state is known to be positive
    symmetrise: Literal["auto", "features", "translations", "projection", "none"] = "auto"  # by size and weights
    samples: int = 1024  # per step
    rate: float | None = None  # natural-gradient step; None: by the number of sites
    shift: float = 1e-5  # final diagonal shift of the metric
    momentum: float = 0.95  # of the natural gradient (SPRING)
    full_sum: Literal["auto", "yes", "no"] = "auto"  # instead of sampling: auto where states are few

    limits: ClassVar = {"alpha": (1, math.inf)}

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (SpinFlip,) if self.symmetrise == "none" else super().symmetry

    def fit(
        self, task: Variational, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()
    ) -> RestrictedBoltzmann | Projected:
        law = task.law
        if not self._is_projected(law) or law.is_stoquastic:
            return super().fit(task, budget, key=key, session=session)
        first, run = jax.random.split(key)
        if self._is_screened(law) and session.start is None:
            seed = int(jax.random.randint(run, (), 0, 2**31 - 1))
            return _projected(screened(law, self.alpha, budget, seed=seed, session=session))
        if law.sign_rule:
            return super().fit(task, budget, key=key, session=session)

        def amplitude(character: Character) -> Projected:
            group = np.arange(law.n_sites)[None]
            return Projected.of(self._random(law, group, biased=character.flip <= 0, key=first), character)

        return fit_in_lowest_sector(amplitude, law, Settings.of(self), budget, key=run, session=session)

    def amplitude(self, law: Hamiltonian, key: PRNGKeyArray) -> RestrictedBoltzmann | Projected:
        kept = self._group_of_features(law)
        projected = self._is_projected(law)
        psi = self._random(law, kept, biased=not law.is_flip_symmetric, projected=projected, key=key)
        group = law.lattice.space_group
        if self.symmetrise != "none" and len(kept) < len(group):
            return Projected.symmetric(psi, group, flip=False)
        return psi

    def _is_complex(self, law: Hamiltonian) -> bool:
        return self.weights == "complex" or (self.weights == "auto" and not law.is_stoquastic)

    def _is_projected(self, law: Hamiltonian) -> bool:
        is_small = law.n_sites <= LARGEST_PROJECTED or not law.sign_rule
        return self.symmetrise == "projection" or (self.symmetrise == "auto" and self._is_complex(law) and is_small)

    def _is_screened(self, law: Hamiltonian) -> bool:
        """Whether all sectors are looked at, by exact sums."""
        has_sectors = len(law.lattice.space_group) > 1 or law.is_flip_symmetric
        return has_sectors and self._is_complex(law) and self.full_sum != "no" and law.n_states <= LARGEST

    def _group_of_features(self, law: Hamiltonian) -> Int[np.ndarray, "elements sites"]:
        """What features are multiplied over, or added up over where psi is projected."""
        group, translations = law.lattice.space_group, law.lattice.translations
        is_large = law.n_sites > LARGEST_PROJECTED and len(group) > 2 * len(translations)
        if self.symmetrise == "none":
            return np.arange(law.n_sites)[None]
        if self.symmetrise == "translations" or (self.symmetrise == "auto" and is_large and not self._is_complex(law)):
            return translations
        return group

    def _random(
        self, law: Hamiltonian, group: np.ndarray, *, biased: bool, projected: bool = False, key: PRNGKeyArray
    ) -> RestrictedBoltzmann:
        """Weights with which log psi varies by about one between configurations: all are visited at the start."""
        spread = (law.n_sites * self.alpha * (1 if projected else len(group))) ** -0.5
        # with Marshall's signs psi is nearly positive: as a product it starts from there
        phase = 0.1 * spread if law.sign_rule and not projected else spread
        with double():
            psi = RestrictedBoltzmann.random(
                group, self.alpha, spread, phase if self._is_complex(law) else None, projected, key=key
            )
            biases = jnp.full(self.alpha, spread, jnp.float64) if biased else None
            return dataclasses.replace(psi, biases=biases)


def _projected(found: Screened) -> Projected:
    """The machine that was lowest as a state of its sector."""
    one = found.machine
    with double():
        biases = None if one.biases is None else jnp.asarray(one.biases)
        group, (weights, phases) = (
            jnp.arange(one.weights.shape[1])[None],
            map(jnp.asarray, (np.real(one.weights), np.imag(one.weights))),
        )
        inner = RestrictedBoltzmann(weights, phases, group, False, biases)
        return dataclasses.replace(Projected.of(inner, one.character), looked=found.looked)


class RestrictedBoltzmann(Wavefunction):
    """The amplitude above. weights, phases [features, sites]: real and (or None) imaginary part of w; biases."""

    weights: Float[Array, "features sites"]
    phases: Float[Array, "features sites"] | None
    permutations: Int[Array, "elements sites"]
    projected: bool = eqx.field(static=True)
    biases: Float[Array, " features"] | None = None

    @classmethod
    def random(
        cls,
        group: Int[np.ndarray, "elements sites"],
        features: int,
        spread: float,
        phase: float | None,
        projected: bool = False,
        *,
        key: PRNGKeyArray,
    ) -> RestrictedBoltzmann:
        """Normal weights of this spread, imaginary parts of the spread `phase` (None: real ones), no biases."""
        first, second = jax.random.split(key)
        shape = features, group.shape[1]
        weights = spread * jax.random.normal(first, shape, jnp.float64)
        phases = None if phase is None else phase * jax.random.normal(second, shape, jnp.float64)
        return cls(weights, phases, jnp.asarray(group), projected)

    def log_psi(self, spins: Shaped[Array, " sites"]) -> Inexact[Array, ""]:
        parts = [self.weights] if self.phases is None else [self.weights, self.phases]
        real, *imaginary = products_with_images(jnp.stack(parts), self.permutations, jnp.asarray(spins, parts[0].dtype))
        if self.biases is not None:
            real = real + self.biases[:, None]
        if not imaginary:
            return logsumexp(log_cosh(real).sum(axis=0)) if self.projected else log_cosh(real).sum()
        if self.projected:
            return log_sum_product_cosh(real, imaginary[0])
        return log_product_cosh(real.ravel(), imaginary[0].ravel())

    def factors(self, spins: Shaped[Array, " sites"]) -> Factors | None:
        if len(self.permutations) > 1 or self.biases is not None:
            return None
        spins = jnp.asarray(spins, self.weights.dtype)[self.permutations[0]]
        real = self.weights @ spins
        if self.phases is None:
            return Factors(jnp.tanh(real), spins)
        return Factors(tanh(real, self.phases @ spins), spins)

    def log_ratios(self, samples: Shaped[Array, "n sites"], law: Hamiltonian) -> Float[Array, "n moves"] | None:
        """cosh(x - s d) / cosh x = cosh d - s tanh(x) sinh d for every feature: nothing transcendental per move."""
        first, last = exchanged(law)
        if self.phases is not None or self.projected or first is None:
            return None
        weights = self.weights[:, self.permutations].reshape(-1, samples.shape[1])
        x = weights @ samples.T.astype(weights.dtype)
        if self.biases is not None:
            x = x + jnp.repeat(self.biases, len(self.permutations))[:, None]
        slope = jnp.tanh(x)  # [features, n]: samples side by side
        # spins of an exchange are antiparallel; a single flip has no last site
        change = 2 * (weights[:, first] - jnp.where(last < 0, 0, weights[:, last]))

        def ratio(move: tuple[Array, Array, Array]) -> Array:
            even, odd, spin = move
            return jnp.log(jnp.prod(even[:, None] - odd[:, None] * (slope * spin), axis=0))

        return jax.lax.map(ratio, (jnp.cosh(change).T, jnp.sinh(change).T, samples[:, first].T.astype(x.dtype))).T

    @property
    def invariance(self) -> tuple[np.ndarray | None, bool]:
        return np.asarray(self.permutations), self.biases is None


@jax.custom_vjp
def products_with_images(
    weights: Float[Array, "parts features sites"],
    permutations: Int[Array, "elements sites"],
    spins: Float[Array, " sites"],
) -> Float[Array, "parts features elements"]:
    """w . (g s) for every g, with the weights moved instead of s: one matrix product for all samples.

    In the derivative the spins are moved: w (g s) = (g^-1 w) s, so that nothing is scattered into the weights.
    """
    moved = weights[:, :, permutations]
    return (moved.reshape(-1, spins.shape[0]) @ spins).reshape(moved.shape[:-1])


def _products_forward(weights: Array, permutations: Array, spins: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    return products_with_images(weights, permutations, spins), (weights, permutations, spins)


def _products_backward(saved: tuple[Array, Array, Array], change: Array) -> tuple[Array, None, Array]:
    weights, permutations, spins = saved
    images = spins[jnp.argsort(permutations, axis=1)]
    return change @ images, None, jnp.einsum("pfg,pfgi->i", change, weights[:, :, permutations])


products_with_images.defvjp(_products_forward, _products_backward)
