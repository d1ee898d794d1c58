"""What trajectories are measured by: pair distributions, diffusion, vibrations; each with its statistical error.

    g(r) = V / (N_a N_b) d n_ab(r) / (4 pi r^2 dr)          MSD(t) = < |r_i(t0 + t) - r_i(t0)|^2 >,   D = lim MSD / 6 t
    C(t) = < v(t0 + t) . v(t0) >                            S(w) = int m C(t) cos(w t) dt

Frames are equally spaced in time, positions unwrapped (no jumps at the faces of the cell). Errors are those of means
over blocks of the trajectory, each long enough to forget the one before.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from ..core.errors import Invalid

LIGHT = 2.99792458e-5  # cm/fs


@dataclasses.dataclass(frozen=True)
class Curve:
    """y(x) with the standard error of y."""

    x: Float[np.ndarray, " points"]
    y: Float[np.ndarray, " points"]
    error: Float[np.ndarray, " points"]


@dataclasses.dataclass(frozen=True)
class Diffusion:
    """coefficient and error in A^2/fs (1 A^2/fs = 0.1 cm^2/s); displacement: MSD [A^2] against time [fs]."""

    coefficient: float
    error: float
    displacement: Curve


def radial_distribution(
    positions: Float[np.ndarray, "frames n 3"],
    cells: Float[np.ndarray, "frames 3 3"],
    *,
    furthest: float,
    bins: int = 200,
    first: Bool[np.ndarray, " n"] | None = None,
    second: Bool[np.ndarray, " n"] | None = None,
    blocks: int = 5,
) -> Curve:
    """g(r) of a fully periodic system up to `furthest` [A], every image counted: cells may be of any size and shape.

    first, second: which atoms (default: all). For a perfect gas g = (N_b - [a in b]) / N_b in the mean.
    """
    from vesin import NeighborList

    n = positions.shape[1]
    a, b = (np.ones(n, bool) if chosen is None else chosen for chosen in (first, second))
    edges = np.linspace(0, furthest, bins + 1)
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    search = NeighborList(cutoff=float(furthest), full_list=True, n_threads=1)
    found = np.empty((len(positions), bins))
    for row, (r, cell) in enumerate(zip(np.asarray(positions, float), np.asarray(cells, float))):
        i, j, d = search.compute(r, cell, True, quantities="ijd")
        chosen = a[i.astype(int)] & b[j.astype(int)]
        density = a.sum() * b.sum() / abs(np.linalg.det(cell))
        found[row] = np.histogram(d[chosen], edges)[0] / (density * shells)
    mean, error = _blocked(found, blocks)
    return Curve(0.5 * (edges[1:] + edges[:-1]), mean, error)


def mean_squared_displacement(
    positions: Float[np.ndarray, "frames n 3"], spacing: float, *, masses: Float[np.ndarray, " n"] | None = None
) -> tuple[Float[np.ndarray, " times"], Float[np.ndarray, " times"]]:
    """Times [fs] and MSD [A^2] over all origins, by Fourier transform: the cost is that of sorting the frames.

    masses: where given, the motion of the centre of mass is taken out.
    """
    r = np.asarray(positions, float)
    if masses is not None:
        r = r - np.einsum("n,tnd->td", masses, r)[:, None] / np.sum(masses)
    t, square = len(r), np.sum(r**2, -1)
    products = correlation(r) * np.arange(t, 0, -1)[:, None]
    # sum over origins of r(0)^2 + r(t)^2, from running sums
    total = np.cumsum(square[::-1], 0)[::-1]
    ends = total + np.cumsum(square, 0)[::-1]
    moved = (ends - 2 * products) / np.arange(t, 0, -1)[:, None]
    return spacing * np.arange(t), moved.mean(1)


def diffusion(
    positions: Float[np.ndarray, "frames n 3"],
    spacing: float,
    *,
    window: tuple[float, float],
    blocks: int = 5,
    masses: Float[np.ndarray, " n"] | None = None,
) -> Diffusion:
    """D from the slope of the MSD between the times `window` [fs], which lie beyond the ballistic part; `spacing` [fs]
    between frames. The error is that of the mean over `blocks` pieces of the trajectory.
    """
    length = len(positions) // blocks
    first, last = (round(t / spacing) for t in window)
    if not (blocks >= 2 and 0 < first < last < length):
        raise Invalid(
            must="every block of the trajectory is longer than the window of the fit",
            came=f"{blocks} blocks of {length * spacing:g} fs for {window[0]:g} to {window[1]:g} fs",
            do="Simulate longer, or take a shorter window or fewer blocks (two at least).",
        )
    curves = []
    for k in range(blocks):
        times, moved = mean_squared_displacement(positions[k * length : (k + 1) * length], spacing, masses=masses)
        curves.append(moved)
    slopes = [np.polyfit(times[first : last + 1], one[first : last + 1], 1)[0] / 6 for one in curves]  # type: ignore[possibly-undefined]
    mean, error = _blocked(np.asarray(curves)[:, : last + 1], blocks)
    curve = Curve(times[: last + 1], mean, error)  # type: ignore[possibly-undefined]
    return Diffusion(float(np.mean(slopes)), float(np.std(slopes, ddof=1) / np.sqrt(blocks)), curve)


def velocity_autocorrelation(
    velocities: Float[np.ndarray, "frames n 3"], spacing: float, *, weights: Float[np.ndarray, " n"] | None = None
) -> tuple[Float[np.ndarray, " times"], Float[np.ndarray, " times"]]:
    """Times [fs] and C(t) / C(0), over all origins; weights: of atoms, their masses for vibrations."""
    found = correlation(np.asarray(velocities, float))
    w = np.ones(found.shape[1]) if weights is None else np.asarray(weights, float)
    mean = found @ w
    return spacing * np.arange(len(mean)), mean / mean[0]


def vibrational_spectrum(
    velocities: Float[np.ndarray, "frames n 3"],
    spacing: float,
    *,
    masses: Float[np.ndarray, " n"],
    longest: float = 2000.0,
) -> tuple[Float[np.ndarray, " frequencies"], Float[np.ndarray, " frequencies"]]:
    """Wavenumbers [1/cm] and the vibrational density of states (area 1): the Fourier transform of the mass-weighted
    velocity autocorrelation up to `longest` [fs], under a Hann window. Lines are about 2 / (longest c) wide.
    """
    times, c = velocity_autocorrelation(velocities, spacing, weights=masses)
    kept = min(len(times), max(round(longest / spacing), 2))
    window = 0.5 * (1 + np.cos(np.pi * np.arange(kept) / kept))
    padded = 8 * kept
    # even in time: the transform of C(|t|)
    spectrum = 2 * np.fft.rfft(c[:kept] * window, padded).real - c[0]
    wavenumbers = np.fft.rfftfreq(padded, spacing) / LIGHT
    spectrum = np.maximum(spectrum, 0.0)
    return wavenumbers, spectrum / (np.sum(spectrum) * (wavenumbers[1] - wavenumbers[0]))


def correlation(x: Float[np.ndarray, "frames n d"]) -> Float[np.ndarray, "frames n"]:
    """< x(t0) . x(t0 + t) > over all origins t0, of each atom."""
    t = len(x)
    found = np.zeros(x.shape[:2])
    for axis in range(x.shape[2]):
        spectrum = np.fft.rfft(x[..., axis], 2 * t, axis=0)
        found += np.fft.irfft(np.abs(spectrum) ** 2, 2 * t, axis=0)[:t]
    return found / np.arange(t, 0, -1)[:, None]


def broken_bonds(
    positions: Float[np.ndarray, "frames n 3"],
    bonds: Sequence[tuple[int, int]],
    lengths: Float[np.ndarray, " bonds"],
    *,
    factor: float = 1.5,
) -> Bool[np.ndarray, "frames bonds"]:
    """Whether each bond is longer than `factor` times its length at the start; unwrapped positions."""
    i, j = np.asarray(bonds, int).reshape(-1, 2).T
    found = np.linalg.norm(positions[:, i] - positions[:, j], axis=-1)
    return found > factor * np.asarray(lengths)


def bonds_of(
    positions: Float[np.ndarray, "n 3"], atomic_numbers: Int[np.ndarray, " n"], *, tolerance: float = 1.25
) -> tuple[list[tuple[int, int]], Float[np.ndarray, " bonds"]]:
    """Bonds of an isolated molecule: pairs nearer than `tolerance` times the sum of covalent radii; lengths [A]."""
    from ase.data import covalent_radii

    r, radius = np.asarray(positions, float), covalent_radii[np.asarray(atomic_numbers)]
    apart = np.linalg.norm(r[:, None] - r, axis=-1)
    i, j = np.nonzero(np.triu(apart < tolerance * (radius[:, None] + radius), 1))
    return [(int(a), int(b)) for a, b in zip(i, j)], apart[i, j]


def _blocked(
    rows: Float[np.ndarray, "frames points"], blocks: int
) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, " points"]]:
    """Mean over frames, and its standard error from means over blocks."""
    blocks = min(blocks, len(rows))
    means = np.array([part.mean(0) for part in np.array_split(rows, blocks)])
    spread = means.std(0, ddof=1) / np.sqrt(blocks) if blocks > 1 else np.full(rows.shape[1], np.inf)
    return rows.mean(0), spread
