"""The record of a run: one JSON file that everything else (tables, reports, the portal, papers) reads.

A run folder holds
    record.json          this record (format "erlangen-record-2")
    fitted.safetensors   the arrays of the answer, its structure in the header (no pickle; `learn.checkpoint`)
    arrays.npz           what panels draw, test samples with their answers, the history of the fit (`study.panels`)
    checkpoint/          the state of a fit that is under way (removed when it has ended)

The folder is whole: neither the task nor its data are asked again. JSON knows no NaN: such figures are null, and
`absent` says what they were, by path ("solvers.3.scores.nrmse": "infinite").
"""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any, Literal, Self

from ..assess.rows import Cost, CoverageRow, Estimate, ShiftRow, SolverRow, SymmetryRow
from ..core.errors import Invalid
from ..core.quantity import Quantity, Representation
from ..data.limits import RECORD, at_most, plain_file
from .panels import Panel
from .record_types import check_types

FORMAT = "erlangen-record-2"
EARLIER = ("erlangen-record-1",)
ABSENT = {"not a number": math.nan, "infinite": math.inf, "minus infinite": -math.inf}


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
    state: Literal["running", "fitted", "done", "failed", "interrupted"] = "running"  # fitted: without scores
    container: str = ""  # what inputs come in, and the quantities that the task declares
    inputs: list[Quantity] = dataclasses.field(default_factory=list)
    outputs: list[Quantity] = dataclasses.field(default_factory=list)
    scores: list[Estimate] = dataclasses.field(default_factory=list)
    floor: dict[str, float] = dataclasses.field(default_factory=dict)
    symmetry: list[SymmetryRow] = dataclasses.field(default_factory=list)
    coverage: list[CoverageRow] = dataclasses.field(default_factory=list)
    shifts: list[ShiftRow] = dataclasses.field(default_factory=list)
    solvers: list[SolverRow] = dataclasses.field(default_factory=list)
    published: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    cost: Cost | None = None
    rollout_cost: Cost | None = None  # the same where a query is a whole trajectory (evolutions)
    panels: list[Panel] = dataclasses.field(default_factory=list)
    messages: list[str] = dataclasses.field(default_factory=list)
    data: dict[str, Any] = dataclasses.field(default_factory=dict)
    versions: dict[str, str] = dataclasses.field(default_factory=dict)
    device: str = ""
    format: str = FORMAT

    def score(self, name: str) -> Estimate:
        """The score of that name."""
        return next(s for s in self.scores if s.name == name)

    def to_json(self) -> str:
        """The text of record.json."""
        absent: dict[str, str] = {}
        plain = _finite(dataclasses.asdict(self), "", absent)
        return json.dumps({**plain, "absent": absent}, indent=1, allow_nan=False, default=str)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a record; unknown formats and broken JSON raise `Invalid`."""
        try:
            raw = json.loads(text)
            if raw.get("format") in EARLIER:
                raise _earlier(raw)
            if raw.get("format") != FORMAT:
                raise ValueError(f"format {raw.get('format')!r}")
            for path, word in raw.pop("absent").items():
                _restore(raw, path.split("."), ABSENT[word])
            for name in ("inputs", "outputs"):
                raw[name] = [_quantity(q) for q in raw[name]]
            raw["scores"] = [Estimate(**r) for r in raw["scores"]]
            raw["symmetry"] = [SymmetryRow(**r) for r in raw["symmetry"]]
            raw["coverage"] = [CoverageRow(**r) for r in raw["coverage"]]
            raw["shifts"] = [ShiftRow(**{**r, "scores": [Estimate(**s) for s in r["scores"]]}) for r in raw["shifts"]]
            raw["solvers"] = [SolverRow(**r) for r in raw["solvers"]]
            raw["panels"] = [Panel.from_dict(r) for r in raw["panels"]]
            for name in ("cost", "rollout_cost"):
                raw[name] = Cost(**raw[name]) if raw.get(name) else None
            return check_types(cls(**raw))
        except Invalid:
            raise
        except (ValueError, LookupError, TypeError, AttributeError, StopIteration, RecursionError) as error:
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
        try:
            if path.exists():
                at_most(path, plain_file(path).stat().st_size, RECORD, "bytes of record", "Restore the file.")
            return cls.from_json(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            do = "See your runs: erlangen list --runs"
            raise Invalid(must="a run folder holds a record.json", came=str(folder), do=do) from None
        except (OSError, UnicodeDecodeError) as error:
            do = "Ask for permission to read it, or restore the file."
            raise Invalid(must="the record of a run can be read", came=f"{path}: {error}", do=do) from None

    def write(self, folder: Path) -> None:
        """Write record.json into `folder`, whole or not at all."""
        temporary = folder / f".record.{id(self)}.json"
        temporary.write_text(self.to_json())
        temporary.replace(folder / "record.json")


def _finite(value: Any, path: str, absent: dict[str, str]) -> Any:
    """`value` with None for every number that JSON does not know; what each was goes into `absent`, by its path."""
    if isinstance(value, dict):
        return {k: _finite(v, f"{path}.{k}" if path else str(k), absent) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v, f"{path}.{i}", absent) for i, v in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        absent[path] = "not a number" if math.isnan(value) else "infinite" if value > 0 else "minus infinite"
        return None
    return value


def _quantity(q: dict[str, Any]) -> Quantity:
    return Quantity(**{**q, "rep": Representation(**q["rep"]), "classes": tuple(q.get("classes", ()))})


def _restore(raw: Any, path: list[str], value: float) -> None:
    """Put an absent number back. Keys may hold dots themselves."""
    if isinstance(raw, list):
        return _put(raw, int(path[0]), path[1:], value)
    key = next(k for k in sorted(raw, key=len, reverse=True) if path[: k.count(".") + 1] == k.split("."))
    return _put(raw, key, path[key.count(".") + 1 :], value)


def _put(raw: Any, key: Any, rest: list[str], value: float) -> None:
    if rest:
        _restore(raw[key], rest, value)
    else:
        raw[key] = value


def _earlier(raw: dict[str, Any]) -> Invalid:
    return Invalid(
        must=f"a record is of format {FORMAT}",
        came=f"{raw['format']}, of an earlier erlangen, which kept neither quantities nor panels",
        do=f"Repeat the run (its settings are in the file): erlangen run {raw.get('task')} --method "
        f"{raw.get('method')} --seed {raw.get('seed')} --budget {raw.get('budget')}",
    )
