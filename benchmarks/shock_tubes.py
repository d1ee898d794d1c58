"""L1 error of the density of shock tubes against the exact Riemann solution, by cells and reconstruction.

    python benchmarks/shock_tubes.py [--cells 100 200 400] [--budget 10m] [--folder DIR]

Sod at t = 0.2 on length 1; Lax (1954, doi:10.1002/cpa.3160070112) at t = 1.3 on length 10. CFL number 0.5, float64.
With a budget, the limiter of `flux_limiter` beside them, fitted to random states on a ring of 128 cells that neither
tube is among. The bar for it: the error of WENO5 on twice the cells.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp

from erlangen.assess.symmetry import in_double
from erlangen.contract import Budget, Session
from erlangen.methods.operators.flux_limiter import FluxLimiter
from erlangen.numerics import finite_volumes, weno
from erlangen.numerics.precision import double
from erlangen.physics import riemann
from erlangen.physics.euler import Euler, conserved
from erlangen.physics.riemann import Gas
from erlangen.study.environment import prepare
from erlangen.tasks.continuum.euler import CompressibleEuler

TUBES = {
    "Sod": ((Gas(1.0, 0.0, 1.0), Gas(0.125, 0.0, 0.1)), 0.2, 1.0),
    "Lax": ((Gas(0.445, 0.698, 3.528), Gas(0.5, 0.0, 0.571)), 1.3, 10.0),
}
RULES = {"WENO5-Z": finite_volumes.WENO, "WENO5-JS": weno.fifth_order("js"), "first order": weno.first_order}
INSIDE = 32  # points in a cell, over which the exact solution is averaged


def error(sides: tuple[Gas, Gas], time: float, length: float, n: int, rule: weno.Reconstruction) -> float:
    dx = length / n
    start = conserved(Gas(*(jnp.where(jnp.arange(n) < n // 2, a, b) for a, b in zip(*sides))))
    step = {"dx": dx, "time": time, "boundary": "transmissive", "reconstruct": rule}
    density = jax.jit(lambda q: finite_volumes.evolve(Euler(), q, **step))(start)[0]
    points = (jnp.arange(n * INSIDE) + 0.5) * dx / INSIDE - length / 2
    return float(dx * jnp.sum(jnp.abs(density - weno.coarsen(riemann.euler(*sides, points / time).density, INSIDE))))


def learned(budget: str, folder: Path | None, seed: int) -> weno.Reconstruction:
    """The limiter, in float64 like the rest."""
    session = Session(folder, resume=folder is not None, say=print)
    fitted = FluxLimiter().fit(CompressibleEuler(), Budget.parse(budget), key=jax.random.key(seed), session=session)
    with double():
        return in_double(fitted).faces


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, nargs="*", default=[100, 200, 400])
    parser.add_argument("--budget", help="of the fit of the limiter; without it there is none")
    parser.add_argument("--folder", type=Path, help="keeps the checkpoints of the fit")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    prepare()
    rules = dict(RULES)
    if options.budget:
        rules["learned"] = learned(options.budget, options.folder, options.seed)
    print(f"{'tube':6s}{'rule':14s}" + "".join(f"{n:>12d}" for n in options.cells))
    with double():
        for tube, case in TUBES.items():
            for name, rule in rules.items():
                errors = [error(*case, n, rule) for n in options.cells]
                print(f"{tube:6s}{name:14s}" + "".join(f"{e:12.2e}" for e in errors), flush=True)


if __name__ == "__main__":
    main()
