"""Our flow solvers beside exponax: same equation, scheme, grid, step and precision; same answer, time as a ratio.

    python -m pip install -r benchmarks/requirements.txt
    python benchmarks/solver_against_exponax.py [--repeats 21]

Both run in one process, 100 steps per call inside one compiled loop, repetitions interleaved; a ratio above 1 says that
we are faster. exponax counts vorticity clockwise: its w is our -w, and so is its forcing.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import exponax as ex
import jax
import jax.numpy as jnp
import numpy as np

from erlangen.physics import fluids
from erlangen.physics.random_fields import smooth_field

STEPS, VISCOSITY, TAU = 100, 0.02, 2 * np.pi


def burgers(n: int, order: int, dt: float) -> tuple[Callable, Callable]:
    settings = {"diffusivity": VISCOSITY, "single_channel": True, "conservative": True, "order": order}
    peer = ex.repeat(ex.stepper.Burgers(1, TAU, n, dt, **settings), STEPS)

    def ours(u):
        return fluids.burgers(u, viscosity=VISCOSITY, dt=STEPS * dt, steps=STEPS, order=order)[0]

    return ours, lambda u: peer(u[None])[0]


def kolmogorov(n: int, order: int, dt: float) -> tuple[Callable, Callable]:
    settings = {"diffusivity": VISCOSITY, "drag": -0.1, "injection_mode": 4, "order": order}
    peer = ex.repeat(ex.stepper.KolmogorovFlowVorticity(2, TAU, n, dt, **settings), STEPS)
    source = -fluids.kolmogorov_source(n, 4)

    def ours(w):
        flow = {"viscosity": VISCOSITY, "drag": 0.1, "source": source}
        return fluids.vorticity(w, dt=STEPS * dt, steps=STEPS, order=order, **flow)[0]

    return ours, lambda w: -peer(-w[None])[0]


def compare(name: str, pair: tuple[Callable, Callable], field: jax.Array, order: int, repeats: int) -> None:
    ours, peer = (jax.jit(f) for f in pair)
    a, b = ours(field), peer(field)
    gap = float(jnp.abs(a - b).max() / jnp.abs(b).max())
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for f, times in zip((ours, peer), seconds):
            start = time.perf_counter()
            f(field).block_until_ready()
            times.append(time.perf_counter() - start)
    mine, theirs = (np.array(t) / STEPS * 1e3 for t in seconds)
    ratios = theirs / mine
    low, high = np.quantile(ratios, [0.25, 0.75])
    print(
        f"{name:11}{'x'.join(map(str, field.shape)):>8} {field.dtype!s:8} order {order}  gap {gap:.1e}  "
        f"ours {np.median(mine):7.4f}  exponax {np.median(theirs):7.4f} ms/step  "
        f"ratio {np.median(ratios):.2f} [{low:.2f}, {high:.2f}]",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=21)
    repeats = parser.parse_args().repeats
    for dtype in ("float64", "float32"):
        with jax.enable_x64(dtype == "float64"):
            for order in (2, 4):
                for n in (128, 512):
                    field = smooth_field((n,), modes=3, rms=0.3, dtype=jnp.dtype(dtype), key=jax.random.key(0))
                    compare("Burgers", burgers(n, order, 2e-3), field, order, repeats)
                for n in (64, 128):
                    field = smooth_field((n, n), modes=3, dtype=jnp.dtype(dtype), key=jax.random.key(0))
                    compare("Kolmogorov", kolmogorov(n, order, 2e-3), field, order, repeats)


if __name__ == "__main__":
    main()
