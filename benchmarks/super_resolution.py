"""An operator fitted on one grid and asked on one twice as fine: Burgers, no retraining.

    python benchmarks/super_resolution.py [--oversampling 2] [--shells 0.5] [--budget 5m] [--seeds 3] [--folder DIR]

Mean relative L2 error of one step over the test trajectories' first states and their successors, in %, with the
standard error over seeds: on the grid of training; on twice the points, with inputs known there; and of the coarse
answer continued to twice the points by zeros in Fourier space, which is all that one can do without an operator. The
error on twice the points is also split into waves that the grid of training holds and waves that it does not.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import equinox as eqx
import jax
import numpy as np

from erlangen.assess.metrics import relative_l2
from erlangen.contract import Budget, Samples, Session
from erlangen.learn.unrolling import Unrolling
from erlangen.methods.operators.fno import FNO
from erlangen.numerics import spectral
from erlangen.study.environment import prepare
from erlangen.tasks.continuum.burgers import Burgers


def errors(answers: list[np.ndarray], samples: Samples) -> float:
    return 100 * float(np.mean([relative_l2(a, u) for a, u in zip(answers, samples.outputs["u_next"], strict=True)]))


def split(answers: list[np.ndarray], samples: Samples, n: int) -> tuple[float, float]:
    """Of the error in %: what is in waves that n points hold, and in shorter ones."""
    true = np.fft.rfft(samples.outputs["u_next"])
    gaps, sizes = np.fft.rfft(answers) - true, np.linalg.norm(true, axis=1)
    parts = np.split(gaps, [n // 2], axis=1)
    long, short = (100 * float(np.mean(np.linalg.norm(part, axis=1) / sizes)) for part in parts)
    return long, short


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--oversampling", type=int, default=1, help="points of the layers' grid for each given one")
    parser.add_argument("--shells", type=float, default=0.0, help="weight of short waves in the loss: see Unrolling")
    parser.add_argument("--budget", default="5m")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--viscosity", type=float, default=Burgers.viscosity)
    parser.add_argument("--folder", type=Path, default=Path("runs/super_resolution"))
    options = parser.parse_args()
    prepare()
    task = Burgers(viscosity=options.viscosity)
    coarse = task.truth("test")
    fine = dataclasses.replace(task, n=2 * task.n).truth("test")
    rows = []
    for seed in range(options.seeds):
        method = FNO(oversampling=options.oversampling, unrolling=Unrolling(shells=options.shells))
        session = Session(options.folder / f"fno-{options.oversampling}-{options.shells}-{seed}", resume=True)
        fitted = method.fit(task, Budget.parse(options.budget), key=jax.random.key(seed), session=session)
        ask = eqx.filter_jit(fitted)
        single = lambda samples: jax.tree.map(np.float32, samples.inputs)  # noqa: E731
        low = [np.asarray(ask(x)["u_next"]) for x in single(coarse)]
        high = [np.asarray(ask(x)["u_next"]) for x in single(fine)]
        padded = [np.asarray(spectral.resample(a, (2 * task.n,))) for a in low]
        rows.append([errors(low, coarse), errors(high, fine), errors(padded, fine)])
        own, twice, zeros = rows[-1]
        long, short = split(high, fine, task.n)
        print(
            f"seed {seed}: {own:.4f} {twice:.4f} ({long:.4f} and {short:.4f}) {zeros:.4f}, ratio {twice / own:.3f}",
            flush=True,
        )
    values = np.array(rows)
    print(f"{task}, fno, {options.budget}, {len(coarse)} test steps")
    for name, column in zip((f"n = {task.n}", f"n = {2 * task.n}", "padded with zeros"), values.T, strict=True):
        print(f"{name:20s} {column.mean():8.4f} +- {column.std(ddof=min(1, len(rows) - 1)) / len(rows) ** 0.5:.4f} %")
    print(f"{'ratio':20s} {np.mean(values[:, 1] / values[:, 0]):8.3f}")


if __name__ == "__main__":
    main()
