"""Tasks x methods x seeds: run what has not been run, and say which differences are more than chance.

    compare(tasks, methods, ...) -> Comparison        .text(), .markdown(), .csv()

Methods that share a letter cannot be told apart: Student's test of the paired differences, on groups of test samples
and, with several seeds, on fits, Holm-corrected over all pairs (`assess.comparison`).
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import pickle
import textwrap
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import numpy as np

from .. import registry
from ..assess.comparison import letters
from ..assess.metrics import over_seeds
from ..assess.rows import Estimate
from ..contract import Budget, Method, Task
from ..core.errors import Invalid
from ..data.array_files import read_npz
from . import environment, store
from .notation import duration, estimate, method_name, plus_minus, title
from .record import Record
from .run import describe, run
from .table import aligned, certificate, headline_coverage

SHOWN_SCORES = 2
LEVEL = 0.05
FIGURES = ("score", "value", "error", "unit", "group", "seeds", "fit_seconds", "query_seconds")
COLUMNS = ("task", "method", *FIGURES, "error_by", "runs")
Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Job:
    """One run to be made or found again."""

    task: Task
    method: Method
    budget: str | None
    seed: int
    runs: str
    reuse: bool

    def __reduce__(self) -> tuple[Any, ...]:
        # Classes of plug-ins are no importable modules: another process has to load them before it can unpickle.
        values = pickle.dumps(tuple(getattr(self, field.name) for field in dataclasses.fields(self)))
        return _unpickled, (self.task.name(), describe(self.method)[0], values)


def _unpickled(task: str, method: str, values: bytes) -> Job:
    for load, name in ((registry.load_task, task), (registry.load_method, method)):
        with contextlib.suppress(Invalid):  # classes of a script of the user's are importable without us
            load(name)
    return Job(*pickle.loads(values))


@dataclasses.dataclass(frozen=True)
class Row:
    """One task answered by one method: scores over the seeds, and for each score the letters of its group."""

    task: str
    method: str
    scores: list[Estimate]
    groups: dict[str, str]
    records: list[Record]
    folders: list[Path]

    @property
    def fit_seconds(self) -> float:
        """Mean over seeds."""
        return float(np.mean([r.cost.fit_seconds for r in self.records if r.cost] or [np.nan]))

    @property
    def query_seconds(self) -> float:
        """Mean over seeds."""
        return float(np.mean([r.cost.query_seconds for r in self.records if r.cost] or [np.nan]))


@dataclasses.dataclass(frozen=True)
class Comparison:
    """All rows, best first within each task, and what could not be run with the reason."""

    rows: list[Row]
    left_out: list[str]

    def text(self, width: int = 100) -> str:
        """Aligned tables, one per task, within `width` columns."""
        parts = []
        for task in dict.fromkeys(row.task for row in self.rows):
            rows = [row for row in self.rows if row.task == task]
            lines: list[list[str]] = []
            for shown in range(SHOWN_SCORES, 0, -1):
                body, header = _table(rows, shown)
                lines = [*_wrapped(header), *body]
                if sum(max(map(len, column)) + 2 for column in zip(*lines)) <= width + 2:
                    break
            parts.append(f"{task}\n{aligned(lines, width=width)}")
        if self.rows:
            parts.append(self.meaning)
        return "\n\n".join([*parts, *(f"left out: {reason}" for reason in self.left_out)])

    @property
    def meaning(self) -> str:
        """What letters say: of methods where every one was fitted several times, else of the fits at hand."""
        if min(len(row.records) for row in self.rows) > 1:
            over, ends = "paired t-test over test samples and seeds", "."
        else:
            over, ends = "paired t-test over test samples", "; of these\nfits: other seeds may differ (--seeds 3)."
        return f"Same letter: no difference at {100 * LEVEL:g} % ({over}, Holm-corrected){ends}"

    def markdown(self) -> str:
        """The same tables in Markdown."""
        parts = []
        for task in dict.fromkeys(row.task for row in self.rows):
            body, header = _table([row for row in self.rows if row.task == task])
            lines = [header, ["---"] * len(header), *body]
            table = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
            parts.append(f"### {task}\n\n{table}")
        return "\n\n".join(parts) + "\n"

    def csv(self) -> str:
        """One line per task, method and score, numbers in full precision."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in self.rows:
            for one in row.scores:
                figures = (one.name, repr(one.value), repr(one.error), one.unit, row.groups.get(one.name, ""))
                spent = (len(row.records), f"{row.fit_seconds:.6g}", f"{row.query_seconds:.6g}", one.by)
                writer.writerow((row.task, row.method, *figures, *spent, " ".join(map(str, row.folders))))
        return text.getvalue()


