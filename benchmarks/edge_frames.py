"""Convolution over neighbours: Clebsch-Gordan products against the frame of each edge, by degree.

python benchmarks/edge_frames.py [--atoms 64] [--channels 32] [--repetitions 5]: one row per lmax with microseconds per
edge of both, forward and with gradients, measured in turns in one process, and the ratio.
"""

from __future__ import annotations

import argparse
import time

import jax
import jax.numpy as jnp
import numpy as np

from erlangen.core.spherical_harmonics import spherical_harmonics
from erlangen.nn.edge_frames import EdgeFrames, edge_convolution, frame_weights
from erlangen.nn.tensor_product import coupling_paths, tensor_product


def energies(lmax: int):
    """The same scalar of messages by both ways, as functions of directions, features and weights."""
    degrees = range(lmax + 1)

    def plain(n, x, weights):
        y = spherical_harmonics(n, lmax)
        return total(tensor_product(x, {l: y[..., l * l : (l + 1) ** 2, None] for l in degrees}, weights))

    def frames(n, x, weights):
        return total(edge_convolution(x, EdgeFrames.of(n, lmax), frame_weights(weights)))

    def total(messages):
        return sum(jnp.sum(jnp.tanh(jnp.sum(part, -3))) for part in messages.values())

    return plain, frames


def measure(lmax: int, atoms: int, channels: int, repetitions: int) -> list[float]:
    rng, degrees, shape = np.random.default_rng(0), range(lmax + 1), (atoms, 24)
    n = rng.normal(size=(*shape, 3))
    n = jnp.asarray(n / np.linalg.norm(n, axis=-1, keepdims=True), jnp.float32)
    x = {l: jnp.asarray(rng.normal(size=(*shape, 2 * l + 1, channels)), jnp.float32) for l in degrees}
    paths = coupling_paths(degrees, degrees, degrees)
    weights = {p: jnp.asarray(rng.normal(size=(*shape, channels)), jnp.float32) for p in paths}
    programs = []
    for energy in energies(lmax):
        programs += [jax.jit(energy), jax.jit(jax.grad(energy, (0, 1, 2)))]
    programs = [p.lower(n, x, weights).compile() for p in programs]
    times = np.zeros((repetitions, len(programs)))
    for row in times:
        for i, program in enumerate(programs):
            start = time.perf_counter()
            jax.block_until_ready(program(n, x, weights))
            row[i] = time.perf_counter() - start
    return list(np.median(times, 0) / (atoms * 24) * 1e6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--atoms", type=int, default=64)
    parser.add_argument("--channels", type=int, default=32)
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    print(f"{'lmax':>4} {'CG':>10} {'frames':>10} {'ratio':>6}", end=" ")
    print(f"{'CG grad':>10} {'frames grad':>12} {'ratio':>6}  [us/edge]")
    for lmax in (1, 2, 3, 4):
        cg, cg_grad, frames, frames_grad = measure(lmax, options.atoms, options.channels, options.repetitions)
        values = (cg, frames, cg / frames, cg_grad, frames_grad, cg_grad / frames_grad)
        print(f"{lmax:>4} {values[0]:>10.2f} {values[1]:>10.2f} {values[2]:>6.2f}", end=" ")
        print(f"{values[3]:>10.2f} {values[4]:>12.2f} {values[5]:>6.2f}", flush=True)


if __name__ == "__main__":
    main()
