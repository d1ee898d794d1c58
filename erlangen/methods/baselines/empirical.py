"""Training draws, drawn again: the trivial sampler, which knows the data and nothing else.

    y ~ uniform over the training draws, whatever x is

What every sampler has to beat where x matters, and what none beats in scores that compare with the training data alone:
memory is no generalisation. Sets of values of different shapes are refused.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from erlangen.contract import Budget, Method, Outputs, Sampler, Sampling, Session, Signature
from erlangen.core.errors import Invalid
from erlangen.core.systems import System


class TrainingDraws(Sampler):
    """values: name -> [draws, ...]."""

    values: dict[str, Array]

    def sample(self, x: System, *, key: PRNGKeyArray) -> Outputs:
        """All outputs of one training draw."""
        count = len(next(iter(self.values.values())))
        return {name: value[jax.random.randint(key, (), 0, count)] for name, value in self.values.items()}


@dataclasses.dataclass(frozen=True)
class Empirical(Method):
    accepts: ClassVar[Signature] = Signature(Sampling, System)

    def fit(self, task: Sampling, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> TrainingDraws:
        train = task.truth("train")
        for name, values in train.outputs.items():
            shapes = {np.shape(v) for v in values}
            if len(shapes) > 1:
                raise Invalid(
                    must="training draws that are drawn again have one shape",
                    came=f"{name} of {len(shapes)} shapes",
                    do="Take a method that draws for systems of any size.",
                )
        return TrainingDraws(
            {name: jnp.asarray(np.stack(values), jnp.float32) for name, values in train.outputs.items()}
        )
