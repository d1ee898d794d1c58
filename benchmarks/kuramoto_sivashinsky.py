"""Kuramoto-Sivashinsky: how long a prediction holds. Solvers on few waves, hybrid and networks in one table.

    python benchmarks/kuramoto_sivashinsky.py [--methods hybrid fno unet pde_refiner] [--budget 25m] [--folder DIR]

L = 64, viscosity 1, 256 points, states 0.2 apart (about the settings of Lippe et al. 2023, arXiv:2308.05732, who vary L
and the step from one trajectory to the next). Correlation time: when the Pearson correlation with the
truth first falls below 0.8, mean over the test trajectories with its standard error, all judged on the 31 waves that 64
points hold. Solvers and hybrid are given these waves, networks 256 points; all compute in float32, unless it is said.
Truth: 512 points, float64, 24 steps per state; how long it holds itself is the first row. `--budget` is that of each
fit, which a run that was stopped takes up again from `--folder`; test data, labels and the record are kept there too.
`--methods` without a name leaves the solvers.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from erlangen.assess.cost import count_parameters
from erlangen.assess.long_run import correlation_times
from erlangen.contract import Budget, Method, Session
from erlangen.core.systems import Field
from erlangen.learn.rollout import Rollout
from erlangen.methods.operators.fno import FNO
from erlangen.methods.operators.hybrid import Hybrid
from erlangen.methods.operators.pde_refiner import PDERefiner
from erlangen.methods.operators.unet import UNet
from erlangen.numerics import spectral
from erlangen.numerics.precision import double
from erlangen.study.environment import prepare
from erlangen.tasks.continuum.kuramoto_sivashinsky import KuramotoSivashinsky

Answer = Callable[[np.ndarray], Any]  # initial states [batch, 256] -> states [batch, steps, 64]
JUDGED, FINE, STEPS, BATCH, FIRST = 64, 512, 24, 25, 10_000  # FIRST: keys of the test states, apart from all splits
METHODS: dict[str, tuple[Method, int]] = {  # with the points that each is given
    "hybrid": (Hybrid(width=0, finer=1.5, rate=0.02), 64),
    "fno": (FNO(modes=32), 256),
    "unet": (UNet(), 256),
    "pde_refiner": (PDERefiner(), 256),
}
SOLVERS = {  # points, rule, steps per state, precision
    "solver, 64 points, 21 waves": (64, "two-thirds", 5, "float32"),
    "solver, 64 points, 31 waves": (64, "three-halves", 5, "float32"),
    "solver, 128 points, 42 waves": (128, "two-thirds", 5, "float32"),
    "solver, 128 points, 63 waves": (128, "three-halves", 5, "float32"),
    "the same, float64": (128, "three-halves", 5, "float64"),
}


def judged(u: jax.Array) -> jax.Array:
    """The waves that all answers are compared in."""
    return jax.vmap(lambda v: spectral.resample(v, (JUDGED,)))(u)


def evolved(task: KuramotoSivashinsky, frames: int, points: int, rule: Any, steps: int, dtype: str) -> Answer:
    """The solver on `points` points."""

    @jax.jit
    @jax.vmap
    def run(u: jax.Array) -> jax.Array:
        u = spectral.resample(u.astype(dtype), (points,))
        return judged(task.evolve(u, steps=steps, frames=frames, dealiasing=rule))

    def path(u: np.ndarray) -> np.ndarray:
        with double():
            return np.asarray(run(jnp.asarray(u)))

    return path


def rolled(answer: Any, task: KuramotoSivashinsky, frames: int) -> Answer:
    """An answer applied to its own output."""
    arrays, static = eqx.partition(Rollout(answer, task, frames), eqx.is_array)
    spacing = (task.length / task.n,)

    @jax.jit
    def run(arrays: Any, u: jax.Array) -> jax.Array:
        roll = eqx.combine(arrays, static)
        return jax.vmap(lambda v: judged(roll(Field({"u": spectral.resample(v, (task.n,))}, spacing))["u_next"]))(u)

    return lambda u: run(arrays, jnp.asarray(u, jnp.float32))


def truth(task: KuramotoSivashinsky, options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """(initial states [trajectories, 256], waves of the true ones that follow [trajectories, steps, 64])."""
    frames = round(options.time / task.dt)
    file = options.folder / f"test-{options.trajectories}-{frames}-{options.seed}.npz"
    if file.exists():
        with np.load(file) as kept:
            return kept["initial"], kept["states"]
    with double():

        @jax.jit
        @jax.vmap
        def start(key: Any) -> jax.Array:
            u = task.initial(FINE, key=key)
            return task.evolve(u, steps=STEPS // 3, frames=round(task.spin_up / task.dt))[-1]

        keys = jax.random.split(jax.random.key(FIRST + options.seed), options.trajectories)
        fine = np.asarray(start(keys))
        initial = np.array([spectral.resample(jnp.asarray(u), (task.n,)) for u in fine])
    states = in_batches(evolved(task, frames, FINE, "two-thirds", STEPS, "float64"), initial)[0]
    options.folder.mkdir(parents=True, exist_ok=True)
    np.savez(file, initial=initial, states=states)
    return initial, states


def in_batches(path: Answer, initial: np.ndarray) -> tuple[np.ndarray, float]:
    """(states, seconds per trajectory without compiling)."""
    jax.block_until_ready(path(initial[:BATCH]))
    tick = time.perf_counter()
    states = [np.asarray(path(initial[i : i + BATCH])) for i in range(0, len(initial), BATCH)]
    return np.concatenate(states), (time.perf_counter() - tick) / len(initial)


def trained(name: str, options: argparse.Namespace) -> tuple[Any, KuramotoSivashinsky, float]:
    """(answer, task, seconds of the fit)."""
    method, points = METHODS[name]
    task = KuramotoSivashinsky(n=points, count=options.count, horizon=options.horizon)
    task.trajectories("train"), task.trajectories("validation")
    tick, folder = time.perf_counter(), options.folder / f"{name}-{options.seed}"

    def tell(step: int, total: int, figures: Mapping[str, float]) -> None:
        print(f"  {name}: step {step} of {total}, validation {figures['validation']:.5f}", flush=True)

    session = Session(folder, resume=True, progress=tell)
    fitted = method.fit(task, Budget.parse(options.budget), key=jax.random.key(options.seed), session=session)
    return fitted, task, time.perf_counter() - tick


def balanced(options: argparse.Namespace) -> Any:
    """The hybrid before training, but with the further modes where dissipation and advection balance."""
    method, points = METHODS["hybrid"]
    task = KuramotoSivashinsky(n=points, count=options.count, horizon=options.horizon)
    solver = method.build(task, task.trajectories("train"), key=jax.random.key(0))
    return eqx.tree_at(lambda answer: answer.share, solver, solver.share.at[0].set(1.0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="*", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--budget", default="25m", help="of each fit: 25m, 5000steps")
    parser.add_argument("--count", type=int, default=200, help="training trajectories")
    parser.add_argument("--horizon", type=int, default=140, help="states in each of them")
    parser.add_argument("--trajectories", type=int, default=100, help="test trajectories")
    parser.add_argument("--time", type=float, default=250.0, help="length of each of them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("runs/kuramoto_sivashinsky"))
    options = parser.parse_args()
    prepare()
    os.environ.setdefault("ERLANGEN_CACHE", str(options.folder / "labels"))
    task, rows = KuramotoSivashinsky(), []
    initial, states = truth(task, options)
    frames = states.shape[1]
    print(f"{task}\n{len(states)} trajectories of {frames} states; budget {options.budget} a fit, seed {options.seed}")
    print(f"{'answer':30} {'time to correlation 0.8':>24} {'ms per unit of time':>20} {'fit, min':>9} {'numbers':>9}")

    def judge(name: str, path: Answer, fit: float = 0.0, size: int = 0) -> None:
        found, seconds = in_batches(path, initial)
        held = correlation_times(list(found), list(states), dt=task.dt)
        rows.append({"answer": name, "seconds": seconds / options.time, "fit": fit, "parameters": size, **asdict(held)})
        figure, spent = f"{held.value:.1f} +- {held.error:.1f}", 1e3 * seconds / options.time
        print(f"{name:30} {figure:>24} {spent:20.3f} {fit / 60:9.1f} {size:9,}", flush=True)

    judge("the truth in half the steps", evolved(task, frames, FINE, "two-thirds", STEPS // 2, "float64"))
    for name, setting in SOLVERS.items():
        judge(name, evolved(task, frames, *setting))
    judge("nonlinear Galerkin, 64 points", rolled(balanced(options), dataclasses.replace(task, n=64), frames))
    for name in options.methods:
        answer, its_task, seconds = trained(name, options)
        judge(name, rolled(answer, its_task, frames), seconds, count_parameters(answer))
    settings = {name: str(value) for name, value in vars(options).items() if name != "folder"}
    record = {"settings": settings, "methods": {name: repr(METHODS[name][0]) for name in options.methods}, "rows": rows}
    (options.folder / "record.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
