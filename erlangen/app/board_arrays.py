"""What a row of the board keeps of the arrays of its run: little, because all rows are in the wheel.

light(arrays.npz, panels) -> arrays, panels that can be drawn from them
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ..data.array_files import read_npz
from ..study.panels import Panel

MOST_BYTES = 200_000  # of one row, before they are packed
MOST_STEPS = 500  # of a history


def light(file: Path, panels: Sequence[Panel]) -> tuple[dict[str, np.ndarray], list[Panel]]:
    """In single precision and in this order, as long as there is room: scores of every sample, by which records are
    told apart; the history, thinned; test samples; panels. Parity plots of many values do not fit.
    """
    if not file.is_file():
        return {}, []
    every = {name: _single(name, array) for name, array in read_npz(file).items()}
    kept: dict[str, np.ndarray] = {}
    for names in _parts(every, panels):
        new = {name: every[name] for name in names if name in every and name not in kept}
        if sum(array.nbytes for array in (*kept.values(), *new.values())) <= MOST_BYTES:
            kept |= new
    return kept, [panel for panel in panels if _drawn(panel) <= set(kept)]


def _parts(every: dict[str, np.ndarray], panels: Sequence[Panel]) -> Iterator[list[str]]:
    """Names that are kept together or not at all."""
    yield [name for name in every if name.startswith("scores/") or name == "group"]
    yield [name for name in every if name.startswith("history/")]
    samples = sorted({name.split("/")[1] for name in every if name.startswith("samples/") and name.count("/") > 1})
    for i in samples:
        yield [name for name in every if name.startswith(f"samples/{i}/") or name == "samples/rows"]
    yield from (list(_drawn(panel)) for panel in panels)


def _drawn(panel: Panel) -> set[str]:
    return {name for series in panel.series for name in series.arrays.values()}


def _single(name: str, array: np.ndarray) -> np.ndarray:
    if name.startswith("history/") and array.ndim == 1:
        array = array[:: max(1, -(-len(array) // MOST_STEPS))]
    return array.astype(np.float32) if array.dtype == np.float64 else array
