"""L1 error of the density of shock tubes and blast waves, and its order, by cells and reconstruction.

    python benchmarks/shock_tubes.py [--cells 100 200 400 800] [--fine 6400] [--budget 10m] [--folder DIR]

Against the exact Riemann solution: Sod at t = 0.2 on length 1; Lax (1954, doi:10.1002/cpa.3160070112) at t = 1.3 on
length 10; one blast, pressures 1000 and 0.01 at t = 0.012 (test 3 of Toro, doi:10.1007/b79761). Two blasts between
walls at t = 0.038 (Woodward and Colella 1984, doi:10.1016/0021-9991(84)90142-6) against our own WENO5-Z on `--fine`
cells, averaged. CFL number 0.5, float64.

Jumps cap the order at about 1, also that of WENO5 (Greenough and Rider 2004, doi:10.1016/j.jcp.2003.11.002). With a
budget, the limiter of `flux_limiter` beside them, fitted to random states on a ring of 128 cells that none of these is
among. The bar for it: the error of WENO5 on twice the cells.
"""

from __future__ import annotations

import argparse
import functools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from erlangen.assess.symmetry import in_double
from erlangen.contract import Budget, Session
from erlangen.methods.operators.flux_limiter import FluxLimiter
from erlangen.numerics import finite_volumes, weno
from erlangen.numerics.finite_volumes import State
from erlangen.numerics.precision import double
from erlangen.physics import riemann
from erlangen.physics.euler import Euler, conserved
from erlangen.physics.riemann import Gas
from erlangen.study.environment import prepare
from erlangen.tasks.continuum.euler import CompressibleEuler

TUBES = {
    "Sod": ((Gas(1.0, 0.0, 1.0), Gas(0.125, 0.0, 0.1)), 0.2, 1.0),
    "Lax": ((Gas(0.445, 0.698, 3.528), Gas(0.5, 0.0, 0.571)), 1.3, 10.0),
    "one blast": ((Gas(1.0, 0.0, 1000.0), Gas(1.0, 0.0, 0.01)), 0.012, 1.0),
}
RULES = {"WENO5-Z": finite_volumes.WENO, "WENO5-JS": weno.fifth_order("js"), "first order": weno.first_order}
INSIDE = 32  # points in a cell, over which the exact solution is averaged


@functools.partial(jax.jit, static_argnames=("boundary", "reconstruct"))
def density(q: State, dx: float, time: float, boundary: Any, reconstruct: weno.Reconstruction) -> Array:
    return finite_volumes.evolve(Euler(), q, dx=dx, time=time, boundary=boundary, reconstruct=reconstruct)[0]


def tube_error(sides: tuple[Gas, Gas], time: float, length: float, n: int, rule: weno.Reconstruction) -> float:
    """Against the exact solution."""
    dx = length / n
    start = conserved(Gas(*(jnp.where(jnp.arange(n) < n // 2, a, b) for a, b in zip(*sides))))
    points = (jnp.arange(n * INSIDE) + 0.5) * dx / INSIDE - length / 2
    exact = weno.coarsen(riemann.euler(*sides, points / time).density, INSIDE)
    return float(dx * jnp.sum(jnp.abs(density(start, dx, time, "transmissive", rule) - exact)))


def two_blasts(n: int, rule: weno.Reconstruction) -> Array:
    """Density after gas at rest of pressures 1000, 0.01 and 100 has met between walls."""
    x = (jnp.arange(n) + 0.5) / n
    start = Gas(jnp.ones(n), jnp.zeros(n), jnp.where(x < 0.1, 1000.0, jnp.where(x < 0.9, 0.01, 100.0)))
    return density(conserved(start), 1 / n, 0.038, "reflecting", rule)


def blast_error(fine: Array, n: int, rule: weno.Reconstruction) -> float:
    """Against averages of our own run on many more cells: no exact solution is known."""
    return float(jnp.mean(jnp.abs(two_blasts(n, rule) - weno.coarsen(fine, len(fine) // n))))


def row(problem: str, rule: str, cells: Sequence[int], errors: Sequence[float]) -> str:
    """Errors, and behind each the order since the one before."""
    orders = [
        "",
        *(f"({math.log(a / b) / math.log(m / n):.2f})" for a, b, n, m in zip(errors, errors[1:], cells, cells[1:])),
    ]
    return f"{problem:12s}{rule:14s}" + "".join(f"{e:10.2e} {o:7s}" for e, o in zip(errors, orders))


def learned(budget: str, folder: Path | None, seed: int) -> weno.Reconstruction:
    """The limiter, in float64 like the rest."""
    session = Session(folder, resume=folder is not None, say=print)
    fitted = FluxLimiter().fit(CompressibleEuler(), Budget.parse(budget), key=jax.random.key(seed), session=session)
    with double():
        return in_double(fitted).faces


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, nargs="*", default=[100, 200, 400, 800], help="multiples of ten")
    parser.add_argument("--fine", type=int, default=6400, help="a multiple of all of them")
    parser.add_argument("--budget", help="of the fit of the limiter; without it there is none")
    parser.add_argument("--folder", type=Path, help="keeps the checkpoints of the fit")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    prepare()
    rules = dict(RULES)
    if options.budget:
        rules["learned"] = learned(options.budget, options.folder, options.seed)
    print(f"{'problem':12s}{'rule':14s}" + "".join(f"{n:10d} {'':7s}" for n in options.cells))
    with double():
        for problem, case in TUBES.items():
            for name, rule in rules.items():
                errors = [tube_error(*case, n, rule) for n in options.cells]
                print(row(problem, name, options.cells, errors), flush=True)
        fine = two_blasts(options.fine, finite_volumes.WENO)
        for name, rule in rules.items():
            errors = [blast_error(fine, n, rule) for n in options.cells]
            print(row("two blasts", name, options.cells, errors), flush=True)


if __name__ == "__main__":
    main()
