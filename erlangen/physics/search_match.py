"""Search and match: which crystals of a library are in a measured pattern.

    peaks      sum of the intensities of reference lines that meet an observed peak, over that of all of them, each line
               counted as far as the observed intensities allow; times how much of the observed intensity is explained
    patterns   greedy non-negative least squares: the candidate whose broadened pattern has the largest cosine with what
               is left joins, min |y - sum_k w_k y_k|, w >= 0, and so on

Every candidate may be strained by some per cent, as computed and alloyed cells are. The first is the classical
opponent: Hanawalt, Rinn, Frevel 1938, doi:10.1021/ac50125a001; Johnson and Vand 1967, doi:10.1021/ie50692a013. The
second: matching pursuit, Mallat and Zhang 1993, doi:10.1109/78.258082, on the whole pattern (Smith et al. 1987).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from ..core.errors import Invalid
from .diffraction import Scatterers, lines, wavelengths
from .peak_search import Peaks, smooth_background, smoothed
from .powder import Instrument, profile

STRAINS = np.linspace(-0.02, 0.02, 17)  # of the lengths of a cell
STEP = 0.05  # degrees, of patterns that are compared
BROAD = Instrument(0.03, -0.01, 0.04, 0.6)  # full width about 0.2 degrees
TOLERANCE = 0.15  # degrees between a line and its peak
FAINT = 0.03  # of the strongest line: weaker ones are not asked for
EXPONENT = 0.7  # intensities are compared as y^p: texture and absorption change strong lines most
PHASES = 5  # in a mixture, at most
GAIN = 0.002  # of the squared norm that one more phase has to explain


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A crystal of the library with its score in [0, 1], its strain, and its share of the fitted intensity."""

    name: str
    score: float
    strain: float = 0.0
    share: float = 0.0


@dataclasses.dataclass(frozen=True)
class Library:
    """Crystals by name, and their patterns [k, strains, n] on `grid`, each of unit norm."""

    names: tuple[str, ...]
    crystals: tuple[Scatterers, ...]
    grid: Float[np.ndarray, " n"]
    patterns: Float[np.ndarray, "k strains n"]
    wavelength: float


