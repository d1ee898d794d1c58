"""The record of a run: one JSON file that everything else (tables, reports, the portal, papers) reads.

A run folder holds
    record.json          this record (format "erlangen-record-1")
    fitted.safetensors   the arrays of the answer, and fitted.json, its structure (no pickle; `learn.checkpoint`)
    arrays.npz           predictions, truth and intervals of test samples, for plots and paired comparisons
    checkpoint/          the state of a fit that is under way (removed when it has ended)
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, Literal, Self

from ..core.errors import Invalid

FORMAT = "erlangen-record-1"


@dataclasses.dataclass
class Estimate:
    """A figure with its error bar (one standard error) and how the bar was made."""

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
    """One audited symmetry. subject: "method" (float32 network) or "solver" (float64 reference)."""

    subject: Literal["method", "solver"]
    group: str
    output: str
    error: float
    declared: bool
    broken: bool = False
    tolerance: float = 1e-5


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


@dataclasses.dataclass
class OpponentRow:
    """One point of a classical solver's error-cost curve; scores by name; seconds per query."""

    name: str
    knob: str
    setting: Any
    seconds: float
    scores: dict[str, float]


@dataclasses.dataclass
class Cost:
    """What the answer cost: break_even = (truth_seconds + fit_seconds) / (opponent_seconds - query_seconds).

    opponent_seconds: the cheapest opponent that is at least as accurate as this answer; None where none is.
    break_even None: training never pays, because the opponent is faster per query at equal accuracy.
    """

    parameters: int
    fit_seconds: float
    truth_seconds: float
    query_seconds: float
    peak_memory_mb: float
    opponent: str = ""
    opponent_seconds: float | None = None
    break_even: float | None = None


@dataclasses.dataclass
class Record:
    """Everything that a reader of a number may want to know. All fields are JSON types or the rows above."""

    run: str
    task: str
    task_fields: dict[str, Any]
    method: str
    method_fields: dict[str, Any]
    wraps: list[str]
    seed: int
    budget: str
    created: str
    state: Literal["running", "done", "failed", "interrupted"] = "running"
    scores: list[Estimate] = dataclasses.field(default_factory=list)
    floor: dict[str, float] = dataclasses.field(default_factory=dict)
    symmetry: list[SymmetryRow] = dataclasses.field(default_factory=list)
    coverage: list[CoverageRow] = dataclasses.field(default_factory=list)
    shifts: list[ShiftRow] = dataclasses.field(default_factory=list)
    opponents: list[OpponentRow] = dataclasses.field(default_factory=list)
    peers: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    cost: Cost | None = None
    history: list[dict[str, float]] = dataclasses.field(default_factory=list)
    messages: list[str] = dataclasses.field(default_factory=list)
    data: dict[str, Any] = dataclasses.field(default_factory=dict)
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    device: str = ""
    format: str = FORMAT

    def score(self, name: str) -> Estimate:
        """The score of that name."""
        return next(s for s in self.scores if s.name == name)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=1, allow_nan=True, default=str)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a record; unknown formats and broken JSON raise `Invalid`."""
        try:
            raw = json.loads(text)
            if raw.get("format") != FORMAT:
                raise ValueError(f"format {raw.get('format')!r}")
            raw["scores"] = [Estimate(**r) for r in raw["scores"]]
            raw["symmetry"] = [SymmetryRow(**r) for r in raw["symmetry"]]
            raw["coverage"] = [CoverageRow(**r) for r in raw["coverage"]]
            raw["shifts"] = [ShiftRow(**{**r, "scores": [Estimate(**s) for s in r["scores"]]}) for r in raw["shifts"]]
            raw["opponents"] = [OpponentRow(**r) for r in raw["opponents"]]
            raw["cost"] = Cost(**raw["cost"]) if raw["cost"] else None
            return cls(**raw)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Invalid(
                must=f"a record is a JSON file of format {FORMAT}", came=f"{type(error).__name__}: {error}", do="Run again, or restore the file."
            ) from None

    @classmethod
    def read(cls, folder: str | Path) -> Self:
        """The record of a run folder (or of the record file itself)."""
        path = Path(folder)
        path = path / "record.json" if path.is_dir() else path
        if not path.exists():
            raise Invalid(must="a run folder holds a record.json", came=str(folder), do="See your runs: erlangen list --runs")
        return cls.from_json(path.read_text())

    def write(self, folder: Path) -> None:
        """Write record.json into `folder`, whole or not at all."""
        temporary = folder / f".record.{id(self)}.json"
        temporary.write_text(self.to_json())
        temporary.replace(folder / "record.json")
