"""Which method answers which task, and what both declare beyond their settings: asked once, then read from a file.

    fitting_methods(task), fitting_tasks(method) -> names;      describe(entry) -> lines of `erlangen show`

Asking means to import every task and method. What they said is kept in catalogue.json of the cache folder, each answer
with the SHA-256 of the files that it depends on (the entry's own and all that it imports from the package or beside
it), so that only what changed is asked again. A folder that cannot be written costs time and nothing else; what cannot
be imported, or fails when it is asked, is a row with its problem.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__, registry
from ..core.errors import Invalid
from ..data.folders import root
from ..data.source_code import imported_files

if TYPE_CHECKING:
    from ..contract import Method, Task

FILE = "catalogue.json"
HEADER = [__version__, sys.version.split()[0]]


@dataclasses.dataclass
class Row:
    """What a task or method says of itself. files: path -> SHA-256 of all that it depends on; problem: why it does not
    say anything; installed: when packages were last installed, which may cure a problem.
    """

    files: dict[str, str]
    lines: list[str]
    problem: str = ""
    installed: int = 0


@dataclasses.dataclass
class Catalogue:
    """rows: path of an entry -> Row; pairs: "path of a task|path of a method" -> why they do not fit, "" if they do."""

    rows: dict[str, Row]
    pairs: dict[str, str]

    def fits(self, task: registry.Entry, method: registry.Entry) -> bool:
        """Whether the method accepts the task."""
        return self.pairs.get(f"{task.path}|{method.path}") == ""


def fitting_methods(task: str) -> list[str]:
    """Names of the methods that accept the task of that name, with the default settings of both."""
    entry, methods = registry.find("task", task), _sound("method")
    known = catalogue([entry], methods)
    return [method.name for method in methods if known.fits(entry, method)]


def fitting_tasks(method: str) -> list[str]:
    """Names of the tasks that the method of that name accepts, with the default settings of both."""
    entry, tasks = registry.find("method", method), _sound("task")
    known = catalogue(tasks, [entry])
    return [task.name for task in tasks if known.fits(task, entry)]


def describe(entry: registry.Entry) -> list[str]:
    """Lines on what a task (quantities, symmetry, scores, shifts, solvers, published) or a method declares, and
    what fits it; those of the other side that cannot be asked are named with their problem.
    """
    is_task = entry.kind == "task"
    others = _sound("method" if is_task else "task")
    known = catalogue([entry], others) if is_task else catalogue(others, [entry])
    mine = known.rows[str(entry.path)]
    if mine.problem:
        raise Invalid(
            must=f"{entry.kind} {entry.name} must import without error",
            came=mine.problem,
            do=f"Repair {entry.path} or install what it needs.",
        )
    fitting = ", ".join(o.name for o in others if (known.fits(entry, o) if is_task else known.fits(o, entry)))
    last = f"Answered by: {fitting or 'no method found'}" if is_task else f"Answers: {fitting or 'no task found'}"
    broken = [(other.name, known.rows[str(other.path)].problem) for other in others]
    return [*mine.lines, last, *(f"Not asked:   {name} ({problem})" for name, problem in broken if problem)]


def _sound(kind: str) -> list[registry.Entry]:
    return [entry for entry in registry.entries(kind) if not entry.problem]


def catalogue(tasks: Sequence[registry.Entry], methods: Sequence[registry.Entry]) -> Catalogue:
    """Rows of these tasks and methods and of their pairs, asked where the file does not know or something changed."""
    kept = _read()
    fresh = functools.cache(_sha256)
    stale = {str(e.path) for e in (*tasks, *methods) if not _is_valid(kept.rows.get(str(e.path)), fresh)}
    kept.rows = {path: row for path, row in kept.rows.items() if path not in stale}
    kept.pairs = {pair: why for pair, why in kept.pairs.items() if not stale & set(pair.split("|"))}
    missing = [(t, m) for t in tasks for m in methods if f"{t.path}|{m.path}" not in kept.pairs]
    if not stale and not missing:
        return kept
    mine = [entry for entry in (*tasks, *methods) if str(entry.path) in stale]
    asked = {str(entry.path): entry for entry in (*mine, *(entry for pair in missing for entry in pair))}
    made = {path: _made(entry) for path, entry in asked.items()}
    for path in stale:
        kept.rows[path] = _row(asked[path], made[path], fresh)
    for task, method in missing:
        kept.pairs[f"{task.path}|{method.path}"] = _why_not(made[str(task.path)], made[str(method.path)])
    _write(kept)
    return kept


def _made(entry: registry.Entry) -> Task | Method | Exception:
    """The task or method with its default settings, or what was raised instead."""
    try:
        return registry.load(entry)()
    except Exception as error:  # a plug-in may fail in any way, and must not take the others along
        return error


def _row(entry: registry.Entry, made: Task | Method | Exception, fresh: Any) -> Row:
    try:
        files = {str(path): fresh(str(path)) for path in imported_files(entry.module, entry.path).values()}
    except (OSError, SyntaxError, ValueError) as error:  # in a file that it imports: always asked again
        return Row({}, [], _in_words(error), installed=-1)
    try:
        if isinstance(made, Exception):
            raise made
        lines = list(_task_lines(made) if entry.kind == "task" else _method_lines(made))  # type: ignore[arg-type]
    except Exception as error:
        return Row(files, [], _in_words(error), _installed())
    return Row(files, lines)


def _why_not(task: Any, method: Any) -> str:
    for one in (task, method):
        if isinstance(one, Exception):
            return _in_words(one)
    try:
        method.check(task)
    except Exception as error:
        return _in_words(error)
    return ""


def _in_words(error: Exception) -> str:
    return error.came if isinstance(error, Invalid) else f"{type(error).__name__}: {error}"


def _is_valid(row: Row | None, fresh: Any) -> bool:
    if row is None or (row.problem and row.installed != _installed()):
        return False
    return all(fresh(path) == digest for path, digest in row.files.items())


def _sha256(path: str) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return ""


def _installed() -> int:
    """When a folder of packages was changed last, as by an installation."""
    folders = [Path(place) for place in sys.path if place.endswith("site-packages")]
    return max((folder.stat().st_mtime_ns for folder in folders if folder.is_dir()), default=0)


def _read() -> Catalogue:
    """The file, or an empty catalogue where there is none that can be read, or it is of another version."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads((root() / FILE).read_text(encoding="utf-8"))
        if found["header"] == HEADER:
            return Catalogue({path: Row(**row) for path, row in found["rows"].items()}, dict(found["pairs"]))
    return Catalogue({}, {})


