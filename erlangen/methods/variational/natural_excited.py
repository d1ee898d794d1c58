"""Natural excited states: the ground state of K walkers in the determinant of K amplitudes is that of K levels.

    Psi(x_1 .. x_K) = det [ psi_i(x_j) ],      E[Psi] = E_0 + ... + E_{K-1}  at its minimum, without any penalty

All states are fitted at once, in no order; the levels are the eigenvalues of the mean of M^-1 (H M), M_ji = psi_i(x_j).
Every psi is a restricted Boltzmann machine without symmetry: real where the law is stoquastic (differences of positive
amplitudes have signs), else complex.
Pfau, Axelrod, Sutterud, von Glehn, Spencer 2024, doi:10.1126/science.adn0137.
"""

from __future__ import annotations

import dataclasses

import jax
from jaxtyping import PRNGKeyArray

from erlangen.contract import Budget, Session, Spectrum, Variational
from erlangen.learn.variational import (
    Determinant,
    Settings,
    Span,
    Wavefunction,
    minimise,
    scales_of,
    spin_problem,
    walkers_problem,
)
from erlangen.numerics.precision import double

from ._spectrum import SpectrumMethod, free_machine


@dataclasses.dataclass(frozen=True)
class NaturalExcited(SpectrumMethod):
    alpha: int = 1  # features per site, of every state
    samples: int = 1024  # per step: of all walkers together
    sweeps: float = 1.0  # Metropolis sweeps between samples
    rate: float = 0.1  # natural-gradient step
    shift: float = 1e-4  # final diagonal shift of the metric
    momentum: float = 0.0  # of the natural gradient (SPRING)

    def fit(
        self, task: Variational[Spectrum], budget: Budget, *, key: PRNGKeyArray, session: Session = Session()
    ) -> Span:
        law = task.law
        run, *starts = jax.random.split(key, 1 + task.asked.states)
        with double():
            states: list[Wavefunction] = [
                free_machine(law, self.alpha * law.n_sites, law.is_stoquastic, key=one) for one in starts
            ]
        settings = dataclasses.replace(Settings.of(self), full_sum="no")
        problem = walkers_problem(law, task.asked.states)
        found = minimise(Determinant(states), problem, settings, budget, key=run, session=session)
        return Span(found.states, scales_of(found.states, spin_problem(law), key=run))


small = NaturalExcited(samples=256)
