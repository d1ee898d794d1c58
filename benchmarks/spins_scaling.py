"""Seconds per optimisation step against the number of sites, with a fitted exponent.

    python benchmarks/spins_scaling.py [--sides 4 6 8 10 12] [--method rbm] [--steps 6]

Law: Heisenberg antiferromagnet on periodic squares. Walkers and samples: 512 each, one sweep apart. A step has as many
proposals as sites, and as many connected configurations; an amplitude of rbm costs features x isometries x sites.
"""

from __future__ import annotations

import argparse
import time

import jax
import numpy as np

from erlangen import registry
from erlangen.contract import Budget, Session
from erlangen.tasks.quantum.spins import Spins


def seconds_per_step(method: str, side: int, steps: int) -> float:
    """Median over the steps after the first, which compiles."""
    moments = []
    session = Session(progress=lambda step, total, figures: moments.append(time.perf_counter()))
    chosen = registry.load_method(method)(samples=512, full_sum="no")
    chosen.fit(Spins("heisenberg", "square", side**2), Budget(steps=steps), key=jax.random.key(0), session=session)
    return float(np.median(np.diff(moments)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", type=int, nargs="+", default=[4, 6, 8, 10, 12])
    parser.add_argument("--method", default="rbm", choices=("rbm", "lcn"))
    parser.add_argument("--steps", type=int, default=6)
    options = parser.parse_args()
    found = []
    for side in options.sides:
        found.append(seconds_per_step(options.method, side, options.steps))
        print(f"{side**2:4d} sites  {found[-1]:8.3f} s a step", flush=True)
    sites = np.array(options.sides) ** 2
    exponent = np.polyfit(np.log(sites), np.log(found), 1)[0]
    print(f"{options.method}: time per step ~ sites^{exponent:.2f}")


if __name__ == "__main__":
    main()
