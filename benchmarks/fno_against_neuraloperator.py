"""One training step of our Fourier neural operator beside neuraloperator's: equal width, modes, layers, batch, on the
CPU.

    python -m pip install -r benchmarks/requirements.txt
    python benchmarks/fno_against_neuraloperator.py [--repeats 9] [--one-core]

Both nets: a linear lift, spectral convolution plus pointwise product and GELU per layer, a two-layer projection
(neuraloperator without position channels and channel MLP, which ours does not have). Forward, backward, Adam; the
repetitions interleave, in one process whose freed memory is kept for both (`environment.prepare`). Ours keeps 2 m - 1
modes where neuraloperator keeps 2 m - 2 (its count is even). A ratio above 1 says that we are faster.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch
from neuralop.models import FNO as Peer

from erlangen.contract import Samples
from erlangen.core.systems import Field
from erlangen.methods.operators.fno import FNO
from erlangen.study import environment
from erlangen.tasks.continuum.burgers import Burgers
from erlangen.tasks.continuum.kolmogorov import Kolmogorov

CASES = [  # grid, batch, width, modes
    ((128,), 32, 32, 16),
    ((128,), 32, 64, 24),
    ((64, 64), 16, 32, 16),
    ((64, 64), 16, 32, 8),
    ((128, 128), 8, 32, 16),
]


def ours(fields: np.ndarray, target: np.ndarray, width: int, modes: int) -> tuple[int, Callable, Callable]:
    """Number of parameters, one inference, one training step; fields [batch, *grid, channels]."""
    task = Burgers() if fields.ndim == 3 else Kolmogorov()
    names = [q.name for q in task.inputs]
    systems = [Field({k: f[..., i] for i, k in enumerate(names)}, (1.0,) * (f.ndim - 1)) for f in fields]
    answer = task.outputs[0].name
    model = FNO(width=width, modes=modes).build(task, Samples(systems, {answer: list(target)}), key=jax.random.key(0))
    params, static = eqx.partition(model, eqx.is_inexact_array)
    batch = jax.tree.map(lambda *v: jnp.asarray(np.stack(v), jnp.float32), *systems)
    optimiser, y = optax.adam(1e-3), jnp.asarray(target, jnp.float32)
    state = {"params": params, "adam": optimiser.init(params)}

    def apply(p):
        return jax.vmap(eqx.combine(p, static))(batch)[answer]

    @jax.jit
    def step(p, adam):
        gradient = jax.grad(lambda q: jnp.mean((apply(q) - y) ** 2))(p)
        update, adam = optimiser.update(gradient, adam)
        return optax.apply_updates(p, update), adam

    def train():
        state["params"], state["adam"] = jax.block_until_ready(step(state["params"], state["adam"]))

    infer = jax.jit(apply)
    return sum(a.size for a in jax.tree.leaves(params)), lambda: infer(params).block_until_ready(), train


def peer(fields: np.ndarray, target: np.ndarray, width: int, modes: int) -> tuple[int, Callable, Callable]:
    plain = {"positional_embedding": None, "use_channel_mlp": False, "lifting_channel_ratio": 0}
    size = {"n_modes": (2 * modes - 2,) * (fields.ndim - 2), "hidden_channels": width, "n_layers": 4}
    model = Peer(in_channels=fields.shape[-1], out_channels=1, **size, **plain)
    x = torch.tensor(np.moveaxis(fields, -1, 1), dtype=torch.float32)
    y = torch.tensor(target[:, None], dtype=torch.float32)
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)

    def train():
        adam.zero_grad()
        torch.mean((model(x) - y) ** 2).backward()
        adam.step()

    def infer():
        with torch.no_grad():
            model(x)

    count = sum(p.numel() * (2 if p.is_complex() else 1) for p in model.parameters())
    return count, infer, train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--one-core", action="store_true", help="CPU seconds on one core: what a busy machine can tell")
    arguments = parser.parse_args()
    repeats = arguments.repeats
    environment.prepare()
    if arguments.one_core:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        torch.set_num_threads(1)
    clock = time.process_time if arguments.one_core else time.perf_counter
    rng = np.random.default_rng(0)
    for grid, batch, width, modes in CASES:
        fields = rng.normal(size=(batch, *grid, len(grid)))  # Kolmogorov flow has two input channels
        both = [f(fields, rng.normal(size=(batch, *grid)), width, modes) for f in (ours, peer)]
        print(f"grid {'x'.join(map(str, grid))} batch {batch} width {width} modes {modes}")
        print(f"  real parameters: ours {both[0][0]:,}, neuraloperator {both[1][0]:,}")
        for place, what in ((2, "training step"), (1, "inference")):
            seconds: list[list[float]] = [[], []]
            for repeat in range(repeats + 2):
                for one, times in zip(both, seconds):
                    start = clock()
                    one[place]()
                    if repeat >= 2:
                        times.append(clock() - start)
            mine, theirs = (1e3 * np.array(t) for t in seconds)
            low, high = np.quantile(theirs / mine, [0.25, 0.75])
            print(
                f"  {what:14} ours {np.median(mine):7.1f} ms  neuraloperator {np.median(theirs):7.1f} ms  "
                f"ratio {np.median(theirs / mine):.2f} [{low:.2f}, {high:.2f}]",
                flush=True,
            )


if __name__ == "__main__":
    main()
