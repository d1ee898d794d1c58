"""Frustrated clusters: is the ground state found, whatever its symmetry sector?

    python benchmarks/frustrated_clusters.py --laws 20 --seed 0 --budget 2m

J1-J2 laws drawn at random on triangular, kagome and honeycomb clusters of 12 to 18 sites; each is fitted by `rbm` and
held against exact diagonalisation. A row: relative error, seconds of the fit, the sector found, what was said.
Bar: an error of 1e-5 at most, or a word on the sectors that were not looked at.
"""

from __future__ import annotations

import argparse
import time

import jax
import numpy as np

from erlangen.contract import Budget, Session
from erlangen.learn.variational import full_sum, spin_problem
from erlangen.methods.variational.rbm import RBM
from erlangen.physics import exact_diagonalisation
from erlangen.tasks.quantum.spins import Spins

CLUSTERS = [
    *(("triangular", n) for n in (12, 16, 18)),
    *(("kagome", n) for n in (12, 18)),
    *(("honeycomb", n) for n in (12, 14, 16, 18)),
]


def drawn(rng: np.random.Generator) -> Spins:
    """A cluster, and J2 / J1 between 0 and 1 (honeycomb: between 0.1 and 1, frustrated)."""
    lattice, sites = CLUSTERS[rng.integers(len(CLUSTERS))]
    j2 = rng.uniform(0.1 if lattice == "honeycomb" else 0.0, 1.0)
    return Spins("j1j2", lattice, sites, j2=round(float(j2), 4))


def main() -> None:
    """One line per law, then how many meet the bar."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--laws", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--budget", default="2m")
    options = parser.parse_args()
    rng, met = np.random.default_rng(options.seed), 0
    print("lattice     sites     J2  relative error  seconds  sector, and what was said", flush=True)
    for number in range(options.laws):
        task, said = drawn(rng), []
        begun = time.perf_counter()
        fitted = RBM().fit(
            task, Budget.parse(options.budget), key=jax.random.key(number), session=Session(say=said.append)
        )
        seconds = time.perf_counter() - begun
        exact = exact_diagonalisation.ground_state(task.law).energy
        error = abs(full_sum(fitted, spin_problem(task.law))[0] / exact - 1)
        met += error <= 1e-5
        words = f"{fitted.character.title}; {' | '.join(said)}"
        print(f"{task.lattice:10s} {task.sites:6d} {task.j2:6.4f} {error:15.1e} {seconds:8.1f}  {words}", flush=True)
    print(f"{met} of {options.laws} within 1e-5", flush=True)


if __name__ == "__main__":
    main()
