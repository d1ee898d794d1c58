"""All that the portal shows, read once and kept: the map, the run folder with its index, records, what is declared.

Records come from two shelves: the folder of runs, and the reference records of the package (named
"board.<area>.<task>.<file>"). A name is looked up, never joined to a path, so that no name can lead elsewhere.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
import tomllib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import leaves, registry
from ..core.errors import Invalid, unknown
from ..leaves import Area, Leaf
from ..study import matching, store
from ..study.record import Record
from ..study.store import ListedRun
from .answers.figures import Mode, Scale
from .answers.reading import Limits

MOST_RECORDS = 400  # kept in memory, 50 kB each
MOST_NAMED = 300  # names that a misspelt one is compared with
SECONDS_OF_CHART = 10.0
SCALES: Mapping[str, Scale] = {
    **dict.fromkeys(("quantum", "density"), "quantum"),
    **dict.fromkeys(("molecules", "proteins", "materials", "interactions"), "atomistic"),
    "continuum": "continuum",
}
FILES = ("record.json", "arrays.npz", "fitted.safetensors", "fitted.json")
"""What a run folder offers for download."""
DOWNLOADED = FILES[:2]
"""What goes into an export; the answers themselves stay at home, because they need the package."""


@dataclass(frozen=True)
class Chart:
    """The map as it was read: areas with leaves; what map.toml and map/ say beyond them, by path; papers by name."""

    areas: list[Area]
    rows: dict[str, dict[str, Any]]
    scales: dict[str, Scale]
    texts: dict[str, str]
    papers: dict[str, dict[str, Any]]
    read: float

    def leaf(self, path: str) -> tuple[Area, Leaf]:
        """A leaf with its area; an unknown one raises `Invalid` with the nearest names."""
        for area in self.areas:
            for leaf in area.leaves:
                if leaf.path == path:
                    return area, leaf
        raise unknown("leaf", path, [leaf.path for area in self.areas for leaf in area.leaves])

    def area(self, name: str) -> Area:
        """An area by its name."""
        for area in self.areas:
            if area.name == name:
                return area
        raise unknown("area", name, [area.name for area in self.areas])

    def scale(self, area: str) -> Scale:
        """The continent that an area lies on."""
        return self.scales.get(area, "across")


@dataclass
class Library:
    """runs: the folder of runs; None: only what ships. version: counts changes of the list of runs."""

    runs: Path | None
    mode: Mode = "public"
    limits: Limits = field(
        default_factory=lambda: {"upload_mb": 50, "minutes": 10.0, "jobs": 1, "queue": 20, "memory_gb": 8.0}
    )
    version: int = 0
    left_out: list[str] = field(default_factory=list)
    is_asking: bool = False

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._chart: Chart | None = None
        self._listed: dict[str, ListedRun] | None = None
        self._shipped: dict[str, tuple[Path, ListedRun]] = {}
        self._records: OrderedDict[tuple[str, int], Record] = OrderedDict()
        self._known: tuple[float, matching.Catalogue] | None = None
        self._entries: dict[str, tuple[float, list[registry.Entry]]] = {}

    @property
    def can_run(self) -> bool:
        """Whether jobs are taken."""
        return self.mode == "served" and self.runs is not None

    def chart(self) -> Chart:
        """The map, read again every few seconds."""
        with self._lock:
            if self._chart is None or time.monotonic() - self._chart.read > SECONDS_OF_CHART:
                self._chart = _read_chart()
                self._shipped = _shipped(self._chart)
            return self._chart

    def refresh(self) -> bool:
        """Look at the folder of runs; whether anything changed since."""
        said: list[str] = []
        rows = store.runs(self.runs, say=said.append) if self.runs is not None else []
        where = (f"{self.runs}/", "left out of the list: ")
        left_out = list(dict.fromkeys(line.replace(where[1], "").replace(where[0], "") for line in said))
        listed = {row.name: row for row in rows}
        with self._lock:
            is_new = listed != self._listed or left_out != self.left_out
            self._listed, self.left_out = listed, left_out
            self.version += is_new
            return is_new

    def listed(self) -> list[ListedRun]:
        """Every run of the folder, newest first, then the reference records of the package."""
        if self._listed is None:
            self.refresh()
        self.chart()
        return [*(self._listed or {}).values(), *(row for _, row in self._shipped.values())]

    def row(self, name: str) -> ListedRun:
        """One line of the list."""
        if self._listed is None:
            self.refresh()
        self.chart()
        if name in (self._listed or {}):
            return (self._listed or {})[name]
        if name in self._shipped:
            return self._shipped[name][1]
        raise unknown("run", name, [row.name for row in self.listed()[:MOST_NAMED]])

    def is_shipped(self, name: str) -> bool:
        """Whether a record came with the package."""
        return name in self._shipped and name not in (self._listed or {})

    def file(self, name: str, part: str = "record.json") -> Path | None:
        """A file of a run by its name; None where there is none. What links lead out of the folder is not there."""
        self.row(name)
        if self.is_shipped(name):
            path = self._shipped[name][0].with_suffix(".npz" if part == "arrays.npz" else ".json")
            return path if part in DOWNLOADED and path.is_file() else None
        folder = Path(self.runs or "") / name
        path = (folder / part).resolve()
        return path if part in FILES and path.is_file() and path.parent == folder.resolve() else None

    def record(self, name: str) -> Record:
        """The record of a run, kept until it changes."""
        path = self.file(name)
        if path is None:
            raise Invalid(must="a run folder holds a record.json", came=name, do="It may have been removed: see runs.")
        key = (name, path.stat().st_mtime_ns)
        with self._lock:
            if key in self._records:
                self._records.move_to_end(key)
                return self._records[key]
        record = Record.read(path)
        with self._lock:
            self._records[key] = record
            while len(self._records) > MOST_RECORDS:
                self._records.popitem(last=False)
        return record

    def arrays(self, name: str) -> Path | None:
        """arrays.npz of a run, where it has one."""
        return self.file(name, "arrays.npz")

    def of_task(self, task: str) -> list[ListedRun]:
        """The runs of one task."""
        return [row for row in self.listed() if row.task == task]

    def best(self, task: str, rows: Sequence[ListedRun] | None = None) -> ListedRun | None:
        """The finished record (of these) that is best in the score that the task declares first, or that most have."""
        every = self.of_task(task) if rows is None else rows
        done = [row for row in every if row.state == "done" and row.score and row.value is not None]
        if not done:
            return None
        names, scores = [row.score for row in done], self.declared_scores(task)
        first = scores[0]["name"] if scores and scores[0]["name"] in names else max(set(names), key=names.count)
        lower = all(s["lower_is_better"] for s in scores if s["name"] == first)
        return best_first(done, first or "", lower)[0]

    def declared_scores(self, task: str) -> list[dict[str, Any]]:
        """The scores that a task declares, where it was asked."""
        entry = next((leaf.task for area in self.chart().areas for leaf in area.leaves if leaf.path == task), None)
        row = self.known().rows.get(str(entry.path)) if entry else None
        return row.declared.get("scores", []) if row else []

    def entries(self, kind: str) -> list[registry.Entry]:
        """Tasks, methods or wrappers found, broken ones included; read again now and then."""
        with self._lock:
            read, found = self._entries.get(kind, (-math.inf, []))
            if time.monotonic() - read > 6 * SECONDS_OF_CHART:
                found = registry.entries(kind)
                self._entries[kind] = time.monotonic(), found
            return found

    def sound(self) -> tuple[list[registry.Entry], list[registry.Entry]]:
        """Tasks and methods that can be read."""
        tasks, methods = self.entries("task"), self.entries("method")
        return [e for e in tasks if not e.problem], [e for e in methods if not e.problem]

    def known(self) -> matching.Catalogue:
        """What tasks and methods declare, as far as it was asked and is still true."""
        with self._lock:
            if self._known is None or time.monotonic() - self._known[0] > 6 * SECONDS_OF_CHART:
                self._known = time.monotonic(), matching.known(*self.sound())
            return self._known[1]

    def knows_all(self) -> bool:
        """Whether every task and method was asked what it declares."""
        known = self.known()
        return all(str(e.path) in known.rows for side in self.sound() for e in side)

    def forget(self) -> None:
        """Read the catalogue again at the next question."""
        with self._lock:
            self._known, self._chart, self._entries = None, None, {}
            self.version += 1


def _read_chart() -> Chart:
    board = leaves.BOARD
    try:
        areas = leaves.areas(board=board)
    except Invalid:  # a broken file on the board must not take the map along; `erlangen check map` says which
        areas = leaves.areas(board=board / "nowhere")
    raw = tomllib.loads(leaves.CHART.read_text(encoding="utf-8"))
    pages, papers, texts = _read_pages()
    scales = {row["name"]: row.get("scale", SCALES.get(row["name"], "across")) for row in raw["area"]}
    rows = {row["path"]: {**row, **pages.get(row["path"], {})} for row in raw["leaf"]}
    return Chart(areas, rows, scales, texts, papers, time.monotonic())


def _read_pages() -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]], dict[str, str]]:
    """What map/<area>.toml say of their leaves, by path, the bibliography that they cite, by name, and of areas."""
    pages: dict[str, dict[str, Any]] = {}
    papers: dict[str, dict[str, Any]] = {}
    texts: dict[str, str] = {}
    for file in sorted((leaves.HERE / "map").glob("*.toml")):
        read = tomllib.loads(file.read_text(encoding="utf-8"))
        pages |= {row["path"]: row for row in read.get("leaf", []) if isinstance(row, dict) and "path" in row}
        if file.stem == "references":
            papers = {name: row for name, row in read.items() if isinstance(row, dict)}
        elif isinstance(read.get("area"), dict):
            texts[file.stem] = " ".join(str(read["area"].get("statement", "")).split())
    return pages, papers, texts


def _shipped(chart: Chart) -> dict[str, tuple[Path, ListedRun]]:
    """The rows of the board by name, as lines of a list."""
    found: dict[str, tuple[Path, ListedRun]] = {}
    for row in (row for area in chart.areas for leaf in area.leaves for row in leaf.rows):
        with contextlib.suppress(KeyError, TypeError, AttributeError):
            name = f"board.{row.task.replace('/', '.')}.{row.path.stem}"
            raw = row.record
            first = (raw["scores"] or [{}])[0]
            cost = raw["cost"] or {}
            figures = [first.get(k) for k in ("name", "value", "error", "unit")]
            spent = [cost.get(k) for k in ("fit_seconds", "query_seconds")]
            about = [raw[k] for k in ("task", "method", "seed", "created", "state", "budget")]
            found[name] = row.path, ListedRun(name, *about, *figures, *spent)
    return found


def best_first(rows: Sequence[ListedRun], score: str, lower_is_better: bool = True) -> list[ListedRun]:
    """Finished runs that have this score first, the best in front."""
    having = [row for row in rows if row.state == "done" and row.score == score and row.value is not None]
    return sorted(having, key=lambda row: (row.value or 0.0) if lower_is_better else -(row.value or 0.0))
