"""What methods on fingerprints take from a task: all labelled molecules as arrays."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from ...contract import Method, Samples, Supervised
from ...core.errors import Invalid, unknown
from ...core.systems import System


def one_scalar(method: Method, task: Supervised) -> str:
    """Name of the one output that such a method can give."""
    names = [q.name for q in task.outputs]
    if len(names) != 1 or task.outputs[0].rep.rank or task.outputs[0].axes:
        raise Invalid(
            must=f"{method.name()} needs a task with one number per molecule", came=", ".join(names), do="Ask for one."
        )
    return names[0]


def training_data(task: Supervised) -> Samples:
    """Training and validation molecules: these methods choose their settings without a part set aside."""
    parts = [task.truth("train"), task.truth("validation")]
    outputs = {q.name: [y for part in parts for y in part.outputs[q.name]] for q in task.outputs}
    return Samples([x for part in parts for x in part.inputs], outputs)


def stacked(inputs: Sequence[System], name: str) -> np.ndarray:
    """[molecules, length] of one fingerprint."""
    known = inputs[0].values  # type: ignore[attr-defined]
    if name not in known:
        raise unknown("the fingerprint", name, known)
    return np.stack([np.asarray(x[name]) for x in inputs])


def seed_of(key: PRNGKeyArray) -> int:
    """A whole number from a key."""
    return int(jax.random.randint(key, (), 0, 2**31 - 1))
