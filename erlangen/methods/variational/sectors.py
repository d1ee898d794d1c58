"""Excited states by symmetry: the lowest state of every sector is a ground state of its own.

    psi_chi(s) = sum_g chi(g)* phi(g s),      psi_chi(g s) = chi(g) psi_chi(s),      E_1 = second lowest over all chi

phi is a restricted Boltzmann machine: without symmetry where psi needs complex weights (on J1-J2 4x4 it comes within
1e-10 of the second level, with symmetry not within 0.5), else with that of the elements of chi = 1, and g runs over one
element out of each coset of these. chi runs over the characters of the lattice's little groups (one momentum out of
each star; the real ones by default) and both parities of the spin flip. Under SU(2) the parity that holds the triplets
is replaced by S_z = 1, where they are ground states too: on two sublattices without frustration a positive one.
All sectors are looked at for a share of the budget; the lowest ones go on. Only the lowest state of each sector is
found: a second level of one sector is overlooked.
Choo, Carleo, Regnault, Neupert 2018, doi:10.1103/PhysRevLett.121.167204; Nomura 2021, doi:10.1088/1361-648X/abe268.
"""

from __future__ import annotations

import dataclasses
import time
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from erlangen.contract import Budget, Session, Spectrum, Variational
from erlangen.learn.variational import InSectors, Settings, evaluate, in_sector, scales_of, sector_problem, spin_problem
from erlangen.numerics.precision import double
from erlangen.physics.characters import Character, sectors, singlet_parity, trivial
from erlangen.physics.spins import Hamiltonian

from ._in_sectors import fit_in_sector
from ._projection import Projected
from ._spectrum import SpectrumMethod, free_machine


@dataclasses.dataclass(frozen=True)
class Sectors(SpectrumMethod):
    alpha: int = 8  # features of phi
    sectors: Literal["real", "all", "flip"] = "real"  # real: momenta with k = -k; flip: only k = 0, symmetric
    samples: int = 2048  # per step; where a sector has fewer states, these are summed
    rate: float = 0.1  # natural-gradient step
    shift: float = 1e-6  # final diagonal shift of the metric
    look: float = 0.5  # share of the budget in which all sectors are looked at
    keep: int = 2  # sectors beyond the states asked for that go on after that

    limits: ClassVar = {"look": (0.0, 1.0), "keep": (0, 64)}

    def fit(
        self, task: Variational[Spectrum], budget: Budget, *, key: PRNGKeyArray, session: Session = Session()
    ) -> InSectors:
        law = task.law
        every = _candidates(law, self.sectors)
        looked, begun = [], time.perf_counter()
        part = budget.share(self.look / len(every))
        for i, one in enumerate(every):
            late = budget.seconds is not None and time.perf_counter() - begun > self.look * budget.seconds
            if late and len(looked) >= task.asked.states:
                session.say(f"{len(every) - i} of {len(every)} sectors were not looked at: raise the budget")
                break
            problem, summed = sector_problem(law, one, largest=self.samples)
            if summed and not len(problem.states((None, False))[0]):
                continue  # no state of a small lattice transforms like this
            # real weights do where all signs of psi come from the characters
            real, start = law.is_stoquastic and one.is_real, jax.random.fold_in(key, 2 * i)
            group = one.kernel if real else None
            with double():
                psi = free_machine(law, self.alpha, real, group=group, biased=one.flip <= 0, key=start)
                psi = Projected.of(psi, one)
            looked.append((*self._lowered(psi, law, part, i, key, session.inside(f"look-{i}")), i))
        best = sorted(looked, key=lambda row: row[0])[: task.asked.states + self.keep]
        spent = time.perf_counter() - begun
        rest = budget.share(1 - self.look) if budget.seconds is None else Budget(max(budget.seconds - spent, 1.0))
        part, fitted = rest.share(1 / len(best)), []
        for _, psi, i in best:
            energy, psi = self._lowered(psi, law, part, i + len(every), key, session.inside(f"sector-{i}"))
            session.say(f"{psi.character.title}: {energy:.6f}, {psi.character.degeneracy} times")
            fitted.append((energy, psi))
        chosen = [psi for _, psi in sorted(fitted, key=lambda row: row[0])[: task.asked.states]]
        scales = [scales_of([psi], spin_problem(in_sector(law, psi.character)), key=key) for psi in chosen]
        return InSectors(chosen, jnp.asarray(np.concatenate(scales)), [psi.character for psi in chosen])

    def _lowered(
        self, psi: Projected, law: Hamiltonian, budget: Budget, number: int, key: PRNGKeyArray, session: Session
    ) -> tuple[float, Projected]:
        """The energy and the minimised state: the mean of the last steps, or measured where there were none left."""
        one = jax.random.fold_in(key, 2 * number + 1)
        psi, energies = fit_in_sector(psi, law, Settings.of(self), budget, key=one, session=session)
        if not energies:
            return evaluate(psi, spin_problem(in_sector(law, psi.character)), samples=8192, key=one).energy, psi
        return float(np.mean(energies[-min(8, (len(energies) + 1) // 2) :])), psi


small = Sectors(alpha=2, sectors="flip", keep=0)


def _candidates(law: Hamiltonian, which: str) -> list[Character]:
    """The characters to look at, those known to be lowest first."""
    group = law.lattice.space_group
    lattice_ones = [trivial(group)] if which == "flip" else sectors(law.lattice)
    if which == "real":
        lattice_ones = [one for one in lattice_ones if one.is_real]
    if not law.is_flip_symmetric:
        return lattice_ones
    even, odd = (one.at(flip=1) for one in lattice_ones), (one.at(flip=-1) for one in lattice_ones)
    if law.is_isotropic and law.n_up is not None:
        even = (one.at(flip=singlet_parity(law)) for one in lattice_ones)
        # a positive state is the lowest there (Perron-Frobenius)
        odd = (one.at(magnetisation=1) for one in lattice_ones if one.is_trivial or not law.is_stoquastic)
    return sorted([*even, *odd], key=lambda one: (one.order, not one.is_trivial, one.degeneracy))
