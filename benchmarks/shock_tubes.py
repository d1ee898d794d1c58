"""L1 error of the density of shock tubes against the exact Riemann solution, by cells and reconstruction.

    python benchmarks/shock_tubes.py [--cells 100 200 400]

Sod at t = 0.2 on length 1; Lax (1954, doi:10.1002/cpa.3160070112) at t = 1.3 on length 10. CFL number 0.5, float64.
"""

from __future__ import annotations

import argparse

import jax
import jax.numpy as jnp

from erlangen.numerics import finite_volumes, weno
from erlangen.numerics.precision import double
from erlangen.physics import riemann
from erlangen.physics.euler import Euler, conserved
from erlangen.physics.riemann import Gas

TUBES = {
    "Sod": ((Gas(1.0, 0.0, 1.0), Gas(0.125, 0.0, 0.1)), 0.2, 1.0),
    "Lax": ((Gas(0.445, 0.698, 3.528), Gas(0.5, 0.0, 0.571)), 1.3, 10.0),
}
RULES = {"WENO5-Z": finite_volumes.WENO, "WENO5-JS": weno.fifth_order("js"), "first order": weno.first_order}
INSIDE = 32  # points in a cell, over which the exact solution is averaged


def error(sides: tuple[Gas, Gas], time: float, length: float, n: int, rule: str) -> float:
    dx = length / n
    start = conserved(Gas(*(jnp.where(jnp.arange(n) < n // 2, a, b) for a, b in zip(*sides))))
    step = {"dx": dx, "time": time, "boundary": "transmissive", "reconstruct": RULES[rule]}
    density = jax.jit(lambda q: finite_volumes.evolve(Euler(), q, **step))(start)[0]
    points = (jnp.arange(n * INSIDE) + 0.5) * dx / INSIDE - length / 2
    return float(dx * jnp.sum(jnp.abs(density - weno.coarsen(riemann.euler(*sides, points / time).density, INSIDE))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, nargs="*", default=[100, 200, 400])
    cells = parser.parse_args().cells
    print(f"{'tube':6s}{'rule':14s}" + "".join(f"{n:>12d}" for n in cells))
    with double():
        for tube, case in TUBES.items():
            for rule in RULES:
                errors = [error(*case, n, rule) for n in cells]
                print(f"{tube:6s}{rule:14s}" + "".join(f"{e:12.2e}" for e in errors), flush=True)


if __name__ == "__main__":
    main()
