"""A leaf as an answer: statement, board, methods that answer it, how to run it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..assess.rows import written
from ..leaves import Leaf
from ..study.notation import duration, method_name, pretty
from ..study.record import Record
from ..study.store import ListedRun
from .answers.figures import Reference, ScoreRow
from .answers.maps import Bar, Best, Board, BoardRow, LeafAnswer, Published, TaskInfo
from .five import five
from .learn import resources_of
from .lessons import lesson_of
from .library import Library
from .links import href, link
from .maps import map_leaf
from .methods import declared, method_rows, settings
from .rows import from_index, in_order, opponent, ours, published, score_row

MOST_TOLD = 3  # settings of a task beside its best record
MOST_ROWS, MOST_READ = 60, 24  # of one board, and of these with all scores and the five


def the_leaf(library: Library, path: str) -> LeafAnswer:
    """api/leaf/<area>/<task>.json"""
    chart = library.chart()
    area, leaf = chart.leaf(path)
    raw, rows = chart.rows.get(path, {}), library.of_task(path)
    board, read = _board(library, leaf, rows)
    methods = [row for row in method_rows(library) if path in row["fits"] or path in row["leaves"]]
    answered = {row["name"] for row in methods if path in row["leaves"]}
    unrun = [row["name"] for row in methods if row["name"] not in answered]
    task = _task(library, leaf, read)
    return {
        "leaf": map_leaf(library, leaf, brief=True),
        "area": area.name,
        "area_title": area.title,
        "area_href": href("area", area.name),
        "scale": chart.scale(area.name),
        "statement": str(raw.get("statement") or leaf.line or (leaf.task.title if leaf.task else "")),
        "equation": str(raw.get("equation", "")),
        "open": _several(raw.get("open")),
        "references": references(raw, chart.papers),
        "resources": resources_of(
            titles=list(dict.fromkeys(str(one) for part in ("data", "code") for one in raw.get(part) or []))
        ),
        "bar": _bar(leaf, board["scores"]),
        "task": task,
        "board": board,
        "best": _best(library, leaf, rows),
        "answers": methods,
        "unrun": unrun,
        "wrappers": method_rows(library, wrappers=True),
        "neighbours": [{"title": one.title, "href": href("leaf", one.path)} for one in area.leaves if one.path != path],
        "lesson": lesson_of(path),
        "command": _command(leaf, unrun or sorted(answered)),
    }


def _several(value: Any) -> list[str]:
    return [] if not value else [value] if isinstance(value, str) else [str(one) for one in value]


def references(raw: Mapping[str, Any], papers: Mapping[str, Mapping[str, Any]]) -> list[Reference]:
    """Papers of a leaf: names of the bibliography, or what stands there itself."""
    found: list[Reference] = []
    for one in raw.get("references") or []:
        row = one if isinstance(one, Mapping) else papers.get(str(one), {})
        source = str(row.get("id") or row.get("url") or row.get("href") or row.get("source") or one)
        words = [str(row.get("title") or row.get("name") or one)]
        words += [", ".join(str(row[k]) for k in ("authors", "year") if k in row)] if "authors" in row else []
        found.append({"title": ". ".join(words), "href": link(source)})
    return found


def _bar(leaf: Leaf, scores: Sequence[ScoreRow]) -> Bar | None:
    bar, standing = leaf.bar, leaf.standing
    if bar is None:
        return None
    label = next((str(one["label"]) for one in scores if one["name"] == bar.score and one["label"]), bar.score)
    reached = f"{standing.value:.3g} on the board" if standing else "no record on the board"
    return {
        "text": str(bar).replace(bar.score, label, 1).replace(bar.unit, pretty(bar.unit) or bar.unit),
        "limit": bar.limit,
        "unit": bar.unit,
        "score": bar.score,
        "source": bar.source,
        "command": bar.command,
        "standing": f"{reached}: {standing.missing}" if standing and standing.missing else reached,
        "met": standing is not None and not standing.missing,
    }


def _board(library: Library, leaf: Leaf, listed: Sequence[ListedRun]) -> tuple[Board, list[Record]]:
    """The board, and the records that were read for it, the best first."""
    declared_first = library.declared_scores(leaf.path)
    done = [row for row in listed if row.state == "done"]
    order = {row.name: i for i, row in enumerate(_by_index(done, declared_first))}
    chosen = sorted(done, key=lambda row: order.get(row.name, len(order)))[:MOST_ROWS]
    records = {row.name: library.record(row.name) for row in chosen[:MOST_READ]}
    asked = _asked(records)
    rows: list[BoardRow] = [
        ours(row.name, records[row.name], shipped=library.is_shipped(row.name), asked=asked[row.name])
        if row.name in records
        else from_index(library, row)
        for row in chosen
    ]
    scores = _scores(list(records.values()), declared_first)
    units = {one["name"]: one["unit"] for one in scores}
    newest = _newest(list(records.values()))
    if newest is not None:
        rows += [opponent(one, units) for one in newest.solvers]
    rows += [published(one) for one in _published(leaf, library, newest)]
    first = scores[0] if scores else None
    bars = newest.scores[0].by if newest is not None and newest.scores else ""
    board: Board = {
        "score": first["name"] if first else "",
        "scores": scores,
        "rows": in_order(rows, first),
        "bars": f"Bars are one standard error, by {grouped(bars)}." if bars else "",
    }
    return board, list(records.values())


def _asked(records: Mapping[str, Record]) -> dict[str, str]:
    """Of each record the settings of the task in which these differ: "molecule water, n_train 40"."""
    fields = [record.task_fields for record in records.values()]
    varying = [
        key for key in dict.fromkeys(k for one in fields for k in one) if len({str(f.get(key)) for f in fields}) > 1
    ]
    return {
        name: ", ".join(
            f"{key} {record.task_fields[key]}" for key in varying if record.task_fields.get(key) not in ("", None)
        )
        for name, record in records.items()
    }


def _by_index(done: Sequence[ListedRun], scores: Sequence[dict[str, Any]]) -> list[ListedRun]:
    """By the first score that is declared, as the index has it; others behind."""
    name = scores[0]["name"] if scores else (done[0].score if done else None)
    sign = 1 if not scores or scores[0]["lower_is_better"] else -1
    having = [row for row in done if row.score == name and row.value is not None]
    return sorted(having, key=lambda row: sign * (row.value or 0.0))


def _scores(records: Sequence[Record], declared_first: Sequence[dict[str, Any]]) -> list[ScoreRow]:
    found: dict[str, ScoreRow] = {}
    for one in declared_first:
        found[one["name"]] = {k: one[k] for k in ("name", "label", "unit", "lower_is_better")}  # type: ignore[assignment]
    for record in records:
        for one in record.scores:
            found[one.name] = score_row(one)
    present = {one.name for record in records for one in record.scores}
    return [row for name, row in found.items() if name in present or not records]


def _newest(records: Sequence[Record]) -> Record | None:
    """Solvers and published values are read from the newest record that has some."""
    having = [record for record in records if record.solvers] or list(records)
    return max(having, key=lambda record: record.created, default=None)


def _published(leaf: Leaf, library: Library, newest: Record | None) -> Sequence[dict[str, Any]]:
    if newest is not None:
        return newest.published
    return declared(library, leaf.task).get("published", []) if leaf.task else []


def _best(library: Library, leaf: Leaf, rows: Sequence[ListedRun]) -> Best | None:
    chosen = library.best(leaf.path, rows)
    if chosen is None:
        return None
    record = library.record(chosen.name)
    cost = record.cost
    asked = ", ".join(_first_settings(library, leaf, record))
    spent = f"fitted for {duration(cost.fit_seconds)} on {_device(record)}" if cost else ""
    line = "; ".join(filter(None, (asked, f"{cost.parameters:,} parameters, {spent}" if cost else "")))
    return {
        "run": chosen.name,
        "href": href("run", chosen.name),
        "title": method_name(record),
        "line": line,
        "five": five(record),
    }


def _first_settings(library: Library, leaf: Leaf, record: Record) -> list[str]:
    """What the best record was asked: the first settings of its task, and those that are not as declared."""
    entry = leaf.task
    if entry is None:
        return []
    usual, first = declared(library, entry).get("defaults", {}), [one.name for one in entry.settings][:MOST_TOLD]
    fields = {name: value for name, value in record.task_fields.items() if value not in ("", None, True, False)}
    told = {
        name: value
        for name, value in fields.items()
        if name in first or (name in usual and str(usual[name]) != str(value))
    }
    return [
        f"{name.replace('_', ' ')} {f'{value:g}' if isinstance(value, float) else value}"
        for name, value in told.items()
    ]


def _device(record: Record) -> str:
    """ "1 x cpu, 2 cores" reads "2 CPU cores"."""
    return re.sub(r"^1 x cpu, (\d+ )cores?", r"\1CPU cores", record.device)


def grouped(text: str) -> str:
    """A text whose long whole numbers are read in threes: 65,536."""
    return re.sub(r"(?<![\d.e-])\d{5,}(?![\d.])", lambda found: f"{int(found[0]):,}", text)


def _task(library: Library, leaf: Leaf, records: Sequence[Record]) -> TaskInfo | None:
    entry = leaf.task
    if entry is None:
        return None
    told = declared(library, entry)
    values: list[Published] = [{**one, "href": link(one["source"])} for one in told.get("published", [])]  # type: ignore[typeddict-item]
    return {
        "name": entry.name,
        "title": entry.title,
        "doc": entry.doc,
        "source": entry.source,
        "problem": entry.problem,
        "settings": settings(entry, told.get("defaults", {})),
        "declared": bool(told),
        "inputs": told.get("inputs", []),
        "outputs": told.get("outputs", []),
        "symmetry": told.get("symmetry", []),
        "scores": told.get("scores", []),
        "shifts": told.get("shifts", []),
        "solvers": [
            f"{s['name']} ({s['knob']} = {', '.join(map(written, s['settings']))})" for s in told.get("solvers", [])
        ],
        "published": values,
    }


def _command(leaf: Leaf, methods: Sequence[str]) -> str:
    if leaf.bar:
        return leaf.bar.command
    if leaf.task is None or leaf.task.problem:
        return ""
    return f"erlangen run {leaf.path} --method {methods[0] if methods else 'METHOD'} --budget 2m"
