"""Roll-out: a one-step map applied to its own output, and what a fit through several steps needs.

u_{k+1} = f(u_k),   k = 0, 1, ..., steps - 1
"""

from __future__ import annotations

from collections.abc import Sequence

import equinox as eqx
import numpy as np

from ..contract import Evolution, Outputs, Predictor, Samples
from ..contract.parts import Tell
from ..core.systems import System
from .batching import predict


class Rollout(eqx.Module):
    """`steps` steps of `fitted` in a row (`Predictor.path`); outputs gain a leading axis of length `steps`."""

    fitted: Predictor
    task: Evolution = eqx.field(static=True)
    steps: int = eqx.field(static=True)

    def __call__(self, x: System) -> Outputs:
        return self.fitted.path(x, self.steps, self.task.feed)


def unroll(
    fitted: Predictor, task: Evolution, inputs: Sequence[System], steps: int, *, tell: Tell = lambda done, total: None
) -> dict[str, list[np.ndarray]]:
    """Trajectories of `steps` predicted states [steps, ...] from each initial state, by output name."""
    return predict(Rollout(fitted, task, steps), inputs, tell=tell)


def windows(task: Evolution, trajectories: Samples, steps: int) -> Samples:
    """Every state that `steps` states of its trajectory follow, with those as outputs [steps, ...]; group: which."""
    inputs, group, outputs = [], [], {name: [] for name in trajectories.outputs}
    for i, x in enumerate(trajectories.inputs):
        path = {name: values[i] for name, values in trajectories.outputs.items()}
        length = len(next(iter(path.values())))
        for k in range(length - steps + 1):
            inputs.append(x)
            group.append(i)
            for name, states in path.items():
                outputs[name].append(states[k : k + steps])
            x = task.feed(x, {name: states[k] for name, states in path.items()})
    return Samples(inputs, outputs, np.asarray(group))
