"""Elastic constants that labelled frames of a cubic crystal state: no potential, least squares on stresses.

    sigma_ij = load delta_ij + C_ijkl epsilon_kl          frames strained by less than 2.5 %, all atoms in their places

    stated(parts) -> Stated(lattice, constants, frames)

Atoms in their places: what is found is C with atoms that follow the strain, which for diamond lies above the relaxed
C44. The lattice constant is where the load vanishes, to first order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..contract import Samples
from ..core.errors import Invalid
from ..physics.units import GPA

SMALL = 0.025  # strain
IN_PLACE = 1e-3  # of lattice vectors: how far atoms of a strained crystal may be from their places
AT_REST = 0.02  # eV/A
NAMES = ("C11", "C12", "C44")
FEWEST = 4  # frames


@dataclasses.dataclass(frozen=True)
class Stated:
    """lattice [A]: cube root of the volume per atom; constants [GPA] by name; frames: how many say so."""

    lattice: float
    constants: Mapping[str, float]
    frames: int


def stated(parts: Sequence[Samples]) -> Stated:
    """From all frames of the parts; `Invalid` where too few are strained a little."""
    frames = [(x, np.asarray(s)) for p in parts for x, s in zip(p.inputs, p.outputs["stress"], strict=True)]
    steepest = [np.abs(np.asarray(f)).max(initial=0) for p in parts for f in p.outputs["forces"]]
    still = [i for i, (x, _) in enumerate(frames) if steepest[i] < AT_REST and _is_cubic(np.asarray(x["cell"]))]
    if not still:
        raise _too_few(0)
    most = max(len(frames[i][0]["positions"]) for i in still)
    still = [i for i in still if len(frames[i][0]["positions"]) == most]
    ideal = frames[min(still, key=lambda i: np.abs(frames[i][1]).max())][0]
    rows, values = [], []
    for x, stress in frames:
        strain = _strain(x, ideal)
        if strain is None:
            continue
        for i, j in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)):
            others = np.trace(strain) - strain[i, i]
            rows.append([strain[i, i], others, 0.0, 1.0] if i == j else [0.0, 0.0, 2 * strain[i, j], 0.0])
            values.append(stress[i, j] / GPA)
    if len(values) < 6 * FEWEST or np.linalg.matrix_rank(np.array(rows)) < 4:
        raise _too_few(len(values) // 6)
    c11, c12, c44, load = np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0].tolist()
    side = (abs(np.linalg.det(ideal["cell"])) / len(ideal["positions"])) ** (1 / 3) * (1 - load / (c11 + 2 * c12))
    return Stated(float(side), dict(zip(NAMES, (c11, c12, c44))), len(values) // 6)


def _too_few(count: int) -> Invalid:
    return Invalid(
        must=f"{FEWEST} frames or more are slightly strained cubic cells with all atoms in their places",
        came=f"{count}",
        do="Elastic constants are then not in these data.",
    )


def _strain(x: Any, ideal: Any) -> np.ndarray | None:
    """Symmetric strain against the ideal cell; None where atoms have moved, or it is not small."""
    if len(x["positions"]) != len(ideal["positions"]):
        return None
    there, here = (np.asarray(y["positions"]) @ np.linalg.inv(y["cell"]) for y in (ideal, x))
    gap = here - there
    strain = np.linalg.inv(ideal["cell"]) @ x["cell"] - np.eye(3)
    strain = (strain + strain.T) / 2
    is_in_place = np.abs(gap - np.round(gap)).max() <= IN_PLACE
    return strain if is_in_place and np.abs(strain).max() <= SMALL else None


def _is_cubic(cell: np.ndarray) -> bool:
    """Whether a cell is a cube along the axes."""
    return bool(np.allclose(cell, cell[0, 0] * np.eye(3), atol=1e-3 * abs(cell[0, 0])))
