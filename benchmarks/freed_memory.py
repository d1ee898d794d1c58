"""A training step in two processes: freed memory returned to the system, or kept.

    python benchmarks/freed_memory.py [--methods fno unet painn] [--repeats 3]

Fields: 64 x 64 points, batches of 16, default settings. glibc maps what is larger than 32 MB anew for each call; what a
page costs depends on the machine, on a virtual one much. Atoms: `molecules/forces` as it is by default; temporaries are
small there. Ratio above 1: kept (`environment.prepare`) is faster.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from erlangen import registry
from erlangen.contract import Budget, Method
from erlangen.methods.operators._operator import Layout, NeuralOperator
from erlangen.study import environment
from erlangen.tasks.continuum.kolmogorov import Kolmogorov
from erlangen.tasks.molecules.forces import Forces

GRID, BATCH, STEPS = (64, 64), 16, 7
SHORT, LONG = 20, 320  # steps of a fit on atoms


def one(name: str, keep: bool) -> None:
    """Milliseconds of a training step and the most memory of the process in MB, printed."""
    if keep:
        environment.prepare()
    method = registry.load_method(name)()
    milliseconds = on_fields(method) if isinstance(method, NeuralOperator) else on_atoms(method)
    print(milliseconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def on_fields(method: NeuralOperator) -> float:
    """Median of a gradient."""
    task = Kolmogorov()
    layout = Layout(GRID, (1.0, 1.0), tuple(task.inputs), tuple(task.outputs))
    core = method.core(layout, key=jax.random.key(0))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(BATCH, *GRID, layout.n_in)), jnp.float32)
    parameters, static = eqx.partition(core, eqx.is_inexact_array)
    step = jax.jit(jax.grad(lambda p, x: jnp.mean(jax.vmap(eqx.combine(p, static))(x) ** 2)))
    jax.block_until_ready(step(parameters, x))
    times = []
    for _ in range(STEPS):
        start = time.perf_counter()
        jax.block_until_ready(step(parameters, x))
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times))


def on_atoms(method: Method) -> float:
    """A step of a fit: the difference of a long one and a short one, after one that compiles."""
    seconds = []
    for steps in (SHORT, SHORT, LONG):
        start = time.perf_counter()
        method.fit(Forces(), Budget(steps=steps), key=jax.random.key(0))
        seconds.append(time.perf_counter() - start)
    return 1e3 * (seconds[2] - seconds[1]) / (LONG - SHORT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="*", default=["fno", "unet", "painn"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--child", choices=("keep", "return"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        one(options.methods[0], options.child == "keep")
        return
    for name in options.methods:
        rows: dict[str, list[list[float]]] = {"return": [], "keep": []}
        for _ in range(options.repeats):
            for mode, found in rows.items():
                command = [sys.executable, __file__, "--child", mode, "--methods", name]
                found.append([float(v) for v in subprocess.check_output(command, text=True).split()])
        returned, kept = (np.array(rows[mode]) for mode in ("return", "keep"))
        ratios = returned[:, 0] / kept[:, 0]
        print(
            f"{name:10s} returned {np.median(returned[:, 0]):7.1f} ms, {np.median(returned[:, 1]):6.0f} MB   "
            f"kept {np.median(kept[:, 0]):7.1f} ms, {np.median(kept[:, 1]):6.0f} MB   "
            f"ratio {np.median(ratios):.2f} [{ratios.min():.2f}, {ratios.max():.2f}]",
            flush=True,
        )


if __name__ == "__main__":
    main()
