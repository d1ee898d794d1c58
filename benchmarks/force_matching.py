"""Gradient of a force loss: one forward and one reverse derivative beside reverse over reverse, time and compilation.

    python benchmarks/force_matching.py [--methods mace painn] [--channels 32] [--batch 16] [--repetitions 9]

Same network, weights and batch of ethanol (GFN2-xTB geometry, shaken by 0.05 A); mean squared force in the loss. Ratios
above 1 say that `learn.derivatives.misfit_of_derivatives` is faster; calls of both interleave.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from ase.build import molecule

from erlangen import registry
from erlangen.core.systems import Atoms
from erlangen.learn.derivatives import energy_and_forces, misfit_of_derivatives
from erlangen.methods.message_passing._potential import Potential
from erlangen.nn.elements import Elements


def shaken(count: int) -> Atoms:
    """A batch of ethanol molecules."""
    found = molecule("CH3CH2OH")
    rng = np.random.default_rng(0)
    positions = found.positions + 0.05 * rng.standard_normal((count, *found.positions.shape))
    frames = [Atoms(r.astype(np.float32), found.numbers.astype(np.int32)) for r in positions]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *frames)


def squared(found: Any) -> jax.Array:
    return jnp.mean(found["forces"] ** 2)


def forward_then_reverse(potential: Potential, x: Atoms) -> jax.Array:
    return misfit_of_derivatives(Potential.interaction, potential, x, squared)


def reverse_over_reverse(potential: Potential, x: Atoms) -> jax.Array:
    return squared(energy_and_forces(potential.interaction, x))


def compiled(loss: Callable[[Potential, Atoms], Any], params: Any, static: Any, batch: Atoms) -> tuple[Any, float]:
    """The gradient of the mean loss, and the seconds its compilation took."""

    def mean(p: Any, batch: Atoms) -> jax.Array:
        return jnp.mean(jax.vmap(lambda x: loss(eqx.combine(p, static), x))(batch))

    tick = time.perf_counter()
    program = jax.jit(jax.grad(mean)).lower(params, batch).compile()
    return lambda: jax.block_until_ready(program(params, batch)), time.perf_counter() - tick


def seconds(run: Callable[[], Any]) -> float:
    tick = time.perf_counter()
    run()
    return time.perf_counter() - tick


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", default=["mace", "painn"])
    parser.add_argument("--channels", type=int, default=32)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--repetitions", type=int, default=9)
    options = parser.parse_args()
    batch = shaken(options.batch)
    for name in options.methods:
        method = registry.load_method(name)(channels=options.channels)
        network = method.build(3, 8.0, key=jax.random.key(0))
        potential = Potential(network, Elements((1, 6, 8), (0.0,) * 3), 1.0, method.radial.cutoff, None)
        params, static = eqx.partition(potential, eqx.is_inexact_array)
        ours, plain = (compiled(f, params, static, batch) for f in (forward_then_reverse, reverse_over_reverse))
        gap = max(
            float(jnp.max(jnp.abs(a - b)) / (jnp.max(jnp.abs(b)) + 1e-12))
            for a, b in zip(jax.tree.leaves(ours[0]()), jax.tree.leaves(plain[0]()), strict=True)
        )
        times = np.array([[seconds(ours[0]), seconds(plain[0])] for _ in range(options.repetitions)])
        ratio = times[:, 1] / times[:, 0]
        low, high = np.quantile(ratio, [0.1, 0.9])
        print(
            f"{name:6s} gradient {1e3 * np.median(times[:, 0]):.1f} ms, reverse over reverse "
            f"{1e3 * np.median(times[:, 1]):.1f} ms, ratio {np.median(ratio):.2f} [{low:.2f}, {high:.2f}]; "
            f"compilation {ours[1]:.1f} and {plain[1]:.1f} s; largest relative gap {gap:.1e}",
            flush=True,
        )


if __name__ == "__main__":
    main()