def library(
    crystals: Sequence[tuple[str, Scatterers]],
    radiation: str | float,
    span: tuple[float, float],
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> Library:
    """Patterns of all crystals between two angles, strained."""
    if not crystals:
        raise Invalid(must="a library holds crystals", came="none", do="Name a folder of CIF files.")
    grid = np.arange(span[0], span[1] + STEP / 2, STEP)
    mean = sum(wavelength * weight for wavelength, weight in wavelengths(radiation))
    rows = []
    for i, (_, crystal) in enumerate(crystals):
        reach = (max(span[0] - 3, 0.5), min(span[1] + 6, 179.0))
        found = lines(crystal, mean, reach)
        strained = []
        for strain in STRAINS:
            sine = np.sin(np.deg2rad(found.two_theta / 2)) / (1 + strain)
            kept = sine < 1
            moved = dataclasses.replace(
                found,
                two_theta=2 * np.rad2deg(np.arcsin(sine[kept])),
                intensity=found.intensity[kept],
            )
            y = profile(moved, grid, BROAD, mean) ** EXPONENT
            strained.append(y / max(float(np.linalg.norm(y)), 1e-300))
        rows.append(strained)
        tell(i + 1, len(crystals))
    return Library(tuple(n for n, _ in crystals), tuple(c for _, c in crystals), grid, np.array(rows), mean)


def by_patterns(
    two_theta: Float[np.ndarray, " m"], y: Float[np.ndarray, " m"], known: Library, phases: int = PHASES
) -> list[Candidate]:
    """All candidates: first the phases of the fit as they joined, then the others by their cosine."""
    from scipy.optimize import nnls

    target = comparable(two_theta, y, known.grid)
    k, strains, n = known.patterns.shape
    every = known.patterns.reshape(k * strains, n)
    alone = (every @ target).reshape(k, strains)
    chosen: list[tuple[int, int]] = []
    left, weights = target, np.zeros(0)
    for _ in range(min(phases, k)):
        cosine = (every @ left).reshape(k, strains)
        cosine[[i for i, _ in chosen]] = -np.inf
        i, s = np.unravel_index(int(np.argmax(cosine)), cosine.shape)
        trial = [*chosen, (int(i), int(s))]
        found, _ = nnls(np.array([known.patterns[one] for one in trial]).T, target)
        rest = target - found @ np.array([known.patterns[one] for one in trial])
        if left @ left - rest @ rest < GAIN:
            break
        chosen, left, weights = trial, rest, found
    ranked = [
        Candidate(known.names[i], float(alone[i, s]), float(STRAINS[s]), float(w / max(weights.sum(), 1e-300)))
        for (i, s), w in zip(chosen, weights)
    ]
    best, place = alone.max(1), alone.argmax(1)
    rest = [i for i in np.argsort(-best) if i not in {i for i, _ in chosen}]
    return ranked + [Candidate(known.names[i], float(best[i]), float(STRAINS[place[i]])) for i in rest]


def by_peaks(found: Peaks, known: Library) -> list[Candidate]:
    """All candidates by falling figure of merit of their lines."""
    if not len(found.two_theta):
        return [Candidate(name, 0.0) for name in known.names]
    span = (float(known.grid[0]), float(known.grid[-1]))
    ranked = []
    for name, crystal in zip(known.names, known.crystals):
        reference = lines(crystal, known.wavelength, span)
        strong = reference.intensity >= FAINT * reference.intensity.max(initial=0.0)
        angles, strength = reference.two_theta[strong], reference.intensity[strong]
        merits = [_merit(found, angles, strength, strain) for strain in STRAINS] if strong.any() else [0.0]
        best = int(np.argmax(merits))
        ranked.append(Candidate(name, float(merits[best]), float(STRAINS[best])))
    return sorted(ranked, key=lambda one: -one.score)


def comparable(
    two_theta: Float[np.ndarray, " m"], y: Float[np.ndarray, " m"], grid: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """A measured pattern without background on the grid of a library, y^p, of unit norm; zero where not measured."""
    step = float(np.median(np.diff(two_theta)))
    clear = np.maximum(y - smooth_background(y, step), 0)
    edges = np.concatenate([grid - STEP / 2, grid[-1:] + STEP / 2])
    integral = np.concatenate([[0.0], np.cumsum(clear) * step])
    at = np.interp(edges, np.concatenate([[two_theta[0] - step / 2], two_theta + step / 2]), integral)
    found = np.maximum(np.diff(at) / STEP, 0)
    width = BROAD.width(np.array([40.0]), 1.54)[0]
    found = smoothed(found, 0.3 * width / STEP) ** EXPONENT
    return found / max(float(np.linalg.norm(found)), 1e-300)


def _merit(found: Peaks, angles: Float[np.ndarray, " k"], strength: Float[np.ndarray, " k"], strain: float) -> float:
    """How much of the reference is there, and how much of what is there it explains."""
    sine = np.minimum(np.sin(np.deg2rad(angles / 2)) / (1 + strain), 1.0)
    gap = np.abs(2 * np.rad2deg(np.arcsin(sine))[:, None] - found.two_theta)
    nearest = gap.argmin(1)
    met = gap[np.arange(len(angles)), nearest] <= TOLERANCE
    if not met.any():
        return 0.0
    observed = found.area[nearest]
    order = np.argsort(-strength)[:8]  # the strongest lines set the scale
    ratios = np.where(met[order], observed[order] / strength[order], 0.0)
    scale = max(float(np.median(ratios)), 1e-12 * float(np.max(observed / strength)))
    seen = np.where(met, np.minimum(observed / scale, strength), 0.0).sum() / strength.sum()
    explained = found.area[np.unique(nearest[met])].clip(0).sum() / max(found.area.clip(0).sum(), 1e-300)
    return float(seen * explained**0.5)
