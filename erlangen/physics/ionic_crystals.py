"""Ionic crystals as point charges that polarise and repel: dielectric tensor and frequencies at the zone centre.

    T_ij   = sum_R' grad grad 1/|r_ij + R|                               (Ewald, conducting boundary)
    eps    = 1 + 4 pi / V sum_ij [(alpha^-1 - T)^-1]_ij                   electronic dielectric tensor
    Phi_ij = -k q_i q_j T_ij + grad grad A_ij exp(-r/rho)  (i != j),      Phi_ii = -sum_j Phi_ij
    omega^2 = eigenvalues of M^-1/2 Phi M^-1/2                            transverse modes at Gamma (rigid ions)

The term k = 0 of the Ewald sum is left out: fields are measured from the macroscopic one. At a site of cubic symmetry
T_ii = 4 pi / 3 V, which gives back Clausius-Mossotti. All in float64 NumPy; A, eV, amu, cm^-1.
Born and Huang, Dynamical Theory of Crystal Lattices (1954), ISBN 9780198503699; Kellermann 1940,
doi:10.1098/rsta.1940.0005; Born and Mayer 1932, doi:10.1007/BF01340511.
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
from jaxtyping import Float, Int
from scipy.special import erfc

COULOMB = 14.399645  # e^2 / (4 pi eps_0) in eV A
WAVENUMBER = 521.4709  # cm^-1 of sqrt(eV / A^2 / amu)
RANGE = 0.345  # A, of the repulsion: Born and Mayer 1932
MADELUNG = 1.747565  # of rock salt
CONVERGED = 6.0  # erfc(6) = 2e-17: full precision

# charge, radius [A] (six neighbours: Shannon 1976, doi:10.1107/S0567739476001551),
# polarisability [A^3] (Pauling 1927, doi:10.1098/rspa.1927.0035), mass [amu]
IONS = {
    3: (1, 0.76, 0.029, 6.94),
    11: (1, 1.02, 0.179, 22.990),
    19: (1, 1.38, 0.83, 39.098),
    37: (1, 1.52, 1.40, 85.468),
    55: (1, 1.67, 2.42, 132.905),
    12: (2, 0.72, 0.094, 24.305),
    20: (2, 1.00, 0.47, 40.078),
    38: (2, 1.18, 0.86, 87.62),
    56: (2, 1.35, 1.55, 137.327),
    9: (-1, 1.33, 1.04, 18.998),
    17: (-1, 1.81, 3.66, 35.45),
    35: (-1, 1.96, 4.77, 79.904),
    53: (-1, 2.20, 7.10, 126.904),
}


@dataclasses.dataclass(frozen=True)
class Crystal:
    """Lattice vectors as rows of `cell` [A], positions [n, 3] [A], atomic numbers [n] of `IONS`."""

    positions: Float[np.ndarray, "n 3"]
    atomic_numbers: Int[np.ndarray, " n"]
    cell: Float[np.ndarray, "3 3"]

    @property
    def volume(self) -> float:
        """Of the cell [A^3]."""
        return float(abs(np.linalg.det(self.cell)))

    def column(self, which: int) -> Float[np.ndarray, " n"]:
        """Charges, radii, polarisabilities or masses [n]."""
        return np.array([IONS[int(z)][which] for z in self.atomic_numbers], float)

    def images(self, radius: float) -> tuple[Float[np.ndarray, "n n 3"], Float[np.ndarray, "m 3"]]:
        """r_i - r_j, wrapped [n, n, 3], and the lattice vectors that reach `radius` beyond any of them [m, 3]."""
        apart = self.positions[:, None] - self.positions[None]
        inverse = np.linalg.inv(self.cell)
        apart = apart - np.round(apart @ inverse) @ self.cell
        return apart, lattice_vectors(self.cell, radius + float(np.max(np.linalg.norm(apart, axis=-1))))


def lattice_vectors(cell: Float[np.ndarray, "3 3"], radius: float) -> Float[np.ndarray, "m 3"]:
    """All integer combinations of the rows of `cell` no longer than `radius`; the origin among them."""
    most = np.floor(radius * np.linalg.norm(np.linalg.inv(cell), axis=0) + 1e-9).astype(int)
    whole = np.array(list(itertools.product(*(range(-k, k + 1) for k in most))), float)
    vectors = whole @ cell
    return vectors[np.linalg.norm(vectors, axis=1) <= radius]


def coulomb_sums(
    crystal: Crystal, converged: float = CONVERGED
) -> tuple[Float[np.ndarray, "n n"], Float[np.ndarray, "n n 3 3"]]:
    """phi_ij = sum_R' 1/|r_ij + R| against a uniform background, and T_ij = grad grad phi_ij; R = 0 left out for i = j.

    converged: the sums end where erfc(converged) is left out. Ewald 1921, doi:10.1002/andp.19213690304.
    trace T_ij = 4 pi / V.
    """
    volume = crystal.volume
    eta = np.sqrt(np.pi) / volume ** (1 / 3)
    apart, shifts = crystal.images(converged / eta)
    n = len(apart)
    r = apart[:, :, None] + shifts
    d = np.linalg.norm(r, axis=-1)
    here = (d < 1e-9) & np.eye(n, dtype=bool)[:, :, None]
    d = np.where(here, 1.0, d)
    tail, gauss = erfc(eta * d) / d, 2 * eta / np.sqrt(np.pi) * np.exp(-((eta * d) ** 2))
    along = np.where(here, 0.0, 3 * tail / d**4 + gauss * (2 * eta**2 + 3 / d**2) / d**2)
    across = np.where(here, 0.0, (tail + gauss) / d**2)
    eye = np.eye(3)
    phi = np.sum(np.where(here, 0.0, tail), -1)
    field = np.einsum("ijm,ijma,ijmb->ijab", along, r, r) - np.sum(across, -1)[..., None, None] * eye
    k = lattice_vectors(2 * np.pi * np.linalg.inv(crystal.cell).T, 2 * converged * eta)
    k = k[np.linalg.norm(k, axis=1) > 1e-9]
    square = np.sum(k**2, 1)
    wave = 4 * np.pi / volume * np.exp(-square / (4 * eta**2)) / square * np.cos(apart @ k.T)
    phi += np.sum(wave, -1) - np.pi / (volume * eta**2)
    field -= np.einsum("ijk,ka,kb->ijab", wave, k, k)
    same = np.arange(n)
    phi[same, same] -= 2 * eta / np.sqrt(np.pi)
    field[same, same] += 4 * eta**3 / (3 * np.sqrt(np.pi)) * eye
    return phi, field


def dielectric_tensor(crystal: Crystal, field: Float[np.ndarray, "n n 3 3"]) -> Float[np.ndarray, "3 3"]:
    """Electronic dielectric tensor of point dipoles that see each other through `field` = T of `coulomb_sums`."""
    n = len(field)
    stiffness = np.kron(np.diag(1 / crystal.column(2)), np.eye(3)) - field.transpose(0, 2, 1, 3).reshape(3 * n, 3 * n)
    uniform = np.tile(np.eye(3), (n, 1))
    response = uniform.T @ np.linalg.solve(stiffness, uniform)
    return np.eye(3) + 4 * np.pi / crystal.volume * 0.5 * (response + response.T)


def amplitudes(crystal: Crystal) -> Float[np.ndarray, "n n"]:
    """A_ij [eV] of unlike ions such that the pair, as rock salt, rests where its radii touch; 0 for like ions.

    dE/dr = 0 with six neighbours:  A = Madelung k |q q'| rho / (6 r0^2) exp(r0 / rho),   r0 = r_i + r_j
    """
    charge, radius = crystal.column(0), crystal.column(1)
    pairs, r0 = charge[:, None] * charge, radius[:, None] + radius
    strength = MADELUNG * COULOMB * np.abs(pairs) * RANGE / (6 * r0**2) * np.exp(r0 / RANGE)
    return np.where(pairs < 0, strength, 0.0)


def force_constants(crystal: Crystal, field: Float[np.ndarray, "n n 3 3"]) -> Float[np.ndarray, "n n 3 3"]:
    """Second derivatives of the energy per cell at Gamma [eV/A^2]; rows sum to zero (translations cost nothing)."""
    charge = crystal.column(0)
    apart, shifts = crystal.images(30 * RANGE + 6.0)
    r = apart[:, :, None] + shifts
    d = np.linalg.norm(r, axis=-1)
    d = np.where(d < 1e-9, 1.0, d)  # the ion itself: its amplitude is zero
    repulsion = amplitudes(crystal)[..., None] * np.exp(-d / RANGE) / RANGE
    along = repulsion * (1 / RANGE + 1 / d) / d**2
    curvature = np.einsum("ijm,ijma,ijmb->ijab", along, r, r) - np.sum(repulsion / d, -1)[..., None, None] * np.eye(3)
    phi = -curvature - COULOMB * (charge[:, None] * charge)[..., None, None] * field
    same = np.arange(len(phi))
    phi[same, same] = 0.0
    phi[same, same] = -np.sum(phi, 1)
    return phi


def frequencies(crystal: Crystal, field: Float[np.ndarray, "n n 3 3"]) -> Float[np.ndarray, " 3*n"]:
    """Wavenumbers of the modes at Gamma [cm^-1], ascending; negative where a mode is unstable."""
    n, mass = len(field), np.repeat(crystal.column(3), 3)
    phi = force_constants(crystal, field).transpose(0, 2, 1, 3).reshape(3 * n, 3 * n)
    squares = np.linalg.eigvalsh(0.5 * (phi + phi.T) / np.sqrt(mass[:, None] * mass))
    return WAVENUMBER * np.sign(squares) * np.sqrt(np.abs(squares))


def at_rest(crystal: Crystal) -> Crystal:
    """The crystal scaled to the volume of least energy.   E(s) = E_Coulomb / s + sum A exp(-s r / rho) / 2"""
    from scipy.optimize import minimize_scalar

    charge = crystal.column(0)
    coulomb = 0.5 * COULOMB * float(charge @ coulomb_sums(crystal)[0] @ charge)
    apart, shifts = crystal.images(12.0)
    d = np.linalg.norm(apart[:, :, None] + shifts, axis=-1)
    strength = amplitudes(crystal)[..., None]

    def energy(scale: float) -> float:
        return coulomb / scale + 0.5 * float(np.sum(strength * np.exp(-scale * np.maximum(d, 0.5) / RANGE)))

    # below 0.7 the exponential loses against the Coulomb energy: not physical
    scale = float(minimize_scalar(energy, bounds=(0.7, 1.5), method="bounded").x)  # type: ignore[union-attr]
    return Crystal(scale * crystal.positions, crystal.atomic_numbers, scale * crystal.cell)
