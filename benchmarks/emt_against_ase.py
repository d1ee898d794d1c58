"""Structures per second of effective medium theory in batches, beside ASE's own, and how far the two differ.

    python benchmarks/emt_against_ase.py [--atoms 32 108] [--count 64] [--repetitions 5]

Copper with a third of gold, strained by up to 2 % and shaken by 0.1 A, each structure another. One answer is energy,
forces and stress. Ours: lists of neighbours made on the host one by one, then the batch in one compiled call, and both
are counted; compiling is not, once per shape. ASE: a fresh structure given to one calculator, as in a loop over a file.
Programs are measured in turns; the median counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from erlangen.app.calculator import as_container
from erlangen.learn.batching import stacked
from erlangen.numerics.precision import double
from erlangen.physics.interatomic.emt import EffectiveMedium

BLOCKS = {32: (2, 2, 2), 108: (3, 3, 3)}  # of the cubic cell
LAW = EffectiveMedium()
ANSWER = jax.jit(lambda batch: jax.lax.map(LAW.mechanics, batch))  # one at a time stays in the cache of a core


def structures(atoms: int, count: int) -> list[Atoms]:
    """Alloys of that many atoms."""
    found, random = [], np.random.default_rng(0)
    for _ in range(count):
        one = bulk("Cu", cubic=True, a=3.75) * BLOCKS[atoms]
        strain = random.uniform(-0.02, 0.02, (3, 3))
        one.set_cell(one.cell.array @ (np.eye(3) + (strain + strain.T) / 2), scale_atoms=True)
        one.positions += random.normal(0, 0.1, (atoms, 3))
        one.numbers[random.permutation(atoms)[: atoms // 3]] = 79
        found.append(one)
    return found


def lists(given: list[Atoms], shape: tuple[int, int] = (0, 0)) -> tuple[Any, tuple[int, int]]:
    """One batch with lists of neighbours."""
    return stacked([LAW.prepare(as_container(atoms)) for atoms in given], shape)


def theirs(given: list[Atoms]) -> list[dict[str, np.ndarray]]:
    """Energy, forces and stress by ASE."""
    calculator, found = EMT(), []
    for atoms in given:
        calculator.calculate(atoms)
        found.append({name: np.array(calculator.results[name]) for name in ("energy", "forces")})
        found[-1]["stress"] = np.array(atoms_stress(calculator))
    return found


def atoms_stress(calculator: EMT) -> np.ndarray:
    """As a matrix, of the last structure."""
    xx, yy, zz, yz, xz, xy = calculator.results["stress"]
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])


def seconds(program: Callable[[], Any]) -> float:
    """Of one call."""
    start = time.perf_counter()
    program()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--atoms", type=int, nargs="+", default=[32, 108], choices=sorted(BLOCKS))
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    for atoms in options.atoms:
        given = structures(atoms, options.count)
        with double():
            batch, shape = lists(given)
            first = seconds(lambda: jax.block_until_ready(ANSWER(batch)))
            ours, reference = jax.device_get(ANSWER(batch)), theirs(given)
            gaps = {
                name: max(np.abs(ours[name][i] - one[name]).max() for i, one in enumerate(reference))
                for name in ("energy", "forces", "stress")
            }
            times: dict[str, list[float]] = {"lists": [], "compiled": [], "ASE": []}
            for _ in range(options.repetitions):
                times["lists"].append(seconds(lambda: lists(given, shape)))
                times["compiled"].append(seconds(lambda: jax.block_until_ready(ANSWER(batch))))
                times["ASE"].append(seconds(lambda: theirs(given[: max(options.count // 8, 1)])))
        rate = {name: options.count / float(np.median(t)) for name, t in times.items()}
        rate["ASE"] *= max(options.count // 8, 1) / options.count
        both = 1 / (1 / rate["lists"] + 1 / rate["compiled"])
        print(f"{atoms} atoms, {options.count} structures, {shape[1]} columns; compiled in {first:.1f} s")
        print(f"  largest difference: {', '.join(f'{name} {gap:.1e}' for name, gap in gaps.items())} (eV, A)")
        print(f"  structures/s: {both:.0f} with lists, {rate['compiled']:.0f} on lists; ASE {rate['ASE']:.1f}")
        print(
            f"  ratio: {both / rate['ASE']:.0f} with lists, {rate['compiled'] / rate['ASE']:.0f} on lists", flush=True
        )


if __name__ == "__main__":
    main()
