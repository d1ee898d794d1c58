"""Cells of a crystal side by side."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from erlangen.core.systems import Atoms


def supercell(x: Atoms, times: Sequence[int]) -> Atoms:
    """So many cells along each lattice vector: [times a b c, n] atoms, cell after cell, the home cell first."""
    cell = np.asarray(x.cell, float)
    shifts = np.array(list(itertools.product(*map(range, times)))) @ cell
    positions = (shifts[:, None] + np.asarray(x.positions, float)).reshape(-1, 3)
    return Atoms(positions, np.tile(x.atomic_numbers, len(shifts)), cell * np.asarray(times)[:, None], x.pbc)
