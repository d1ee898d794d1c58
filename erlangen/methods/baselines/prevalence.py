"""The trivial answer to a question about fields: whatever they show, what is frequent among the labels.

    p(class) = its share,      y = median over the training labels, point by point

Whatever cannot beat this has not looked at the field.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from ...contract import Budget, Method, Outputs, Predictor, Session, Signature, Supervised
from ...core.detector_groups import Gain
from ...core.groups import Group
from ...core.systems import Field, System


class Constant(Predictor):
    """The same outputs for every input."""

    outputs: dict[str, Array]

    def __call__(self, x: System) -> Outputs:
        return {name: jnp.asarray(value) for name, value in self.outputs.items()}


@dataclasses.dataclass(frozen=True)
class Prevalence(Method):
    """Shares of classes, medians of numbers."""

    accepts: ClassVar[Signature] = Signature(Supervised, Field, axes="", classes=True)

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (Gain,)

    def fit(self, task: Supervised, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Constant:
        train = task.truth("train")
        found = {}
        for q in task.outputs:
            values = np.asarray(train.outputs[q.name], float)
            found[q.name] = jnp.asarray(values.mean(0) if q.classes else np.median(values, 0), jnp.float32)
        return Constant(found)
