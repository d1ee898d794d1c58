"""Reading frames of 15 atoms, plain and xz-compressed, against ase.io.read; the leak search against brute force.

python benchmarks/read_atoms.py
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import ase.io
import numpy as np

from erlangen.core.systems import Atoms
from erlangen.data.leakage import leaks, signature
from erlangen.data.readers import Frame, read_atoms, write_atoms

REPETITIONS = 5


def seconds(action: Callable[[], object], repetitions: int = REPETITIONS) -> tuple[float, float]:
    """Median and spread (half the range) of the wall time."""
    found = []
    for _ in range(repetitions):
        start = time.perf_counter()
        action()
        found.append(time.perf_counter() - start)
    return statistics.median(found), (max(found) - min(found)) / 2


def line(name: str, ours: tuple[float, float], peer: tuple[float, float]) -> None:
    print(
        f"{name:34} ours {ours[0]:7.3f} +- {ours[1]:.3f} s   peer {peer[0]:7.3f} +- {peer[1]:.3f} s   "
        f"peer / ours {peer[0] / ours[0]:7.1f}"
    )


def frames(count: int) -> list[Frame]:
    rng = np.random.default_rng(0)
    numbers, shape = np.repeat([6, 8, 1], [5, 2, 8]), rng.normal(size=(15, 3)) * 2
    return [
        Frame(
            Atoms(shape + rng.normal(size=(15, 3)) * 0.1, numbers),
            {"energy": -9391.0 + rng.normal(), "forces": rng.normal(size=(15, 3))},
        )
        for _ in range(count)
    ]


def all_pairs(a: list[Atoms], b: list[Atoms]) -> int:
    x, y = (np.stack([signature(atoms)[1] for atoms in side]) for side in (a, b))
    return sum(int((np.sqrt(np.mean((row - y) ** 2, axis=1)) < 0.01).sum()) for row in x)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, count in (("frames.xyz", 1000), ("frames.xyz.xz", 100)):
            path = Path(folder) / name
            write_atoms(path, frames(count))
            line(
                f"read {count} frames, {name}",
                seconds(lambda path=path: read_atoms(path)),
                seconds(lambda path=path: ase.io.read(path, ":", format="extxyz")),
            )
    a, b = [f.atoms for f in frames(4000)[:2000]], [f.atoms for f in frames(4000)[2000:]]
    line("leaks, 2,000 x 2,000, 15 atoms", seconds(lambda: leaks(a, b)), seconds(lambda: all_pairs(a, b)))


if __name__ == "__main__":
    main()