def _write(found: Catalogue) -> None:
    """Whole or not at all; where the folder cannot be written the next one asks again."""
    gone = {path for path in found.rows if not os.path.exists(path)}
    rows = {path: dataclasses.asdict(row) for path, row in found.rows.items() if path not in gone}
    pairs = {pair: why for pair, why in found.pairs.items() if not gone & set(pair.split("|"))}
    draft = root() / f".{FILE}.{os.getpid()}"
    with contextlib.suppress(OSError):
        draft.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps({"header": HEADER, "rows": rows, "pairs": pairs}), encoding="utf-8")
        draft.replace(root() / FILE)


def _method_lines(method: Method) -> Iterator[str]:
    yield f"Keeps exactly: {', '.join(g.__name__ for g in method.symmetry) or 'nothing by construction'}"


def _task_lines(task: Task) -> Iterator[str]:
    yield f"Inputs:    {', '.join(f'{q.name} {q.symbol} [{q.unit}]' for q in task.inputs)}"
    yield f"Outputs:   {', '.join(f'{q.name} {q.symbol} [{q.unit}]' for q in task.outputs)}"
    yield f"Symmetry:  {', '.join(g.name for g in task.symmetry) or 'none'}"
    yield f"Scores:    {', '.join(f'{s.label or s.name} [{s.unit}]' for s in task.scores) or 'none'}"
    for shift in task.shifts:
        yield f"Shift:     {shift.label or shift.axis} = {', '.join(map(_short, shift.values))} {shift.unit}".rstrip()
    for solver in task.solvers:
        yield f"Solver:    {solver.name} ({solver.knob} = {', '.join(map(_short, solver.settings))})"
    for one in task.published:
        yield f"Published: {one.name} {one.score} {one.value:g} {one.unit} ({one.source})"


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
