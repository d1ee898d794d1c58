"""Least squares on counts of letters."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from erlangen.contract import Method, Predictor, Session, Signature, Supervised

from ...containers.sequence import Sequence


class Linear(Predictor):
    weights: jax.Array

    def __call__(self, x):
        profile = self.weights[x.tokens]
        return {"weight": profile.sum(), "profile": profile}


@dataclasses.dataclass(frozen=True)
class Counting(Method):
    accepts = Signature(Supervised, Sequence)

    def fit(self, task, budget, *, key, session=Session()):
        train = task.truth("train")
        counts = np.stack([np.bincount(x.tokens, minlength=4) for x in train.inputs])
        weights = np.linalg.lstsq(counts, np.stack(train.outputs["weight"]), rcond=None)[0]
        return Linear(jnp.asarray(weights, jnp.float32))
