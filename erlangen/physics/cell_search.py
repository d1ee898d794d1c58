"""Search for the cells of one phase in every lattice, ranked by how likely they make the observed lines.

    Q = 1/d^2 = h^2 A + k^2 B + l^2 C + k l D + h l E + h k F            (fewer unknowns, the more symmetry)
    S = sum_n log[ (1 - e) R / N sum_k g(x_n - x_k; s) + e ],   x: 2 theta,  R: its range,  N: lines that the cell has

S is the evidence against lines that fall anywhere: a cell with many lines explains any pattern, and gains little; it is
that of Bayes with all assignments summed. A trial (`cell_trials`) is judged by table: for each of its lines a word of
bits says which observed lines are there. The best are refined with an offset of the angles, first on low lines.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float, Int, UInt32

from .cell_trials import CENTRINGS, LATTICES, TRIALS, coefficients, indices, is_sound, sound, terms, trials_of

CENTRES = {
    "P": (),
    "A": ((0, 0.5, 0.5),),
    "B": ((0.5, 0, 0.5),),
    "C": ((0.5, 0.5, 0),),
    "I": ((0.5, 0.5, 0.5),),
    "F": ((0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)),
    "R": ((2 / 3, 1 / 3, 1 / 3), (1 / 3, 2 / 3, 2 / 3)),
}
LAST = (2, 15, 74, 142, 167, 194, 230)  # space groups of the crystal systems
ALIKE = 0.03  # A: how near a lattice is to one of more symmetry that it is tried as
GRID = 5e-5  # 1/A^2: of the table
LOOSE = 0.07  # degrees: how far trial lines may be off, by offset and noise
SHARP = 0.02  # degrees: scale s of the errors of peaks, g = 2/(pi s) (1 + (x/s)^2)^-2: tails of peaks that overlap
OFFSET = 0.04  # degrees: standard deviation of the offset
OFFSETS = (0.0, -0.05, 0.05)  # that trials begin from: low lines say little of high ones without the right one
CONVINCING = 2.4  # evidence per line, from which on the offset is known
SETTLED, FEWEST, MANY = 2.9, 10, 3  # evidence per line of as many lines, of a cell with not so many for each, from
# which on lower lattices are not asked
FOREIGN = 0.03  # e: share of lines that belong to nothing
LOWEST = {"triclinic": 14, "monoclinic": 16, "orthorhombic": 18}  # observed lines that trials are judged by; others: 20
PROMISING = 3000  # of these, after a first look
KEPT = 30  # trials that are refined
MOST = 40  # observed lines


@dataclasses.dataclass(frozen=True)
class Metric:
    """A cell by A..F (1/A^2); evidence S; lines: how many it has up to the last observed; met: share of the observed
    lines that it has; gap: rms distance of these [degree]; offset [degree].
    """

    lattice: str
    centring: str
    coefficients: Float[np.ndarray, " 6"]
    evidence: float
    lines: int
    met: float
    gap: float
    offset: float

    @property
    def cell(self) -> Float[np.ndarray, "3 3"]:
        """Lattice vectors in rows [A]."""
        a, b, c, d, e, f = self.coefficients
        reciprocal = np.array([[a, f / 2, e / 2], [f / 2, b, d / 2], [e / 2, d / 2, c]])
        return np.linalg.cholesky(np.linalg.inv(reciprocal) + 1e-12 * np.eye(3))


@dataclasses.dataclass(frozen=True)
class Table:
    """bits: at every step of Q the observed lines near it; count: of these; span: of their angles [degree]."""

    bits: UInt32[np.ndarray, " m"]
    count: int
    span: float


def search(two_theta: Float[np.ndarray, " n"], wavelength: float) -> dict[str, Metric]:
    """The best cell of every lattice for lines by rising angle, those of high symmetry first, until one leaves nothing
    to explain; lattices that explain nothing are left out.
    """
    two_theta = two_theta[:MOST]
    found: dict[str, Metric] = {}
    offsets = OFFSETS
    lattices = reversed(LATTICES) if len(two_theta) >= 4 else ("cubic",) * (len(two_theta) == 3)
    for lattice in lattices:
        best = _best(lattice, two_theta, wavelength, offsets)
        if best is not None:
            found[lattice] = best
            known = best.met >= 0.95 and best.evidence > CONVINCING * len(two_theta)
            offsets = (best.offset,) if known else offsets
            settled = lattice != "hexagonal" and best.lines < MANY * len(two_theta)  # a third of its lines: R centring
            if known and settled and best.evidence > SETTLED * len(two_theta) >= SETTLED * FEWEST:
                break
    for oblique in ("monoclinic", "triclinic"):
        higher = _higher(found[oblique], two_theta, wavelength) if oblique in found else None
        if higher is not None and (one := found.get(higher.lattice, higher)).evidence <= higher.evidence:
            found[one.lattice] = higher
    return found


def _higher(one: Metric, angles: Float[np.ndarray, " n"], wavelength: float) -> Metric | None:
    """The same lattice in the axes of a higher one, refined there; None where it has no more symmetry."""
    import spglib

    places = [(0.0, 0.0, 0.0), *CENTRES[one.centring[0]]]
    found = spglib.get_symmetry_dataset((one.cell, places, [1] * len(places)), symprec=ALIKE)  # type: ignore[arg-type]
    if found is None or found.number <= 15:
        return None
    is_rhombohedral = found.international[0] == "R"
    lattice = "rhombohedral" if is_rhombohedral else LATTICES[int(np.searchsorted(LAST, found.number))]
    lattice = "hexagonal" if lattice == "rhombohedral" and not is_rhombohedral else lattice
    reciprocal = np.linalg.inv(np.asarray(found.std_lattice))
    squares = np.sum(reciprocal**2, 0)
    p = terms(lattice, np.zeros((1, 3), int)).shape[1]
    metric = squares[[0, 2]] if p == 2 else squares[:p]
    return _finished(lattice, found.international[0], metric[None], np.array([one.offset]), angles, wavelength)


def _best(
    lattice: str, angles: Float[np.ndarray, " n"], wavelength: float, offsets: tuple[float, ...]
) -> Metric | None:
    few = min(LOWEST.get(lattice, 20), len(angles))
    parts = [_first(lattice, angles[:few] - one, wavelength) for one in offsets]
    trials = np.concatenate([trials for trials, _ in parts])
    start = np.repeat(offsets, [len(trials) for trials, _ in parts])
    if not len(trials):
        return None
    best: list[Metric | None] = []
    scores = {c: np.concatenate([_scored(lattice, c, t, table) for t, table in parts]) for c in CENTRINGS[lattice]}
    every = np.sort(np.concatenate(list(scores.values())))
    least = every[-min(KEPT, len(every))]
    for centring, score in scores.items():
        order = np.argsort(-score)[: max(KEPT // 4, 1)]
        order = order[score[order] >= least]
        if len(order):
            found, shifts, evidence, _ = _refined(
                lattice, centring, trials[order], start[order], angles[:few], wavelength
            )
            order = np.argsort(-evidence)[:4]
            best.append(_finished(lattice, centring, found[order], shifts[order], angles, wavelength))
    return max((one for one in best if one is not None), key=lambda one: one.evidence, default=None)


def _finished(
    lattice: str,
    centring: str,
    metrics: Float[np.ndarray, "c p"],
    offsets: Float[np.ndarray, " c"],
    angles: Float[np.ndarray, " n"],
    wavelength: float,
) -> Metric | None:
    """The best of some metrics, refined on all lines."""
    if not len(metrics):
        return None
    found, shifts, evidence, facts = _refined(lattice, centring, metrics, offsets, angles, wavelength)
    if not len(found) or not np.isfinite(evidence.max()):
        return None
    i = int(np.argmax(evidence))
    lines, met, gap = facts[i].tolist()
    own = coefficients(lattice, found)[i]
    return Metric(lattice, centring, own, float(evidence[i]), int(lines), met, gap, float(shifts[i]))


def _first(lattice: str, angles: Float[np.ndarray, " n"], wavelength: float) -> tuple[np.ndarray, Table]:
    """The better trials for the lowest lines, by a first look at a few rows; and the table of these lines."""
    q = 4 * np.sin(np.deg2rad(angles / 2)) ** 2 / wavelength**2
    trials = sound(lattice, trials_of(lattice, q))
    if len(trials) > TRIALS:
        trials = trials[np.random.default_rng(0).choice(len(trials), TRIALS, replace=False)]
    table = _table(angles, wavelength)
    rows = terms(lattice, indices(lattice, 3, CENTRINGS[lattice][0]))[:28]
    score = _matched(trials, rows, table)
    if len(score) > PROMISING:
        trials = trials[np.argpartition(-score, PROMISING)[:PROMISING]]
    return trials, table


def _scored(lattice: str, centring: str, trials: np.ndarray, table: Table) -> Float[np.ndarray, " c"]:
    """Log odds by all rows up to an index."""
    most = {"triclinic": 2, "monoclinic": 3}.get(lattice, 5)
    return _matched(trials, terms(lattice, indices(lattice, most, centring))[:100], table)


def _table(angles: Float[np.ndarray, " n"], wavelength: float) -> Table:
    """At every Q the observed lines near it, one bit each."""
    bits = np.zeros(int(4 * np.sin(np.deg2rad((angles[-1] + 1) / 2)) ** 2 / wavelength**2 / GRID) + 2, np.uint32)
    for i, x in enumerate(angles):
        ends = 4 * np.sin(np.deg2rad((x + np.array([-LOOSE, LOOSE])) / 2)) ** 2 / wavelength**2 / GRID
        bits[int(ends[0]) : int(ends[1]) + 2] |= np.uint32(1 << i)
    return Table(bits, len(angles), float(angles[-1] - angles[0] + 2))


def _matched(trials: Float[np.ndarray, "c p"], rows: Int[np.ndarray, "m p"], table: Table) -> Float[np.ndarray, " c"]:
    """Log odds of each trial, from how many of the observed lines it has and how many lines it has at all."""
    score, size, end = np.empty(len(trials)), 2048, len(table.bits) - 1
    wide = np.ascontiguousarray(rows.T, np.float32)
    for start in range(0, len(trials), size):
        part = (trials[start : start + size] / GRID).astype(np.float32)
        place = np.minimum(part @ wide, end).astype(np.int32)
        hits = np.bitwise_count(np.bitwise_or.reduce(table.bits[place], 1)).astype(float)
        lines = np.maximum(np.count_nonzero(place < end, 1), 1)
        chance = np.log(np.minimum(lines * 2 * LOOSE / table.span, 0.97))
        score[start : start + size] = -hits * chance + (table.count - hits) * np.log(2 * FOREIGN)
    return score


def _refined(
    lattice: str,
    centring: str,
    metrics: Float[np.ndarray, "c p"],
    offsets: Float[np.ndarray, " c"],
    angles: Float[np.ndarray, " n"],
    wavelength: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Metrics and offsets by weighted least squares on the nearest lines; evidence, and (lines, met, gap) of each."""
    rows = _reached(lattice, centring, metrics, angles[-1], wavelength)
    scale = np.deg2rad(1.0) * 2 * np.sin(np.deg2rad(angles)) / wavelength**2  # dQ / d(2 theta)
    for width in (2 * SHARP, SHARP):
        q = 4 * np.sin(np.deg2rad((angles - offsets[:, None]) / 2)) ** 2 / wavelength**2
        nearest, gap = _nearest(metrics @ rows.T, q)
        weight = 1 / (1 + (gap / scale / (2 * width)) ** 2) ** 2 / (scale * SHARP) ** 2
        design = np.concatenate([rows[nearest], np.broadcast_to(scale[:, None], (*nearest.shape, 1))], -1)
        target = q + scale * offsets[:, None]
        square = np.einsum("cnp,cn,cnr->cpr", design, weight, design)
        square[:, -1, -1] += 1 / OFFSET**2
        diagonal = np.einsum("cpp->cp", square)
        ridge = 1e-9 * (diagonal + diagonal.max(1, keepdims=True))[:, :, None] * np.eye(square.shape[-1])
        solved = np.linalg.solve(square + ridge, np.einsum("cnp,cn,cn->cp", design, weight, target)[..., None])[..., 0]
        metrics, offsets = solved[:, :-1], solved[:, -1]
    kept = is_sound(lattice, metrics)
    metrics, offsets = metrics[kept], offsets[kept]
    q = 4 * np.sin(np.deg2rad((angles - offsets[:, None]) / 2)) ** 2 / wavelength**2
    return metrics, offsets, *_evidence(metrics @ rows.T, q, scale, offsets, angles)


