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

from ..assess.rows import Cost, CoverageRow, Estimate, OpponentRow, ShiftRow, SymmetryRow
from ..core.errors import Invalid

FORMAT = "erlangen-record-1"


@dataclasses.dataclass
class Record:
    """Everything that a reader of a number may want to know. All fields are JSON types or the rows above."""

    run: str
    task: str
    task_fields: dict[str, Any]
    method: str
    method_fields: dict[str, Any]
    wraps: list[dict[str, Any]]  # {"name", "settings"} of each, outermost first
    seed: int
    budget: str
    created: str
    start: str = ""  # the run whose answer the fit began from
    state: Literal["running", "done", "failed", "interrupted"] = "running"
    scores: list[Estimate] = dataclasses.field(default_factory=list)
    floor: dict[str, float] = dataclasses.field(default_factory=dict)
    symmetry: list[SymmetryRow] = dataclasses.field(default_factory=list)
    coverage: list[CoverageRow] = dataclasses.field(default_factory=list)
    shifts: list[ShiftRow] = dataclasses.field(default_factory=list)
    opponents: list[OpponentRow] = dataclasses.field(default_factory=list)
    peers: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    cost: Cost | None = None
    rollout_cost: Cost | None = None  # the same where a query is a whole trajectory (evolutions)
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
            for name in ("cost", "rollout_cost"):
                raw[name] = Cost(**raw[name]) if raw.get(name) else None
            return cls(**raw)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Invalid(
                must=f"a record is a JSON file of format {FORMAT}",
                came=f"{type(error).__name__}: {error}",
                do="Run again, or restore the file.",
            ) from None

    @classmethod
    def read(cls, folder: str | Path) -> Self:
        """The record of a run folder (or of the record file itself)."""
        path = Path(folder)
        path = path / "record.json" if path.is_dir() else path
        if not path.exists():
            raise Invalid(
                must="a run folder holds a record.json", came=str(folder), do="See your runs: erlangen list --runs"
            )
        return cls.from_json(path.read_text())

    def write(self, folder: Path) -> None:
        """Write record.json into `folder`, whole or not at all."""
        temporary = folder / f".record.{id(self)}.json"
        temporary.write_text(self.to_json())
        temporary.replace(folder / "record.json")
