"""The Navier-Stokes twin (nu = 1e-5, 64 x 64, t = 10 -> 20): solver, hybrid and networks on one set of data.

    python benchmarks/navier_stokes.py [--budget 25m] [--methods semi_lagrangian hybrid fno ffno unet]

"Equation known": the filtered solver from the one state given, on several grids; the same on fewer points with the
vorticity carried along its flow on more, fitted or not; the hybrid on the given grid.
"Equation unknown": networks that see the training trajectories alone. Errors are relative L2 of the ten states, mean
over the test trajectories with its standard error; seconds per trajectory are for batches of 16, of all rows in turn,
so that a busy moment meets them all. Fits are kept in --folder and are taken up again from there.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np

from erlangen.assess.cost import count_parameters
from erlangen.contract import Budget, Session
from erlangen.core.systems import System
from erlangen.learn.rollout import Rollout
from erlangen.methods.operators.ffno import FFNO
from erlangen.methods.operators.fno import FNO
from erlangen.methods.operators.hybrid import Hybrid
from erlangen.methods.operators.semi_lagrangian import SemiLagrangian
from erlangen.methods.operators.unet import UNet
from erlangen.study.environment import prepare
from erlangen.tasks.continuum.navier_stokes import NavierStokes

Run = Callable[[System], jax.Array]  # batch of inputs -> states [batch, horizon, n, n]
CARRIED = SemiLagrangian()
METHODS = {"semi_lagrangian": CARRIED, "hybrid": Hybrid(), "fno": FNO(batch=8), "ffno": FFNO(batch=8), "unet": UNet()}
BATCH, GRIDS = 16, (32, 48, 64, 96, 128)


def trained(name: str, task: NavierStokes, options: argparse.Namespace) -> tuple[Any, float]:
    """(answer, seconds of the fit)."""
    tick, folder = time.perf_counter(), options.folder / f"{name}-{options.seed}"
    fitted = METHODS[name].fit(
        task,
        Budget.parse(options.budget),
        key=jax.random.key(options.seed),
        session=Session(folder, resume=True, say=lambda line: print(f"  {name}: {line}", flush=True)),
    )
    return fitted, time.perf_counter() - tick


def solver(task: NavierStokes, n: int) -> Run:
    """The filtered solver, on n x n points all the way."""
    return jax.jit(jax.vmap(lambda x: task.path_on(x, n, task.horizon)["w_next"]))


def path_of(answer: Any, task: NavierStokes) -> Run:
    """An answer applied to its own output."""
    arrays, static = eqx.partition(Rollout(answer, task, task.horizon), eqx.is_array)
    run = jax.jit(jax.vmap(lambda a, x: eqx.combine(a, static)(x)["w_next"], in_axes=(None, 0)))
    return lambda x: run(arrays, x)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", default="25m")
    parser.add_argument("--methods", nargs="*", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--held", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("runs/navier_stokes"))
    options = parser.parse_args()
    prepare()
    task = NavierStokes(count=options.count, held=options.held)
    test = task.trajectories("test")
    true = np.stack(test.outputs["w_next"])
    sizes = np.linalg.norm(true.reshape(len(true), -1), axis=1)
    paths = {f"solver {n} x {n}": solver(task, n) for n in GRIDS}
    paths["carried, not fitted"] = path_of(CARRIED.build(task, test, key=jax.random.key(0)), task)
    fits = {name: trained(name, task, options) for name in options.methods}
    paths |= {name: path_of(answer, task) for name, (answer, _) in fits.items()}
    batches = [test.inputs[i : i + BATCH] for i in range(0, len(test), BATCH)]
    stacked = [jax.tree.map(lambda *a: np.stack(a), *batch) for batch in batches]
    seconds: dict[str, list[float]] = {name: [] for name in paths}
    states: dict[str, list[np.ndarray]] = {name: [] for name in paths}
    for i, batch in enumerate([stacked[0], *stacked]):  # the first time compiles
        for name, path in paths.items():
            tick = time.perf_counter()
            found = np.asarray(path(batch))
            if i:
                states[name].append(found)
                seconds[name].append((time.perf_counter() - tick) / len(found))
    base = np.array(seconds[f"solver {task.n} x {task.n}"][:-1] or [np.nan])
    print(f"{'answer':20s} {'error, %':>16s} {'ms':>8s} {'/ solver':>9s} {'fit, min':>9s} {'parameters':>11s}")
    for name in paths:
        answer, fit = fits.get(name, (None, 0.0))
        gaps = np.linalg.norm((np.concatenate(states[name]) - true).reshape(len(true), -1), axis=1) / sizes
        own = np.array(seconds[name][:-1] or [np.nan])  # the last batch may be smaller and compiles again
        print(
            f"{name:20s} {100 * gaps.mean():8.3f} +- {100 * gaps.std() / len(gaps) ** 0.5:.3f}"
            f" {1e3 * np.median(own):8.1f} {np.median(own / base):9.2f} {fit / 60:9.1f} {count_parameters(answer):11d}"
        )


if __name__ == "__main__":
    main()
