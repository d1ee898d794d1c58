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
from jaxtyping import Array, Bool, Inexact, Int, Shaped

from erlangen.contract import Outputs
from erlangen.core.systems import SpinLattice
from erlangen.learn.variational import Wavefunction
from erlangen.numerics.precision import double
from erlangen.physics.characters import Character, roots_of_unity, trivial
from erlangen.physics.spins import Hamiltonian


class Projected(Wavefunction):
    """The sum over the elements of `character`, one per coset of what `inner` keeps by itself (its own character must
    be 1, or the sum vanishes), and over both signs of all spins where the character has a parity of the flip.

    powers: of chi at each image; looked: titles of the sectors that a fit looked at before it chose this one.
    """

    inner: Wavefunction
    character: Character
    images: Int[Array, "cosets sites"]
    powers: Int[Array, " cosets"]
    both_signs: bool = eqx.field(static=True)
    looked: tuple[str, ...] = eqx.field(static=True, default=())

    @classmethod
    def of(cls, inner: Wavefunction, character: Character) -> Projected:
        """`inner` in the sector of `character`."""
        own, is_even = inner.invariance
        group = np.asarray(character.permutations)
        images = coset_representatives(group, np.arange(group.shape[1])[None] if own is None else own)
        number = {row: i for i, row in enumerate(map(tuple, group.tolist()))}
        powers = np.asarray(character.powers)[[number[row] for row in map(tuple, images.tolist())]]
        both_signs = character.flip != 0 and not (character.flip > 0 and is_even)
        return cls(inner, character, jnp.asarray(images), jnp.asarray(powers), both_signs)

    @classmethod
    def symmetric(cls, inner: Wavefunction, group: Int[np.ndarray, "elements sites"], *, flip: bool) -> Projected:
        """`inner` made invariant under `group`, and under the spin flip where `flip`."""
        return cls.of(inner, trivial(group).at(flip=int(flip)))

    def log_psi(self, spins: Shaped[Array, " sites"]) -> Inexact[Array, ""]:
        moved, factors = jnp.asarray(spins)[self.images], self._factors
        if self.both_signs:
            moved = jnp.concatenate([moved, -moved])
            factors = jnp.concatenate([factors, self.character.flip * factors])
        logs = jax.vmap(self.inner.log_psi)(moved)
        return logsumexp(logs) if self.character.is_trivial else logsumexp(logs, factors)

    def log_ratios(self, samples: Shaped[Array, "n sites"], law: Hamiltonian) -> Inexact[Array, "n moves"] | None:
        """log sum_g phi(g s') - log sum_g phi(g s), from the ratios phi(g s') / phi(g s)."""
        is_plain = self.character.is_trivial and not self.both_signs
        found = logs_of_images(self.inner, samples, self.images, law) if is_plain else None
        if found is None:
            return None
        before, after = found
        return jax.vmap(jax.vmap(logsumexp, 1), 1)(after) - jax.vmap(logsumexp, 1)(before)[:, None]

    def __call__(self, x: SpinLattice) -> Outputs:
        """log psi up to the phases that the group gives to psi: its imaginary part modulo 2 pi / q."""
        if self.character.is_trivial:
            return super().__call__(x)
        with double():
            found = self.log_psi(x.spins)
            phase = 2 * jnp.pi / math.lcm(self.character.order, 2)
            angle = jnp.imag(found)
            return {"log_psi": jax.lax.complex(jnp.real(found), angle - phase * jnp.round(angle / phase))}

    @property
    def sectors(self) -> tuple[str, ...]:
        return self.looked or (self.character.title,) * (not self.character.is_trivial)

    @property
    def invariance(self) -> tuple[np.ndarray | None, bool]:
        if not self.character.is_trivial:
            return None, False
        return np.asarray(self.character.permutations), self.character.flip > 0 or self.inner.invariance[1]

    @property
    def _factors(self) -> Inexact[Array, " cosets"]:
        """chi(g)*, from whole numbers: exact, and no parameters."""
        values = roots_of_unity(np.arange(self.character.order), self.character.order).conj()
        return jnp.asarray(values)[self.powers]


def coset_representatives(
    group: Int[np.ndarray, "elements sites"], subgroup: Int[np.ndarray, "kept sites"]
) -> Int[np.ndarray, "cosets sites"]:
    """One element of each set {t g: t in subgroup}: phi(t g s) is the same for all."""
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


def exchanged(law: Hamiltonian) -> tuple[np.ndarray | None, np.ndarray]:
    """(first, last) site of every move, -1 where it flips a single spin; None where moves are not as simple."""
    count = law.flips.sum(axis=1)
    if not (np.all(count == 1) or (np.all(count == 2) and law.n_up is not None)):
        return None, count
    first = law.flips.argmax(axis=1)
    last = law.n_sites - 1 - law.flips[:, ::-1].argmax(axis=1)
    return first, np.where(count == 1, -1, last)


def moves_of_images(
    law: Hamiltonian, images: Int[Array, "g sites"]
) -> tuple[Int[Array, "g moves"], Bool[Array, "g moves"]]:
    """(which move of s' = s[image] every simple move of s is, whether it is one of the law at all)."""
    first, last = exchanged(law)
    if first is None:
        raise ValueError("moves are not simple: there are no ratios to ask for")
    last = np.where(last < 0, first, last)
    number = np.full((law.n_sites, law.n_sites), -1)
    number[first, last] = number[last, first] = np.arange(len(first))
    back = jnp.argsort(images, axis=1)
    found = jnp.asarray(number)[back[:, first], back[:, last]]
    return found, found >= 0
