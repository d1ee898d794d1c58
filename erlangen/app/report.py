"""One self-contained HTML page of one or several runs: plots for a talk, every figure with its error, how to repeat it.

The page makes no request: styles are inside, plots are embedded SVG images (save them with a right click).
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from .. import registry
from ..core.errors import Invalid
from ..data.array_files import read_npz
from ..study.notation import duration, estimate, method_name, number, plus_minus, title
from ..study.record import Record
from ..study.repeat import command
from ..study.store import writing
from ..study.table import answers, certificate, headline_coverage, place, sections, worst_shift
from ..study.work_precision import break_even, comparisons, its_time
from .plots import Arrays
from .report_plots import figures


def report(folders: str | Path | Sequence[str | Path], path: str | Path = "report.html", heading: str = "") -> Path:
    """Write one HTML page about the runs in `folders` to `path`; returns the path.

    heading: the title of the page; default: the question of a single run, or how many runs there are.
    """
    folders = [folders] if isinstance(folders, str | Path) else list(folders)
    if not folders:
        raise Invalid(
            must="a report needs at least one run", came="none", do="Name run folders: erlangen report runs/..."
        )
    records = [Record.read(folder) for folder in folders]
    heading = heading or (_question(records[0]) if len(records) == 1 else f"{len(records)} runs side by side")
    parts = [
        _section(record, *_arrays(Path(folder)), above=heading) for record, folder in zip(records, folders, strict=True)
    ]
    text = Template((Path(__file__).parent / "report.html").read_text(encoding="utf-8")).substitute(
        title=html.escape(heading),
        lead=_lead(records),
        summary=_summary(records) if len(records) > 1 else "",
        sections="\n".join(parts),
        footer=_footer(records),
    )
    path = Path(path)
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return path


def _arrays(folder: Path) -> tuple[dict[str, np.ndarray], str]:
    """arrays.npz of a run, and a remark where it is missing or broken."""
    file = (folder if folder.is_dir() else folder.parent) / "arrays.npz"
    if not file.exists():
        return {}, "This run has no arrays.npz: plots of single predictions are left out."
    try:
        return read_npz(file), ""
    except Invalid as error:
        return {}, f"arrays.npz cannot be read ({error.came}): plots of single predictions are left out."


def _title_of(kind: str, name: str) -> str:
    try:
        return registry.find(kind, name).title
    except Invalid:
        return ""


def _question(record: Record) -> str:
    return _title_of("task", record.task).rstrip(".") or record.task


def _lead(records: Sequence[Record]) -> str:
    tasks = sorted({record.task for record in records})
    devices = ", ".join(sorted({record.device for record in records if record.device}))
    return html.escape(
        f"{', '.join(tasks)}. {f'Computed on {devices}. ' if devices else ''}Error bars hold 68 % of the time."
    )


def _footer(records: Sequence[Record]) -> str:
    packages = records[0].versions
    named = ", ".join(f"{name} {version}" for name, version in packages.items())
    return html.escape(f"Read from {len(records)} record{'s' * (len(records) > 1)} by erlangen. {named}")


def _summary(records: Sequence[Record]) -> str:
    columns = [answers(record) for record in records]
    head = "".join(f"<th>{html.escape(column['task'])}</th>" for column in columns)
    body = []
    for question in [name for name in columns[0] if name != "task"]:
        cells = "".join(f"<td>{html.escape(column[question]).replace(chr(10), '<br>')}</td>" for column in columns)
        body.append(f"<tr><td>{html.escape(question)}</td>{cells}</tr>")
    table = f"<table class='wide'><tr><th></th>{head}</tr>{''.join(body)}</table>"
    return f"<h3>At a glance</h3><div class='scroll'>{table}</div>"


def _section(record: Record, arrays: Arrays, remark: str, *, above: str) -> str:
    """One run; its question is not said again where it is the title `above`."""
    facts = (method_name(record), f"seed {record.seed}", f"budget {record.budget}", record.device, record.created[:16])
    warnings = [remark] if remark else []
    if record.state != "done":
        warnings.insert(0, f"This run is {record.state}: what follows is incomplete.")
    about = _title_of("method", record.method)
    answer = f"Answered by {record.method}: {about}" if about else f"Answered by {record.method}."
    return "\n".join(
        [
            "<section class='run'>",
            f"<h2>{html.escape(_question(record))}</h2>" * (_question(record) != above),
            f"<p>{html.escape(answer)}</p>",
            "<p class='facts'>" + "".join(f"<span>{html.escape(fact)}</span>" for fact in facts if fact) + "</p>",
            *(f"<div class='warn'>{html.escape(text)}</div>" for text in warnings),
            f"<div class='cards'>{''.join(_cards(record))}</div>",
            f"<div class='plots'>{''.join(figures(record, arrays))}</div>",
            f"<div class='tables'>{''.join(_tables(record))}</div>",
            _provenance(record),
            "</section>",
        ]
    )


def _card(name: str, value: str, note: str = "", mood: str = "") -> str:
    note = html.escape(note).replace("\n", "<br>")
    return (
        f"<div class='card {mood}'><div class='name'>{html.escape(name)}</div>"
        f"<div class='value'>{html.escape(value)}</div><div class='note'>{note}</div></div>"
    )


def _cards(record: Record) -> list[str]:
    """The few figures that a reader looks for first."""
    cards = []
    if record.scores:
        first, rest = record.scores[0], record.scores[1:3]
        cards.append(_card(title(first), estimate(first), "\n".join(f"{title(one)} {estimate(one)}" for one in rest)))
    for work in comparisons(record):
        cost = work.cost
        solver = f"{cost.solver}: {its_time(work)}" if cost.solver_seconds else ""
        note = solver or ("no measured solver is as accurate" if work.rows else "")
        if cost.break_even is not None:
            note += f"\npays after {break_even(work)}"
        name = "time per query" if record.rollout_cost is None else f"time of {work.query}"
        cards.append(_card(name, duration(cost.query_seconds), note))
    if record.symmetry:
        bad = "VIOLATED" in certificate(record, "method") + certificate(record, "solver")
        note = "\n".join(
            f"{who}: {certificate(record, who)}" for who in ("method", "solver") if certificate(record, who) != "-"
        )
        cards.append(_card("declared symmetries", "violated" if bad else "hold", note, "bad" if bad else "good"))
    covered = headline_coverage(record)
    if covered is not None:
        value = plus_minus(100 * covered.coverage, 100 * covered.error, "%")
        cards.append(_card(f"{100 * covered.level:g} % intervals hold", value, f"{covered.kind}, {covered.output}"))
    shift = worst_shift(record)
    if shift is not None:
        cards.append(_card("worst shift", f"{number(shift.ratio)} × error", f"at {shift.axis} = {place(shift)}"))
    return cards


def _tables(record: Record) -> list[str]:
    found = []
    for section in sections(record):
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in section.header)
        body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in section.rows)
        table = f"<table>{f'<tr>{head}</tr>' if head else ''}{body}</table>"
        found.append(f"<div><h3>{html.escape(section.title)}</h3><div class='scroll'>{table}</div></div>")
    return found


def _cell(text: str) -> str:
    mark = {"holds": " class='holds'", "VIOLATED": " class='violated'"}.get(
        text, " class='short'" * (len(text) < 13 or "±" in text)
    )
    shown = html.escape(text)
    if re.match(r"10\.\d{4,}/", text):
        shown = f"doi:{shown}"
    return f"<td{mark}>{shown}</td>"


def _provenance(record: Record) -> str:
    lines = [f"<h3>Repeat it</h3><pre>{html.escape(command(record))}</pre>", "<div class='tables'>"]
    for name, facts in (
        ("settings of the task", record.task_fields),
        (f"settings of {record.method}", record.method_fields),
        ("data", record.data),
    ):
        cells = [(html.escape(str(k).replace("_", " ")), html.escape(_short(v))) for k, v in facts.items()]
        body = "".join(f"<tr><td class='short'>{key}</td><td>{value}</td></tr>" for key, value in cells)
        lines.append(f"<div><h3>{html.escape(name)}</h3><table>{body}</table></div>" if cells else "")
    lines.append("</div>")
    if record.messages:
        notes = "\n".join(record.messages)
        lines.append(f"<h3>Messages of the run</h3><pre>{html.escape(notes)}</pre>")
    return "\n".join(lines)


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_short(v)}" for k, v in value.items())
    if isinstance(value, float):
        return f"{value:.7g}"
    return ", ".join(map(_short, value)) if isinstance(value, list | tuple) else str(value)
