"""A record as plain text: aligned tables within 100 columns, for terminals, logs and mails.

table(record) -> str          everything that was measured in one run
summary(records) -> str       several runs side by side, one row per question that a reader asks first
"""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from ..assess.rows import CoverageRow, ShiftRow, SymmetryRow
from .notation import duration, estimate, method_name, number, plus_minus, pretty, title
from .record import Record
from .work_precision import asked, break_even, comparisons, costs, floor, solvers, whole

WIDTH = 100
SIDE_BY_SIDE = 3
LONG_HEADER = 12  # characters; a longer one is broken where its column is narrower


def verdict(row: SymmetryRow) -> str:
    """What an audited symmetry means: holds, VIOLATED, broken by the problem itself, or never claimed by the method."""
    if row.broken:
        return "broken by the problem"
    if not row.declared:
        return "not claimed"
    return "holds" if row.error <= row.tolerance else "VIOLATED"


def headline_coverage(record: Record) -> CoverageRow | None:
    """The coverage on test samples at the level nearest to 90 %, of the output that the first score judges."""
    rows = [row for row in record.coverage if row.where == "test"]
    judged = record.scores[0].name if record.scores else ""
    return min(rows, key=lambda row: (abs(row.level - 0.9), row.output not in judged), default=None)


def worst_shift(record: Record) -> ShiftRow | None:
    """The place on any shift axis where the error grew most."""
    rows = [row for row in record.shifts if math.isfinite(row.ratio)]
    return max(rows, key=lambda row: row.ratio, default=None)


def certificate(record: Record, subject: str) -> str:
    """The largest defect of the claimed, unbroken symmetries of "method" or "solver", and whether all hold."""
    rows = [row for row in record.symmetry if row.subject == subject and row.declared and not row.broken]
    if not rows:
        return "-"
    guilty = [row for row in rows if not row.error <= row.tolerance]
    # `max` is blind to NaN, and a NaN is the worst defect there is
    worst = max(guilty or rows, key=lambda row: math.inf if math.isnan(row.error) else row.error)
    return f"{number(worst.error, 2)} {'VIOLATED: ' + worst.group if guilty else f'({len(rows)} of {len(rows)} hold)'}"


