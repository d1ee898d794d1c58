"""Pieces of HTML that several pages share: links, tables, the five measures. Text from records is always escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from .answers.figures import Figure, Measure
from .answers.maps import Board, BoardRow
from .answers.records import RunRow

STATES = {"planned": "planned", "broken": "cannot be read", "runs": "runs", "open": "open: its bar is met"}


def e(text: object) -> str:
    """Text as HTML."""
    return escape(str(text), quote=True)


def a(root: str, href: str, text: object, extra: str = "") -> str:
    """A link; relative ones from the root of the site. Without an address the text alone."""
    if not href:
        return e(text)
    away = href.startswith(("https://", "http://"))
    where = href if away else f"{root}{href}"
    rel = ' rel="noopener noreferrer"' if away else ""
    return f'<a href="{e(where)}"{rel}{extra}>{e(text)}</a>'


PIECES = re.compile(r"`([^`]+)`|\$([^$\n]+)\$|\[([^\]]+)\]\((https?://[^)\s]+)\)|\*([^*\s][^*]*)\*")


def prose(text: str) -> str:
    """A paragraph of Markdown: code, TeX (as it is written), links to other sites and stress; the rest is text."""
    parts, end = [], 0
    for found in PIECES.finditer(text):
        code, tex, words, where, stress = found.groups()
        parts.append(e(text[end : found.start()]))
        if code or tex:
            parts.append(f"<code>{e(code or tex)}</code>")
        else:
            parts.append(a("", where, words) if where else f"<em>{e(stress)}</em>")
        end = found.end()
    return "".join([*parts, e(text[end:])])


def table(header: Sequence[str], rows: Iterable[Sequence[str]], label: str, kind: str = "") -> str:
    """A table of cells that are HTML already; the first of each row is its header."""
    head = "".join(f'<th scope="col">{e(name)}</th>' for name in header)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>' for row in rows
    )
    heading = f"<thead><tr>{head}</tr></thead>" if header else ""
    named = f' class="{kind}"' if kind else ""
    inside = f'<table{named} aria-label="{e(label)}">{heading}<tbody>{body}</tbody></table>'
    return f'<div class="scroll" tabindex="0">{inside}</div>'


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """Names and what they are; the second of each is HTML already. Empty ones are left out."""
    body = "".join(f"<div><dt>{e(name)}</dt><dd>{value}</dd></div>" for name, value in rows if value)
    return f'<dl class="facts">{body}</dl>' if body else ""


def listed(items: Iterable[str], kind: str = "") -> str:
    """A list of items that are HTML already."""
    body = "".join(f"<li>{item}</li>" for item in items)
    named = f' class="{kind}"' if kind else ""
    return f"<ul{named}>{body}</ul>" if body else ""


def section(title: str, inside: str, name: str = "") -> str:
    """A part of a page with its heading; nothing where there is nothing inside."""
    identity = f' id="{name}"' if name else ""
    return f"<section{identity}><h2>{e(title)}</h2>{inside}</section>" if inside else ""


def measures(found: Sequence[Measure]) -> str:
    """The five, each with figure, lines and sentence."""
    items = "".join(
        f'<li><h3>{e(one["title"])}</h3><p class="value">{e(one["figure"]["text"])}</p>'
        f'<p class="what">{e(one["what"])}</p><p class="note">{e(one["note"])}</p>'
        f'<p class="visually-hidden">{e(one["sentence"])}</p></li>'
        for one in found
    )
    return f'<ol class="five" aria-label="The five measures">{items}</ol>' if items else ""


def shown(one: Figure | None) -> str:
    """A figure with the reason where there is none."""
    if one is None:
        return '<span class="none">–</span>'
    if one["absent"]:
        return f'<span class="none" title="{e(one["absent"])}">–</span>'
    return f'<span title="{e(one["by"])}">{e(one["text"])}</span>' if one["by"] else e(one["text"])


def board(root: str, found: Board) -> str:
    """The board of a leaf by its first score; answers with the five beside it."""
    if not found["rows"]:
        return "<p>No records here yet.</p>"
    label = next((s["label"] for s in found["scores"] if s["name"] == found["score"]), "score")
    header = ("Answer", label, "per query", "symmetry", "intervals hold", "worst shift", "from")
    rows = [_board_row(root, found["score"], row) for row in found["rows"]]
    return f"<p>{e(found['bars'])}</p>{table(header, rows, 'Board', 'board')}"


def _board_row(root: str, score: str, row: BoardRow) -> list[str]:
    kinds = {"ours": "", "opponent": "solver", "published": "published"}
    detail = f"{kinds[row['kind']]} {row['detail'] if row['kind'] != 'published' else ''}".strip()
    name = f'{a(root, row["href"], row["name"])} <span class="detail">{e(detail)}</span>'
    by = {one["key"]: one["figure"] for one in row.get("five", [])}
    figures = [shown(by.get(key)) for key in ("symmetry", "intervals", "shift")]
    return [name, shown(row["figures"].get(score)), e(row["seconds_text"]), *figures, e(row["source"])]


def runs(root: str, rows: Sequence[RunRow]) -> str:
    """A list of records."""
    header = ("Record", "task", "method", "seed", "state", "score", "value", "made")
    cells = [
        [
            a(root, row["href"], row["name"]),
            a(root, row["leaf"], row["task"]),
            e(row["method"]),
            e(row["seed"]),
            e(row["state"]),
            e(row["score"]),
            shown(row["figure"]),
            e(row["created"][:16].replace("T", " ")),
        ]
        for row in rows
    ]
    return table(header, cells, "Records", "runs")
