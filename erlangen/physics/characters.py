"""One-dimensional characters of the symmetry of a lattice: the labels of the sectors in which eigenstates lie.

    psi(g s) = chi(g) psi(s),      chi(g h) = chi(g) chi(h),      chi(g) = exp(2 pi i p(g) / q),  p integer

A momentum k is a character of the translations. Its little group holds the isometries that leave k as it is, and every
level of the space group belongs to a representation of one little group at one k out of its star (Bradley and Cracknell
1972, ISBN 978-0-19-958258-7, chapter 3). Where that has dimension 1 it is a character of the little group itself; a
doublet is met in a character of the translations and one rotation, in which no level of dimension 1 lies.
"""

from __future__ import annotations

import dataclasses
import itertools
import math

import equinox as eqx
import numpy as np
from jaxtyping import Inexact, Int

from ..core.errors import Invalid
from .lattices import Lattice, Loose
from .spins import Hamiltonian

MAX_ISOMETRIES = 4096
"""Isometries of a lattice beyond which its sectors are not listed."""


class Character(eqx.Module):
    """chi above. permutations [elements, sites], powers p [elements], order q; flip: of the reversal of all spins, 0
    where it is not used; magnetisation: S_z of its states, where S_z is conserved; degeneracy: how often its levels
    occur among all states.
    """

    permutations: Int[np.ndarray, "elements sites"]
    powers: Int[np.ndarray, " elements"]
    order: int = eqx.field(static=True)
    title: str = eqx.field(static=True)
    flip: int = eqx.field(static=True, default=0)
    magnetisation: int = eqx.field(static=True, default=0)
    degeneracy: int = eqx.field(static=True, default=1)

    @property
    def values(self) -> Inexact[np.ndarray, " elements"]:
        """[elements] of chi: real where all are +1 or -1."""
        return roots_of_unity(np.asarray(self.powers), self.order)

    @property
    def is_real(self) -> bool:
        """Whether all values are +1 or -1."""
        return self.order <= 2

    @property
    def is_trivial(self) -> bool:
        """Whether it is 1 everywhere."""
        return self.order == 1 and self.flip >= 0

    @property
    def kernel(self) -> Int[np.ndarray, "kernel sites"]:
        """[elements, sites] the permutations whose character is 1."""
        return np.asarray(self.permutations)[np.asarray(self.powers) == 0]

    def is_one_on(self, group: Int[np.ndarray, "elements sites"], *, flip: bool) -> bool:
        """Whether states that `group` (and the reversal of all spins, where `flip`) leaves as they are may lie here."""
        kept = {tuple(row) for row in np.asarray(group).tolist()}
        shared = [tuple(row) in kept for row in np.asarray(self.permutations).tolist()]
        return not np.any(np.asarray(self.powers)[shared]) and not (flip and self.flip < 0)

    def at(self, *, flip: int = 0, magnetisation: int = 0) -> Character:
        """The same for the permutations, with another S_z and character of the reversal of all spins."""
        extra = [f"flip {'even' if flip > 0 else 'odd'}"] * bool(flip) + [f"S_z = {magnetisation}"] * bool(
            magnetisation
        )
        title = ", ".join([self.title, *extra])
        return dataclasses.replace(self, title=title, flip=flip, magnetisation=magnetisation)


def roots_of_unity(powers: Int[np.ndarray, "..."], order: int) -> Inexact[np.ndarray, "..."]:
    """exp(2 pi i powers / order): real for the orders 1 and 2."""
    return 1.0 - 2.0 * powers if order <= 2 else np.exp(2j * np.pi * np.arange(order) / order)[powers]


def trivial(group: Int[np.ndarray, "elements sites"]) -> Character:
    """1 for all of `group` [elements, sites]."""
    return Character(group, np.zeros(len(group), int), 1, "k = 0, symmetric")


def sectors(lattice: Lattice | Loose) -> list[Character]:
    """The characters of every little group, one momentum out of each star, the trivial one first; doublets last."""
    group, translations = lattice.space_group, lattice.translations
    if len(group) > MAX_ISOMETRIES:
        raise Invalid(
            must=f"sectors are listed for at most {MAX_ISOMETRIES} isometries",
            came=f"{len(group)} of {lattice}",
            do="Take --sectors flip.",
        )
    momenta, order = characters_of(translations)
    moved = [_conjugated(g, translations) for g in group]
    found, seen = [], set()
    for k in sorted(momenta.tolist(), key=lambda k: (len({*k}), k)):
        if tuple(k) not in seen:
            star = [tuple(np.array(k)[m].tolist()) for m in moved]
            seen.update(star)
            little = group[[image == tuple(k) for image in star]]
            title = "k = 0" if not any(k) else f"momentum {len(found)}"
            found.append(_at_momentum(little, translations, np.array(k), order, len(set(star)), title))
    every = [character for one in found for character in one]
    return sorted(every, key=lambda c: (not c.is_trivial, c.degeneracy))


def sectors_of(law: Hamiltonian) -> list[Character]:
    """Every sector in which the ground state of `law` may lie, where the lattice's symmetry is its own.

    Characters of the little groups times parities of the spin flip; under SU(2) the parity of singlets first.
    """
    found = sectors(law.lattice)
    if not law.is_flip_symmetric:
        return found
    first = singlet_parity(law) if law.is_isotropic and law.n_up is not None else 1
    return [c.at(flip=parity) for parity in (first, -first) for c in found]


