"""Powder patterns: lines as an instrument shows them, on a background, counted.

    y(2theta) = b(2theta) + sum_k I_k [eta L(2theta - 2theta_k; H_k) + (1 - eta) G(2theta - 2theta_k; H_k)]
    H^2 = U tan^2 theta + V tan theta + W,   plus  K lambda / (D cos theta)  of grains of the size D

L, G: Lorentzian and Gaussian of unit area and full width H (pseudo-Voigt). Caglioti, Paoletti, Ricci 1958,
doi:10.1016/0369-643X(58)90029-X; Thompson, Cox, Hastings 1987, doi:10.1107/S0021889887087090; Scherrer with K = 0.9.
A sample off the axis by s in a goniometer of the radius R shifts lines by -2 s cos(theta) / R.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from jaxtyping import Float

from ..core.errors import Invalid
from .diffraction import Lines, Scatterers, lines, wavelengths

REACH = 25.0  # full widths: where a Lorentzian has fallen to 4e-4 of its top
SCHERRER = 0.9


@dataclasses.dataclass(frozen=True)
class Instrument:
    """u, v, w in degrees^2; eta: Lorentzian share; size: of the grains in A (0: without end); zero and displacement in
    degrees: 2theta -> 2theta + zero - displacement cos(theta).
    """

    u: float = 0.01
    v: float = -0.005
    w: float = 0.008
    eta: float = 0.5
    size: float = 0.0
    zero: float = 0.0
    displacement: float = 0.0

    def width(self, two_theta: Float[np.ndarray, " m"], wavelength: float) -> Float[np.ndarray, " m"]:
        """Full width at half maximum [degree]."""
        theta = np.deg2rad(two_theta / 2)
        square = self.u * np.tan(theta) ** 2 + self.v * np.tan(theta) + self.w
        if np.any(square <= 0):
            came = f"u, v, w = {self.u:g}, {self.v:g}, {self.w:g}"
            raise Invalid(must="the squared width is positive", came=came, do="v^2 < 4 u w is enough.")
        size = np.rad2deg(SCHERRER * wavelength / (self.size * np.cos(theta))) if self.size else 0.0
        return np.sqrt(square) + size

    def shifted(self, two_theta: Float[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
        """Where lines are seen."""
        return two_theta + self.zero - self.displacement * np.cos(np.deg2rad(two_theta / 2))


def pseudo_voigt(x: Float[np.ndarray, "..."], width: Float[np.ndarray, "..."], eta: float) -> Float[np.ndarray, "..."]:
    """eta 2/(pi H) / (1 + 4 x^2/H^2) + (1 - eta) sqrt(4 ln 2/pi)/H exp(-4 ln 2 x^2/H^2): unit area."""
    square = (x / width) ** 2
    lorentzian = 2 / np.pi / (1 + 4 * square)
    gaussian = np.sqrt(4 * np.log(2) / np.pi) * np.exp(-4 * np.log(2) * square)
    return (eta * lorentzian + (1 - eta) * gaussian) / width


def profile(
    found: Lines, grid: Float[np.ndarray, " n"], instrument: Instrument = Instrument(), wavelength: float = 1.5405929
) -> Float[np.ndarray, " n"]:
    """The lines on a grid that rises [degree]; every peak is cut off where it has faded."""
    y = np.zeros(len(grid))
    width = instrument.width(found.two_theta, wavelength)
    centre = instrument.shifted(found.two_theta)
    first = np.searchsorted(grid, centre - REACH * width)
    last = np.searchsorted(grid, centre + REACH * width)
    for k in np.flatnonzero(last > first):
        part = slice(first[k], last[k])
        y[part] += found.intensity[k] * pseudo_voigt(grid[part] - centre[k], width[k], instrument.eta)
    return y


def pattern(
    crystal: Scatterers,
    grid: Float[np.ndarray, " n"],
    radiation: str | float = "CuKa",
    instrument: Instrument = Instrument(),
    texture: tuple[tuple[int, int, int], float] | None = None,
) -> Float[np.ndarray, " n"]:
    """The pattern of a crystal in X-rays without background, its highest point 1; both K alpha lines of an anode."""
    y = np.zeros(len(grid))
    span = max(float(grid[0]) - 1, 0.5), min(float(grid[-1]) + 1, 180.0)
    for wavelength, weight in wavelengths(radiation):
        y += weight * profile(lines(crystal, wavelength, span, texture), grid, instrument, wavelength)
    return y / max(float(y.max()), 1e-300)


def background(grid: Float[np.ndarray, " n"], rng: np.random.Generator) -> Float[np.ndarray, " n"]:
    """A smooth positive curve with its maximum 1: air scatter falling with the angle, waves, at times a glassy hump."""
    t = (grid - grid[0]) / (grid[-1] - grid[0])
    waves = np.polynomial.chebyshev.chebval(2 * t - 1, np.concatenate([[2.0], rng.normal(0, 0.3, 4)]))
    y = np.maximum(waves, 0.1) + rng.exponential(2.0) * np.exp(-t * rng.uniform(5, 20))
    if rng.random() < 0.3:
        y = y + rng.exponential(1.5) * np.exp(-0.5 * ((grid - rng.uniform(20, 35)) / rng.uniform(3, 8)) ** 2)
    return y / y.max()


def counted(
    y: Float[np.ndarray, " n"], level: Float[np.ndarray, " n"], counts: float, rng: np.random.Generator
) -> Float[np.ndarray, " n"]:
    """Poisson counts of a pattern (highest point 1, `counts` there) above a background `level` on the same scale."""
    return rng.poisson(counts * (y + level)).astype(float)
