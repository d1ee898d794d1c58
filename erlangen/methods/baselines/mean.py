"""The trivial answer: the mean energy per composition, and no forces.

    E = sum_Z n_Z e_Z,      F = 0

with e_Z by least squares on the training energies: dressed atoms, Hansen et al. 2015, doi:10.1021/acs.jpclett.5b00831.
Whatever cannot beat it has learned nothing.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from ...contract import Budget, Fitted, Method, Outputs, Session, Signature, Supervised
from ...core.groups import Group, Orthogonal, Permutations, Translations
from ...core.systems import Atoms
from ...nn.elements import Elements


class MeanEnergy(Fitted):
    """Energy by composition alone."""

    elements: Elements

    def __call__(self, x: Atoms) -> Outputs:
        return {"energy": self.elements.energy(x.atomic_numbers), "forces": jnp.zeros_like(jnp.asarray(x.positions))}


@dataclasses.dataclass(frozen=True)
class Mean(Method):
    """Mean energy per composition, zero forces."""

    accepts: ClassVar[Signature] = Signature(Supervised, Atoms, frozenset({"energy", "forces"}))

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (Orthogonal, Translations, Permutations)

    def fit(self, task: Supervised, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Fitted:
        """Least squares; takes no noticeable part of any budget."""
        train = task.truth("train")
        energies = np.asarray([float(e) for e in train.outputs["energy"]])
        return MeanEnergy(Elements.from_counts([np.asarray(x["atomic_numbers"]) for x in train.inputs], energies))
