"""Persistence: nothing changes, u(t + dt) = u(t). The trivial answer that every forecast has to beat."""

from __future__ import annotations

from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from erlangen.contract import Budget, Evolution, Method, Outputs, Predictor, Session, Signature
from erlangen.core.groups import Group, Reflection, Shifts
from erlangen.core.systems import Field, System


class Same(Predictor):
    """Every output is the input that it continues."""

    source: dict[str, str] = eqx.field(static=True)

    def __call__(self, x: System) -> Outputs:
        return {name: jnp.asarray(x[source]) for name, source in self.source.items()}


@dataclass(frozen=True)
class Persistence(Method):
    accepts = Signature(Evolution, Field)

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return Shifts, Reflection

    def fit(self, task: Evolution, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Predictor:
        return Same({after.name: before.name for before, after in zip(task.inputs, task.outputs)})
