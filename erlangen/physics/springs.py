"""Crystals as masses on springs whose stiffness follows from bond lengths: where the highest phonons should lie.

    k_ij   = exp[-(r_ij - R_i - R_j) / b] w(r_ij) exp[-a (chi_i - chi_j)^2]        one spring per pair and image
    D(q)   = M^-1/2 [ sum_ij k_ij (u u^T + t) (1 - exp(i q R)) ] M^-1/2,           u: unit vector of the bond
    q      = the eight wave vectors with 2 q a reciprocal lattice vector: D is real there

R: covalent radius, chi: electronegativity, w: cosine envelope, t: stiffness across the bond. Frequencies are relative:
what counts is how they order crystals. The exponential is Badger's and Pauling's relation of bond length and strength:
Badger 1934, doi:10.1063/1.1749433; lattice dynamics: Born and Huang (1954), ISBN 9780198503699. The set of the eight
points does not depend on the choice of the lattice vectors.
"""

from __future__ import annotations

import csv
import dataclasses
import functools
import itertools
from importlib import resources

import numpy as np
from jaxtyping import Bool, Float, Int

CUTOFF = 6.5  # A
POINTS = np.array(list(itertools.product((0, 1), repeat=3)))  # q in units of pi; parities of a lattice vector as well
SIGNS = (-1.0) ** (POINTS @ POINTS.T)  # exp(i q R) by (point, parity of R)


@functools.cache
def elements() -> dict[str, Float[np.ndarray, " elements"]]:
    """Columns of `elements.csv` by name, indexed by atomic number (0 at number 0)."""
    text = resources.files("erlangen.physics").joinpath("elements.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
    names = ("group", "period", "mass", "covalent_radius", "electronegativity")
    return {name: np.array([0.0, *(float(row[name]) for row in rows)]) for name in names}


@dataclasses.dataclass(frozen=True)
class Bonds:
    """Every pair within the cutoff as dense arrays [n, n, images], receiver first; `excess` = r - R_i - R_j."""

    numbers: Int[np.ndarray, " n"]
    distances: Float[np.ndarray, "n n m"]
    directions: Float[np.ndarray, "n n m 3"]
    near: Bool[np.ndarray, "n n m"]
    excess: Float[np.ndarray, "n n m"]
    parity: Int[np.ndarray, "n n m"]  # [n, n, images]: which of `POINTS` the lattice vector of the image is, modulo 2

    @classmethod
    def of(
        cls, positions: Float[np.ndarray, "n 3"], numbers: Int[np.ndarray, " n"], cell: Float[np.ndarray, "3 3"]
    ) -> Bonds:
        """All bonds of a crystal up to `CUTOFF`."""
        inverse = np.linalg.inv(cell)
        apart = (positions[:, None] - positions[None]) @ inverse
        home = -np.round(apart)
        reach = CUTOFF + float(np.max(np.linalg.norm((apart + home) @ cell, axis=-1)))
        most = np.floor(reach * np.linalg.norm(inverse, axis=0) + 1e-9).astype(int)
        whole = np.array(list(itertools.product(*(range(-k, k + 1) for k in most))))
        whole = whole[np.linalg.norm(whole @ cell, axis=1) <= reach]
        vectors = (apart + home)[:, :, None] @ cell + whole @ cell
        distances = np.linalg.norm(vectors, axis=-1)
        itself = distances < 1e-6
        distances = np.where(itself, 1.0, distances)
        radius = elements()["covalent_radius"][numbers]
        parity = (home[:, :, None].astype(int) + whole) % 2 @ np.array([4, 2, 1])
        return cls(
            numbers,
            distances,
            vectors / distances[..., None],
            ~itself & (distances < CUTOFF),
            distances - (radius[:, None] + radius)[..., None],
            parity,
        )

    def stiffness(self, decay: float, polarity: float = 0.0) -> Float[np.ndarray, "n n m"]:
        """k_ij of every image; decay: b in A, polarity: a."""
        chi = elements()["electronegativity"][self.numbers]
        envelope = np.where(self.near, 0.5 * (1 + np.cos(np.pi * self.distances / CUTOFF)), 0.0)
        # closer than any bond the exponential would drown the rest of the crystal
        grown = np.exp(-np.maximum(self.excess, -1.0) / decay) * envelope
        return grown * np.exp(-polarity * (chi[:, None] - chi)[..., None] ** 2)

    def modes(self, stiffness: Float[np.ndarray, "n n m"], across: float = 0.1) -> Modes:
        """Frequencies at the eight points, and how much each atom moves in the highest of them; across: t."""
        n, mass = len(self.numbers), elements()["mass"][self.numbers]
        along = np.einsum("ijm,ijma,ijmb->ijmab", stiffness, self.directions, self.directions, optimize=True)
        blocks = np.stack([np.sum(np.where((self.parity == p)[..., None, None], along, 0.0), 2) for p in range(8)])
        sums = np.stack([np.sum(np.where(self.parity == p, stiffness, 0.0), 2) for p in range(8)])
        blocks += across * sums[..., None, None] * np.eye(3)
        onsite = np.sum(blocks, (0, 2))
        bloch = -np.einsum("qp,pijab->qijab", SIGNS, blocks)
        bloch[:, np.arange(n), np.arange(n)] += onsite
        bloch /= np.sqrt(mass[:, None] * mass)[..., None, None]
        matrices = bloch.transpose(0, 1, 3, 2, 4).reshape(8, 3 * n, 3 * n)
        squares, vectors = np.linalg.eigh(0.5 * (matrices + matrices.transpose(0, 2, 1)))
        omega = np.sqrt(np.maximum(squares, 1e-12))
        # a smooth function of the matrix: degenerate modes share their weight, whatever basis the solver returns
        weights = np.exp((omega - omega[:, -1:]) / (SHARPNESS * omega[:, -1:]))
        motion = np.einsum("qk,qik->qi", weights, vectors**2).reshape(8, n, 3).sum(-1)
        motion /= np.sum(motion, 1, keepdims=True)
        alone = np.sqrt(np.maximum(np.linalg.eigvalsh(onsite / mass[:, None, None])[:, -1], 1e-12))
        return Modes(omega, motion, alone)


SHARPNESS = 0.03  # width, relative to the highest frequency, within which modes count as highest


@dataclasses.dataclass(frozen=True)
class Modes:
    """frequencies [8, 3 n] ascending (the zone centre first), motion [8, n] of the highest, frequency of each atom when
    all others rest [n]."""

    frequencies: Float[np.ndarray, "8 3*n"]
    motion: Float[np.ndarray, "8 n"]
    alone: Float[np.ndarray, " n"]
