"""Methods and settings, as answers: what exists, what it takes, where it stands."""

from __future__ import annotations

import math
from typing import Any, Literal

from .. import registry
from ..core.errors import unknown
from ..study.record import Record
from .answers.figures import Reference
from .answers.maps import MethodAnswer, MethodInfo, MethodPlace, MethodRow, MethodsAnswer, Setting
from .five import five, of_score
from .library import Library, best_first
from .links import href
from .rows import run_row

MOST_RUNS = 500  # of one method, on its page
OWN_FILES = ("data", "test", "judged_on", "file")
"""Settings that name files: they take an upload, never a path."""
Kind = Literal["int", "float", "bool", "choice", "text", "list", "file", "nested"]
PLAIN: dict[str, Kind] = {"int": "int", "float": "float", "bool": "bool", "str": "text", "Path": "file"}


def settings(entry: registry.Entry, defaults: dict[str, Any]) -> list[Setting]:
    """The settings of a task, method or wrapper as a form needs them; defaults: as declared, where it was asked."""
    return [_setting(one, defaults) for one in entry.settings if one.name != "method" or entry.kind != "wrapper"]


def _setting(one: registry.Setting, defaults: dict[str, Any]) -> Setting:
    words = one.annotation.replace(" ", "")
    inside = [word for word in words.split("|") if word != "None"] if not words.startswith("Literal[") else [words]
    first = inside[0] if inside else "str"
    choices = [str(word) for word in _literal(f"({first[8:-1]},)", ())] if first.startswith("Literal[") else []
    default = defaults.get(one.name, _literal(one.default or "", None))
    kind: Kind = PLAIN.get(first, "text")
    if one.name in OWN_FILES and first in ("str", "Path"):
        kind = "file"
    elif choices:
        kind = "choice"
    elif first.startswith(("tuple", "list", "Sequence")):
        kind = "list"
    elif isinstance(default, dict) or (first not in PLAIN and (one.default or "").endswith(")")):
        kind = "nested"
    return {
        "name": one.name,
        "kind": kind,
        "choices": choices,
        "default": _json(default),
        "required": one.default is None,
        "optional": "None" in words.split("|"),
        "comment": one.comment,
        "annotation": one.annotation,
    }


def _json(value: Any) -> Any:
    """A default as JSON has it; what it does not know is text."""
    if isinstance(value, dict):
        return {k: _json(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_json(v) for v in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _literal(text: str, otherwise: Any) -> Any:
    try:
        return registry.literal(text)
    except (ValueError, SyntaxError):
        return otherwise


def declared(library: Library, entry: registry.Entry) -> dict[str, Any]:
    """What an entry declares, where it was asked; empty otherwise."""
    row = library.known().rows.get(str(entry.path))
    return row.declared if row is not None else {}


def told(library: Library, owner: str, name: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Annotations and defaults of the settings of a task or method, for `study.repeat.command`."""
    entry = next((e for e in library.entries(owner) if e.name == name), None)
    if entry is None:
        return {}, {}
    return {s.name: s.annotation for s in entry.settings}, declared(library, entry).get("defaults", {})


def method_rows(library: Library, *, wrappers: bool = False) -> list[MethodRow]:
    """Every method (or wrapper) found."""
    counts: dict[str, dict[str, int]] = {}
    for row in library.listed():
        if row.state == "done":
            here = counts.setdefault(row.method, {})
            here[row.task] = here.get(row.task, 0) + 1
    known, tasks = library.known(), library.entries("task")
    return [
        {
            "name": entry.name,
            "href": href("method", entry.name),
            "family": entry.group,
            "title": entry.title,
            "problem": entry.problem,
            "wrapper": entry.kind == "wrapper",
            "records": sum(counts.get(entry.name, {}).values()),
            "leaves": dict(counts.get(entry.name, {})),
            "fits": [task.name for task in tasks if known.fits(task, entry)],
        }
        for entry in library.entries("wrapper" if wrappers else "method")
    ]


def the_methods(library: Library) -> MethodsAnswer:
    """api/methods.json"""
    rows = [*method_rows(library), *method_rows(library, wrappers=True)]
    return {
        "methods": rows,
        "families": list(dict.fromkeys(row["family"] for row in rows)),
        "known": library.knows_all(),
    }


def the_method(library: Library, name: str) -> MethodAnswer:
    """api/method/<name>.json"""
    every = [*library.entries("method"), *library.entries("wrapper")]
    entry = next((e for e in every if e.name == name), None)
    if entry is None:
        raise unknown("method", name, [e.name for e in every])
    says = declared(library, entry)
    info: MethodInfo = {
        "name": entry.name,
        "family": entry.group,
        "title": entry.title,
        "doc": entry.doc,
        "source": entry.source,
        "problem": entry.problem,
        "wrapper": entry.kind == "wrapper",
        "settings": settings(entry, says.get("defaults", {})),
        "presets": list(entry.presets),
        "keeps": says.get("keeps", []),
        "declared": bool(says),
    }
    rows = [row for row in library.listed() if row.method == name]
    fits = next((row["fits"] for row in method_rows(library) if row["name"] == name), [])
    tasks = list(dict.fromkeys(row.task for row in rows if row.state == "done"))
    return {
        "method": info,
        "places": [place for task in tasks if (place := _place(library, task, name)) is not None],
        "fits": [leaf_reference(library, path) for path in fits],
        "runs": [run_row(library, row) for row in rows[:MOST_RUNS]],
    }


def leaf_reference(library: Library, path: str) -> Reference:
    """Title and page of a leaf; of a task that is on no map its name."""
    titles = {leaf.path: leaf.title for area in library.chart().areas for leaf in area.leaves}
    return {"title": titles.get(path, path), "href": href("leaf", path) if path in titles else ""}


def _place(library: Library, task: str, method: str) -> MethodPlace | None:
    """The best record of a method on one leaf beside those of others."""
    rows = library.of_task(task)
    mine = library.best(task, [row for row in rows if row.method == method])
    if mine is None:
        return None
    record = library.record(mine.name)
    first = record.scores[0]
    ordered = best_first(rows, first.name, first.lower_is_better)
    methods = list(dict.fromkeys(row.method for row in ordered))
    return {
        "leaf": leaf_reference(library, task),
        "scale": library.chart().scale(task.split("/")[0]),
        "run": mine.name,
        "href": href("run", mine.name),
        "score": first.label or first.name,
        "figure": of_score(first),
        "rank": methods.index(method) + 1 if method in methods else 0,
        "of": len(methods),
        "to_best": _ratio(first.value, ordered[0].value if ordered else None),
        "to_solver": _ratio(first.value, _nearest_solver(record, first.name)),
        "five": five(record),
    }


def _ratio(value: float, other: float | None) -> float | None:
    return value / other if other and value > 0 and other > 0 else None


def _nearest_solver(record: Record, score: str) -> float | None:
    """The error of the solver that is as accurate as the answer, where one is."""
    title = record.cost.solver if record.cost else ""
    return next((row.scores.get(score) for row in record.solvers if row.title == title), None)
