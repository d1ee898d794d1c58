"""Metrics of cells that low lines of a pattern may mean, lattice by lattice.

    Q = h^2 A + k^2 B + l^2 C + k l D + h l E + h k F,      as many of A to F as the lattice leaves free

Down to orthorhombic lattices every choice of low lines with every choice of low indices. Monoclinic: A, B, C from axes
or sums of two of them, E from any line that has it. Triclinic: three reciprocal vectors among the lowest lines (or half
of one), their angles from sums and differences. After de Wolff 1957, doi:10.1107/S0365110X57002066 (zones) and Louër
and Louër 1972, doi:10.1107/S0021889872009483.
"""

from __future__ import annotations

import functools
import itertools

import numpy as np
from jaxtyping import Bool, Float, Int

LATTICES = ("triclinic", "monoclinic", "orthorhombic", "tetragonal", "rhombohedral", "hexagonal", "cubic")
CENTRINGS = {  # with the plane that glides, whose absences halve the cells of a zone
    "triclinic": ("P",),
    "monoclinic": ("P", "A", "C", "I", "Pa", "Pc", "Pn", "Aa", "Cc", "Ia"),
    "orthorhombic": tuple("PIFABC"),
    "tetragonal": tuple("PI"),
    "rhombohedral": ("R",),
    "hexagonal": ("P",),
    "cubic": tuple("PIF"),
}
VOLUME = (8.0, 2500.0)  # A^3
TRIALS = 250_000  # of one lattice and offset, more are thinned
CROSSING = ((1, 0, 1), (1, 1, 1), (1, 0, 2), (2, 0, 1), (1, 1, 2), (2, 1, 1), (1, 2, 1))  # lines that tell E


def reflects(centring: str, hkl: Int[np.ndarray, "m 3"]) -> Bool[np.ndarray, " m"]:
    """Which reflections a centring leaves (R: obverse, of a hexagonal cell)."""
    h, k, l = hkl.T
    return {
        "P": h == h,
        "I": (h + k + l) % 2 == 0,
        "F": ((h + k) % 2 == 0) & ((k + l) % 2 == 0),
        "A": (k + l) % 2 == 0,
        "B": (h + l) % 2 == 0,
        "C": (h + k) % 2 == 0,
        "R": (-h + k + l) % 3 == 0,
    }[centring]


@functools.cache
def indices(lattice: str, most: int, centring: str = "P") -> Int[np.ndarray, "m 3"]:
    """One reflection of each family of different Q up to an index, of low indices first."""
    reach = np.arange(-most, most + 1)
    hkl = np.stack(np.meshgrid(reach, reach, reach, indexing="ij"), -1).reshape(-1, 3)
    h, k, l = hkl.T
    hkl = hkl[(h > 0) | ((h == 0) & ((k > 0) | ((k == 0) & (l > 0))))]
    h, k, l = hkl.T
    glides = {"": h == h, "a": h % 2 == 0, "c": l % 2 == 0, "n": (h + l) % 2 == 0}
    hkl = hkl[reflects(centring[0], hkl) & ((k != 0) | glides[centring[1:]])]
    _, first = np.unique(terms(lattice, hkl), axis=0, return_index=True)
    hkl = hkl[first]
    return hkl[np.argsort((hkl**2).sum(1), kind="stable")]


def terms(lattice: str, hkl: Int[np.ndarray, "m 3"]) -> Int[np.ndarray, "m p"]:
    """Coefficients of the unknowns of a lattice."""
    h, k, l = hkl.T
    return np.stack(
        {
            "cubic": (h * h + k * k + l * l,),
            "tetragonal": (h * h + k * k, l * l),
            "hexagonal": (h * h + h * k + k * k, l * l),
            "rhombohedral": (h * h + h * k + k * k, l * l),
            "orthorhombic": (h * h, k * k, l * l),
            "monoclinic": (h * h, k * k, l * l, h * l),
            "triclinic": (h * h, k * k, l * l, k * l, h * l, h * k),
        }[lattice],
        1,
    )


def coefficients(lattice: str, metric: Float[np.ndarray, "c p"]) -> Float[np.ndarray, "c 6"]:
    """A..F of the unknowns."""
    zero = np.zeros(len(metric))
    m = list(metric.T)
    return np.stack(
        {
            1: lambda: (m[0], m[0], m[0], zero, zero, zero),
            2: lambda: (m[0], m[0], m[1], zero, zero, m[0] if lattice in ("hexagonal", "rhombohedral") else zero),
            3: lambda: (*m, zero, zero, zero),
            4: lambda: (m[0], m[1], m[2], zero, m[3], zero),
            6: lambda: tuple(m),
        }[len(m)](),
        1,
    )


def trials_of(lattice: str, q: Float[np.ndarray, " n"]) -> Float[np.ndarray, "c p"]:
    """Metrics from the lowest lines."""
    if lattice == "triclinic":
        return _of_vectors(q)
    if lattice == "monoclinic":
        return _of_zones(q)
    return _of_pairs(lattice, q)


