"""A wavefunction made symmetric by a sum over the group: psi(s) = sum_g phi(g s), one g per coset of what phi keeps.

The ground state is looked for among states that every element leaves as they are (character 1); with the character chi
of another sector, psi(s) = sum_g chi(g)* phi(g s), so that psi(g s) = chi(g) psi(s). Nomura 2021,
doi:10.1088/1361-648X/abe268; staged (first phi alone, then the sum): Viteritti, Rende, Becca 2023,
doi:10.1103/PhysRevLett.130.236401.
"""

from __future__ import annotations

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Inexact, Int, Shaped

from erlangen.contract import Outputs
from erlangen.core.systems import SpinLattice
from erlangen.learn.variational import Wavefunction
from erlangen.numerics.precision import double
from erlangen.physics.characters import Character, roots_of_unity
from erlangen.physics.spins import Hamiltonian

from ._moves import moves_of_images


class Sectoral(Wavefunction):
    """The sum over `character`, one element per coset of what `inner` keeps: images [cosets, sites], powers [cosets].

    With the parity of the flip where the character has one: over both signs of all spins.
    """

    inner: Wavefunction
    character: Character
    images: Array
    powers: Array
    both_signs: bool = eqx.field(static=True)

    @classmethod
    def of(cls, inner: Wavefunction, character: Character) -> Sectoral:
        """`inner` in the sector of `character`; what it keeps by itself must have character 1, or the sum vanishes."""
        own, is_even = inner.invariance
        group = np.asarray(character.permutations)
        images = coset_representatives(group, np.arange(group.shape[1])[None] if own is None else own)
        number = {row: i for i, row in enumerate(map(tuple, group.tolist()))}
        powers = _powers(character, number, images)
        both_signs = character.flip != 0 and not (character.flip > 0 and is_even)
        return cls(inner, character, jnp.asarray(images), jnp.asarray(powers), both_signs)

    def log_psi(self, spins: Shaped[Array, " sites"]) -> Inexact[Array, ""]:
        moved, factors = jnp.asarray(spins)[self.images], self._factors
        if self.both_signs:
            moved = jnp.concatenate([moved, -moved])
            factors = jnp.concatenate([factors, self.character.flip * factors])
        logs = jax.vmap(self.inner.log_psi)(moved)
        return logsumexp(logs) if self.character.is_trivial else logsumexp(logs, factors)

    def __call__(self, x: SpinLattice) -> Outputs:
        """log psi up to the phases that the group gives to psi: its imaginary part modulo 2 pi / q."""
        with double():
            found = self.log_psi(x.spins)
            phase = 2 * jnp.pi / math.lcm(self.character.order, 2)
            angle = jnp.imag(found)
            return {"log_psi": jax.lax.complex(jnp.real(found), angle - phase * jnp.round(angle / phase))}

    @property
    def _factors(self) -> Inexact[Array, " cosets"]:
        """chi(g)*, from whole numbers: exact, and no parameters."""
        values = roots_of_unity(np.arange(self.character.order), self.character.order).conj()
        return jnp.asarray(values)[self.powers]


def _powers(character: Character, number: dict[tuple[int, ...], int], images: np.ndarray) -> np.ndarray:
    """[cosets] of the power of chi at each image."""
    return np.asarray(character.powers)[[number[row] for row in map(tuple, images.tolist())]]


class Projected(Wavefunction):
    """The sum over `images` [cosets, sites] of permutations, and over both signs of all spins where `flip`."""

    inner: Wavefunction
    images: Array
    group: Array
    flip: bool = eqx.field(static=True)

    @classmethod
    def of(cls, inner: Wavefunction, group: np.ndarray, *, flip: bool) -> Projected:
        """`inner` made invariant under `group`, of which its own invariance has to be a part."""
        own, own_flip = inner.invariance
        images = coset_representatives(group, np.arange(group.shape[1])[None] if own is None else own)
        return cls(inner, jnp.asarray(images), jnp.asarray(group), flip and not own_flip)

    def log_psi(self, spins: Shaped[Array, " sites"]) -> Inexact[Array, ""]:
        moved = jnp.asarray(spins)[self.images]
        if self.flip:
            moved = jnp.concatenate([moved, -moved])
        return logsumexp(jax.vmap(self.inner.log_psi)(moved))

    def log_ratios(self, samples: Shaped[Array, "n sites"], law: Hamiltonian) -> Inexact[Array, "n moves"] | None:
        """log sum_g phi(g s') - log sum_g phi(g s), from the ratios phi(g s') / phi(g s)."""
        found = None if self.flip else logs_of_images(self.inner, samples, self.images, law)
        if found is None:
            return None
        before, after = found
        return jax.vmap(jax.vmap(logsumexp, 1), 1)(after) - jax.vmap(logsumexp, 1)(before)[:, None]

    @property
    def invariance(self) -> tuple[np.ndarray | None, bool]:
        return np.asarray(self.group), self.flip or self.inner.invariance[1]


def coset_representatives(group: np.ndarray, subgroup: np.ndarray) -> np.ndarray:
    """One element of each set {t g: t in subgroup}, as permutations [cosets, sites]: phi(t g s) is the same for all."""
    # (t (g s))_i = (g s)_{t(i)} = s_{g(t(i))}
    smallest = {min(map(tuple, g[subgroup].tolist())) for g in group}
    return np.array(sorted(smallest))


def logs_of_images(
    inner: Wavefunction,
    samples: Shaped[Array, "n sites"],
    images: Int[Array, "cosets sites"],
    law: Hamiltonian,
) -> tuple[Inexact[Array, "cosets n"], Inexact[Array, "cosets n moves"]] | None:
    """(log phi(g s), log phi(g s')) for every g and every move s' of s; None where phi knows no ratios."""
    if inner.log_ratios(samples, law) is None:
        return None

    def term(image: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        sites, columns, known = image
        moved = samples[:, sites]
        before, ratios = jax.vmap(inner.log_psi)(moved), jnp.asarray(inner.log_ratios(moved, law))
        return before, before[:, None] + jnp.where(known, ratios[:, columns], jnp.nan)

    return jax.lax.map(term, (images, *moves_of_images(law, images)))


def logsumexp(x: Inexact[Array, " n"], factors: Inexact[Array, " n"] | None = None) -> Inexact[Array, ""]:
    """log sum factors exp x, complex too; with factors it is complex always, and -inf where the sum vanishes."""
    largest = jax.lax.stop_gradient(jnp.max(jnp.real(x)))
    if factors is None:
        return jnp.log(jnp.sum(jnp.exp(x - largest))) + largest
    return jnp.log(jnp.sum(factors * jnp.exp(x - largest)).astype(complex)) + largest
