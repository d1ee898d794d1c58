"""Differences to a semi-empirical method: the method inside learns what GFN-xTB gets wrong, the answer is the sum.

    f(x) = E_x(x) + g(x),      g = argmin loss on the labels  y - E_x

The difference between two levels of theory is smoother and smaller than either: a few dozen structures teach it
(Ramakrishnan et al. 2015, doi:10.1021/acs.jctc.5b00099). The price: every answer runs GFN-xTB (Bannwarth, Ehlert,
Grimme 2019, doi:10.1021/acs.jctc.8b01176; milliseconds for twenty atoms) outside of compiled code. For isolated
molecules, taken as neutral and with as few unpaired electrons as there can be.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from erlangen.contract import Budget, Outputs, Predictor, Samples, Session, Split, Supervised, Task, Wrapper
from erlangen.core.errors import Invalid, unknown
from erlangen.core.groups import Group, LatticeBasis, LatticeTranslations
from erlangen.core.systems import Atoms, System
from erlangen.physics.tight_binding import HAMILTONIANS, energy_and_forces

LABELS = ("energy", "forces")


class Sum(Predictor):
    """GFN-xTB and what corrects it."""

    inner: Predictor
    hamiltonian: str = eqx.field(static=True)

    def prepare(self, x: System) -> System:
        return self.inner.prepare(x)

    def __call__(self, x: System) -> Outputs:
        found = self.inner(x)
        cheap = dict(zip(LABELS, energy_and_forces(self.hamiltonian, jnp.asarray(x["positions"]), x["atomic_numbers"])))
        return {name: _plus(found[name], cheap[name]) for name in LABELS}


def _plus(a: Array, b: Array) -> Array:
    """Totals keep the digits of the wider one."""
    return jnp.asarray(a) + jnp.asarray(b, jnp.promote_types(jnp.asarray(a).dtype, b.dtype))


class Difference(Supervised):
    """The question of another task with GFN-xTB subtracted from its labels."""

    container = Atoms

    def __init__(self, task: Supervised, hamiltonian: str):
        self.task, self.hamiltonian = task, hamiltonian
        self.inputs, self.outputs = task.inputs, task.outputs  # type: ignore[misc]

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return self.task.symmetry

    def truth(self, split: Split) -> Samples:
        whole = self.task.truth(split)
        if any(np.any(x["pbc"]) for x in whole.inputs):
            raise Invalid(
                must="differences to GFN-xTB need isolated molecules",
                came="periodic structures",
                do="Leave --wrap delta out.",
            )
        cheap = [
            energy_and_forces(self.hamiltonian, np.asarray(x["positions"]), x["atomic_numbers"]) for x in whole.inputs
        ]
        outputs = {
            name: [np.asarray(y) - np.asarray(one[i]) for y, one in zip(whole.outputs[name], cheap)]
            for i, name in enumerate(LABELS)
        }
        return dataclasses.replace(whole, outputs=outputs)


@dataclasses.dataclass(frozen=True)
class Delta(Wrapper):
    """The method inside on top of GFN-xTB."""

    hamiltonian: str = "GFN2-xTB"  # or GFN1-xTB

    needs = Supervised, "energies and forces of molecules"

    def __post_init__(self):
        if self.hamiltonian not in HAMILTONIANS:
            raise unknown("the tight-binding Hamiltonian", self.hamiltonian, HAMILTONIANS)

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        """Those of the method inside, but for the lattice: periodic structures are refused."""
        return tuple(kind for kind in self.method.symmetry if kind not in (LatticeBasis, LatticeTranslations))

    def check(self, task: Task) -> None:
        """Raise `Invalid` where the task asks for anything but energies and forces of atoms."""
        super().check(task)
        asked = tuple(q.name for q in task.outputs)
        if task.container is not Atoms or set(asked) != set(LABELS):
            raise Invalid(
                must=f"{self.name()} needs energies and forces of molecules, and no more",
                came=f"{task.name()}, which asks for {', '.join(asked)}",
                do=f"Run {task.name()} without --wrap {self.name()}.",
            )

    def fit(self, task: Any, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Predictor:
        """Fit the method inside to the differences."""
        return Sum(
            self.method.fit(Difference(task, self.hamiltonian), budget, key=key, session=session), self.hamiltonian
        )
