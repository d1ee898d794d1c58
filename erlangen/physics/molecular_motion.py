"""What a simulated molecule is judged by: how long it holds together, its distances, bonds, angles and vibrations.

    broken   | |r_i - r_j| - b_ij | > 0.5 A  for a bond ij of mean length b_ij
    h(r)     = 1 / (n (n - 1))  sum_i sum_(j != i)  < delta(r - |r_i - r_j|) >,      error  int |h - h_ref| dr

after Fu et al. 2023, arXiv:2210.07237 (h is a density here: its error lies between 0 and 2, and h is compared over the
part of a trajectory before anything broke). A hydrogen is measured by the heavy atom next to it: a proton that passes
from one to another, as in malonaldehyde, is chemistry, and no bond is broken until it has left both.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from .observables import vibrational_spectrum

TOLERANCE = 0.5  # A
FURTHEST = 15.0  # A: no pair of atoms of what is simulated here is further apart
WIDTHS = {"distances": 0.05, "bonds": 0.01, "angles": 2.0}  # of bins: A, A, degrees
HIGHEST = 4500.0  # 1/cm: no vibration lies above
LINE = 10.0  # 1/cm, between points of a spectrum


@dataclasses.dataclass(frozen=True)
class Skeleton:
    """Bonds with their mean lengths [A], and the angles between them; hydrogen: which bonds tie one to a heavy atom."""

    bonds: Int[np.ndarray, "bonds 2"]
    lengths: Float[np.ndarray, " bonds"]
    angles: Int[np.ndarray, "angles 3"]  # the second is the apex
    hydrogen: Bool[np.ndarray, " bonds"]
    heavy: Int[np.ndarray, " heavy"]


def skeleton(
    frames: Float[np.ndarray, "frames n 3"], atomic_numbers: Int[np.ndarray, " n"], *, tolerance: float = 1.25
) -> Skeleton:
    """Of a molecule in motion: pairs whose distance is in most frames below `tolerance` sums of covalent radii."""
    from ase.data import covalent_radii

    z = np.asarray(atomic_numbers)
    apart = distances(frames)
    limit = tolerance * (covalent_radii[z][:, None] + covalent_radii[z])
    bonds = np.argwhere(np.triu(np.median(apart, 0) < limit, 1))
    i, j = bonds.T
    inside = apart[:, i, j]
    lengths = np.array([column[column < limit[a, b]].mean() for column, a, b in zip(inside.T, i, j)])
    partners = [sorted({*bonds[bonds[:, 0] == a, 1], *bonds[bonds[:, 1] == a, 0]}) for a in range(len(z))]
    angles = [(b, a, c) for a, near in enumerate(partners) for k, b in enumerate(near) for c in near[k + 1 :]]
    return Skeleton(
        bonds, lengths, np.array(angles, int).reshape(-1, 3), (z[bonds] == 1).sum(1) == 1, np.flatnonzero(z > 1)
    )


def intact(
    frames: Float[np.ndarray, "frames n 3"], bones: Skeleton, *, tolerance: float = TOLERANCE
) -> Bool[np.ndarray, " frames"]:
    """Whether no bond is broken, frame by frame; what is not finite is not."""
    i, j = bones.bonds.T
    apart = np.linalg.norm(frames[:, i] - frames[:, j], axis=-1)
    for k in np.flatnonzero(bones.hydrogen):
        proton = next(a for a in bones.bonds[k] if a not in bones.heavy)
        apart[:, k] = np.linalg.norm(frames[:, [proton]] - frames[:, bones.heavy], axis=-1).min(-1)
    return np.all(np.abs(apart - bones.lengths) <= tolerance, -1)


def survived(whole: Bool[np.ndarray, " frames"]) -> int:
    """How many frames come before the first broken one."""
    return len(whole) if whole.all() else int(np.argmin(whole))


def distances(frames: Float[np.ndarray, "frames n 3"]) -> Float[np.ndarray, "frames n n"]:
    """Between all atoms [A]."""
    return np.linalg.norm(frames[:, :, None] - frames[:, None], axis=-1)


def angles(frames: Float[np.ndarray, "frames n 3"], bones: Skeleton) -> Float[np.ndarray, "frames angles"]:
    """Between bonds that meet, in degrees."""
    b, a, c = bones.angles.T
    one, other = frames[:, b] - frames[:, a], frames[:, c] - frames[:, a]
    cosine = np.sum(one * other, -1) / np.linalg.norm(one, axis=-1) / np.linalg.norm(other, axis=-1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


@dataclasses.dataclass(frozen=True)
class Shape:
    """Densities (area 1) of all distances, of bond lengths, of angles, and the middles of their bins [A, A, degrees].

    Zero everywhere where there was not a single frame.
    """

    distances: Float[np.ndarray, " r"]
    bonds: Float[np.ndarray, " b"]
    angles: Float[np.ndarray, " a"]


def shape(frames: Float[np.ndarray, "frames n 3"], bones: Skeleton) -> Shape:
    """The densities over frames."""
    n = frames.shape[1]
    apart = distances(frames)
    i, j = bones.bonds.T
    values = {
        "distances": apart[:, *np.triu_indices(n, 1)],
        "bonds": apart[:, i, j],
        "angles": angles(frames, bones),
    }
    return Shape(**{name: _density(v.ravel(), edges(name)) for name, v in values.items()})


def edges(name: str) -> Float[np.ndarray, " edges"]:
    """Of the bins of a density: "distances" and "bonds" [A], "angles" [degrees]."""
    furthest = 180.0 if name == "angles" else FURTHEST if name == "distances" else 3.0
    return np.linspace(0, furthest, round(furthest / WIDTHS[name]) + 1)


def centres(name: str) -> Float[np.ndarray, " bins"]:
    """Middles of those bins."""
    found = edges(name)
    return 0.5 * (found[1:] + found[:-1])


def apart(one: Float[np.ndarray, " bins"], other: Float[np.ndarray, " bins"], width: float) -> float:
    """int |p - q| dx of two densities: 0 where they are equal, 2 where they never meet or one is missing."""
    if not (np.any(one) and np.any(other)):
        return 2.0
    return float(np.sum(np.abs(np.asarray(one) - np.asarray(other))) * width)


WAVENUMBERS = np.arange(0.0, HIGHEST, LINE)


def spectrum(
    velocities: Sequence[Float[np.ndarray, "frames n 3"]], spacing: float, masses: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " wavenumbers"]:
    """The mean vibrational density of states of trajectories at constant energy, at `WAVENUMBERS` (area 1; zero where
    there are none).
    """
    total = np.zeros(len(WAVENUMBERS))
    for v in velocities:
        w, density = vibrational_spectrum(v, spacing, masses=masses)
        running = np.concatenate([[0.0], np.cumsum(density)]) * (w[1] - w[0])
        steps = np.concatenate([w - 0.5 * (w[1] - w[0]), [w[-1] + 0.5 * (w[1] - w[0])]])
        total += np.diff(np.interp(np.append(WAVENUMBERS, HIGHEST) - 0.5 * LINE, steps, running)) / LINE
    return total / max(np.sum(total) * LINE, 1e-300)


def moved(one: Float[np.ndarray, " wavenumbers"], other: Float[np.ndarray, " wavenumbers"]) -> float:
    """By how many 1/cm intensity has to be moved, on average, to make one spectrum the other (Wasserstein-1)."""
    return float(np.sum(np.abs(np.cumsum(np.asarray(one) - np.asarray(other)))) * LINE**2)


def _density(values: Float[np.ndarray, " values"], at: Float[np.ndarray, " edges"]) -> Float[np.ndarray, " bins"]:
    count = np.histogram(values, at)[0]
    return count / max(count.sum(), 1) / (at[1] - at[0])
