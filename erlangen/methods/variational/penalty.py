"""Excited states by penalty: every state pays for its overlap with those below it.

    E[psi_n] + lambda sum_{m < n} |<psi_m|psi_n>|^2 / ( <psi_m|psi_m> <psi_n|psi_n> ),      psi_0 .. psi_{n-1} frozen

Every psi is a restricted Boltzmann machine without symmetry, so that no sector has to be known; all are fitted by the
natural gradient, one after the other, and the levels are those of H in their span: what is left of an overlap does no
harm. lambda has to be larger than the gap.
Pathak, Busemeyer, Rodrigues, Wagner 2021, doi:10.1063/5.0030949; Wheeler, Kleiner, Wagner 2024,
doi:10.1088/2516-1075/ad38f8.
"""

from __future__ import annotations

import dataclasses
import math
from typing import ClassVar

import jax
from jaxtyping import PRNGKeyArray

from erlangen.contract import Budget, Session, Spectrum, Variational
from erlangen.learn.variational import Settings, Span, minimise, penalised, scales_of, spin_problem
from erlangen.numerics.precision import double

from ._spectrum import SpectrumMethod, free_machine


@dataclasses.dataclass(frozen=True)
class Penalty(SpectrumMethod):
    alpha: int = 2  # features per site
    weight: float = 4.0  # lambda, in units of the coupling
    samples: int = 1024  # per step
    pool: int = 4096  # samples of every lower state, drawn once
    rate: float = 0.1  # natural-gradient step
    shift: float = 1e-4  # final diagonal shift of the metric
    momentum: float = 0.0  # of the natural gradient (SPRING)

    limits: ClassVar = {"weight": (0.0, math.inf), "pool": (64, 2**20)}

    def fit(
        self, task: Variational[Spectrum], budget: Budget, *, key: PRNGKeyArray, session: Session = Session()
    ) -> Span:
        law, found = task.law, []
        base, settings = spin_problem(law), Settings.of(self)
        for n in range(task.asked.states):
            start, draw, run = jax.random.split(jax.random.fold_in(key, n), 3)
            with double():
                psi = free_machine(law, self.alpha * law.n_sites, law.is_stoquastic and not n, key=start)
            problem = penalised(base, found, self.weight, self.pool, key=draw) if n else base
            part = budget.share(1 / task.asked.states)
            found.append(minimise(psi, problem, settings, part, key=run, session=session.inside(f"state-{n}")))
        return Span(found, scales_of(found, base, key=key))


small = Penalty(alpha=1, samples=256, pool=256)
