"""How a solver that does not resolve its flow should end its spectrum: Navier-Stokes twin, 64 x 64, no training.

    python benchmarks/spectral_ends.py [--held 40]

Relative L2 of the states t = 11 ... 20 from the one at t = 10, mean over test trajectories with its standard error:
products cut by the smooth filter alone; the state filtered too, ten times per unit of time; nothing filtered, every
mode decays at `CUT` sum (2 |m| / n)^`POWER` (what the task's own solver does). All with the same stable steps.
"""

from __future__ import annotations

import argparse
import math

import jax
import jax.numpy as jnp
import numpy as np

from erlangen.numerics import spectral
from erlangen.numerics.exponential_integrators import etdrk4, trajectory
from erlangen.physics import fluids
from erlangen.tasks.continuum.navier_stokes import LENGTH, NavierStokes, source

FILTERINGS = 10  # of the state, per unit of time


def filtered(task: NavierStokes, *, filterings: int):
    """One state -> the next ones, smooth filter on products, and so many times per unit of time on the state."""
    grid, dealiasing = (task.n, task.n), "smooth"
    terms = fluids.vorticity_terms(
        task.n, viscosity=task.viscosity, source=source(task.n), dealiasing=dealiasing, length=LENGTH
    )
    mask = jnp.asarray(spectral.dealiasing_mask(grid, dealiasing), jnp.float32)
    steps = math.ceil(task.substeps / FILTERINGS) * FILTERINGS
    step = etdrk4(*terms, 1.0 / steps)

    def unit(w_hat, _):
        for _ in range(filterings):
            w_hat = trajectory(step, mask * w_hat, frames=1, substeps=steps // filterings)[0]
        return w_hat, spectral.inverse(w_hat, grid)

    return lambda w: jax.lax.scan(unit, spectral.transform(w), None, length=task.horizon)[1]


def decaying(task: NavierStokes, x):
    """The same by the task's own equation."""
    linear, nonlinear, _ = task.equation(x)
    step = etdrk4(linear, nonlinear, 1.0 / task.substeps)

    def path(w):
        states = trajectory(step, spectral.transform(w), frames=task.horizon, substeps=task.substeps)
        return jax.vmap(lambda w_hat: spectral.inverse(w_hat, w.shape))(states)

    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--held", type=int, default=40, help="test trajectories; about 10 s each to make")
    options = parser.parse_args()
    task = NavierStokes(held=options.held)
    test = task.trajectories("test")
    first, true = np.stack([x["w"] for x in test.inputs]), np.stack(test.outputs["w_next"])
    ends = {
        "products filtered": filtered(task, filterings=1),
        "state filtered too": filtered(task, filterings=FILTERINGS),
        "decay at the end": decaying(task, test.inputs[0]),
    }
    for name, path in ends.items():
        gaps = (np.asarray(jax.jit(jax.vmap(path))(first)) - true).reshape(len(true), -1)
        errors = np.linalg.norm(gaps, axis=1) / np.linalg.norm(true.reshape(len(true), -1), axis=1)
        print(f"{name:20s} {100 * errors.mean():.2f} +- {100 * errors.std() / len(errors) ** 0.5:.2f} %", flush=True)


if __name__ == "__main__":
    main()
