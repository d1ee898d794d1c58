"""Roll-out: a one-step map applied to its own output.

u_{k+1} = f(u_k),   k = 0, 1, ..., steps - 1
"""

from __future__ import annotations

from collections.abc import Sequence

import equinox as eqx
import jax
import numpy as np

from ..contract import Evolution, Fitted, Outputs
from ..core.systems import System
from .batching import predict


class Rollout(eqx.Module):
    """`fitted` applied `steps` times; outputs gain a leading axis of length `steps`."""

    fitted: Fitted
    task: Evolution = eqx.field(static=True)
    steps: int = eqx.field(static=True)

    def __call__(self, x: System) -> Outputs:
        def step(state: System, _: None) -> tuple[System, Outputs]:
            outputs = self.fitted(state)
            return self.task.feed(state, outputs), outputs

        return jax.lax.scan(step, x, None, length=self.steps)[1]


def unroll(fitted: Fitted, task: Evolution, inputs: Sequence[System], steps: int) -> dict[str, list[np.ndarray]]:
    """Trajectories of `steps` predicted states [steps, ...] from each initial state, by output name."""
    return predict(Rollout(fitted, task, steps), inputs)
