"""What tasks and methods are made of: samples, scores, shifts, published results, solvers, budgets, sessions."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Array

from ..core.errors import Invalid
from ..core.systems import System

if TYPE_CHECKING:
    from .answers import Answer

Split = Literal["train", "validation", "calibration", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "calibration", "test")
Outputs = Mapping[str, Array]


class InItsFile:
    """What has a file of its own, and without a docstring of its own that of the file."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if not vars(cls).get("__doc__"):
            cls.__doc__ = getattr(sys.modules.get(cls.__module__), "__doc__", None)


@dataclasses.dataclass(frozen=True)
class Samples:
    """Question-answer pairs, one by one: inputs[i] is a container, outputs[name][i] its true value.

    Systems may differ in size: packing into padded static shapes is the business of `learn.batching`.
    group[i]: which independent draw (trajectory, molecule) sample i belongs to; error bars resample whole groups.
    """

    inputs: Sequence[System]
    outputs: Mapping[str, Sequence[Any]]
    group: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, rows: Sequence[int] | np.ndarray) -> Samples:
        """The samples at `rows`, in that order."""
        rows = np.asarray(rows, int)
        group = None if self.group is None else np.asarray(self.group)[rows]
        return Samples(
            [self.inputs[i] for i in rows], {k: [v[i] for i in rows] for k, v in self.outputs.items()}, group
        )


@dataclasses.dataclass(frozen=True)
class Score:
    """A number that judges answers against truth on held-out data.

    measure(predicted, true) -> non-negative value of one sample of the output `quantity`; `of_set`: both are
    lists of all values for one input (draws of a sampler, and true draws).
    The score is the mean over samples ("mean") or the root of it ("root", for mean squares), times `factor`.
    steps > 1: the map is applied that many times to its own output before it is judged (evolution tasks only);
    `whole`: then all states on the way are judged as one array [steps, ...], not the last one alone.
    `per_atom`: both are divided by the number of atoms of the sample first.
    """

    name: str
    quantity: str
    measure: Callable[[Any, Any], Any]
    unit: str
    label: str = ""
    aggregate: Literal["mean", "root"] = "mean"
    factor: float = 1.0
    steps: int = 1
    whole: bool = False
    of_set: bool = False
    per_atom: bool = False
    lower_is_better: bool = True


Quantities = Mapping[str, Sequence[Any]]
"""By name, one value (of any shape) for each case."""


@dataclasses.dataclass(frozen=True)
class Curve:
    """How a consequence is drawn: y(x), both names of its quantities, of its first case."""

    title: str
    x: str
    y: str
    axes: tuple[tuple[str, str], tuple[str, str]]  # label and unit of x and y
    caption: str = ""


@dataclasses.dataclass(frozen=True)
class Consequence:
    """What follows from an answer as a whole, and is judged beside its answers for samples: the phonons of a crystal on
    a fitted potential, its elastic constants, a trajectory.

    derive(answer, key=) -> quantities by case; true() -> the same of the truth (for instance of the law of the labels).
    `scores` judge them, one value per case; cases are independent. needs: what an answer has to be (a protocol, a kind
    of answer); others are not judged by it. opponents: what else gives the same quantities, by name; their cost is
    measured too.
    """

    name: str
    needs: type
    derive: Callable[..., Quantities]
    true: Callable[[], Quantities]
    scores: tuple[Score, ...]
    curves: tuple[Curve, ...] = ()
    opponents: Mapping[str, Callable[[], Quantities]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Shift:
    """An axis along which the question is moved away from what was trained on: task.shifted(axis, value) for each
    value.

    `severity(value)`, where given, places a value on the horizontal axis (default: the value itself, or its position).
    """

    axis: str
    values: tuple[Any, ...]
    label: str = ""
    unit: str = ""


@dataclasses.dataclass(frozen=True)
class PublishedResult:
    """A published result, with its source (DOI or arXiv id)."""

    name: str
    score: str
    value: float
    unit: str
    source: str


@dataclasses.dataclass(frozen=True)
class ReferenceSolver:
    """A classical solver that a practitioner would use, with a knob that trades cost for accuracy.

    solve(x, setting) -> outputs for one input; each of `settings` gives one point of the error-cost curve.
    path(x, setting, steps) -> outputs [steps, ...] of an evolution, on the solver's own grid all the way; where it is
    not given, `solve` is applied to its own output, through what is seen of the state at every step.
    """

    name: str
    knob: str
    settings: tuple[Any, ...]  # from cheap to dear: where time runs out, the last are left out
    solve: Callable[[System, Any], Outputs]
    path: Callable[[System, Any, int], Outputs] | None = None


@dataclasses.dataclass(frozen=True)
class Budget:
    """How long a fit may take: seconds of wall time, or steps (exactly repeatable), whichever is given."""

    seconds: float | None = None
    steps: int | None = None

    @classmethod
    def parse(cls, text: str | float | Budget) -> Budget:
        """Read "90s", "2m", "1h", "5000steps"; a bare number is seconds."""
        if isinstance(text, Budget):
            return text
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|m|h|steps?|)\s*", str(text))
        if not match or float(match[1]) <= 0:
            raise Invalid(
                must="a budget is a positive time or a number of steps",
                came=repr(text),
                do="Write 90s, 2m, 1h or 5000steps.",
            )
        number, unit = float(match[1]), match[2]
        if unit.startswith("step"):
            return cls(steps=int(number))
        return cls(seconds=number * {"": 1, "s": 1, "m": 60, "h": 3600}[unit])

    def share(self, fraction: float) -> Budget:
        """A part of it; at least one step."""
        seconds = None if self.seconds is None else fraction * self.seconds
        return Budget(seconds, None if self.steps is None else max(int(fraction * self.steps + 1e-6), 1))

    def for_fit(self, fraction: float) -> Budget:
        """That part of a time, so that something can follow the fit within the whole; steps stay as they are."""
        return self if self.seconds is None else self.share(fraction)

    def __str__(self) -> str:
        return f"{self.steps}steps" if self.steps else f"{self.seconds:g}s"


Tell = Callable[[int, int], None]
"""tell(done, total): how far something is."""


def _unseen(what: str) -> contextlib.AbstractContextManager[Tell]:
    return contextlib.nullcontext(lambda done, total: None)


@dataclasses.dataclass(frozen=True)
class Session:
    """Where a fit keeps its checkpoint and whom it tells.

    folder: None keeps nothing. resume: go on from the checkpoint in `folder` if there is one.
    start: an earlier answer that the fit begins from (fine-tuning, transfer), for methods that `continues` says can.
    say(message): one line for the user and the record. progress(step, total, figures): called now and then.
    `with during(what) as tell:` says what goes on where there are no steps, how long it has taken and, after
    tell(done, total), what is left. labelled(by, count, seconds): labels that the fit computed for itself, beyond those
    of the task.
    """

    folder: Path | None = None
    resume: bool = False
    start: Answer | None = None
    say: Callable[[str], None] = lambda message: None
    progress: Callable[[int, int, Mapping[str, float]], None] = lambda step, total, figures: None
    during: Callable[[str], contextlib.AbstractContextManager[Tell]] = _unseen
    labelled: Callable[[str, int, float], None] = lambda by, count, seconds: None

    def inside(self, name: str) -> Session:
        """The same session for a part of the fit (one member of an ensemble), in a folder of its own."""
        return dataclasses.replace(self, folder=self.folder / name if self.folder else None)
