"""What trials have in common: a name of their own, and samples that are drawn from the split."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from ...assess.metrics import absolute
from ...contract import SPLITS, Samples, Score, Split, Task

COUNTS = {"train": 12, "validation": 4, "calibration": 10, "test": 4}


class Trial(Task):
    """A question of which the truth costs nothing. like: plainer trials that ask methods for nearly the same."""

    like: ClassVar[tuple[type[Task], ...]] = ()

    @classmethod
    def name(cls) -> str:
        return f"trial/{cls.__name__.lower()}"

    @property
    def scores(self) -> tuple[Score, ...]:
        return tuple(Score(f"{q.name}_mae", q.name, absolute, q.unit) for q in self.outputs)


def generator(split: Split) -> np.random.Generator:
    """Of random numbers, one for each split."""
    return np.random.default_rng(SPLITS.index(split))


def drawn(split: Split, draw: Callable[[np.random.Generator], Any], truth: Callable[[Any], Any]) -> Samples:
    """Inputs from `draw(rng)`, outputs from `truth(x)`."""
    rng = generator(split)
    inputs = [draw(rng) for _ in range(COUNTS[split])]
    answers = [truth(x) for x in inputs]
    return Samples(inputs, {name: [a[name] for a in answers] for name in answers[0]})
