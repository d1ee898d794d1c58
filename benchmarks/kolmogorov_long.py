"""Kolmogorov flow for 100,000 steps: does the solver, or a network on top of it, stay at the statistics of the truth?

    python benchmarks/kolmogorov_long.py [--steps 100000] [--methods hybrid] [--budget 10m] [--folder DIR]

The error is the mean over wavenumbers of |E / E_true - 1|, E: time average of the spectrum of the vorticity over the
whole run; E_true: of the solver on twice the points over the same time (after 50 units the runs have parted). Its
standard error comes from ten blocks of the run. What the two halves of the truth differ by is printed beside it.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from erlangen import registry
from erlangen.contract import Budget, Session
from erlangen.core.systems import Field
from erlangen.numerics import spectral
from erlangen.physics import fluids
from erlangen.tasks.continuum.kolmogorov import SPEED, Kolmogorov

BLOCKS, SHELLS, TRANSIENT = 10, 20, 50.0  # wavenumbers 1 ... 20 (21 is the last one on 64 points); units of time

State = jax.Array


def solver(task: Kolmogorov, n: int) -> tuple[Callable[[State], State], int]:
    """(state -> state one dt later on n x n points, steps in it)."""
    steps = fluids.steps_needed(n, speed=SPEED, dt=task.dt)
    flow = {"viscosity": task.viscosity, "drag": task.drag, "source": fluids.kolmogorov_source(n, task.forcing_mode)}
    return lambda w: fluids.vorticity(w, dt=task.dt, steps=steps, **flow)[0], steps


def network(name: str, task: Kolmogorov, options: argparse.Namespace) -> tuple[Callable[[State], State], int]:
    """The same by a method fitted here."""
    method = registry.load_method(name)()
    fitted = method.fit(
        task,
        Budget.parse(options.budget),
        key=jax.random.key(options.seed),
        session=Session(options.folder / f"{name}-{options.seed}", resume=True),
    )
    spacing = (2 * math.pi / task.n,) * 2
    source = np.asarray(fluids.kolmogorov_source(task.n, task.forcing_mode), np.float32)
    return lambda w: fitted(Field({"w": w, "source": source}, spacing))["w_next"], task.substeps


def spectra(step: Callable[[State], State], w: State, outputs: int) -> np.ndarray:
    """[blocks, shells] time-averaged spectra; NaN from where the run has blown up."""

    @jax.jit
    def block(w):
        def one(w, _):
            w = step(w)
            return w, spectral.energy_spectrum(w)[1 : SHELLS + 1]

        w, rows = jax.lax.scan(one, w, None, length=outputs // BLOCKS)
        return w, rows.mean(axis=0)

    found = []
    for _ in range(BLOCKS):
        w, mean = block(w)
        found.append(np.asarray(mean, np.float64))
    return np.stack(found)


def apart(rows: np.ndarray, true: np.ndarray) -> float:
    """Mean over shells, in %."""
    return 100 * float(np.mean(np.abs(rows.mean(axis=0) / true.mean(axis=0) - 1)))


def bar(rows: np.ndarray, true: np.ndarray) -> float:
    """Jackknife over blocks of the run."""
    left_out = np.array([apart(np.delete(rows, i, axis=0), true) for i in range(BLOCKS)])
    return float(np.sqrt((BLOCKS - 1) / BLOCKS * np.sum((left_out - np.mean(left_out)) ** 2)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100_000, help="of the solver on the given grid")
    parser.add_argument("--methods", nargs="*", default=[])
    parser.add_argument("--budget", default="10m")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--viscosity", type=float, default=Kolmogorov.viscosity)
    parser.add_argument("--folder", type=Path, default=Path("runs/kolmogorov_long"))
    options = parser.parse_args()
    task = dataclasses.replace(Kolmogorov(), viscosity=options.viscosity)
    outputs = math.ceil(options.steps / task.substeps / BLOCKS) * BLOCKS
    answers = {f"solver {n} x {n}": (*solver(task, n), n) for n in (2 * task.n, task.n, task.n // 2)}
    answers |= {name: (*network(name, task, options), task.n) for name in options.methods}
    start = dataclasses.replace(task, count=4, horizon=1).trajectories("test").inputs[0]
    print(f"{task}\n{outputs} outputs, {outputs * task.dt:g} units of time")
    print(f"{'answer':18s} {'spectrum error, %':>20s} {'steps':>9s} {'seconds':>9s}")
    true = None
    for name, (step, steps, n) in answers.items():
        w = spectral.resample(jnp.asarray(start["w"], jnp.float32), (n, n))
        tick = time.perf_counter()
        w = jax.lax.fori_loop(0, round(TRANSIENT / task.dt), lambda _, w, step=step: step(w), w)
        rows = spectra(step, w, outputs)
        spent = time.perf_counter() - tick
        if true is None:
            true = rows
            print(f"{'halves of the truth':18s} {apart(*np.split(rows, 2)):13.2f}", flush=True)
        error = f"{apart(rows, true):13.2f} +- {bar(rows, true):.2f}"
        print(f"{name:18s} {error} {outputs * steps:9d} {spent:9.0f}", flush=True)


if __name__ == "__main__":
    main()
