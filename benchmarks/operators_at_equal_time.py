"""Every neural operator on turbulence after equal seconds of fitting: error, roll-out, parameters, seconds per query.

    python benchmarks/operators_at_equal_time.py [--seconds 600] [--seed 0] [--count 40] [--n 64] [--only ffno unet]

Kolmogorov flow at Reynolds number 100, 64 x 64 points, 20 steps per trajectory; each method with its default settings.
Persistence and the pseudo-spectral solver on half of the points (which knows the equation) stand beside them. A query
is one step of one sample, compiled, the least of several repetitions. Labels are computed, or read, before the clock.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np

from erlangen.assess.metrics import relative_l2
from erlangen.contract import Budget, Samples
from erlangen.core.systems import System
from erlangen.learn.batching import predict
from erlangen.learn.rollout import unroll
from erlangen.methods.baselines.persistence import Persistence
from erlangen.methods.operators.deeponet import DeepONet
from erlangen.methods.operators.ffno import FFNO
from erlangen.methods.operators.fno import FNO
from erlangen.methods.operators.gfno import GFNO
from erlangen.methods.operators.operator_transformer import OperatorTransformer
from erlangen.methods.operators.unet import UNet
from erlangen.study.environment import prepare
from erlangen.tasks.continuum.kolmogorov import Kolmogorov

METHODS = {
    "persistence": Persistence(),
    "fno": FNO(),
    "ffno": FFNO(),
    "gfno p4m": GFNO(),
    "gfno p4": GFNO(mirrors=False),
    "unet": UNet(),
    "sinenet": UNet(width=16, waves=4),
    "deeponet": DeepONet(),
    "operator_transformer": OperatorTransformer(),
}


def error(predicted: Sequence[Any], samples: Samples) -> float:
    """Mean relative L2 error in percent."""
    return 100 * float(np.mean([relative_l2(p, y) for p, y in zip(predicted, samples.outputs["w_next"])]))


def query_seconds(f: Callable[[System], Any], x: System, repeats: int = 9) -> float:
    """The least time of one answer."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(f(x))
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=40, help="training trajectories")
    parser.add_argument("--n", type=int, default=64, help="points per axis")
    parser.add_argument("--only", nargs="*", choices=list(METHODS), default=list(METHODS))
    options = parser.parse_args()
    prepare()
    task = Kolmogorov(n=options.n, count=options.count)
    task.truth("train")
    test, whole = task.truth("test"), task.trajectories("test")
    x = jax.tree.map(lambda a: np.asarray(a, np.float32), test.inputs[0])
    print(f"{task}\n{options.seconds:g} s of fitting, seed {options.seed}, {len(test)} test steps")
    print(f"{'':24} {'parameters':>11} {'step':>8} {f'{task.horizon} steps':>9} {'query':>9}")
    for name in options.only:
        fitted = METHODS[name].fit(task, Budget(seconds=options.seconds), key=jax.random.key(options.seed))
        size = sum(a.size for a in jax.tree.leaves(eqx.filter(fitted, eqx.is_inexact_array)))
        one = error(predict(fitted, test.inputs)["w_next"], test)
        far = error(unroll(fitted, task, whole.inputs, task.horizon)["w_next"], whole)
        spent = 1e3 * query_seconds(eqx.filter_jit(fitted), x)
        print(f"{name:24} {size:11,} {one:6.2f} % {far:7.1f} % {spent:6.1f} ms", flush=True)
    half = task.n // 2
    one = error([task.solve_on(s, half)["w_next"] for s in test.inputs], test)
    spent = 1e3 * query_seconds(lambda s: task.solve_on(s, half), x)
    print(f"{f'solver, {half} points':24} {0:11,} {one:6.2f} % {'':9} {spent:6.1f} ms")


if __name__ == "__main__":
    main()