def compare(
    tasks: Sequence[Task | str],
    methods: Sequence[Method | str],
    *,
    budget: Budget | str | float | None = None,
    seeds: int | Sequence[int] = 1,
    runs: str | Path = "runs",
    reuse: bool = True,
    executor: Executor | None = None,
    say: Say = lambda message: None,
) -> Comparison:
    """Run every method on every task it accepts, with every seed, and compare.

    seeds: how many (0, 1, ...) or which. reuse: take finished runs of the same settings, seed, budget and version from
    `runs` instead of repeating them. executor: any `concurrent.futures.Executor` (processes, Dask, submitit); without
    one, runs follow each other. Pitfall: runs that share a processor slow each other down, and a budget in seconds
    then buys less.
    """
    which = range(seeds) if isinstance(seeds, int) else seeds
    if not tasks or not methods or not len(which):
        came = f"{len(tasks)} tasks, {len(methods)} methods, {len(which)} seeds"
        raise Invalid(must="a comparison needs tasks, methods and seeds", came=came, do="Name at least one of each.")
    asked = None if budget is None else str(Budget.parse(budget))
    pairs, left_out = _accepted(tasks, methods)
    jobs = [Job(task, method, asked, seed, str(runs), reuse) for task, method in pairs for seed in which]
    cells: dict[int, list[Path]] = {}
    for i, (job, found) in enumerate(zip(jobs, _results(jobs, executor, say), strict=True)):
        if isinstance(found, Path):
            cells.setdefault(i // len(which), []).append(found)
        else:
            left_out.append(f"{job.task.name()} with {job.method.name()}, seed {job.seed}: {found}")
    return Comparison(_rows(list(cells.values())), left_out)


def _accepted(
    tasks: Sequence[Task | str], methods: Sequence[Method | str]
) -> tuple[list[tuple[Task, Method]], list[str]]:
    """The pairs that fit together, and why the others do not; refused where no pair is left."""
    questions = [registry.load_task(task)() if isinstance(task, str) else task for task in tasks]
    answers = [registry.load_method(method)() if isinstance(method, str) else method for method in methods]
    pairs, reasons = [], []
    for task in questions:
        for method in answers:
            try:
                method.check(task)
                pairs.append((task, method))
            except Invalid as error:
                reasons.append(f"{task.name()} with {method.name()}: {error.came}")
    if not pairs:
        do = "See which methods fit: erlangen show TASK"
        raise Invalid(must="at least one method must accept at least one task", came="; ".join(reasons), do=do)
    return pairs, reasons


def _results(jobs: Sequence[Job], executor: Executor | None, say: Say) -> list[Path | str]:
    """A run folder per job, or the reason why there is none: one failure does not lose the other runs."""
    waiting = None if executor is None else [executor.submit(perform, job) for job in jobs]
    found: list[Path | str] = []
    for i, job in enumerate(jobs):
        say(f"{i + 1} of {len(jobs)}: {job.task.name()} with {job.method.name()}, seed {job.seed}")
        try:
            found.append(Path(perform(job) if waiting is None else waiting[i].result()))
        except Exception as error:  # a run may fail in any way; the reason is reported with the table
            found.append(f"{type(error).__name__}: {error}")
    return found


def perform(job: Job) -> str:
    """The folder of the finished run of a job; runs it where there is none to take."""
    found = _finished(job) if job.reuse else None
    if found is not None:
        return str(found)
    done = run(job.task, job.method, budget=job.budget, seed=job.seed, runs=job.runs, quiet=True)
    if done.record.state != "done":
        raise Invalid(
            must="a run is judged", came="; ".join(done.record.messages), do=f"Try: erlangen judge {done.folder}"
        )
    return str(done.folder)


def _finished(job: Job) -> Path | None:
    """A finished run of the same settings, made by this version from files that held the same, wherever they lay."""
    task, method = job.task, job.method
    budget = str(Budget.parse(job.budget if job.budget is not None else task.budget))
    name, fields, wraps = describe(method)
    sources = [source.taken() for source in task.sources]
    same = store.identity(task.name(), task.fields, name, fields, wraps, job.seed, budget, sources)
    for one in store.runs(job.runs, like=same, order="newest"):
        folder = Path(job.runs) / one.name
        current = Record.read(folder).versions.get("erlangen") == environment.versions().get("erlangen")
        if one.state == "done" and current:
            return folder
    return None


def _rows(cells: Sequence[list[Path]]) -> list[Row]:
    """Rows with groups, best first within each task, tasks in the order given."""
    records = [[Record.read(folder) for folder in folders] for folders in cells]
    tasks = _labels([(r[0].task, r[0].task_fields) for r in records])
    methods = _labels([(method_name(r[0]), r[0].method_fields) for r in records])
    rows = []
    for task in dict.fromkeys(tasks):
        members = [i for i, label in enumerate(tasks) if label == task]
        groups = _groups({methods[i]: cells[i] for i in members}, records[members[0]][0].scores)
        answered = []
        for i in members:
            scores = [over_seeds([r.score(s.name) for r in records[i]]) for s in records[i][0].scores]
            mine = {score: group[methods[i]] for score, group in groups.items() if methods[i] in group}
            answered.append(Row(task, methods[i], scores, mine, records[i], cells[i]))
        rows += sorted(answered, key=_merit)
    return rows


def _merit(row: Row) -> float:
    if not row.scores or np.isnan(row.scores[0].value):
        return float("inf")
    return row.scores[0].value if row.scores[0].lower_is_better else -row.scores[0].value


def _labels(named: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
    """Names; those that occur with several settings get the settings in which they differ."""
    labels = []
    for name, fields in named:
        others = [f for n, f in named if n == name]
        differing = [key for key in fields if any(other.get(key) != fields[key] for other in others)]
        settings = ", ".join(f"{key}={fields[key]}" for key in differing)
        labels.append(f"{name} ({settings})" if settings else name)
    return labels


def _groups(cells: dict[str, list[Path]], scores: Sequence[Estimate]) -> dict[str, dict[str, str]]:
    """score -> method -> letters, from the per-sample values that the runs kept; nothing where they kept none."""
    kept = {name: [_samples(folder) for folder in folders] for name, folders in cells.items()}
    found = {}
    for score in scores:
        key = f"scores/{score.name}"
        fits = {n: [a[key] for a in arrays] for n, arrays in kept.items() if all(key in a for a in arrays)}
        lengths = {len(one) for ones in fits.values() for one in ones}
        if len(fits) > 1 and len(lengths) == 1:
            group = next(iter(kept.values()))[0].get("group")
            group = group if group is not None and {len(group)} == lengths else None
            values = {name: np.stack(ones) for name, ones in fits.items()}
            found[score.name] = letters(values, group, level=LEVEL, lower_is_better=score.lower_is_better)
    return found


def _samples(folder: Path) -> dict[str, np.ndarray]:
    file = folder / "arrays.npz"
    if not file.exists():
        return {}
    return {name: array for name, array in read_npz(file).items() if name.startswith("scores/") or name == "group"}


def _table(rows: Sequence[Row], scores: int = SHOWN_SCORES) -> tuple[list[list[str]], list[str]]:
    """Body and header of the table of one task."""
    shown = rows[0].scores[:scores]
    header = ["method", *map(title, shown), "symmetry", "intervals hold", "fit", "per query", "seeds"]
    body = []
    for row in rows:
        known = {one.name: one for one in row.scores}
        cells = [row.method]
        for score in shown:
            letter = row.groups.get(score.name, "")
            cells.append(f"{estimate(known[score.name])} {letter}".rstrip() if score.name in known else "-")
        covered = headline_coverage(row.records[0])
        held = plus_minus(100 * covered.coverage, 100 * covered.error, "%") if covered else "-"
        cells += [certificate(row.records[0], "method").split(" (")[0], held, duration(row.fit_seconds)]
        body.append([*cells, duration(row.query_seconds), str(len(row.records))])
    kept = [i for i in range(len(header)) if any(cells[i] != "-" for cells in body)]
    return [[cells[i] for i in kept] for cells in body], [header[i] for i in kept]


def _wrapped(header: Sequence[str]) -> list[list[str]]:
    """The header over several lines, so that long names of scores do not widen the table."""
    lines = [textwrap.wrap(cell, 16) or [""] for cell in header]
    return [[cell[i] if i < len(cell) else "" for cell in lines] for i in range(max(map(len, lines)))]
