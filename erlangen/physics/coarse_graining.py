"""Coarse models that keep the free energy of what was left out: beads of atoms, and the pair forces that match.

    R_I = sum_i m_i r_i / M_I,      F_I = sum_i F_i   (i in bead I)
    min_c  < sum_I | F_I - sum_(J != I) f_c(R_IJ) R_IJ^ |^2 >,      f_c(R) = sum_k c_k phi_k(R) >= 0: repels

The minimum is the mean force, that is the gradient of the many-body free energy, as far as pairs can say it (multiscale
coarse-graining: Izvekov and Voth 2005, doi:10.1021/jp044629q; Noid et al. 2008, doi:10.1063/1.2938860). phi_k: hats
on equally spaced knots. What is left is mostly no error: it is the force that the atoms within the beads fluctuate by.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from ..core.errors import Invalid


@dataclasses.dataclass(frozen=True)
class PairForce:
    """f(R) on knots with its standard error, the free energy that belongs to it (zero at the last knot), and the root
    mean square force per component that no pair force explains.
    """

    knots: Float[np.ndarray, " knots"]
    force: Float[np.ndarray, " knots"]
    error: Float[np.ndarray, " knots"]
    residual: float

    @property
    def potential(self) -> Float[np.ndarray, " knots"]:
        """W(R) = int_R f dR', by trapezoids."""
        steps = 0.5 * np.diff(self.knots) * (self.force[1:] + self.force[:-1])
        return np.concatenate([np.cumsum(steps[::-1])[::-1], [0.0]])


def beads(
    positions: Float[np.ndarray, "frames n 3"],
    forces: Float[np.ndarray, "frames n 3"],
    groups: Sequence[Sequence[int]],
    masses: Float[np.ndarray, " n"],
) -> tuple[Float[np.ndarray, "frames beads 3"], Float[np.ndarray, "frames beads 3"]]:
    """Centres of mass of groups of atoms, and the forces on them. Atoms in no group are what is averaged over."""
    taken = [i for group in groups for i in group]
    if len(set(taken)) < len(taken) or not all(len(group) for group in groups):
        raise Invalid(
            must="every bead has atoms, and no atom is in two",
            came=str([list(group) for group in groups]),
            do="Forces of shared atoms would have to be divided: give each atom to one bead.",
        )
    m = np.asarray(masses, float)
    centres = [np.einsum("i,tid->td", m[list(g)] / m[list(g)].sum(), positions[:, list(g)]) for g in groups]
    return np.stack(centres, 1), np.stack([forces[:, list(g)].sum(1) for g in groups], 1)


def match(
    positions: Float[np.ndarray, "frames beads 3"],
    forces: Float[np.ndarray, "frames beads 3"],
    knots: Float[np.ndarray, " knots"],
    *,
    blocks: int = 5,
) -> PairForce:
    """The pair force of beads of one kind; pairs beyond the knots feel none. error: from blocks of frames."""
    if len(positions) < blocks or len(knots) < 2:
        came = f"{len(positions)} frames, {len(knots)} knots"
        raise Invalid(must="there are frames in every block and two knots", came=came, do="Take more of them.")
    normal, aim, square = zip(*(_equations(*part, knots) for part in zip(
        np.array_split(positions, blocks), np.array_split(forces, blocks))))  # fmt: skip
    whole = _solved(np.sum(normal, 0), np.sum(aim, 0))
    each = np.array([_solved(a, b) for a, b in zip(normal, aim)])
    left = max(sum(square) - float(whole @ np.sum(aim, 0)), 0.0)
    error = each.std(0, ddof=1) / np.sqrt(blocks)
    return PairForce(np.asarray(knots), whole, error, float(np.sqrt(left / forces.size)))


def _equations(
    r: Float[np.ndarray, "frames beads 3"], f: Float[np.ndarray, "frames beads 3"], knots: Float[np.ndarray, " knots"]
) -> tuple[Float[np.ndarray, "knots knots"], Float[np.ndarray, " knots"], float]:
    """A^T A, A^T F and F^2 of the linear problem A c = F."""
    apart = r[:, :, None] - r[:, None]
    far = np.linalg.norm(apart, axis=-1)
    n = r.shape[1]
    far[:, np.arange(n), np.arange(n)] = np.inf
    spacing = knots[1] - knots[0]
    hats = np.maximum(1 - np.abs(far[..., None] - knots) / spacing, 0.0)
    rows = np.einsum("tijk,tijd->tidk", hats, apart / np.where(np.isfinite(far), far, 1.0)[..., None])
    flat = rows.reshape(-1, len(knots))
    return flat.T @ flat, flat.T @ f.ravel(), float(np.sum(f**2))


def _solved(normal: Float[np.ndarray, "knots knots"], aim: Float[np.ndarray, " knots"]) -> Float[np.ndarray, " knots"]:
    """Least squares; knots that no pair came near stay zero."""
    seen = np.diag(normal) > 1e-12 * np.max(np.diag(normal))
    found = np.zeros(len(aim))
    found[seen] = np.linalg.lstsq(normal[np.ix_(seen, seen)], aim[seen], rcond=1e-12)[0]
    return found