def singlet_parity(law: Hamiltonian) -> int:
    """The character of the spin flip in singlets: (-1)^(N/2 - S) at S_z = 0; Marshall's signs turn it once more."""
    return 1 if law.sign_rule or law.n_sites % 4 == 0 else -1


def _at_momentum(
    little: Int[np.ndarray, "elements sites"],
    translations: Int[np.ndarray, "cells sites"],
    k: Int[np.ndarray, " cells"],
    order: int,
    star: int,
    title: str,
) -> list[Character]:
    """All of dimension 1, then one for each doublet."""

    def extending(subgroup: np.ndarray) -> tuple[np.ndarray, int]:
        powers, q = characters_of(subgroup)
        rows = _rows_in(subgroup, translations)
        return powers[np.all((powers[:, rows] * order - k * q) % (q * order) == 0, axis=1)], q

    single, q = extending(little)
    found = [_reduced(little, p, q, f"{title}, character {i + 1}", star) for i, p in enumerate(single)]
    if len(single) * len(translations) == len(little):
        return found
    rotations = _largest_extension(little, translations)
    powers, other = extending(rotations)
    rows, turns = _rows_in(little, rotations), [_conjugated(g, rotations) for g in little]
    known = {tuple(p[rows] * other % (q * other)) for p in single}
    for p in powers:
        orbit = {tuple(p[turn].tolist()) for turn in turns}
        if tuple(p * q) not in known and tuple(p.tolist()) == min(orbit):
            found.append(_reduced(rotations, p, other, f"{title}, doublet {len(found) + 1}", star * len(orbit)))
    return found


def _reduced(group: np.ndarray, powers: np.ndarray, order: int, title: str, degeneracy: int) -> Character:
    common = math.gcd(order, *powers.tolist())
    return Character(group, powers // common, order // common, title, degeneracy=degeneracy)


def _largest_extension(little: np.ndarray, translations: np.ndarray) -> np.ndarray:
    """The translations and all powers of the element with the most of them."""
    best = translations
    for g in little:
        cosets, power = [translations], g
        while not (translations == power).all(1).any():
            cosets.append(translations[:, power])
            power = power[g]
        best = max(best, np.concatenate(cosets), key=len)
    return best


def characters_of(group: Int[np.ndarray, "elements sites"]) -> tuple[Int[np.ndarray, "characters elements"], int]:
    """(powers [characters, elements], q) of all one-dimensional characters of a permutation group [elements, sites].

    Every element is a word of generators. A choice of one phase per generator is a character if both words of every
    product agree.
    """
    generators, words, relations = _words(group)
    if not generators:
        return np.zeros((1, len(group)), int), 1
    orders = [_order_of(group[g]) for g in generators]
    q = math.lcm(*orders)
    choices = np.array(list(itertools.product(*(range(0, q, q // order) for order in orders))))
    valid = choices[np.all(choices @ relations.T % q == 0, axis=1)]
    return valid @ words.T % q, q


def _words(group: np.ndarray) -> tuple[list[int], np.ndarray, np.ndarray]:
    """(generators, how often each occurs in the word of every element [elements, generators], relations of words)."""
    number = {row: i for i, row in enumerate(map(tuple, group.tolist()))}
    size = len(group)
    one = number[tuple(range(group.shape[1]))]
    generators: list[int] = []
    steps: list[np.ndarray] = []
    reached = {one: np.zeros(0, int)}
    while len(reached) < size:
        generators.append(next(i for i in range(size) if i not in reached))
        # (p (g s))_i = s_{g(p(i))}: the element `p after g`
        after = group[generators[-1]][group]
        steps.append(np.array([number[row] for row in map(tuple, after.tolist())]))
        reached, queue = {one: np.zeros(len(generators), int)}, [one]
        for p in queue:
            for j, step in enumerate(steps):
                if step[p] not in reached:
                    reached[int(step[p])] = reached[p] + np.eye(len(generators), dtype=int)[j]
                    queue.append(int(step[p]))
    words = np.array([reached[i] for i in range(size)]).reshape(size, len(generators))
    unit = np.eye(len(generators), dtype=int)
    relations = [words + unit[j] - words[step] for j, step in enumerate(steps)]
    stacked = np.unique(np.concatenate(relations), axis=0) if relations else np.zeros((0, 0), int)
    return generators, words, stacked


def _order_of(permutation: np.ndarray) -> int:
    identity, moved = np.arange(len(permutation)), permutation
    for order in itertools.count(1):
        if np.array_equal(moved, identity):
            return order
        moved = permutation[moved]
    raise AssertionError


def _rows_in(group: np.ndarray, elements: np.ndarray) -> np.ndarray:
    """[elements] number of each of `elements` within `group`."""
    number = {row: i for i, row in enumerate(map(tuple, group.tolist()))}
    return np.array([number[row] for row in map(tuple, elements.tolist())])


def _conjugated(g: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """[elements] number of g^-1 t g for every element t of a normal subgroup."""
    return _rows_in(normal, np.argsort(g)[normal[:, g]])
