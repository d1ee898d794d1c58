"""What symmetry is worth in samples: the equivariant operator on half of the trajectories against the plain one on all.

    python benchmarks/gfno_samples.py [--budget 5m] [--count 40] [--seeds 3]

Kolmogorov flow at Reynolds number 100, 64 x 64 points. Both see state and source. The test set is judged as it is, and
turned by 90 degrees together with its source: the same physics, but a force along the axis that was never trained on.
The penalty is the ratio of the two errors: 1 for an equivariant answer, whatever it was trained on.
"""

from __future__ import annotations

import argparse
import dataclasses

import jax
import numpy as np

from erlangen.assess.metrics import relative_l2
from erlangen.contract import Budget, Samples
from erlangen.core.groups import QuarterTurns, act
from erlangen.learn.batching import predict
from erlangen.methods.operators.fno import FNO
from erlangen.methods.operators.gfno import GFNO
from erlangen.study.environment import prepare
from erlangen.tasks.continuum.kolmogorov import Kolmogorov


def turned(task: Kolmogorov, samples: Samples) -> Samples:
    """The samples after one quarter turn."""
    group, (output,) = QuarterTurns(), task.outputs
    inputs = [act(group, 1, x, task.inputs) for x in samples.inputs]
    return Samples(inputs, {output.name: [np.asarray(group.act(1, output, y)) for y in samples.outputs[output.name]]})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", type=Budget.parse, default="5m", help="of each fit: 5m, or 2000steps")
    parser.add_argument("--count", type=int, default=40, help="trajectories of the plain operator")
    parser.add_argument("--n", type=int, default=64, help="points per axis")
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    prepare()
    task = Kolmogorov(n=options.n, count=options.count)
    half = dataclasses.replace(task, count=max(task.count // 2, 4))
    test = task.truth("test")
    sets = {"as trained": test, "turned": turned(task, test)}
    print(f"{task}\n{options.budget} per fit")
    cases = [("fno", FNO(), task), ("fno", FNO(), half), ("gfno", GFNO(), task), ("gfno", GFNO(), half)]
    for seed in range(options.seeds):
        for name, method, asked in cases:
            fitted = method.fit(asked, options.budget, key=jax.random.key(seed))
            errors = {}
            for kind, samples in sets.items():
                predicted = predict(fitted, samples.inputs)["w_next"]
                values = [relative_l2(p, y) for p, y in zip(predicted, samples.outputs["w_next"])]
                errors[kind] = 100 * float(np.mean(values))
            figures = "  ".join(f"{kind} {value:6.2f} %" for kind, value in errors.items())
            penalty = errors["turned"] / errors["as trained"]
            print(f"seed {seed}  {name:5} {asked.count:4} trajectories  {figures}  penalty {penalty:.3f}", flush=True)


if __name__ == "__main__":
    main()
