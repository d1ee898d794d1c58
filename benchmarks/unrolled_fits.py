"""What unrolling, noise and shells change for the roll-out of FNO, over three seeds of short fits.

At equal cost a fit through K steps gets 1/K of the training steps, at equal steps as many. Figures: nRMSE after one
step and at the end of the roll-out, mean over seeds and standard error.

    python benchmarks/unrolled_fits.py [--task burgers] [--steps 1200] [--equal cost]
"""

from __future__ import annotations

import argparse
import time

import jax
import numpy as np

from erlangen.assess.metrics import per_sample
from erlangen.contract import Budget, Samples
from erlangen.learn.batching import predict
from erlangen.learn.rollout import unroll
from erlangen.learn.supervised import Training
from erlangen.learn.unrolling import Unrolling, fit_unrolled
from erlangen.methods.operators.fno import FNO
from erlangen.study.environment import prepare
from erlangen.tasks.continuum.burgers import Burgers
from erlangen.tasks.continuum.kolmogorov import Kolmogorov

TASKS = {
    "burgers": Burgers(n=64, viscosity=0.02, count=200),
    "kolmogorov": Kolmogorov(n=24, viscosity=0.05, count=40, horizon=10),
}
METHODS = {
    "burgers": FNO(width=16, modes=8, layers=3, batch=16),
    "kolmogorov": FNO(width=12, modes=8, layers=3, batch=16),
}
SEEDS = (0, 1, 2)
FITS = {
    "one step": Unrolling(),
    "4 steps, all": Unrolling(steps=4),
    "4 steps, last": Unrolling(steps=4, gradient="last"),
    "4 steps, noise 0.03": Unrolling(steps=4, noise=0.03),
    "noise 0.03": Unrolling(noise=0.03),
    "noise 0.1": Unrolling(noise=0.1),
    "shells 0.5": Unrolling(shells=0.5),
}


def errors(name: str, unrolling: Unrolling, steps: int, seed: int) -> tuple[float, float]:
    """nRMSE in % after one step and after the roll-out."""
    task, method = TASKS[name], METHODS[name]
    start, order = jax.random.split(jax.random.key(seed))
    model = method.build(task, task.truth("train"), key=start)
    training = Training(rate=method.rate, batch=method.batch)
    fitted = fit_unrolled(model, task, unrolling, training=training, budget=Budget(steps=steps), key=order)
    test, whole = task.truth("test"), task.trajectories("test")
    one, last = task.scores
    rolled = {n: [v[-1] for v in c] for n, c in unroll(fitted, task, whole.inputs, last.steps).items()}
    ends = Samples(whole.inputs, {n: [v[last.steps - 1] for v in c] for n, c in whole.outputs.items()})
    return (
        100 * float(np.mean(per_sample(one, predict(fitted, test.inputs), test))),
        100 * float(np.mean(per_sample(last, rolled, ends))),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=TASKS, default="burgers")
    parser.add_argument("--steps", type=int, default=1200, help="of the plain fit")
    parser.add_argument("--equal", choices=("cost", "steps"), default="cost")
    args = parser.parse_args()
    prepare()
    print(f"{args.task}, {args.steps} steps of the plain fit, equal {args.equal}: nRMSE in %, {len(SEEDS)} seeds")
    for label, unrolling in FITS.items():
        clock, steps = time.perf_counter(), args.steps // (unrolling.steps if args.equal == "cost" else 1)
        found = np.array([errors(args.task, unrolling, steps, seed) for seed in SEEDS])
        mean, error = found.mean(0), found.std(0, ddof=1) / np.sqrt(len(SEEDS))
        figures = "   ".join(f"{m:8.3f} ± {e:.3f}" for m, e in zip(mean, error))
        print(f"  {label:<22}{figures}   {(time.perf_counter() - clock) / len(SEEDS):6.1f} s per fit", flush=True)


if __name__ == "__main__":
    main()