def aligned(rows: Sequence[Sequence[str]], header: Sequence[str] = (), width: int = WIDTH) -> str:
    """Left-aligned columns, two spaces apart; long headers are broken, the widest column is shortened, to fit."""
    body = [list(map(str, row)) for row in rows]
    heads = [textwrap.wrap(name, max(LONG_HEADER, *(len(row[i]) for row in body))) for i, name in enumerate(header)]
    body = [[line or "" for line in lines] for lines in itertools.zip_longest(*heads)] + body
    widths = [max(len(row[i]) for row in body) for i in range(len(body[0]))]
    while sum(widths) + 2 * (len(widths) - 1) > width:
        widths[widths.index(max(widths))] -= 1
    lines = ["  ".join(_fit(cell, w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in body]
    return "\n".join(lines)


def _fit(cell: str, width: int) -> str:
    return cell.ljust(width) if len(cell) <= width else cell[: width - 1] + "…"


class Section(NamedTuple):
    """One table of a record: its title, column headers (none for a list of facts) and rows of text."""

    title: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]


def sections(record: Record) -> list[Section]:
    """Everything that was measured in one run, as tables of text; empty ones are left out."""
    every = (
        Section("scores", ("score", "value", "label floor", "error bar by"), _scores(record)),
        Section("energy from both sides", (), _bracket(record)),
        Section("levels", ("level", "energy, J", "exact, J", "above ground, J", "exact, J"), _levels(record)),
        Section("cost", asked(record), costs(record)),
        Section("reference solvers", *solvers(record)),
        Section("symmetry", ("of", "group", "output", "defect", "limit", "verdict"), _symmetry(record.symmetry)),
        Section("intervals", ("where", "output", "level", "covered", "mean width", "kind"), _coverage(record.coverage)),
        Section("error bars of sampling", ("of", "level", "hold", "mean width", "checked by"), _error_bars(record)),
        Section("shift", ("axis", "value", "score", "error", "ratio"), _shifts(record.shifts)),
        Section("published", ("name", "score", "value", "source"), _published(record)),
    )
    return [section for section in every if section.rows]


def table(record: Record, width: int = WIDTH) -> str:
    """Everything that was measured in one run, within `width` columns."""
    head = f"{record.task}   {method_name(record)}   seed {record.seed}   budget {record.budget}   {record.device}"
    parts = [f"{_fit(head, width).rstrip()}\n{'─' * min(width, max(len(head), 60))}"]
    if record.state != "done":
        parts.append(f"This run is {record.state}: what follows is incomplete.")
    for section in sections(record):
        named = section.title != "scores"
        text = aligned(section.rows, section.header, width - 2 * named)
        parts.append(f"{section.title}\n{textwrap.indent(text, '  ')}" if named else text)
    if record.messages:
        notes = [textwrap.fill(message, width - 4, subsequent_indent="  ") for message in record.messages]
        parts.append("messages\n" + textwrap.indent("\n".join(notes), "  "))
    return "\n\n".join(parts)


def _scores(record: Record) -> list[tuple[str, ...]]:
    known = {one.name: one for one in record.scores}
    return [(title(one), estimate(one), floor(record, one.name, known), one.by) for one in record.scores]


def _bracket(record: Record) -> list[tuple[str, ...]]:
    """Variational ground states: the bounds of `learn.variational.bounds`, for the whole system."""
    found = record.data.get("bracket")
    if not found:
        return []
    reference = record.data.get("reference") or {}
    low, high = found["weinstein"]
    rows = [
        ("variational upper bound", f"{found['upper']:.8f} +- {found['error']:.1g} J"),
        ("an eigenvalue lies within (Weinstein)", f"{low:.6f} to {high:.6f} J"),
    ]
    if found["temple"] is not None:
        rows.append(("lower bound (Temple)", f"{found['temple']:.8f} +- {found['temple_error']:.1g} J"))
    if reference:
        rows.append(("reference", f"{reference['energy']:.8f} J, {reference['source']}"))
    return rows


def _levels(record: Record) -> list[tuple[str, ...]]:
    """Excited states: every level and its distance from the ground state beside the exact ones."""

    def exact(value: float | None) -> str:
        return "-" if value is None else f"{value:.6f}"

    return [
        (
            str(n),
            plus_minus(row["energy"], row["error"]),
            exact(row["exact"]),
            plus_minus(row["gap"], row["gap_error"]) if n else "-",
            exact(row["exact_gap"]) if n else "-",
        )
        for n, row in enumerate(record.data.get("levels") or [])
    ]


def _symmetry(rows: Sequence[SymmetryRow]) -> list[tuple[str, ...]]:
    return [(r.subject, r.group, r.output, number(r.error, 2), number(r.tolerance, 2), verdict(r)) for r in rows]


def where(row: CoverageRow) -> str:
    """Where intervals were judged, numbers in short: "test", "amplitude = 0.45"."""
    axis, equal, value = row.where.partition("=")
    try:
        return f"{axis} = {float(value):g}"
    except ValueError:
        return f"{axis} = {value}" if equal else axis


def _coverage(rows: Sequence[CoverageRow]) -> list[tuple[str, ...]]:
    return [
        (
            tail(row.where),
            row.output,
            f"{100 * row.level:.3g} %",
            plus_minus(100 * row.coverage, 100 * row.error, "%"),
            plus_minus(row.mean_width, 0, row.unit),
            row.kind,
        )
        for row in rows
    ]


def _error_bars(record: Record) -> list[tuple[str, ...]]:
    """Statistical bars of a sampled figure: how often they hold the exact one. No promise about the answer itself."""
    found = record.data.get("error_bars")
    if not found:
        return []
    row = CoverageRow(**found)
    return [(row.output, f"{100 * row.level:.3g} %", *_coverage([row])[0][3:])]


def tail(text: str) -> str:
    """A file by its last name: "test=/far/away/hot.xyz" reads "test=hot.xyz"."""
    axis, equals, value = text.rpartition("=")
    return axis + equals + value.rsplit("/", 1)[-1]


def place(row: ShiftRow) -> str:
    """The value on a shift axis with its unit."""
    value = f"{row.value:g}" if isinstance(row.value, float) else tail(str(row.value))
    return f"{value} {pretty(row.unit)}".rstrip()


def _shifts(rows: Sequence[ShiftRow]) -> list[tuple[str, ...]]:
    return [
        (row.axis, place(row), title(one), estimate(one), f"{number(row.ratio)} x" if one is row.scores[0] else "")
        for row in rows
        for one in row.scores
    ]


def _published(record: Record) -> list[tuple[str, ...]]:
    known = {one.name: title(one) for one in record.scores}

    def row(name: str, score: str, value: float, unit: str, source: str) -> tuple[str, ...]:
        return name, known.get(score, score), plus_minus(value, 0, unit), source

    return [row(**one) for one in record.published]


def summary(records: Sequence[Record], width: int = WIDTH) -> str:
    """Runs side by side: score, cost and solver, symmetry certificate, intervals, shift, N*; three to a block."""
    blocks = [records[i : i + SIDE_BY_SIDE] for i in range(0, len(records), SIDE_BY_SIDE)]
    return "\n\n".join(_block(block, width) for block in blocks)


def _block(records: Sequence[Record], width: int) -> str:
    columns = [answers(record) for record in records]
    rows = [[question, *(column[question] for column in columns)] for question in columns[0]]
    first = max(len(row[0]) for row in rows)
    each = (width - first - 2 * len(records)) // len(records)
    lines = []
    for row in rows:
        cells = [[line for part in cell.split("\n") for line in textwrap.wrap(part, each) or [""]] for cell in row[1:]]
        for i in range(max(map(len, cells))):
            texts = [cell[i] if i < len(cell) else "" for cell in cells]
            lines.append("  ".join([(row[0] if i == 0 else "").ljust(first), *(_fit(t, each) for t in texts)]).rstrip())
        if row is rows[1]:
            lines.append("─" * width)
    return "\n".join(lines)


def answers(record: Record) -> dict[str, str]:
    """What a reader asks first, and the answers of one run."""
    cost, covered, shift = record.cost, headline_coverage(record), worst_shift(record)
    bars = record.data.get("error_bars")
    paths = next((work for work in comparisons(record) if work.cost.steps > 1), None)
    scores = [f"{title(one)}\n{estimate(one)}" for one in record.scores[:2]] + ["-", "-"]
    return {
        "task": record.task,
        "method": method_name(record),
        "score": scores[0],
        "second score": scores[1],
        "time per query": duration(cost.query_seconds) if cost else "-",
        "solver, as accurate": f"{cost.solver}\n{duration(cost.solver_seconds)}"
        if cost and cost.solver_seconds
        else "none"
        if record.solvers
        else "-",
        "pays after (N*)": break_even(comparisons(record)[0]) if cost else "-",
        "whole trajectory": whole(paths) if paths else "-",
        "symmetry, method": certificate(record, "method"),
        "symmetry, float64": certificate(record, "method, float64"),
        "symmetry, solver": certificate(record, "solver"),
        "intervals": f"{100 * covered.level:.3g} % hold {plus_minus(100 * covered.coverage, 100 * covered.error, '%')}"
        if covered
        else "-",
        "error bars": f"{100 * bars['level']:.3g} % hold {plus_minus(100 * bars['coverage'], 100 * bars['error'], '%')}"
        if bars
        else "-",
        "worst shift": f"{number(shift.ratio)} x error\nat {shift.axis} = {place(shift)}" if shift else "-",
        "labels + fit": f"{duration(cost.truth_seconds)} + {duration(cost.fit_seconds)}" if cost else "-",
    }
