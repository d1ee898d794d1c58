"""Hypothesis strategies that draw inputs of a task from its declared quantities.

    systems(task, samples)      -> inputs of the task, in the neighbourhood of what `samples` hold
    values(quantity, like)      -> values of one quantity, shaped like `like`

What a quantity is decides how it is drawn: positions are displaced by up to 0.1 Angstrom, spins are permuted (so that
their sum is kept), fields get smooth waves of their own size, parameters move by 10 %; elements and cells stay.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from ..contract import Samples, Task
from ..core.quantity import Quantity
from ..core.systems import System

DISPLACEMENT = 0.1  # Angstrom
MAX_WAVENUMBER = 4


def systems(task: Task, samples: Samples) -> st.SearchStrategy[System]:
    """Inputs of `task`: one of `samples`, with every declared quantity drawn anew around it."""

    def around(i: int) -> st.SearchStrategy[System]:
        x = samples.inputs[i]
        drawn = {q.name: values(q, x[q.name]) for q in task.inputs}
        return st.fixed_dictionaries(drawn).map(lambda table: x.replace(**table))

    return st.integers(0, min(len(samples), 8) - 1).flatmap(around)


def values(quantity: Quantity, like: Any) -> st.SearchStrategy[np.ndarray]:
    """Values of `quantity` shaped like `like`."""
    like = np.asarray(like)
    if quantity.axes == "sites":
        return st.permutations(list(like)).map(lambda s: np.asarray(s, like.dtype))
    if not np.issubdtype(like.dtype, np.floating) or quantity.axes == "lattice":
        return st.just(like)
    seeds = st.integers(0, 2**32 - 1).map(np.random.default_rng)
    if quantity.axes == "grid":
        return seeds.map(lambda rng: (like + np.std(like) * _waves(like.shape, rng)).astype(like.dtype))
    if quantity.rep.affine:
        return seeds.map(lambda rng: (like + rng.uniform(-DISPLACEMENT, DISPLACEMENT, like.shape)).astype(like.dtype))
    return st.floats(0.9, 1.1).map(lambda factor: np.asarray(like * factor, like.dtype))


def _waves(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """A smooth periodic field of unit size: a few random plane waves along all axes."""
    total = np.zeros(shape)
    for _ in range(3):
        wavenumbers = rng.integers(-MAX_WAVENUMBER, MAX_WAVENUMBER + 1, len(shape))
        phases = [2 * np.pi * k * np.arange(n) / n for k, n in zip(wavenumbers, shape)]
        total += np.cos(sum(np.meshgrid(*phases, indexing="ij")) + rng.uniform(0, 2 * np.pi))
    return total / 3**0.5
