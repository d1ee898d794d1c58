"""Space and point groups of crystals: exact symmetrisation, and what they forbid to a tensor.

    G' = mean_g W_g^T G W_g,     x'_pi(i) = mean_g (W_g x_i + w_g),     t' = mean_g R_g ... R_g t

Operations (W, w) in fractional coordinates come from spglib (Togo and Tanaka 2018, arXiv:1808.01590); R = A W A^-1 with
lattice vectors as columns of A. A structure that is symmetric only to the digits of its file becomes symmetric to
rounding in float64, so that forbidden components of equivariant answers vanish to rounding as well.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ..core.errors import Invalid

SMALL = 1e-9  # of the largest component: rounding of a mean over at most 192 operations


@dataclasses.dataclass(frozen=True)
class Symmetry:
    """Space group number, Hermann-Mauguin point group, its rotations [g, 3, 3] in the frame of the crystal."""

    number: int
    point_group: str
    rotations: Float[np.ndarray, "g 3 3"]

    @property
    def is_centrosymmetric(self) -> bool:
        """Whether inversion is among them: no piezoelectric tensor then, and no dipole."""
        return bool(np.any(np.all(np.abs(self.rotations + np.eye(3)) < 1e-6, axis=(1, 2))))


def symmetrised(
    positions: Float[np.ndarray, "n 3"],
    atomic_numbers: Int[np.ndarray, " n"],
    cell: Float[np.ndarray, "3 3"],
    precision: float = 1e-2,
) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "3 3"], Float[np.ndarray, "3 3"], Symmetry]:
    """Positions, cell, rotation and symmetry of the crystal made exactly symmetric, its axes along x, y, z.

    precision: how far atoms may be from their symmetric places [A]; 0.01 suits relaxed structures. The new cell has
    the same lattice vectors up to strain of that size, turned by the returned `rotation` [3, 3] into the standard
    frame of its space group (tensors of the old frame turn along).
    """
    fractional = positions @ np.linalg.inv(cell)
    found = _dataset(cell, fractional, atomic_numbers, precision)
    w, shifts = np.asarray(found.rotations, float), np.asarray(found.translations, float)
    metric = np.mean(np.einsum("gji,jk,gkl->gil", w, cell @ cell.T, w), 0)
    inverse = np.linalg.inv(cell)
    cell = cell @ _root(inverse @ metric @ inverse.T)  # rows: A'^T = A^T S with S^2 = A^-T G' A^-1
    mean = np.zeros_like(fractional)
    for turn, shift in zip(w, shifts):
        moved = fractional @ turn.T + shift
        apart = moved[:, None] - fractional[None]
        apart -= np.round(apart)
        distance = np.linalg.norm(apart @ cell, axis=-1) + 1e3 * (atomic_numbers[:, None] != atomic_numbers)
        target = np.argmin(distance, 1)
        mean[target] += fractional[target] + apart[np.arange(len(target)), target]
    fractional = mean / len(w)
    rotation = _standard_frame(cell, fractional, atomic_numbers)
    cell = cell @ rotation.T
    # row convention: x' = x W^T, r' = r A^-1 W^T A with lattice rows A, so R^T = A^-1 W^T A
    turns = np.einsum("ai,gij,jb->gba", np.linalg.inv(cell), np.swapaxes(w, 1, 2), cell)
    symmetry = Symmetry(int(found.number), str(found.pointgroup).strip(), _distinct(turns))
    return fractional @ cell, cell, rotation, symmetry


def invariant(tensor: Float[np.ndarray, "..."], rotations: Float[np.ndarray, "g 3 3"]) -> Float[np.ndarray, "..."]:
    """The part of a Cartesian tensor of rank 1 to 3 that the point group allows; forbidden components are exactly 0."""
    rank = tensor.ndim
    if rank not in (1, 2, 3):
        raise Invalid(must="a tensor of rank 1, 2 or 3", came=f"rank {rank}", do="Pass an array of shape (3, 3).")
    rule = {1: "gai,i->a", 2: "gai,gbj,ij->ab", 3: "gai,gbj,gck,ijk->abc"}[rank]
    found = np.einsum(rule, *([rotations] * rank), tensor) / len(rotations)
    return np.where(np.abs(found) < SMALL * max(float(np.max(np.abs(tensor))), 1e-300), 0.0, found)


def forbidden(tensor: Float[np.ndarray, "..."], rotations: Float[np.ndarray, "g 3 3"]) -> float:
    """The largest component of what the point group forbids, |t - t'|_inf."""
    rule = {1: "gai,i->a", 2: "gai,gbj,ij->ab", 3: "gai,gbj,gck,ijk->abc"}[tensor.ndim]
    mean = np.einsum(rule, *([rotations] * tensor.ndim), tensor) / len(rotations)
    return float(np.max(np.abs(tensor - mean)))


def turned(tensor: Float[np.ndarray, "..."], rotation: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "..."]:
    """The tensor in a frame turned by `rotation`: every index i becomes R_ai."""
    for axis in range(tensor.ndim):
        tensor = np.moveaxis(np.tensordot(rotation, tensor, axes=(1, axis)), 0, axis)
    return tensor


def piezoelectric_from_voigt(matrix: Float[np.ndarray, "3 6"]) -> Float[np.ndarray, "3 3 3"]:
    """e_ijk from e_i,mu with mu = 11, 22, 33, 23, 31, 12 (stress coefficients: no factors of two)."""
    voigt = np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])
    return np.asarray(matrix)[:, voigt]


def _dataset(cell: np.ndarray, fractional: np.ndarray, numbers: np.ndarray, precision: float) -> Any:
    import warnings

    import spglib

    given: Any = (cell, fractional, numbers)
    for tolerance in (precision, precision / 10, 10 * precision):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # spglib announces a change of its own error handling
            found = spglib.get_symmetry_dataset(given, symprec=tolerance)
        if found is not None:
            return found
    raise ValueError("no space group was found: atoms overlap, or the cell is broken")


def _root(square: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(0.5 * (square + square.T))
    return vectors @ np.diag(np.sqrt(values)) @ vectors.T


def _standard_frame(cell: np.ndarray, fractional: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """The rotation from the frame of the cell into the standard one, orthogonal to rounding."""
    found = _dataset(cell, fractional, numbers, 1e-4)
    left, _, right = np.linalg.svd(np.asarray(found.std_rotation_matrix, float))
    return left @ right


def _distinct(turns: np.ndarray) -> np.ndarray:
    """Rotations of the point group, each once: pure translations repeat them in cells that are not primitive."""
    _, rows = np.unique(np.round(turns, 6) + 0.0, axis=0, return_index=True)
    return turns[np.sort(rows)]
