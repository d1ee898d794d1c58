"""Structures per second of effective medium theory in batches, beside ASE's own, and how far the two differ.

    python benchmarks/emt_against_ase.py [--atoms 32 108] [--count 64] [--repetitions 5]

Copper with a third of gold, strained by up to 2 % and shaken by 0.1 A, each structure another. One answer is energy,
forces and stress. Two cases, with programs measured in turns, in the medians of wall time; compiling does not count:

fresh   structures that were never seen: ours with a list of neighbours made on the host for each, and without; ASE with
        one calculator that is given one structure after the other, as in a loop over a file
moved   atoms that have moved by 0.001 A, as in dynamics: both sides keep their lists
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


def kept(given: list[Atoms]) -> list[tuple[EMT, Atoms]]:
    """Calculators that hold a list of neighbours, each with its structure."""
    found = [(EMT(), atoms.copy()) for atoms in given]
    for calculator, atoms in found:
        calculator.calculate(atoms)
    return found


def moved(pairs: list[tuple[EMT, Atoms]]) -> None:
    """ASE once more, after a small step."""
    for calculator, atoms in pairs:
        atoms.positions += np.random.default_rng(0).normal(0, 1e-3, atoms.positions.shape)
        calculator.calculate(atoms, system_changes=["positions"])


def seconds(program: Callable[[], Any]) -> float:
    """Of one call."""
    start = time.perf_counter()
    program()
    return time.perf_counter() - start


def rates(given: list[Atoms], batch: Any, shape: tuple[int, int], repetitions: int) -> dict[str, float]:
    """Structures per second; ASE on an eighth of them."""
    few = given[: max(len(given) // 8, 1)]
    held = kept(few)
    programs: dict[str, tuple[int, Callable[[], Any]]] = {
        "lists": (len(given), lambda: lists(given, shape)),
        "compiled": (len(given), lambda: jax.block_until_ready(ANSWER(batch))),
        "ASE fresh": (len(few), lambda: theirs(few)),
        "ASE moved": (len(few), lambda: moved(held)),
    }
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(repetitions):
        for name, (_, program) in programs.items():
            times[name].append(seconds(program))
    return {name: count / float(np.median(times[name])) for name, (count, _) in programs.items()}


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
            rate = rates(given, jax.device_put(batch), shape, options.repetitions)
        gaps = {
            name: max(np.abs(ours[name][i] - one[name]).max() for i, one in enumerate(reference))
            for name in ("energy", "forces", "stress")
        }
        both = 1 / (1 / rate["lists"] + 1 / rate["compiled"])
        fresh, step = rate["ASE fresh"], rate["ASE moved"]
        print(f"{atoms} atoms, {options.count} structures, {shape[1]} columns; compiled in {first:.1f} s")
        print(f"  largest difference: {', '.join(f'{name} {gap:.1e}' for name, gap in gaps.items())} (eV, A)")
        print(f"  structures/s: {rate['compiled']:.0f}, with lists {both:.0f}; ASE fresh {fresh:.1f}, moved {step:.1f}")
        print(
            f"  ratio: fresh {rate['compiled'] / fresh:.1f}, with our lists counted {both / fresh:.1f};"
            f" moved {rate['compiled'] / step:.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
