"""Records as answers: the list, one record with its five, its history, plots and samples, and its files."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from ..core.errors import Invalid
from ..core.quantity import Quantity
from ..study.notation import method_name, number
from ..study.record import Record
from ..study.repeat import command
from ..study.store import ORDERS, ListedRun, identity
from ..study.table import sections, verdict
from . import plots
from .answers.figures import QuantityRow
from .answers.reading import PredictAnswer, PredictorRow
from .answers.records import (
    CertificateRow,
    FileRow,
    HistoryAnswer,
    PlotsAnswer,
    RunAnswer,
    RunsAnswer,
    SampleAnswer,
    Section,
    SettingRow,
)
from .columns import Arrays
from .five import five, of_score
from .learn import ENDINGS
from .library import DOWNLOADED, FILES, Library
from .links import href
from .methods import leaf_reference, told
from .rows import floor_text, run_row, score_row

MOST_SAME = 20
MOST_PREDICTORS = 200
ANSWERS_FILES = ("Atoms", "Field", "Compound")
"""Containers that files can hold."""


def the_runs(library: Library, query: dict[str, str]) -> RunsAnswer:
    """api/runs.json?task&method&state&order&limit"""
    rows = library.listed()
    if query.get("order", "newest") not in ORDERS:
        raise Invalid(must="order is a known one", came=query["order"], do=f"Use one of: {', '.join(ORDERS)}.")
    chosen = [row for row in rows if _is_wanted(row, query)]
    key, reverse = _order(query.get("order", "newest"))
    chosen.sort(key=key, reverse=reverse)
    limit = query.get("limit", "")
    if limit and not limit.isdigit():
        raise Invalid(must="limit is a whole number", came=limit, do="For instance: limit=100")
    cut = chosen[: int(limit)] if limit else chosen
    return {
        "runs": [run_row(library, row) for row in cut],
        "count": len(chosen),
        "tasks": sorted({row.task for row in rows}),
        "methods": sorted({row.method for row in rows}),
        "states": sorted({row.state for row in rows}),
        "left_out": library.left_out,
    }


def _is_wanted(row: ListedRun, query: dict[str, str]) -> bool:
    task = query.get("task", "")
    fits = not task or row.task == task or row.task.startswith(f"{task}/")
    return fits and all(query.get(k, "") in ("", getattr(row, k)) for k in ("method", "state"))


def _order(word: str) -> tuple[Any, bool]:
    if word == "score":
        return (lambda r: (r.task, r.score or "", r.value is None, r.value or 0.0)), False
    if word == "fit_seconds":
        return (lambda r: (r.fit_seconds is None, r.fit_seconds or 0.0)), False
    if word in ("newest", "oldest"):
        return (lambda r: (r.created, r.name)), word == "newest"
    return (lambda r: tuple(getattr(r, k) for k in (word, "task", "method", "seed", "created"))), False


def the_run(library: Library, name: str) -> RunAnswer:
    """api/run/<name>.json"""
    row, record = library.row(name), library.record(name)
    files = _files(library, name)
    has_arrays = library.arrays(name) is not None
    kept = _samples(library, name) if has_arrays else 0
    same = [one for one in library.of_task(row.task) if one.name != name and _looks_alike(one, row)]
    return {
        "run": name,
        "href": href("run", name),
        "title": f"{method_name(record)} on {record.task}",
        "row": run_row(library, row),
        "leaf": leaf_reference(library, record.task),
        "five": five(record),
        "scores": [
            {"score": score_row(one), "figure": of_score(one), "floor": floor_text(record, one)}
            for one in record.scores
        ],
        "certificate": _certificate(record),
        "sections": [_section(one) for one in sections(record)],
        "settings": _settings(library, record),
        "command": command(record, lambda owner, named: told(library, owner, named)),
        "python": _python(record),
        "messages": record.messages,
        "files": files,
        "same": [one.name for one in same if _asked(library.record(one.name)) == _asked(record)][:MOST_SAME],
        "parts": ["history", "plots"] if has_arrays else [],
        "samples": kept,
        "record": _raw(record),
    }


def _section(one: Any) -> Section:
    return {"title": one.title, "header": list(one.header), "rows": [list(row) for row in one.rows]}


def _files(library: Library, name: str) -> list[FileRow]:
    found: list[FileRow] = []
    for part in DOWNLOADED if library.mode == "export" else FILES:
        path = library.file(name, part)
        if path is not None:
            found.append({"name": part, "href": f"{href('files', name)}{part}", "bytes": path.stat().st_size})
    return found


def _samples(library: Library, name: str) -> int:
    try:
        with Arrays(library.arrays(name) or library.file(name)) as arrays:  # type: ignore[arg-type]
            return plots.samples(arrays)
    except Invalid:
        return 0


def _looks_alike(one: ListedRun, other: ListedRun) -> bool:
    """Cheaper than identity: what the index itself says."""
    return (one.method, one.seed, one.budget, one.state) == (other.method, other.seed, other.budget, "done")


def _asked(r: Record) -> str:
    sources = r.data.get("sources") or ()
    return identity(r.task, r.task_fields, r.method, r.method_fields, r.wraps, r.seed, r.budget, sources, r.start)


def _raw(record: Record) -> dict[str, Any]:
    """The record as it is on disk, without what has a part of its own."""
    raw = json.loads(record.to_json())
    raw.pop("panels")
    return raw


def _certificate(record: Record) -> list[CertificateRow]:
    return [
        {
            "subject": row.subject,
            "group": row.group,
            "output": row.output,
            "error": row.error if math.isfinite(row.error) else None,
            "tolerance": row.tolerance,
            "text": number(row.error, 2),
            "verdict": verdict(row),
        }
        for row in record.symmetry
    ]


def _settings(library: Library, record: Record) -> list[SettingRow]:
    rows: list[SettingRow] = []
    owners = [("task", record.task_fields), ("method", record.method_fields)]
    for owner, fields in [*owners, *((wrap["name"], wrap["settings"]) for wrap in record.wraps)]:
        for name, text in flat(fields):
            rows.append({"owner": owner, "name": name, "text": text})
    return rows


def flat(fields: dict[str, Any], above: str = "") -> list[tuple[str, str]]:
    """Settings by dotted name, as text."""
    found: list[tuple[str, str]] = []
    for key, value in fields.items():
        if isinstance(value, dict):
            found += flat(value, f"{above}{key}.")
        else:
            found.append((f"{above}{key}", json.dumps(value) if isinstance(value, list) else str(value)))
    return found


def _python(record: Record) -> str:
    """The same run in Python, as far as names go; settings that differ are in the command."""
    return (
        "import erlangen\n"
        f"run = erlangen.run({record.task!r}, {record.method!r}, budget={record.budget!r}, seed={record.seed})\n"
        "print(run.table())"
    )


def _open(library: Library, name: str) -> Arrays:
    path = library.arrays(name)
    if path is None:
        came = f"{name}, which has none"
        raise Invalid(must="a run keeps arrays to be drawn", came=came, do="Run it again to see its plots.")
    return Arrays(path)


def the_history(library: Library, name: str) -> HistoryAnswer:
    """api/run/<name>/history.json"""
    with _open(library, name) as arrays:
        return plots.history(arrays)


def the_plots(library: Library, name: str) -> PlotsAnswer:
    """api/run/<name>/plots.json"""
    with _open(library, name) as arrays:
        return plots.plots(library.record(name), arrays)


def the_sample(library: Library, name: str, index: str) -> SampleAnswer:
    """api/run/<name>/samples/<i>.json"""
    with _open(library, name) as arrays:
        return plots.sample(library.record(name), arrays, int(index))


def predictors(library: Library, rows: Sequence[ListedRun]) -> list[PredictorRow]:
    """Records whose answer can be asked about a file: finished, kept, of a container that files hold."""
    found: list[PredictorRow] = []
    for row in rows:
        if row.state != "done" or library.is_shipped(row.name) or len(found) >= MOST_PREDICTORS:
            continue
        record = library.record(row.name)
        if record.container in ANSWERS_FILES and record.outputs and library.file(row.name, "fitted.safetensors"):
            found.append(_predictor(row.name, record))
    return found


def _predictor(name: str, record: Record) -> PredictorRow:
    levels = [wrap["settings"].get("level") for wrap in record.wraps if "level" in wrap["settings"]]
    return {
        "run": name,
        "href": href("run", name),
        "title": f"{method_name(record)} on {record.task}",
        "task": record.task,
        "leaf": href("leaf", record.task),
        "container": record.container,
        "outputs": [_quantity(q) for q in record.outputs],
        "elements": list(record.data.get("elements") or []),
        "grid": record.data.get("grid"),
        "intervals": levels[0] if levels else None,
        "five": five(record),
    }


def _quantity(q: Quantity) -> QuantityRow:
    label = q.label or q.name.replace("_", " ")
    return {"name": q.name, "label": label, "symbol": q.symbol, "unit": q.unit, "axes": q.axes}


def the_predictors(library: Library) -> PredictAnswer:
    """The data of the page /predict/."""
    can = {"run": library.can_run, "predict": library.can_run}
    return {
        "runs": predictors(library, library.listed()),
        "endings": list(ENDINGS),
        "upload_mb": library.limits["upload_mb"],
        "can": can,  # type: ignore[typeddict-item]
    }
