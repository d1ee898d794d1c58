"""One Lanczos step on top of a fitted wavefunction: a state of lower energy, from the same parameters.

psi' = c_0 psi + c_1 (H - E) psi  (`learn.variational.lanczos`). Sorella 2001, doi:10.1103/PhysRevB.64.024512.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax
from jaxtyping import PRNGKeyArray

from erlangen.contract import Budget, GroundState, Session, Task, Variational, Wrapper
from erlangen.core.errors import Invalid
from erlangen.learn.variational import LanczosStep, Wavefunction, lanczos_step

_SHARE = 0.9
"""Of the budget, for the method inside."""


@dataclasses.dataclass(frozen=True)
class Lanczos(Wrapper):
    """The method inside, then one Lanczos step."""

    needs: ClassVar[tuple[type[Task], str]] = Variational, "a ground state to improve"

    def check(self, task: Task) -> None:
        """Raise `Invalid` for anything but one ground state."""
        super().check(task)
        if isinstance(task, Variational) and not isinstance(task.asked, GroundState):
            raise Invalid(
                must="lanczos needs a ground state to improve",
                came=f"{task.name()}, which asks for {type(task.asked).__name__}",
                do=f"Run {task.name()} without --wrap lanczos.",
            )

    def fit(self, task: Variational, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> LanczosStep:
        first, second = jax.random.split(key)
        psi = self.method.fit(task, budget.share(_SHARE), key=first, session=session)
        if not isinstance(psi, Wavefunction):
            raise Invalid(
                must="lanczos needs a method that answers with amplitudes",
                came=f"{type(psi).__name__} of {self.method.name()}",
                do="Take rbm, lcn or pair_product.",
            )
        return lanczos_step(psi, task.law, key=second)
