"""The trivial answer: what the composition alone says.

    extensive scalar  y = sum_Z n_Z y_Z         other scalar  y = sum_Z (n_Z / n) y_Z         per atom  y_i = y_(Z_i)
    classes of atoms  how often each occurs in training, whatever the element
    symmetric tensor  y_ij = y delta_ij, y its third of the trace         vectors, other tensors, forces  0

with y_Z by least squares on the training labels: dressed atoms, Hansen et al. 2015, doi:10.1021/acs.jpclett.5b00831.
An isotropic tensor and zero are all that O(3) leaves without a geometry. Whatever cannot beat this has learned nothing.
"""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from ...contract import Budget, Method, Outputs, Predictor, Samples, Session, Signature, Supervised
from ...core.groups import Group, LatticeBasis, LatticeTranslations, Orthogonal, Permutations, Translations
from ...core.quantity import Quantity
from ...core.systems import Atoms
from ...nn.elements import Elements


class ByComposition(Predictor):
    """Every output of the task by composition; outputs without an entry are zero. shares: of classes, [classes]."""

    elements: dict[str, Elements]
    outputs: tuple[Quantity, ...] = eqx.field(static=True)
    shares: dict[str, Array] = eqx.field(default_factory=dict)

    def __call__(self, x: Atoms) -> Outputs:
        return {q.name: self.value(q, x) for q in self.outputs}

    def value(self, q: Quantity, x: Atoms) -> Array:
        """One output for `x`."""
        numbers = jnp.asarray(x.atomic_numbers)
        leading = (len(numbers),) if q.axes == "atoms" else ()
        if q.name in self.shares:
            return jnp.broadcast_to(self.shares[q.name], (*leading, len(q.classes)))
        if q.name not in self.elements:
            return jnp.zeros(leading + (3,) * q.rep.rank, jnp.result_type(x.positions))
        table = self.elements[q.name]
        if q.axes == "atoms":
            values = jnp.asarray(np.asarray(table.reference))[table.species(numbers)]
            return jnp.where(numbers > 0, values, 0.0)
        total = table.energy(numbers)
        value = total if q.extensive else total / jnp.maximum(jnp.sum(numbers > 0), 1)
        return value * jnp.eye(3, dtype=value.dtype) if q.rep.rank == 2 else value


@dataclasses.dataclass(frozen=True)
class Mean(Method):
    """Least squares by composition: no geometry, no bonds."""

    accepts: ClassVar[Signature] = Signature(Supervised, Atoms, classes=True)

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (Orthogonal, Translations, Permutations, LatticeBasis, LatticeTranslations)

    def fit(self, task: Supervised, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Predictor:
        """Least squares; takes no noticeable part of any budget."""
        train = task.truth("train")
        tables = {q.name: table for q in task.outputs if (table := _table(q, train)) is not None}
        shares = {q.name: _shares(q, train) for q in task.outputs if q.classes}
        for q in task.outputs if task.sources else ():
            if q.name in tables and q.extensive:
                tables[q.name].tell_undetermined()
        return ByComposition(tables, tuple(task.outputs), shares)


def _table(q: Quantity, train: Samples) -> Elements | None:
    """Contribution of each element to `q`; None where symmetry leaves nothing but zero."""
    if q.classes or q.rep.pseudo or q.rep.rank not in (0, 2) or (q.axes == "atoms" and q.rep.rank):
        return None
    numbers = [np.asarray(x["atomic_numbers"]) for x in train.inputs]
    values: list[Any] = [np.asarray(y, float) for y in train.outputs[q.name]]
    if q.axes == "atoms":
        numbers, values = [np.concatenate(numbers)[:, None]], [np.concatenate(values)]
        return Elements.from_counts(list(numbers[0]), values[0])
    if q.rep.rank == 2:
        values = [np.trace(y) / 3 for y in values]
    scale = [1.0 if q.extensive else float(len(z)) for z in numbers]
    return Elements.from_counts(numbers, np.array([float(y) * s for y, s in zip(values, scale)]))


def _shares(q: Quantity, train: Samples) -> Array:
    """Mean over all that has a class."""
    rows = [np.reshape(np.asarray(y, float), (-1, len(q.classes))) for y in train.outputs[q.name]]
    return jnp.asarray(np.concatenate(rows).mean(0), jnp.float32)