def _reached(
    lattice: str, centring: str, metrics: Float[np.ndarray, "c p"], last: float, wavelength: float
) -> Float[np.ndarray, "m p"]:
    """Rows of indices that matter to any of the metrics up to an angle."""
    end = 4 * np.sin(np.deg2rad((last + 0.5) / 2)) ** 2 / wavelength**2
    rows = terms(lattice, indices(lattice, 12 if lattice == "cubic" else 9, centring)).astype(float)
    return rows[(metrics @ rows.T).min(0) < end] if len(metrics) else rows[:1]


def _nearest(
    calculated: Float[np.ndarray, "c m"], q: Float[np.ndarray, "c n"]
) -> tuple[np.ndarray, Float[np.ndarray, "c n"]]:
    """The row of the calculated line that is nearest to each observed one, and its distance."""
    order = np.argsort(calculated, 1)
    place = np.empty(q.shape, int)
    for i, (own, row) in enumerate(zip(np.take_along_axis(calculated, order, 1), q)):
        right = np.clip(np.searchsorted(own, row), 1, len(own) - 1) if len(own) > 1 else np.zeros(len(row), int)
        left = np.maximum(right - 1, 0)
        place[i] = order[i, np.where(np.abs(own[left] - row) <= np.abs(own[right] - row), left, right)]
    return place, np.abs(np.take_along_axis(calculated, place, 1) - q)


def _evidence(
    calculated: Float[np.ndarray, "c m"],
    q: Float[np.ndarray, "c n"],
    scale: Float[np.ndarray, " n"],
    offsets: Float[np.ndarray, " c"],
    angles: Float[np.ndarray, " n"],
) -> tuple[Float[np.ndarray, " c"], Float[np.ndarray, "c 3"]]:
    """S with the prior of the offset, and (lines, share met, rms gap in degrees)."""
    _, gap = _nearest(calculated, q)
    x = gap / scale
    count = np.maximum((calculated < q[:, -1:] + scale[-1] * LOOSE).sum(1), 1)
    span = angles[-1] - angles[0] + 2
    density = span / count[:, None] * 2 / (np.pi * SHARP) / (1 + (x / SHARP) ** 2) ** 2
    evidence = np.log((1 - FOREIGN) * density + FOREIGN).sum(1) - 0.5 * (offsets / OFFSET) ** 2
    near = x < 4 * SHARP
    rms = np.sqrt((x**2 * near).sum(1) / np.maximum(near.sum(1), 1))
    return np.where(count >= 2, evidence, -np.inf), np.stack([count, near.mean(1), rms], 1)
