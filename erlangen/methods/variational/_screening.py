"""Screening of symmetry sectors: implicit steps of imaginary time of one small machine in each of them, by exact sums.

    c = V+ phi,      phi(s) = prod_a cosh( w_a . s + b_a ),      E = c+ H c / c+ c,      A = d c / d(w, b) without its part along c
    [ A+ A + lambda + tau A+ (H - E + sqrt(v)) A ] d = - tau A+ (H - E) c,      v = variance,      (w, b) <- (w, b) + d

V: the sector (`physics.orbits`). Small tau is stochastic reconfiguration; large tau Newton's step within the tangent space,
which gaps that are small do not slow down (Rayleigh-Gauss-Newton: Webber and Lindsey 2022,
doi:10.1103/PhysRevResearch.4.033099). A step that does not lower E is taken back. On the processor, by NumPy: nothing is
compiled, so that a sector costs a second where it has few states.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Complex, Float, Int

_FIRST_TIME, _LONGEST_TIME = 1.0, 1e6
"""tau, in units of the inverse width of the local energy at the start."""

_FIRST_DAMPING, _LEAST_DAMPING = 1e-2, 1e-9
"""lambda, relative to the mean of the diagonal of A+ A."""

_TRIES = 8
"""Shorter steps before a machine is taken as settled."""

_SETTLED = 1e-13
"""Variance, relative to the square of the energy, at which it is."""


@dataclasses.dataclass
class Machine:
    """A machine on its way down in one sector. weights [features, sites], biases [features] (None: it has none)."""

    spins: Float[np.ndarray, "states sites"]
    v: Any
    h: Any
    weights: Complex[np.ndarray, "features sites"]
    biases: Float[np.ndarray, " features"] | None
    energy: float = np.inf
    variance: float = np.inf
    time: float = _FIRST_TIME
    damping: float = _FIRST_DAMPING
    is_settled: bool = False
    steps: int = 0

    def __post_init__(self):
        self.energy, self.variance = self._measured(self._amplitudes(self.weights, self.biases)[0])[1:]
        self.time = _FIRST_TIME / max(self.variance**0.5, 1e-12)

    @property
    def lowest(self) -> float:
        """E - sqrt(v), above which the level lies that the machine is on its way to, if there is only one close by."""
        return self.energy - self.variance**0.5

    def step(self) -> None:
        """One step down; `is_settled` where none leads there any more."""
        if self.is_settled:
            return
        phi, slopes = self._amplitudes(self.weights, self.biases)
        c, energy, variance = self._measured(phi)
        a = self._tangents(slopes, float(np.linalg.norm(self.v.conj().T @ phi)))
        a = a - np.outer(c, c.conj() @ a)
        ha = self.h @ a
        force = ha.conj().T @ c - energy * (a.conj().T @ c)
        metric = a.conj().T @ a
        curvature = a.conj().T @ ha + (variance**0.5 - energy) * metric
        scale = max(float(np.real(np.trace(metric))) / len(metric), 1e-300)
        for _ in range(_TRIES):
            whole = metric + self.damping * scale * np.eye(len(metric)) + self.time * curvature
            moved = self._moved(_solved(whole, -self.time * force, self.weights.size))
            found = self._measured(self._amplitudes(*moved)[0])[1:] if moved else (np.inf, np.inf)
            if found[0] < energy:
                (self.weights, self.biases), (self.energy, self.variance) = moved, found
                self.time = min(2 * self.time, _LONGEST_TIME)
                self.damping = max(self.damping / 2, _LEAST_DAMPING)
                self.steps += 1
                self.is_settled = self.variance <= _SETTLED * max(self.energy**2, 1e-300)
                return
            self.time, self.damping = self.time / 4, self.damping * 2
        self.is_settled = True

    def _moved(self, d: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None] | None:
        if d is None or not np.isfinite(d).all():
            return None
        size = self.weights.size
        weights = self.weights + d[:size].reshape(self.weights.shape)
        return weights, None if self.biases is None else self.biases + d[size:].real

    def _amplitudes(
        self, weights: np.ndarray, biases: np.ndarray | None
    ) -> tuple[Complex[np.ndarray, " states"], Complex[np.ndarray, "states features"]]:
        """(phi up to a factor, d phi / d b): cosh x = e^x (1 + q) / 2, tanh x = (1 - q) / (1 + q), q = e^-2x, Re x >= 0."""
        x = self.spins @ weights.real.T + 1j * (self.spins @ weights.imag.T)
        x = x if biases is None else x + biases
        sign = np.where(x.real < 0, -1.0, 1.0)
        x = x * sign
        q = np.exp(-2 * x)
        exponent = x.sum(axis=1)
        phi = np.exp(exponent - exponent.real.max()) * np.prod((1 + q) / 2, axis=1)
        return phi, (phi[:, None] * sign) * (1 - q) / np.where(q == -1, 1e-300, 1 + q)

    def _measured(self, phi: Complex[np.ndarray, " states"]) -> tuple[Complex[np.ndarray, " dimension"], float, float]:
        c = self.v.conj().T @ phi
        norm = np.linalg.norm(c)
        if not norm > 0 or not np.isfinite(norm):
            return c, np.inf, np.inf
        c = c / norm
        hc = self.h @ c
        energy = float(np.real(np.vdot(c, hc)))
        return c, energy, float(np.linalg.norm(hc - energy * c) ** 2)

    def _tangents(
        self, slopes: Complex[np.ndarray, "states features"], norm: float
    ) -> Complex[np.ndarray, "dimension columns"]:
        """d c / d w, then d c / d b: one feature at a time, so that nothing of states x parameters is kept."""
        back = self.v.conj().T.tocsr()
        columns = []
        for slope in slopes.T / norm:
            scaled = back.copy()
            scaled.data = back.data * slope[back.indices]
            columns.append(scaled @ self.spins)
        rest = [] if self.biases is None else [back @ (slopes / norm)]
        return np.concatenate([*columns, *rest], axis=1)


def _solved(matrix: Complex[np.ndarray, "k k"], force: Complex[np.ndarray, " k"], n: int) -> np.ndarray | None:
    """x of matrix x = force where the first n of x are complex and the others real: Re(x+ M x) is what counts."""
    import scipy.linalg

    real = np.block([[matrix.real, -matrix.imag[:, :n]], [matrix.imag[:n], matrix.real[:n, :n]]])
    right = np.concatenate([force.real, force.imag[:n]])
    try:
        x = scipy.linalg.solve(real, right, assume_a="pos", check_finite=False)
    except (np.linalg.LinAlgError, ValueError):
        return None
    found = x[: len(matrix)].astype(complex)
    found[:n] += 1j * x[len(matrix) :]
    return found
