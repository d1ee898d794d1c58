"""Indexing: the cell whose lines are the observed ones, found by trial.

    Q = 1/d^2 = 4 sin^2(theta) / lambda^2 = h^2 A + k^2 B + l^2 C + h l E           (fewer unknowns, the more symmetry)
    M_N = Q_N / (2 <|Q_obs - Q_calc|> N_calc)              de Wolff 1968, doi:10.1107/S002188986800508X

For each system some of the lowest lines get low indices, the metric follows from as many linear equations, and the
merit says how well it explains the first N lines without many others; the best are refined by least squares. Cubic to
orthorhombic cells are tried exhaustively, monoclinic ones by a fixed number of draws. Positions cannot tell a trigonal
from a hexagonal cell but by R centring, and triclinic is what nothing explains. After Louër and Louër 1972,
doi:10.1107/S0021889872009483 and Le Bail 2004, doi:10.1154/1.1763152.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools

import numpy as np
from jaxtyping import Float, Int

from .cell_trials import reflects
from .peak_search import find_peaks

COPPER = 1.5418  # A: both K alpha lines, where they are not resolved
DRAWS = 60_000  # of monoclinic trials
TOLERANCE = 2e-4  # 1/A^2: no merit for agreement beyond that of the positions
VOLUME = (10.0, 6000.0)  # A^3
BOUND = 8.0  # merit below which nothing is believed
MOST = {"cubic": 6, "tetragonal": 6, "hexagonal": 6, "orthorhombic": 5, "monoclinic": 4}  # index
FEW = {"cubic": 12, "tetragonal": 16, "hexagonal": 16, "orthorhombic": 16, "monoclinic": 22}  # rows for trials
CENTRINGS = {"cubic": "PIF", "tetragonal": "PI", "hexagonal": "PR", "orthorhombic": "PIFABC", "monoclinic": "PACI"}
FALLBACK = (4.0, 5.5, 9.0)  # A: where there are hardly any lines
# how many times the merit of the next lower system is worth, since a lower one can always do as well
SYSTEMS = {"cubic": 6, "tetragonal": 3, "hexagonal": 5, "orthorhombic": 2, "monoclinic": 1}
TRIGONAL, TRICLINIC = 4, 0


@dataclasses.dataclass(frozen=True)
class Cell:
    """lengths [3] in A and angles [3] in degrees; system: place in `random_crystals.SYSTEMS`; merit: M_N."""

    lengths: Float[np.ndarray, " 3"]
    angles: Float[np.ndarray, " 3"]
    system: int
    merit: float


def index_pattern(
    two_theta: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], wavelength: float = COPPER, lines: int = 16
) -> Cell:
    """The cell of a pattern from its first `lines` peaks."""
    found = find_peaks(two_theta, y, weakest=0.01)
    return index_lines(found.two_theta[: lines + 4], wavelength, lines)


def index_lines(two_theta: Float[np.ndarray, " n"], wavelength: float = COPPER, lines: int = 16) -> Cell:
    """The cell of highest merit, where several systems come near the one of highest symmetry."""
    q = 4 * np.sin(np.deg2rad(two_theta / 2)) ** 2 / wavelength**2
    q = q[:lines]
    if len(q) < 4:
        return Cell(np.array(FALLBACK), np.full(3, 90.0), TRICLINIC, 0.0)
    found = [_best(name, q) for name in SYSTEMS]
    top = max(cell.merit for cell in found)
    chosen = next(cell for cell in found if cell.merit >= 0.7 * top)
    return chosen if top >= BOUND else dataclasses.replace(chosen, system=TRICLINIC)


def terms(system: str, hkl: Int[np.ndarray, "m 3"]) -> Float[np.ndarray, "m p"]:
    """Coefficients of the unknowns: (h^2 + k^2 + l^2), (h^2 + k^2, l^2), (h^2 + h k + k^2, l^2), ..."""
    h, k, l = hkl.T.astype(float)
    found = {
        "cubic": (h * h + k * k + l * l,),
        "tetragonal": (h * h + k * k, l * l),
        "hexagonal": (h * h + h * k + k * k, l * l),
        "orthorhombic": (h * h, k * k, l * l),
        "monoclinic": (h * h, k * k, l * l, h * l),
    }
    return np.stack(found[system], 1)


@functools.cache
def families(system: str, centring: str = "P") -> Float[np.ndarray, "m p"]:
    """Distinct rows of `terms` that the centring leaves, of low indices first; some of the lowest serve for trials."""
    most = MOST[system]
    signed = system == "monoclinic" or centring == "R"
    hkl = np.array(
        [t for t in itertools.product(range(-most if signed else 0, most + 1), *[range(most + 1)] * 2) if any(t)]
    )
    if centring == "R":  # every |h|, |k| with the sign that it takes
        hkl = np.concatenate([hkl, hkl * np.array([1, -1, 1])])
    kept = hkl[reflects(centring, hkl)]
    rows, first = np.unique(terms(system, kept), axis=0, return_index=True)
    return rows[np.argsort((kept[first] ** 2).sum(1), kind="stable")]


def merit(
    metrics: Float[np.ndarray, "c p"], rows: Float[np.ndarray, "m p"], q: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " c"]:
    """M_N of trial metrics; a tenth of the lines may be foreign."""
    best = np.zeros(len(metrics))
    kept = max(int(np.ceil(0.9 * len(q))), 3)
    size = max(int(4e6 / (len(rows) * len(q))), 1)
    for start in range(0, len(metrics), size):
        calculated = metrics[start : start + size] @ rows.T
        gap = np.abs(calculated[:, :, None] - q).min(1)
        mean = np.maximum(np.sort(gap, 1)[:, :kept].mean(1), TOLERANCE)
        possible = np.sum(calculated <= q[-1] + 2 * TOLERANCE, 1)
        # rows end at some index: cells so large that these do not reach the last line are none
        reached = calculated.max(1) > q[-1]
        best[start : start + size] = np.where(reached, q[-1] / (2 * mean * np.maximum(possible, 1)), 0.0)
    return best


def _best(system: str, q: Float[np.ndarray, " n"]) -> Cell:
    """The cell of highest merit in one system; the lines that its centring forbids are not held against it."""
    rows = families(system)
    few = rows[: FEW[system]]
    trials = _drawn(few, q) if system == "monoclinic" else _trials(few, q)
    trials = trials[_allowed(system, trials)]
    if not len(trials):
        return Cell(np.array(FALLBACK), np.full(3, 90.0), SYSTEMS[system], 0.0)
    top = trials[np.argsort(-merit(trials, rows, q))[:40]]
    refined = np.array([_refined(rows, metric, q) for metric in top])
    refined = np.concatenate([refined[_allowed(system, refined)], top])
    found = np.array([merit(refined, families(system, centring), q) for centring in CENTRINGS[system]])
    centring, place = np.unravel_index(int(np.argmax(found)), found.shape)
    cell = _cell(system, refined[place], float(found[centring, place]))
    is_rhombohedral = CENTRINGS[system][centring] == "R"
    return dataclasses.replace(cell, system=TRIGONAL) if is_rhombohedral else cell


def _trials(few: Float[np.ndarray, "f p"], q: Float[np.ndarray, " n"]) -> Float[np.ndarray, "c p"]:
    """Every choice of p of the lowest lines with every choice of low indices for them."""
    p = few.shape[1]
    lowest = min({1: 4, 2: 6, 3: 6}[p], len(q))
    index = np.array([rows for rows in itertools.product(range(len(few)), repeat=p) if len(set(rows)) == p])
    matrices = few[index]  # [i, p, p]
    sound = np.abs(np.linalg.det(matrices)) > 0.5
    inverse = np.linalg.inv(matrices[sound])
    chosen = np.array(list(itertools.combinations(range(lowest), p)))
    return np.einsum("ipq,cq->cip", inverse, q[chosen]).reshape(-1, p)


def _drawn(few: Float[np.ndarray, "f p"], q: Float[np.ndarray, " n"]) -> Float[np.ndarray, "c p"]:
    """So many choices at random, always the same."""
    rng, p = np.random.default_rng(0), few.shape[1]
    lines = np.sort(np.argsort(rng.random((DRAWS, min(7, len(q)))), 1)[:, :p], 1)
    index = np.argsort(rng.random((DRAWS, len(few))), 1)[:, : lines.shape[1]]
    if lines.shape[1] < p:
        return np.zeros((0, p))
    matrices = few[index]
    sound = np.abs(np.linalg.det(matrices)) > 0.5
    return np.linalg.solve(matrices[sound], q[lines[sound]][..., None])[..., 0]


def _allowed(system: str, metrics: Float[np.ndarray, "c p"]) -> np.ndarray:
    """Positive metrics of cells of a usual volume; monoclinic: with the angle of 90 to 130 degrees."""
    diagonal = metrics[:, :3]
    positive = np.all(diagonal > 1 / 40.0**2, 1) & np.all(diagonal < 1 / 1.8**2, 1)
    a, b, c = (diagonal[:, min(i, diagonal.shape[1] - 1)] for i in range(3))
    b = a if system in ("tetragonal", "hexagonal") else b
    square = np.where(positive, a * b * c, 1.0)
    if system == "hexagonal":
        square = 0.75 * square
    if system == "monoclinic":
        cosine = metrics[:, 3] / (2 * np.sqrt(np.where(positive, a * c, 1.0)))
        positive &= np.abs(cosine) < np.cos(np.deg2rad(50))
        square = square * np.maximum(1 - cosine**2, 1e-3)
    volume = 1 / np.sqrt(square)
    return positive & (volume > VOLUME[0]) & (volume < VOLUME[1])


def _refined(
    rows: Float[np.ndarray, "m p"], metric: Float[np.ndarray, " p"], q: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " p"]:
    """Least squares on the nearest lines, twice; lines that are far from all count nothing."""
    for _ in range(2):
        calculated = rows @ metric
        nearest = np.argmin(np.abs(calculated[:, None] - q), 0)
        gap = np.abs(calculated[nearest] - q)
        kept = gap <= max(3 * float(np.median(gap)), TOLERANCE)
        metric = np.linalg.lstsq(rows[nearest[kept]], q[kept], rcond=None)[0]
    return metric


def _cell(system: str, metric: Float[np.ndarray, " p"], found: float) -> Cell:
    """Lengths and angles of a metric."""
    a, c = metric[0], metric[-1]
    angles, place = np.full(3, 90.0), SYSTEMS[system]
    if system == "hexagonal":
        lengths = np.array([np.sqrt(4 / 3 / a), np.sqrt(4 / 3 / a), 1 / np.sqrt(c)])
        angles[2] = 120.0
    elif system == "monoclinic":
        cosine = metric[3] / (2 * np.sqrt(metric[0] * metric[2]))
        sine = np.sqrt(1 - cosine**2)
        lengths = 1 / np.sqrt(metric[:3]) / np.array([sine, 1.0, sine])
        angles[1] = 180 - np.rad2deg(np.arccos(abs(cosine)))
    else:
        lengths = 1 / np.sqrt(np.array({1: [a, a, a], 2: [a, a, c], 3: list(metric)}[len(metric)]))
    return Cell(lengths, angles, place, found)
