"""Differences to a cheaper theory: the method inside learns what that gets wrong, the answer is the sum.

    f(x) = c(x) + g(x),      g = argmin loss on the labels  y - c

The difference between two levels of theory is smaller than either, often smoother, and taught by fewer labels
(Kennedy, O'Hagan 2000, doi:10.1093/biomet/87.1.1; for molecules Ramakrishnan et al. 2015,
doi:10.1021/acs.jctc.5b00099). c is

    energies and forces   of molecules: GFN-xTB (Bannwarth, Ehlert, Grimme 2019, doi:10.1021/acs.jctc.8b01176), for
                          isolated ones, neutral, with as few unpaired electrons as there can be
    fields that evolve    the first reference solver of the task, on few points

The price: every answer runs c too, milliseconds for twenty atoms, outside of compiled code.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from erlangen.contract import (
    Budget,
    Evolution,
    Outputs,
    Predictor,
    Resampled,
    Samples,
    Session,
    Split,
    Supervised,
    Task,
    Wrapper,
)
from erlangen.core.arrays import AnyArray
from erlangen.core.errors import Invalid, unknown
from erlangen.core.groups import Group, Orthogonal, Permutations, Translations
from erlangen.core.systems import Atoms, Field, System
from erlangen.numerics.precision import double
from erlangen.physics.tight_binding import HAMILTONIANS, energy_and_forces

LABELS = ("energy", "forces")
KEPT = Orthogonal, Translations, Permutations


class Cheaper(abc.ABC):
    """The cheaper theory."""

    @abc.abstractmethod
    def __call__(self, x: System) -> Outputs:
        """Its answer for one input, inside compiled code too."""

    @abc.abstractmethod
    def labels(self, inputs: Sequence[System]) -> Sequence[Mapping[str, AnyArray]]:
        """Its answers for all of these."""


@dataclasses.dataclass(frozen=True)
class Molecular(Cheaper):
    """GFN-xTB."""

    hamiltonian: str

    def __call__(self, x: System) -> Outputs:
        return dict(zip(LABELS, energy_and_forces(self.hamiltonian, jnp.asarray(x["positions"]), x["atomic_numbers"])))

    def labels(self, inputs: Sequence[System]) -> Sequence[Mapping[str, AnyArray]]:
        if any(np.any(x["pbc"]) for x in inputs):
            raise Invalid(
                must="differences to GFN-xTB need isolated molecules",
                came="periodic structures",
                do="Leave --wrap delta out.",
            )
        with double():
            return [{k: np.asarray(v) for k, v in self(x).items()} for x in inputs]


@dataclasses.dataclass(frozen=True)
class Coarse(Cheaper):
    """The first reference solver of a task, at one of its settings."""

    task: Evolution
    setting: Any

    def __call__(self, x: System) -> Outputs:
        return self.task.solvers[0].solve(x, self.setting)

    def labels(self, inputs: Sequence[System]) -> Sequence[Mapping[str, AnyArray]]:
        return [jax.device_get(ask(x)) for ask in [jax.jit(self)] for x in inputs]


class Sum(Predictor):
    """The cheaper theory and what corrects it."""

    inner: Predictor
    cheaper: Cheaper = eqx.field(static=True)

    def prepare(self, x: System) -> System:
        return self.inner.prepare(x)

    def __call__(self, x: System) -> Outputs:
        found, cheap = self.inner(x), self.cheaper(x)
        return {name: _plus(value, cheap[name]) for name, value in found.items()}


def _plus(a: Array, b: Array) -> Array:
    """Totals keep the digits of the wider one."""
    return jnp.asarray(a) + jnp.asarray(b, jnp.promote_types(jnp.asarray(a).dtype, jnp.asarray(b).dtype))


def difference(task: Supervised, cheaper: Cheaper) -> Resampled:
    """The same question with the cheaper answer subtracted from its labels; without boosts: the difference stays as it
    is where what it is added to moves on.
    """

    def samples(split: Split) -> Samples:
        whole = task.truth(split)
        cheap = cheaper.labels(whole.inputs)
        outputs = {
            name: [np.asarray(y) - np.asarray(one[name]) for y, one in zip(values, cheap)]
            for name, values in whole.outputs.items()
        }
        return dataclasses.replace(whole, outputs=outputs)

    kept = tuple(group for group in task.symmetry if type(group) in KEPT)
    return Resampled(task, samples, symmetry=kept)


@dataclasses.dataclass(frozen=True)
class Delta(Wrapper):
    """The method inside on top of a cheaper theory."""

    hamiltonian: str = "GFN2-xTB"  # of molecules; or GFN1-xTB
    coarse: int = 0  # of fields: the setting of the solver; 0: the cheapest that it has

    needs = Supervised, "energies and forces of molecules, or fields that evolve"

    def __post_init__(self):
        if self.hamiltonian not in HAMILTONIANS:
            raise unknown("the tight-binding Hamiltonian", self.hamiltonian, HAMILTONIANS)

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        """Those that GFN-xTB has too. Coarse solvers keep shifts by their own points alone: nothing is claimed."""
        return tuple(kind for kind in self.method.symmetry if kind in KEPT)

    def check(self, task: Task) -> None:
        """Raise `Invalid` where the task has no cheaper theory."""
        super().check(task)
        asked = {q.name for q in task.outputs}
        is_surface = task.container is Atoms and asked == set(LABELS)
        if not is_surface and not (isinstance(task, Evolution) and task.container is Field and task.solvers):
            raise Invalid(
                must=f"{self.name()} needs {self.needs[1]}, and no more",
                came=f"{task.name()}, which asks for {', '.join(sorted(asked))}",
                do=f"Run {task.name()} without --wrap {self.name()}.",
            )

    def fit(self, task: Any, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Predictor:
        """Fit the method inside to the differences."""
        cheaper = self._coarse(task) if isinstance(task, Evolution) else Molecular(self.hamiltonian)
        return Sum(self.method.fit(difference(task, cheaper), budget, key=key, session=session), cheaper)

    def _coarse(self, task: Evolution) -> Coarse:
        solver = task.solvers[0]
        if self.coarse and self.coarse not in solver.settings:
            raise unknown(f"the {solver.knob} of the {solver.name}", str(self.coarse), map(str, solver.settings))
        return Coarse(task, self.coarse or solver.settings[0])
