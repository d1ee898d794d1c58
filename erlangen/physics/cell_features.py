"""What a pattern says about its crystal system: numbers from the best cells of all lattices, for a learned head.

    describe(2theta, y) -> features [FEATURES], lengths [7, 3]

Of every lattice: its evidence beside that of the best one, how many lines it has and has met, how well, its volume; the
posterior over lattices; and what in a hexagonal cell tells screws and glides: how many lines 00l (l odd; l no multiple
of 3), h0l and hhl (l odd) are there. lengths: a <= b <= c of the conventional cell in each system of `random_crystals`.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from .cell_search import CENTRES, Metric, search
from .cell_trials import LATTICES, indices, terms
from .diffraction import wavelengths
from .peak_search import find_peaks

WEAKEST = 0.006  # of the highest peak
LAST, ENOUGH = 60.0, 24  # degrees: lines beyond overlap; unless there are fewer
WIDTH = 0.15  # degrees, typical
UNKNOWNS = {
    "cubic": 1,
    "tetragonal": 2,
    "hexagonal": 2,
    "rhombohedral": 2,
    "orthorhombic": 3,
    "monoclinic": 4,
    "triclinic": 6,
}
PRICE = 2.5  # of evidence, that a further unknown gains by chance
POINTS = {"P": 1, "A": 2, "B": 2, "C": 2, "I": 2, "F": 4, "R": 3}  # lattice points in a cell
WORST = 40.0  # of evidence, below the best
PER_LATTICE = 7
FEATURES = PER_LATTICE * len(LATTICES) + 12


def lines_of(
    two_theta: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], radiation: str | float = "CuKa"
) -> tuple[Float[np.ndarray, " k"], float]:
    """Low lines of a pattern where the first wavelength puts them, and that wavelength.

    Two lines of an anode that are not resolved have their top at the mean, a third of the way to the second.
    """
    found = find_peaks(two_theta, y, weakest=WEAKEST).two_theta
    first, *others = wavelengths(radiation)
    found = found[: max(int(np.sum(found < LAST)), ENOUGH)]
    for wavelength, weight in others:
        split = np.rad2deg(2 * np.tan(np.deg2rad(found / 2)) * (wavelength / first[0] - 1))
        found = found - weight * split * np.clip(1 - split / WIDTH, 0, 1)
    return np.sort(found), first[0]


def describe(
    two_theta: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], radiation: str | float = "CuKa"
) -> tuple[Float[np.ndarray, " f"], Float[np.ndarray, "7 3"]]:
    """Features and the lengths of the best cell in every system."""
    lines, wavelength = lines_of(two_theta, y, radiation)
    found = search(lines, wavelength)
    return features(found, lines, wavelength), all_lengths(found)


def features(found: dict[str, Metric], lines: Float[np.ndarray, " k"], wavelength: float) -> Float[np.ndarray, " f"]:
    """Of the best cells of the lattices; every number finite, whatever was found."""
    n = max(len(lines), 1)
    worth = {name: one.evidence - PRICE * UNKNOWNS[name] for name, one in found.items()}
    best = max(worth.values(), default=0.0)
    gaps = np.array([np.clip(worth.get(name, -np.inf) - best, -WORST, 0.0) for name in LATTICES])
    posterior = np.exp(gaps) / np.exp(gaps).sum()
    rows = []
    for i, name in enumerate(LATTICES):
        one = found.get(name)
        own = (
            (one.evidence / n, one.met, one.gap, one.lines / n, np.log(volume(one))) if one else (-1.0, 0, 0.1, 0, 9.0)
        )
        rows.append((gaps[i], posterior[i], *own))
    low = np.pad(lines[:3], (0, 3 - len(lines[:3])))
    about = (n, best / n, n / max(lines[-1] - lines[0], 1.0) if len(lines) else 0.0, *low)
    return np.array([*np.ravel(rows), *about, *_absences(found.get("hexagonal"), lines, wavelength)])


def volume(one: Metric) -> float:
    """Of the primitive cell [A^3]."""
    return float(abs(np.linalg.det(one.cell))) / POINTS[one.centring[0]]


def all_lengths(found: dict[str, Metric]) -> Float[np.ndarray, "7 3"]:
    """Conventional a <= b <= c in every system; where its lattice was not found, those of the best that was."""
    if not found:
        return np.full((len(LATTICES), 3), 5.0)
    best = max(found.values(), key=lambda one: one.evidence)
    rows = []
    for name in LATTICES:
        one = found.get(name, best)
        if name == "rhombohedral" and "hexagonal" in found:  # trigonal crystals have either lattice
            one = max((one, found["hexagonal"]), key=lambda each: each.evidence)
        rows.append(lengths(one))
    return np.array(rows)


def lengths(one: Metric) -> Float[np.ndarray, " 3"]:
    """Conventional lengths by size [A]."""
    return np.sort(np.linalg.norm(conventional(one), axis=1))


def conventional(one: Metric) -> Float[np.ndarray, "3 3"]:
    """Lattice vectors in rows [A]; of oblique lattices in spglib's choice of axes."""
    import spglib

    cell = one.cell
    if one.lattice not in ("monoclinic", "triclinic"):
        return cell
    if one.centring == "Pn":  # a and c are reduced: the glide is along the shorter diagonal, which is c by convention
        a, b, c = cell
        return np.array([min(a, c, key=np.linalg.norm), b, a + c])
    places = np.array([(0.0, 0, 0), *CENTRES[one.centring[0]]])
    found = spglib.get_symmetry_dataset((cell, places, [1] * len(places)), symprec=1e-4)  # type: ignore[arg-type]
    return cell if found is None else np.asarray(found.std_lattice)


def _absences(one: Metric | None, lines: Float[np.ndarray, " k"], wavelength: float) -> tuple[float, ...]:
    """Shares of lines of four classes that are there, by which a hexagonal cell says screws and glides; 0.5 where there
    is none. Last: of all lines, and of 00l with l = 6, 12.
    """
    if one is None or len(lines) < 4:
        return (0.5,) * 6
    hkl = indices("hexagonal", 9)
    q = terms("hexagonal", hkl) @ one.coefficients[[0, 2]]
    sine = 0.5 * wavelength * np.sqrt(q)
    places = 2 * np.rad2deg(np.arcsin(np.minimum(sine, 1.0))) + one.offset
    seen = (sine < 1) & (places < lines[-1] + 0.1) & (places > lines[0] - 3)
    hkl, places = hkl[seen], places[seen]
    if not len(places):
        return (0.5,) * 6
    there = np.abs(places[:, None] - lines).min(1) < 0.08
    h, k, l = np.abs(hkl).T
    axial = (h == 0) & (k == 0)
    classes = (
        axial & (l % 2 == 1),
        axial & (l % 3 != 0),
        (k == 0) & (h > 0) & (l % 2 == 1),
        (h == k) & (h > 0) & (l % 2 == 1),
        h >= 0,
        axial & (l % 6 == 0),
    )
    shares = [float(there[c].mean()) if c.any() else 0.5 for c in classes]
    return tuple(shares)
