"""Roll-out: a one-step map applied to its own output, and what a fit through several steps needs.

u_{k+1} = f(u_k),   k = 0, 1, ..., steps - 1
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..contract import Evolution, Fitted, Outputs, Samples
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


def path_error(task: Evolution, steps: int) -> Any:
    """Loss of one window: the relative L2 error of each state of the roll-out, averaged; gradients pass through all."""

    def loss(fitted: Fitted, x: System, true: Mapping[str, Array]) -> Array:
        path = Rollout(fitted, task, steps)(x)
        errors = [_relative(path[name], states) for name, states in true.items()]
        return jnp.mean(jnp.stack(errors))

    return loss


def _relative(path: Array, true: Array) -> Array:
    """[steps] of |u - u*| / |u*|."""
    gap, size = (jnp.sum(a.reshape(len(a), -1) ** 2, axis=1) for a in (path - true, true))
    return jnp.sqrt(gap / size + 1e-12)
