"""Fits in symmetry sectors: one sector, or every one-dimensional sector of a frustrated law, the lowest one further."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import jax
from jaxtyping import PRNGKeyArray

from erlangen.contract import Budget, Session
from erlangen.learn.starts import begun
from erlangen.learn.variational import Settings, minimise, sector_problem
from erlangen.numerics.precision import double
from erlangen.physics.characters import Character, sectors, singlet_parity
from erlangen.physics.spins import Hamiltonian

from ._projection import Projected

_LOOK, _LARGEST_LOOK = 0.25, 0.6
"""Share of the budget in which all sectors are tried, and the largest one where they are given `_SECONDS` each."""

_SECONDS = 15.0
"""What a sector needs to be compiled and to settle."""


def fit_in_sector(
    psi: Projected, law: Hamiltonian, settings: Settings, budget: Budget, *, key: PRNGKeyArray, session: Session
) -> tuple[Projected, list[float]]:
    """(the minimised state of one sector, its energy at every step); all states are summed where they are few."""
    (problem, summed), energies = sector_problem(law, psi.character, largest=settings.samples), []

    def progress(step: int, total: int, figures: Mapping[str, float]) -> None:
        energies.append(figures["energy"])
        session.progress(step, total, figures)

    settings = dataclasses.replace(settings, full_sum="yes" if summed else "no")
    watched = dataclasses.replace(session, progress=progress)
    return minimise(psi, problem, settings, budget, key=key, session=watched), energies


def fit_in_lowest_sector(
    amplitude: Callable[[Character], Projected],
    law: Hamiltonian,
    settings: Settings,
    budget: Budget,
    *,
    key: PRNGKeyArray,
    session: Session,
) -> Projected:
    """The minimised state of the sector that was lowest in a first part of the budget, shared by all; or of the sector
    of session.start.
    """
    if session.start is not None:
        begin = session.start.bare
        with double():
            psi = amplitude(begin.character if isinstance(begin, Projected) else one_dimensional(law)[0])
            psi = begun(psi, begin)
        return fit_in_sector(psi, law, settings, budget, key=key, session=session)[0]
    every, looked = one_dimensional(law), []
    look = _LOOK
    if budget.seconds is not None:
        look = min(max(_LOOK, _SECONDS * len(every) / budget.seconds), _LARGEST_LOOK)
    part = budget.share(look / len(every))
    for i, character in enumerate(every):
        one, inside = jax.random.fold_in(key, i), session.inside(f"sector-{i}")
        psi, energies = fit_in_sector(amplitude(character), law, settings, part, key=one, session=inside)
        looked.append((min(energies[-8:], default=float("inf")), psi))
    energy, psi = min(looked, key=lambda row: row[0])
    session.say(f"{len(every)} sectors tried; lowest is {psi.character.title} at {energy:.6f}")
    rest, last = budget.share(1 - look), jax.random.fold_in(key, len(every))
    psi = fit_in_sector(psi, law, settings, rest, key=last, session=session.inside("lowest"))[0]
    return dataclasses.replace(psi, looked=tuple(character.title for character in every))


def one_dimensional(law: Hamiltonian) -> list[Character]:
    """Real characters of the space group that occur once, with the parity of singlets under SU(2)."""
    found = [c for c in sectors(law.lattice) if c.is_real and c.degeneracy == 1]
    if not law.is_flip_symmetric:
        return found
    parities = (singlet_parity(law),) if law.is_isotropic and law.n_up is not None else (1, -1)
    return [c.at(flip=parity) for c in found for parity in parities]
