"""Cost of energy and forces against the number of atoms, on lists of neighbours: copper, about 50 neighbours each.

python benchmarks/atoms_scaling.py [--methods painn mace] [--channels 64] [--repetitions 5] [--largest 4096]

One row per size with microseconds per atom of the list (made on the host) and of energy and forces (compiled), and the
exponent p of  time = c n^p  over all sizes. Sizes are measured in turns. Then, in one process and in turns, 512 atoms
with gathers whose derivatives scatter (what JAX finds itself), and with all pairs instead of a list.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import time
from collections.abc import Callable, Mapping
from typing import Any
from unittest import mock

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from ase.build import bulk

from erlangen.core.systems import Atoms
from erlangen.methods.message_passing._potential import Potential
from erlangen.nn.elements import Elements
from erlangen.numerics import neighbour_lists, neighbours

SIZES = {n**3: n for n in (4, 6, 8, 12, 16)}


def crystal(edge: int) -> Atoms:
    """edge^3 atoms of copper, displaced by 0.05 A."""
    copper = bulk("Cu") * (edge, edge, edge)
    copper.rattle(0.05, seed=0)
    return Atoms(copper.positions.astype(np.float32), copper.numbers, copper.cell.array.astype(np.float32), copper.pbc)


def potential(name: str, channels: int) -> Potential:
    """A method with random weights, which cost what trained ones do."""
    module = importlib.import_module(f"erlangen.methods.message_passing.{name}")
    method = dataclasses.replace(module.base, channels=channels)
    network = method.build(1, 50.0, key=jax.random.key(0))
    return Potential(network, Elements((29,), (0.0,)), 1.0, method.radial.cutoff, None)


def measured(programs: Mapping[Any, Callable[[], Any]], repetitions: int) -> dict[Any, float]:
    """Median seconds of each program, taken in turns; the first round compiles and does not count.

    Nor does the first call of every turn: it pays for the memory that the program before has given back.
    """
    times: dict[Any, list[float]] = {name: [] for name in programs}
    for _ in range(repetitions + 1):
        for name, program in programs.items():
            jax.block_until_ready(program())
            start = time.perf_counter()
            jax.block_until_ready(program())
            times[name].append(time.perf_counter() - start)
    return {name: float(np.median(values[1:])) for name, values in times.items()}


def scaling(f: Potential, sizes: list[int], repetitions: int) -> None:
    crystals = {n: crystal(SIZES[n]) for n in sizes}
    run = eqx.filter_jit(f)
    listed: Any = {n: f.prepare(x) for n, x in crystals.items()}
    pairs = {n: x.labels[neighbour_lists.LABEL].mask for n, x in listed.items()}
    making = measured({n: lambda x=x: f.prepare(x) for n, x in crystals.items()}, repetitions)
    answering = measured({n: lambda x=x: run(x) for n, x in listed.items()}, repetitions)
    for n in sizes:
        row = f"{n:6d} atoms  {pairs[n].sum(1).mean():5.1f} neighbours in {pairs[n].shape[1]} columns"
        print(f"{row}  list {1e6 * making[n] / n:6.1f}  energy and forces {1e6 * answering[n] / n:8.1f} us/atom")
    logs = np.log([answering[n] for n in sizes])
    print(f"  time ~ n^{np.polyfit(np.log(sizes), logs, 1)[0]:.2f}\n")


def against_others(f: Potential, repetitions: int) -> None:
    x = crystal(8)
    extent = neighbours.reach(jnp.asarray(x.cell), jnp.asarray(x.pbc), f.cutoff)
    images = neighbours.images_within(np.asarray(extent).tolist())
    dense = eqx.filter_jit(Potential(f.network, f.elements, f.scale, f.cutoff, images))
    with mock.patch.object(neighbours, "send", _indexed), mock.patch.object(neighbour_lists, "send", _indexed):
        y: Any = f.prepare(x)
        indexed = jax.jit(lambda r: f(y.replace(positions=r))).lower(y.positions).compile()
    ours = jax.jit(lambda r: f(y.replace(positions=r))).lower(y.positions).compile()
    programs = {
        "list": lambda: ours(y.positions),
        "list, derivatives by scatter": lambda: indexed(y.positions),
        "all pairs": lambda: dense(x),
    }
    found = measured(programs, repetitions)
    for name, seconds in found.items():
        print(f"  {name:30} {1e6 * seconds / 512:8.1f} us/atom  {seconds / found['list']:6.2f} x")
    print()


def _indexed(x: jax.Array, reverse: jax.Array) -> jax.Array:
    return x[reverse // reverse.shape[-1]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=["painn", "mace"])
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--largest", type=int, default=4096)
    args = parser.parse_args()
    for name in args.methods:
        f = potential(name, args.channels)
        print(f"{name}, {args.channels} channels, cutoff {f.cutoff:g} A, {jax.devices()[0].platform}")
        scaling(f, [n for n in SIZES if n <= args.largest], args.repetitions)
        against_others(f, args.repetitions)


if __name__ == "__main__":
    main()
