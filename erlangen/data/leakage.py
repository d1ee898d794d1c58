"""What two parts of a data set share: the same structure twice makes a test easier than it looks.

    leaks(a, b, tolerance=None) -> [Leak(a's index, b's index, distance)], closest first
    overlap(train, test) -> Overlap        how many test samples are in the training data, of those that were compared

Molecules count as the same up to rotation, reflection, translation and exchange of atoms of one element, crystals up to
the choice of cell as well; fields and spins where their values agree. 2,000 against 2,000 takes seconds: vectors are
compared through an orthonormal projection on eight axes, which never enlarges a distance, and candidates in full.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..contract import Samples
from ..core.systems import Atoms, Compound, Electrons, Field, System

NUMBERS = 20_000_000  # of all vectors that are compared at once
MOST = 2000  # samples of one side
NEIGHBOURS = 24  # of each atom of a crystal, enough to reach beyond the second shell of close packing


class Leak(NamedTuple):
    """Sample `first` of one part is sample `second` of the other, up to `distance`."""

    first: int
    second: int
    distance: float


def leaks(a: Samples | Sequence[System], b: Samples | Sequence[System], tolerance: float | None = None) -> list[Leak]:
    """Pairs of equal or nearly equal systems, one from each side.

    tolerance: for atoms the root-mean-square difference of sorted interatomic distances in Angstrom (default 0.01; for
    scale: a hydrogen atom moves 0.016 A along an axis in 1 fs at 300 K); for all else the difference relative to the
    root mean square of the values (default 1e-3). Pitfall: mirror images are equal here, since energies are.
    """
    found: list[Leak] = []
    left, right = _buckets(a), _buckets(b)
    for kind in left.keys() & right.keys():
        (rows_a, vectors_a), (rows_b, vectors_b) = left[kind], right[kind]
        x, y = np.stack(vectors_a), np.stack(vectors_b)
        if kind[0] == "atoms":
            radius = 0.01 if tolerance is None else tolerance
            scale = np.sqrt(max(x.shape[1], 1))
        else:
            radius = 1e-3 if tolerance is None else tolerance
            scale = np.sqrt(np.mean(np.sum(x**2, axis=1))) or 1.0
        pairs, distances = near(x / scale, y / scale, radius)
        found += [Leak(rows_a[i], rows_b[j], float(d)) for (i, j), d in zip(pairs.tolist(), distances)]
    return sorted(found, key=lambda leak: leak.distance)


class Overlap(NamedTuple):
    """`shared` of `compared` test samples are training samples, up to the tolerance; `closest`: the least distance."""

    shared: int
    compared: int
    closest: float | None

    def __str__(self) -> str:
        if not self.shared:
            return f"none of {self.compared} test samples is among the training samples"
        return (
            f"{self.shared} of {self.compared} test samples are also training samples, or nearly so (distance from "
            f"{self.closest:.2g}): the test is easier than it looks"
        )


def overlap(train: Samples, test: Samples) -> Overlap:
    """How many test samples the training data hold. Copies, to float32, are found among all of them; what is nearly the
    same, of large sets, in an evenly spread part: 2,000 samples of each side, fewer where their vectors would not fit
    into memory.
    """
    known = {_written(x) for x in train.inputs}
    copies = {i for i, x in enumerate(test.inputs) if _written(x) in known}
    size = max(len(signature(x)[1]) for x in (train.inputs[0], test.inputs[0]))
    most = max(min(MOST, NUMBERS // (2 * size)), 1)
    rows_a, rows_b = (range(0, len(part), max(-(-len(part) // most), 1)) for part in (train, test))
    found = leaks([train.inputs[i] for i in rows_a], [test.inputs[i] for i in rows_b])
    shared = copies | {rows_b[leak.second] for leak in found}
    closest = 0.0 if copies else found[0].distance if found else None
    return Overlap(len(shared), len(test), closest)


def _written(system: System) -> bytes:
    """What a system holds, as a file of single precision would: equal for copies, whatever their precision."""
    held = hashlib.sha256()
    for name, value in sorted(system.numbers.items()):
        single = np.float32 if value.dtype.kind == "f" else np.complex64 if value.dtype.kind == "c" else np.int64
        held.update(f"{name} {value.shape}".encode())
        held.update((value.astype(single) + single(0)).tobytes())  # -0.0 is 0.0
    return held.digest()


def near(x: np.ndarray, y: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """All pairs (i, j) with |x_i - y_j|_2 <= radius, [m, 2], and their distances [m]. Exact, for any dimension."""
    from scipy.spatial import KDTree

    dimension = x.shape[1]
    if dimension > 8:
        # |P (x - y)| <= |x - y| for orthonormal rows of P: no pair is lost, few are left to compare in full.
        axes, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(dimension, 8)))
        small_x, small_y = x @ axes, y @ axes
    else:
        small_x, small_y = x, y
    reach = radius * (1 + 1e-9) + 1e-12  # rounding of the projection
    candidates = KDTree(small_x).query_ball_tree(KDTree(small_y), reach)
    pairs = np.array([(i, j) for i, row in enumerate(candidates) for j in row], int).reshape(-1, 2)
    step = max(1, 10**7 // max(dimension, 1))
    parts = [pairs[k : k + step] for k in range(0, len(pairs), step)]
    distances = [np.linalg.norm(x[p[:, 0]] - y[p[:, 1]], axis=1) for p in parts]
    distance = np.concatenate(distances) if distances else np.zeros(0)
    keep = distance <= radius
    return pairs[keep], distance[keep]


def _buckets(samples: Samples | Sequence[System]) -> dict[Any, tuple[list[int], list[np.ndarray]]]:
    """Systems that can be equal at all, by kind: indices and vectors of one length."""
    found: dict[Any, tuple[list[int], list[np.ndarray]]] = {}
    for i, system in enumerate(samples.inputs if isinstance(samples, Samples) else samples):
        kind, vector = signature(system)
        rows, vectors = found.setdefault(kind, ([], []))
        rows.append(i)
        vectors.append(vector)
    return found


def signature(system: System) -> tuple[tuple[Hashable, ...], np.ndarray]:
    """What must agree exactly, and a vector whose difference measures how far two systems are apart."""
    if isinstance(system, Atoms):
        return _crystal(system) if np.any(system.pbc) else _molecule(system)
    if isinstance(system, Field):
        names = sorted(system.values)
        values = [np.asarray(system.values[n], float) for n in names]
        numbers = sorted((n, float(v)) for n, v in system.parameters.items() if np.size(v) == 1)
        kind = ("field", *names, *(v.shape for v in values), *numbers)
        return kind, np.concatenate([v.ravel() for v in values])
    if isinstance(system, Compound):
        counts = [np.asarray(system.values[name], float) for name in sorted(system.values)]
        return ("compound", *(len(c) for c in counts)), np.concatenate(counts)
    name = "electrons" if isinstance(system, Electrons) else "spins"
    values = np.asarray(getattr(system, name), float)
    return (name, values.shape), values.ravel()


def _molecule(atoms: Atoms) -> tuple[tuple[Hashable, ...], np.ndarray]:
    """Distances sorted within each pair of elements: unchanged by every motion and exchange of like atoms."""
    z, r = _present(atoms)
    if len(z) < 2:
        return ("atoms", *z.tolist()), np.zeros(1)
    i, j = np.triu_indices(len(z), 1)
    distances = np.linalg.norm(r[i] - r[j], axis=1)
    low, high = np.minimum(z[i], z[j]), np.maximum(z[i], z[j])
    order = np.lexsort((distances, high, low))
    return ("atoms", *np.sort(z).tolist()), distances[order]


def _crystal(atoms: Atoms) -> tuple[tuple[Hashable, ...], np.ndarray]:
    """Distances to the k nearest atoms, averaged over the atoms of each element: the same for every choice of cell.

    Average minimum distances, Widdowson et al., MATCH 87, 529 (2022), doi:10.46793/match.87-3.529W.
    """
    z, r = _present(atoms)
    elements, counts = np.unique(z, return_counts=True)
    distances = _nearest(r, np.asarray(atoms.cell, float), np.asarray(atoms.pbc, bool))
    ratio = counts // np.gcd.reduce(counts)
    kind = ("atoms", "periodic", *zip(elements.tolist(), ratio.tolist()))
    return kind, np.concatenate([distances[z == element].mean(axis=0) for element in elements])


def _nearest(r: np.ndarray, cell: np.ndarray, pbc: np.ndarray) -> np.ndarray:
    """[n, NEIGHBOURS] ascending distances to the nearest atoms and images."""
    from scipy.spatial import KDTree

    # A periodic axis of length 0 is none; missing vectors are completed so that the cell can be inverted.
    vectors = cell.copy()
    for axis in np.flatnonzero(~pbc | (np.linalg.norm(cell, axis=1) == 0)):
        others = np.delete(vectors, axis, axis=0)
        normal = np.cross(*others)
        length = np.linalg.norm(normal)
        vectors[axis] = normal / length if length > 0 else np.eye(3)[axis]
    wrapped = r @ np.linalg.inv(vectors)
    wrapped[:, pbc] %= 1.0
    start = wrapped @ vectors
    heights = 1 / np.linalg.norm(np.linalg.inv(vectors), axis=0)
    reach = (NEIGHBOURS * abs(np.linalg.det(vectors)) / len(r)) ** (1 / 3) if pbc.all() else 6.0
    while True:
        span = [range(-n, n + 1) for n in np.where(pbc, np.ceil(reach / heights), 0).astype(int)]
        shifts = np.stack(np.meshgrid(*span, indexing="ij"), -1).reshape(-1, 3) @ vectors
        cloud = (start[None] + shifts[:, None]).reshape(-1, 3)
        if len(cloud) > NEIGHBOURS:
            distances, _ = KDTree(cloud).query(start, k=NEIGHBOURS + 1)
            if np.max(distances) <= reach:
                return np.asarray(distances)[:, 1:]
        reach *= 1.5


def _present(atoms: Atoms) -> tuple[np.ndarray, np.ndarray]:
    numbers = np.asarray(atoms.atomic_numbers)
    real = numbers > 0
    return numbers[real], np.asarray(atoms.positions, float)[real]
