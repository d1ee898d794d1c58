"""Which method answers which task, and what both declare beyond their settings: asked once, then read from a file.

    fitting_methods(task), fitting_tasks(method) -> names;      describe(entry) -> lines of `erlangen show`
    known(tasks, methods) -> what is kept and still true, without asking (nothing is imported)

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
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import registry
from ..core.errors import Invalid
from ..data.folders import root
from ..data.source_code import imported_files

if TYPE_CHECKING:
    from ..contract import Method, Task
    from ..core.quantity import Quantity

FILE = "catalogue.json"
VERSION = getattr(sys.modules["erlangen"], "__version__")  # noqa: B009
HEADER = [VERSION, sys.version.split()[0], 2]  # 2: rows hold what is declared
SHIPPED = Path(__file__).with_name(FILE)  # made where the package is built: `python -m erlangen.study.matching`
PLACE, PACKAGE = "<erlangen>", str(Path(registry.__file__).parent)


@dataclasses.dataclass
class Row:
    """What a task or method says of itself. files: path -> SHA-256 of all that it depends on; declared: by name, as
    JSON; problem: why it does not say anything; installed: when packages were last installed, which may cure a problem.
    """

    files: dict[str, str]
    declared: dict[str, Any]
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
    asked = catalogue([entry], methods)
    return [method.name for method in methods if asked.fits(entry, method)]


def fitting_tasks(method: str) -> list[str]:
    """Names of the tasks that the method of that name accepts, with the default settings of both."""
    entry, tasks = registry.find("method", method), _sound("task")
    asked = catalogue(tasks, [entry])
    return [task.name for task in tasks if asked.fits(task, entry)]


def describe(entry: registry.Entry) -> list[str]:
    """Lines on what a task (quantities, symmetry, scores, shifts, solvers, published) or a method declares, and
    what fits it; those of the other side that cannot be asked are named with their problem.
    """
    is_task = entry.kind == "task"
    others = _sound("method" if is_task else "task")
    asked = catalogue([entry], others) if is_task else catalogue(others, [entry])
    mine = asked.rows[str(entry.path)]
    if mine.problem:
        raise Invalid(
            must=f"{entry.kind} {entry.name} must import without error",
            came=mine.problem,
            do=f"Repair {entry.path} or install what it needs.",
        )
    fitting = ", ".join(o.name for o in others if (asked.fits(entry, o) if is_task else asked.fits(o, entry)))
    last = f"Answered by: {fitting or 'no method found'}" if is_task else f"Answers: {fitting or 'no task found'}"
    broken = [(other.name, asked.rows[str(other.path)].problem) for other in others]
    return [
        *_lines(entry.kind, mine.declared),
        last,
        *(f"Not asked:   {name} ({problem})" for name, problem in broken if problem),
    ]


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


def known(tasks: Sequence[registry.Entry], methods: Sequence[registry.Entry]) -> Catalogue:
    """What is kept of these and still true; nothing is asked, so that rows and pairs may be missing."""
    kept, fresh = _read(), functools.cache(_sha256)
    paths = {str(e.path) for e in (*tasks, *methods)}
    rows = {path: row for path, row in kept.rows.items() if path in paths and _is_valid(row, fresh)}
    return Catalogue(rows, {pair: why for pair, why in kept.pairs.items() if set(pair.split("|")) <= set(rows)})


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
        return Row({}, {}, _in_words(error), installed=-1)
    try:
        if isinstance(made, Exception):
            raise made
        declared = _of_task(made) if entry.kind == "task" else _of_method(made)  # type: ignore[arg-type]
        return Row(files, json.loads(json.dumps(declared, default=str)))
    except Exception as error:
        return Row(files, {}, _in_words(error), _installed())


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
    """What came with the package, and over it the file; of another version, or broken, they count as empty."""
    found = Catalogue({}, {})
    for file, header in ((SHIPPED, HEADER[:1]), (root() / FILE, HEADER)):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            read = json.loads(file.read_text(encoding="utf-8").replace(PLACE, json.dumps(PACKAGE)[1:-1]))
            if read["header"] == header:
                found.rows |= {path: Row(**row) for path, row in read["rows"].items()}
                found.pairs |= read["pairs"]
    return found


def ship(file: Path = SHIPPED) -> int:
    """Ask everything in the package and write what it said into the file that the wheel contains; how many rows."""
    tasks, methods = ([e for e in _sound(kind) if e.source == "erlangen"] for kind in ("task", "method"))
    every = catalogue(tasks, methods)
    rows = {str(e.path): every.rows[str(e.path)] for e in (*tasks, *methods)}
    rows = {path: dataclasses.asdict(row) for path, row in rows.items() if not row.problem}
    pairs = {pair: why for pair, why in every.pairs.items() if set(pair.split("|")) <= set(rows)}
    text = json.dumps({"header": HEADER[:1], "rows": rows, "pairs": pairs})
    file.write_text(text.replace(json.dumps(PACKAGE)[1:-1], PLACE), encoding="utf-8")
    return len(rows)


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


def _of_method(method: Method) -> dict[str, Any]:
    return {
        "keeps": [group.__name__ for group in method.symmetry],
        "defaults": _defaults(method),
    }


def _of_task(task: Task) -> dict[str, Any]:
    return {
        "container": task.container.__name__,
        "inputs": [_quantity(q) for q in task.inputs],
        "outputs": [_quantity(q) for q in task.outputs],
        "symmetry": [group.name for group in task.symmetry],
        "scores": [
            {"name": s.name, "label": s.label or s.name, "unit": s.unit, "lower_is_better": s.lower_is_better}
            for s in task.scores
        ],
        "shifts": [
            {"axis": s.axis, "label": s.label or s.axis, "unit": s.unit, "values": list(map(_short, s.values))}
            for s in task.shifts
        ],
        "solvers": [{"name": s.name, "knob": s.knob, "settings": list(map(_short, s.settings))} for s in task.solvers],
        "published": [dataclasses.asdict(one) for one in task.published],
        "budget": str(task.budget),
        "defaults": _defaults(task),
    }


def _quantity(q: Quantity) -> dict[str, str]:
    return {"name": q.name, "label": q.label or q.name.replace("_", " "), "symbol": q.symbol, "unit": q.unit} | {
        "axes": q.axes
    }


def _defaults(one: Task | Method) -> dict[str, Any]:
    """Settings by name with their default values, nested ones as dictionaries."""
    fields = one.fields
    nested = {k: dataclasses.asdict(v) for k, v in fields.items() if dataclasses.is_dataclass(v)}  # type: ignore[arg-type]
    return {**fields, **nested}


def _lines(kind: str, told: Mapping[str, Any]) -> Iterator[str]:
    """What is declared, as `erlangen show` prints it."""
    if kind != "task":
        yield f"Keeps exactly: {', '.join(told['keeps']) or 'nothing by construction'}"
        return
    for side in ("inputs", "outputs"):
        quantities = ", ".join(f"{q['name']} {q['symbol']} [{q['unit']}]" for q in told[side])
        yield f"{side.capitalize() + ':':<11}{quantities}"
    yield f"Symmetry:  {', '.join(told['symmetry']) or 'none'}"
    scores = ", ".join(f"{s['label']} [{s['unit']}]" for s in told["scores"])
    yield f"Scores:    {scores or 'none'}"
    for shift in told["shifts"]:
        yield f"Shift:     {shift['label']} = {', '.join(shift['values'])} {shift['unit']}".rstrip()
    for solver in told["solvers"]:
        yield f"Solver:    {solver['name']} ({solver['knob']} = {', '.join(solver['settings'])})"
    for one in told["published"]:
        yield f"Published: {one['name']} {one['score']} {one['value']:g} {one['unit']} ({one['source']})"


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    print(f"{ship()} tasks and methods asked: {SHIPPED}")
