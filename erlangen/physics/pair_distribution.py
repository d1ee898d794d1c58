"""Pair distribution functions of crystals, as total scattering gives them.

    G(r) = 1/(N <b>^2 r) sum_i sum_j b_i b_j g(r - r_ij; sigma_ij) - 4 pi r rho_0        [1/A^2]
    sigma_ij^2 = (U_i + U_j) (1 - delta_2/r_ij^2) + (q_broad r_ij)^2,       G -> G exp(-(q_damp r)^2 / 2)

g: Gaussian of unit area; U isotropic. q_max: the transform ends there, which convolves G with sin(q_max r)/(pi r) and
leaves ripples. b: electrons (X-rays, the form factors taken as alike) or neutron lengths. Egami and Billinge,
Underneath the Bragg Peaks (2003), ISBN 9780080426983; Farrow et al. 2007, doi:10.1088/0953-8984/19/33/335219.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

from ..core.errors import Invalid
from .diffraction import Scatterers, form_factors
from .ionic_crystals import lattice_vectors

REACH = 5.0  # standard deviations of a peak
SHARP = 1e-3  # A^2: U of sites for which none is known
MOST = 20_000_000  # pairs within reach


@dataclasses.dataclass(frozen=True)
class Resolution:
    """What the instrument does: q_max, q_damp, q_broad [1/A]; delta_2 [A^2]: near atoms move together."""

    q_max: float = 0.0  # 0: without end
    q_damp: float = 0.0
    q_broad: float = 0.0
    delta_2: float = 0.0


def lengths(crystal: Scatterers, radiation: str = "x-ray") -> Float[np.ndarray, " n"]:
    """b of every site, its occupancy included: f(0) in electrons, or fm."""
    elements, kind = np.unique(crystal.atomic_numbers, return_inverse=True)
    return crystal.occupancies * form_factors(elements, np.zeros(1), radiation)[kind, 0]


def distances(crystal: Scatterers, longest: float) -> tuple[Float[np.ndarray, " pairs"], tuple[np.ndarray, np.ndarray]]:
    """0 < r_ij <= longest from every site of the cell to all others, and the sites (i, j) of each."""
    apart = crystal.places[None] - crystal.places[:, None]
    apart = (apart - np.round(apart)) @ crystal.cell
    shifts = lattice_vectors(crystal.cell, longest + float(np.linalg.norm(apart, axis=-1).max()))
    if apart.shape[0] ** 2 * len(shifts) > MOST:
        came = f"{apart.shape[0] ** 2 * len(shifts):.3g} within {longest:g} A"
        raise Invalid(must=f"at most {MOST} pairs", came=came, do="Choose a smaller r.")
    r = np.linalg.norm(apart[:, :, None] + shifts, axis=-1)
    i, j, k = np.nonzero((r > 1e-6) & (r <= longest))
    return r[i, j, k], (i, j)


def pair_distribution(
    crystal: Scatterers,
    r: Float[np.ndarray, " m"],
    resolution: Resolution = Resolution(),
    radiation: str = "x-ray",
) -> Float[np.ndarray, " m"]:
    """G(r) [1/A^2] at the points r > 0 [A], evenly spaced."""
    step = float(r[1] - r[0]) if len(r) > 1 else 0.0
    if step <= 0 or r[0] <= 0 or not np.allclose(np.diff(r), step, rtol=1e-4):
        came = f"{len(r)} points" if len(r) < 2 else f"from {r[0]:g} to {r[-1]:g}, steps {step:g}"
        raise Invalid(must="distances are positive, rising and evenly spaced", came=came, do="For instance 0.01 to 20.")
    b = lengths(crystal, radiation)
    count = float(crystal.occupancies.sum())
    found, (i, j) = distances(crystal, float(r[-1]) + 2.0)
    u = np.where(crystal.displacements > 0, crystal.displacements, SHARP)
    sigma = (u[i] + u[j]) * (1 - resolution.delta_2 / found**2) + (resolution.q_broad * found) ** 2
    sigma = np.sqrt(np.maximum(sigma, SHARP / 10))
    found, sigma, weight = _shells(found, sigma, b[i] * b[j] * count / b.sum() ** 2)
    radial = np.zeros(len(r))
    first = np.searchsorted(r, found - REACH * sigma)
    last = np.searchsorted(r, found + REACH * sigma)
    for k in np.flatnonzero(last > first):
        part = slice(first[k], last[k])
        gauss = np.exp(-0.5 * ((r[part] - found[k]) / sigma[k]) ** 2) / (sigma[k] * np.sqrt(2 * np.pi))
        radial[part] += weight[k] * gauss / found[k]
    g = radial - 4 * np.pi * r * count / crystal.volume
    if resolution.q_max:
        g = _terminated(g, r, resolution.q_max)
    return g * np.exp(-0.5 * (resolution.q_damp * r) ** 2)


def _shells(
    r: Float[np.ndarray, " pairs"], sigma: Float[np.ndarray, " pairs"], weight: Float[np.ndarray, " pairs"]
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
    """Pairs of equal distance and width (to 1e-5 A) as one, of which a crystal has many."""
    alike, of = np.unique(np.round(np.stack([r, sigma], 1), 5), axis=0, return_inverse=True)
    return alike[:, 0], alike[:, 1], np.bincount(of.ravel(), weight)


def coordination(
    g: Float[np.ndarray, " m"], r: Float[np.ndarray, " m"], density: float, between: tuple[float, float]
) -> float:
    """Neighbours between two distances: integral of r G + 4 pi r^2 rho_0; density in atoms per A^3."""
    inside = (r >= between[0]) & (r <= between[1])
    return float(np.trapezoid((r * g + 4 * np.pi * r**2 * density)[inside], r[inside]))


def disagreement(measured: Float[np.ndarray, " m"], computed: Float[np.ndarray, " m"]) -> tuple[float, float]:
    """(R_w, scale): R_w^2 = sum (G - c G_c)^2 / sum G^2 at the scale c that makes it least."""
    scale = float(measured @ computed / max(computed @ computed, 1e-300))
    return float(np.linalg.norm(measured - scale * computed) / np.linalg.norm(measured)), scale


def _terminated(g: Float[np.ndarray, " m"], r: Float[np.ndarray, " m"], q_max: float) -> Float[np.ndarray, " m"]:
    """G without its components beyond q_max; odd in r, and as a sine series on the given interval."""
    from scipy.fft import dst, idst

    step = float(r[1] - r[0])
    before = round(float(r[0]) / step) - 1  # points between 0 and the first
    # below the shortest distance G is the straight line -4 pi rho_0 r, and it goes on to zero
    whole = np.concatenate([g[0] * np.arange(1, before + 1) * step / r[0], g])
    waves = np.asarray(dst(whole, type=1))
    q = np.pi * np.arange(1, len(whole) + 1) / ((len(whole) + 1) * step)
    return np.asarray(idst(np.where(q <= q_max, waves, 0.0), type=1))[before:]
