"""Where the ground state of a frustrated law may lie: every one-dimensional sector is tried, the lowest one goes on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import jax
from jaxtyping import PRNGKeyArray

from erlangen.contract import Budget, Session
from erlangen.learn.variational import Settings, minimise, sector_problem
from erlangen.physics.characters import Character, sectors
from erlangen.physics.spins import Hamiltonian

from ._projection import Sectoral

_LOOK, _LARGEST_LOOK = 0.25, 0.6
"""Share of the budget in which all sectors are tried, and the largest one where they are given `_SECONDS` each."""

_SECONDS = 15.0
"""What a sector needs to be compiled and to settle."""


def fit_in_lowest_sector(
    start: Callable[[Character], Sectoral],
    law: Hamiltonian,
    settings: Settings,
    budget: Budget,
    *,
    key: PRNGKeyArray,
    session: Session,
) -> Sectoral:
    """The minimised state of the sector that was lowest in a first part of the budget, shared by all."""

    def fit(psi: Sectoral, part: Budget, number: int, inside: Session) -> tuple[float, Sectoral]:
        (problem, summed), energies = sector_problem(law, psi.character, largest=settings.samples), []

        def progress(step, total, figures):
            energies.append(figures["energy"])
            session.progress(step, total, figures)

        chosen = dataclasses.replace(settings, full_sum="yes" if summed else "no")
        watched, one = dataclasses.replace(inside, progress=progress), jax.random.fold_in(key, number)
        psi = minimise(psi, problem, chosen, part, key=one, session=watched)
        return min(energies[-8:], default=float("inf")), psi

    every = one_dimensional(law)
    look = _LOOK
    if budget.seconds is not None:
        look = min(max(_LOOK, _SECONDS * len(every) / budget.seconds), _LARGEST_LOOK)
    part = budget.share(look / len(every))
    looked = [fit(start(c), part, i, session.inside(f"sector-{i}")) for i, c in enumerate(every)]
    energy, psi = min(looked, key=lambda row: row[0])
    session.say(f"{len(every)} sectors tried; lowest is {psi.character.title} at {energy:.6f}")
    return fit(psi, budget.share(1 - look), len(every), session.inside("lowest"))[1]


def one_dimensional(law: Hamiltonian) -> list[Character]:
    """Real characters of the space group that occur once, with the parity of singlets under SU(2)."""
    found = [c for c in sectors(law.lattice) if c.is_real and c.degeneracy == 1]
    if not law.is_flip_symmetric:
        return found
    parities = (1, -1)
    if law.is_isotropic and law.n_up is not None:
        # the flip is (-1)^(N/2 - S) at S_z = 0
        parities = (1,) if law.n_sites % 4 == 0 else (-1,)
    return [c.at(flip=parity) for c in found for parity in parities]