def _of_pairs(lattice: str, q: Float[np.ndarray, " n"]) -> Float[np.ndarray, "c p"]:
    """Every choice of p lines with every choice of low indices for them."""
    inverse = _inverses(lattice)
    p = inverse.shape[-1]
    chosen = np.array(list(itertools.combinations(range(min(8 if p == 2 else 6, len(q))), p)))
    return np.einsum("ipq,cq->cip", inverse, q[chosen]).reshape(-1, p)


@functools.cache
def _inverses(lattice: str) -> Float[np.ndarray, "i p p"]:
    """Of all choices of low rows, of every centring, the inverses of their matrices."""
    found = []
    for centring in CENTRINGS[lattice]:
        rows = terms(lattice, indices(lattice, 4, centring)).astype(float)
        p = rows.shape[1]
        few = min({1: 20, 2: 28, 3: 14 if centring == "P" else 9}[p], len(rows))
        matrices = rows[:few][np.array(list(itertools.permutations(range(few), p)))]
        found.append(matrices[np.abs(np.linalg.det(matrices)) > 0.5])
    return np.linalg.inv(np.unique(np.concatenate(found), axis=0))


def _of_zones(q: Float[np.ndarray, " n"]) -> Float[np.ndarray, "c 4"]:
    """Monoclinic: A, B, C from three low lines of h00, 0k0, 00l or sums of two of them, E from a fourth."""
    low, more = q[:8], q[:12]
    axes = np.concatenate([low, low / 4])
    b = np.concatenate([q[:7], q[:7] / 4])[:, None]
    sides = np.concatenate([np.broadcast_to(axes, (len(b), len(axes))), low - b, low - 4 * b], 1)
    i, j = np.triu_indices(sides.shape[1], 1)
    plain = np.stack([sides[:, i], np.broadcast_to(b, (len(b), len(i))), sides[:, j]], -1).reshape(-1, 3)
    a, b = (one.ravel() for one in np.meshgrid(axes, low, indexing="ij"))
    b = (b - a)[:, None]
    sides = np.concatenate([np.broadcast_to(axes, (len(b), len(axes))), low - b], 1)
    mixed = np.stack(np.broadcast_arrays(a[:, None], b, sides), -1).reshape(-1, 3)
    three = np.concatenate([plain, mixed])
    a, b, c = three[is_sound("orthorhombic", three)].T[:, :, None]
    e = [(more - h * h * a - k * k * b - l * l * c) / (h * l) for h, k, l in CROSSING]
    e = np.abs(np.concatenate([*e, 0 * a], 1))
    zone, which = np.nonzero(e <= 1.02 * np.minimum(a, c))
    return np.stack([a[zone, 0], b[zone, 0], c[zone, 0], e[zone, which]], 1)


def _of_vectors(q: Float[np.ndarray, " n"]) -> Float[np.ndarray, "c 6"]:
    """Triclinic: three reciprocal vectors from low lines, their angles from lines of their sums or differences."""
    low, more = q[:7], q[:14]
    found = []
    for three in itertools.combinations(low, 3):
        for halved in (None, 0, 1, 2):
            a, b, c = (v / 4 if i == halved else v for i, v in enumerate(three))
            sides = []
            for u, v in ((b, c), (a, c), (a, b)):
                cross = np.abs(np.concatenate([more - u - v, (more - 4 * u - v) / 2, (more - u - 4 * v) / 2]))
                sides.append(np.unique(cross[cross <= 1.02 * min(u, v)]))
            d, e, f = (one.ravel() for one in np.meshgrid(*sides, indexing="ij"))
            for sign in (1, -1):
                found.append(np.stack([*np.full((3, len(d)), [[a], [b], [c]]), d, e, sign * f], 1))
    return np.concatenate(found) if found else np.zeros((0, 6))


def sound(lattice: str, metrics: Float[np.ndarray, "c p"]) -> Float[np.ndarray, "k p"]:
    """Those of `is_sound`."""
    return metrics[is_sound(lattice, metrics)]


def is_sound(lattice: str, metrics: Float[np.ndarray, "c p"]) -> Bool[np.ndarray, " c"]:
    """Positive metrics of cells of a usual volume and shape."""
    a, b, c, d, e, f = coefficients(lattice, metrics).T
    square = a * b * c + d * e * f / 4 - (a * d * d + b * e * e + c * f * f) / 4
    least = np.minimum(np.minimum(a, b), c)
    kept = (least > 1 / 40.0**2) & (np.maximum(np.maximum(a, b), c) < 1 / 1.8**2)
    return kept & (square < 1 / VOLUME[0] ** 2) & (square > 1 / VOLUME[1] ** 2) & (square > 0.2 * a * b * c)
