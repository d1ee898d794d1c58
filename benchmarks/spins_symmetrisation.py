"""Two ways to give a Boltzmann machine the symmetry of a square lattice, at equal features, samples and time.

    python benchmarks/spins_symmetrisation.py [--side 6] [--alpha 8] [--seconds 120] [--seeds 1]

`features` multiplies them over the whole space group, `translations` multiplies over the translations and adds up over
the point group. Heisenberg antiferromagnet; energies of fresh samples.
"""

from __future__ import annotations

import argparse

import jax

from erlangen.contract import Budget
from erlangen.learn.variational import evaluate, spin_problem
from erlangen.methods.variational.rbm import RBM
from erlangen.tasks.quantum.spins import Spins


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=6)
    parser.add_argument("--alpha", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    task = Spins("heisenberg", "square", options.side**2)
    exact = (task.reference() or {}).get("energy", float("nan"))
    for seed in range(options.seeds):
        for kind in ("features", "translations"):
            method = RBM(alpha=options.alpha, symmetrise=kind)
            psi = method.fit(task, Budget(seconds=options.seconds), key=jax.random.key(seed))
            found = evaluate(psi, spin_problem(task.law), samples=16384, key=jax.random.key(100 + seed))
            error, spread = 1 - found.energy / exact, abs(found.error / exact)
            print(
                f"seed {seed}  {kind:12s}  error {error:.1e} +- {spread:.0e}  V-score {found.v_score:.1e}", flush=True
            )


if __name__ == "__main__":
    main()
