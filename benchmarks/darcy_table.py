"""Darcy flow on 85 x 85 nodes: what the labels are worth, what the solver gives at which cost, what a network learns.

    python benchmarks/darcy_table.py [--budget 30m] [--seed 0] [--width 32] [--modes 12] [--batch 8] [--folder DIR]

Mean relative L2 error of the test media with its standard error, and seconds per query, compiled, one medium at a time
(the median over the media; a busy machine shows in them). The solver knows the equation and sees the same nodes as the
network; the network has seen 1,000 solutions. `--budget none` leaves it out. A fit that was stopped goes on from
`--folder`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from erlangen.assess.metrics import relative_l2
from erlangen.contract import Budget, Outputs, Samples, Session
from erlangen.core.systems import System
from erlangen.methods.operators.fno import FNO
from erlangen.numerics.precision import double
from erlangen.physics import elliptic
from erlangen.physics.random_fields import cosine_field
from erlangen.study.environment import prepare
from erlangen.tasks.continuum.darcy import TOLERANCE, Darcy


def row(name: str, solve: Callable[[System], Outputs], samples: Samples) -> None:
    """One line of the table."""
    jax.block_until_ready(solve(samples.inputs[0]))
    errors, seconds = [], []
    for x, u in zip(samples.inputs, samples.outputs["u"]):
        start = time.perf_counter()
        answer = jax.block_until_ready(solve(x))
        seconds.append(time.perf_counter() - start)
        errors.append(100 * relative_l2(answer["u"], u))
    bar = np.std(errors) / len(errors) ** 0.5
    print(f"{name:44} {np.mean(errors):6.3f} +- {bar:.3f} %  {1e3 * np.median(seconds):8.2f} ms", flush=True)


def truth_costs(task: Darcy) -> None:
    """Seconds of one solution on the nodes of the truth, by iterations and by sparse LU, and how far they differ."""
    with double():
        key, shape = jax.random.key(0), (task.fine, task.fine)
        field = cosine_field(shape, modes=256, wavenumber=task.wavenumber, dtype=jnp.float64, key=key)
        a = jnp.where(field >= 0, task.high, task.low)
        iterations = jax.jit(lambda a: elliptic.darcy(a, 1.0, tolerance=TOLERANCE))
        iterations(a).block_until_ready()
        clock = [time.perf_counter()]
        u = np.asarray(iterations(a))
        clock.append(time.perf_counter())
        direct = elliptic.solve_directly(np.asarray(a), 1.0)
        clock.append(time.perf_counter())
    spent, gap = np.diff(clock), relative_l2(u, direct)
    print(f"one solution of the truth: {spent[0]:.2f} s, by sparse LU {spent[1]:.2f} s, apart by {gap:.1e}", flush=True)


def tell(step: int, total: int, figures: Mapping[str, float]) -> None:
    """Progress of the fit; the loss is the root mean square error in units of the spread of the pressure."""
    print(f"  step {step} of {total}, validation {figures['validation']:.4f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", default="30m", help="of the fit: 30m, 5000steps, none")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--modes", type=int, default=12)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--folder", type=Path, help="keeps the checkpoints of the fit")
    options = parser.parse_args()
    prepare()
    task = Darcy()
    test = task.truth("test")
    print(f"{task}\n{len(test)} test media; label floor {task.floor(8)['relative_l2']:.3f} % (8 media)")
    truth_costs(task)
    for solver in task.solvers:
        for n in solver.settings:
            row(f"{solver.name}, n = {n}", lambda x: solver.solve(x, n), test)
    if options.budget == "none":
        return
    task.truth("train")
    print(f"labels of the training set: {task.label_seconds():.0f} s")
    method = FNO(width=options.width, modes=options.modes, batch=options.batch, rate=options.rate)
    session = Session(options.folder, resume=options.folder is not None, progress=tell)
    wall, processor = time.perf_counter(), time.process_time()
    fitted = method.fit(task, Budget.parse(options.budget), key=jax.random.key(options.seed), session=session)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    size = sum(a.size for a in jax.tree.leaves(eqx.filter(fitted, eqx.is_inexact_array)))
    answer = eqx.filter_jit(fitted)
    single = Samples(jax.tree.map(np.float32, test.inputs), test.outputs)
    print(f"{method}, {size:,} parameters, seed {options.seed}; fit {wall:.0f} s, {processor:.0f} s of processor time")
    row("fno", answer, single)


if __name__ == "__main__":
    main()
