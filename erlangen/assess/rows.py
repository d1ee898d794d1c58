"""The rows of a record: what each assessment returns. Plain data, no JAX, so that reading a record is quick."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, Literal

Subject = Literal["method", "method, float64", "solver"]


@dataclasses.dataclass
class Estimate:
    """A figure with its error bar (it holds 68 % of the time: `metrics.few`) and how the bar was made."""

    name: str
    value: float
    error: float
    unit: str
    label: str = ""
    by: str = "bootstrap over samples"
    lower_is_better: bool = True

    def __str__(self) -> str:
        return f"{self.value:.3g} +- {self.error:.1g} {self.unit}"


@dataclasses.dataclass
class SymmetryRow:
    """One audited symmetry of one output. subject: the network as it is (float32), the same network with its parameters
    in float64, or the reference solver (float64).
    """

    subject: Subject
    group: str
    output: str
    error: float
    declared: bool
    broken: bool = False
    tolerance: float = 5e-6


@dataclasses.dataclass
class CoverageRow:
    """How often the intervals of nominal `level` hold the truth. where: "test", or a shift like "temperature=700"."""

    where: str
    output: str
    level: float
    coverage: float
    error: float
    mean_width: float
    unit: str
    kind: str = "per component"


@dataclasses.dataclass
class ShiftRow:
    """The scores at one place of a shift axis; ratio: error there over error in distribution (first score)."""

    axis: str
    value: Any
    unit: str
    scores: list[Estimate]
    ratio: float


def written(setting: object) -> str:
    """A setting as one reads it: 1e-8 rather than 1e-08."""
    return re.sub(r"e([+-])0+(?=\d)", r"e\1", str(setting)).replace("e+", "e")


@dataclasses.dataclass
class SolverRow:
    """One point of a classical solver's error-cost curve: scores by name with their error bars, seconds per query.

    steps > 1: a query is a trajectory of that many steps, from its initial state alone. samples: how many it was
    judged on, the same for all rows of a table (`Cost.samples`).
    """

    name: str
    knob: str
    setting: Any
    seconds: float
    scores: dict[str, float]
    errors: dict[str, float] = dataclasses.field(default_factory=dict)
    steps: int = 1
    samples: int = 0

    @property
    def title(self) -> str:
        """The solver with its setting, which is what has an error and a price."""
        return f"{self.name}, {self.knob} = {written(self.setting)}"


@dataclasses.dataclass
class Cost:
    """What the answer cost: break_even = (truth_seconds + fit_seconds) / (solver_seconds - query_seconds).

    solver_seconds: the cheapest solver that is at least as accurate as this answer; None where none is.
    break_even None: training never pays, because the solver is faster per query at equal accuracy.
    steps > 1: a query is a trajectory of that many steps. scores, errors: of this answer on the very `samples` samples
    that the solvers were judged on, by which equal accuracy is decided; 0: on all, or there are no samples.
    """

    parameters: int
    fit_seconds: float
    truth_seconds: float
    query_seconds: float
    peak_memory_mb: float
    solver: str = ""
    solver_seconds: float | None = None
    break_even: float | None = None
    steps: int = 1
    samples: int = 0
    scores: dict[str, float] = dataclasses.field(default_factory=dict)
    errors: dict[str, float] = dataclasses.field(default_factory=dict)
