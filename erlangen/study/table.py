"""A record as plain text: aligned tables within 100 columns, for terminals, logs and mails.

table(record) -> str          everything that was measured in one run
summary(records) -> str       several runs side by side, one row per question that a reader asks first
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from ..assess.rows import CoverageRow, Estimate, ShiftRow, SymmetryRow
from .record import Record

WIDTH = 100
SIDE_BY_SIDE = 3


def number(value: float | None, digits: int = 3) -> str:
    """A figure with `digits` significant digits: 0.0123, 1,350, 4.4e-15."""
    if value is None or math.isnan(value):
        return "-"
    if value == 0 or math.isinf(value):
        return f"{value:g}".replace("inf", "∞")
    if not 1e-3 <= abs(value) < 1e6:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}e{int(exponent)}"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{places}f}"


def pretty(unit: str) -> str:
    """A unit as it is printed: "meV/A" becomes "meV/Å", "1" becomes nothing."""
    words = [f"Å{word[1:]}" if word == "A" or word.startswith("A^") else word for word in unit.split("/")]
    return "" if unit in ("1", "") else "/".join(words).replace("^2", "²").replace("^3", "³")


def plus_minus(value: float, error: float, unit: str = "1") -> str:
    """value ± error, both cut at the second digit of the error: 0.410 ± 0.021 %, (3.1 ± 0.4)e-6."""
    tail = f" {pretty(unit)}".rstrip()
    if not math.isfinite(error) or error <= 1e-9 * abs(value) or not math.isfinite(value):
        return number(value) + tail
    if not 1e-3 <= max(abs(value), error) < 1e6:
        exponent = math.floor(math.log10(max(abs(value), error)))
        scale = 10.0**exponent
        return f"({plus_minus(value / scale, error / scale)})e{exponent}{tail}"
    places = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:,.{places}f} ± {error:,.{places}f}{tail}"


def duration(seconds: float | None) -> str:
    """A time in the unit that reads best: 12 μs, 0.30 ms, 41 s, 2.5 min, 3.1 h."""
    if seconds is None or not math.isfinite(seconds):
        return "-"
    if seconds == 0:
        return "0 s"
    for size, unit in ((3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms")):
        if seconds >= size * (2 if size > 1 else 1):
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.3g} μs"


def estimate(one: Estimate) -> str:
    """value ± error unit of a score."""
    return plus_minus(one.value, one.error, one.unit)


def title(one: Estimate) -> str:
    """What a score is called."""
    return one.label or one.name


def method_name(record: Record) -> str:
    """The method inside its wrappers, outermost first: conformal(ensemble(painn))."""
    outside = [wrap.split("(")[0] for wrap in record.wraps]
    return "(".join([*outside, record.method]) + ")" * len(outside)


def verdict(row: SymmetryRow) -> str:
    """What an audited symmetry means: holds, VIOLATED, broken by the problem itself, or never claimed by the method."""
    if row.broken:
        return "broken by the problem"
    if not row.declared:
        return "not claimed"
    return "holds" if row.error <= row.tolerance else "VIOLATED"


def break_even(record: Record) -> str:
    """N*, the number of queries after which training has paid for itself, or why there is none."""
    if record.cost is None or not record.opponents:
        return "-"
    if record.cost.opponent_seconds is None:
        return "no opponent as accurate"
    if record.cost.break_even is None:
        return "never: opponent faster"
    return f"{number(record.cost.break_even)} queries"


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
    """Left-aligned columns, two spaces apart; the widest column is shortened where the whole does not fit."""
    body = [list(map(str, row)) for row in ([header] if header else []) + list(rows)]
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
        Section("cost", (), _costs(record)),
        Section("opponents", ("solver", "setting", "per query", "score", "error"), _opponents(record)),
        Section("symmetry", ("of", "group", "output", "defect", "limit", "verdict"), _symmetry(record.symmetry)),
        Section("intervals", ("where", "output", "level", "covered", "mean width", "kind"), _coverage(record.coverage)),
        Section("shift", ("axis", "value", "score", "error", "ratio"), _shifts(record.shifts)),
        Section("published", ("name", "score", "value", "source"), _peers(record)),
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
    def floor(one: Estimate) -> str:
        return plus_minus(record.floor[one.name], 0, one.unit) if one.name in record.floor else "-"

    return [(title(one), estimate(one), floor(one), one.by) for one in record.scores]


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


def _costs(record: Record) -> list[tuple[str, ...]]:
    cost = record.cost
    if cost is None:
        return []
    rows = [
        ("per query", duration(cost.query_seconds)),
        ("once", f"fit {duration(cost.fit_seconds)}, labels {duration(cost.truth_seconds)}"),
        ("size", f"{cost.parameters:,} parameters, {number(cost.peak_memory_mb)} MB peak memory"),
    ]
    if record.opponents:
        least = f"{cost.opponent}: {duration(cost.opponent_seconds)}" if cost.opponent_seconds else "none measured"
        rows += [("opponent at equal accuracy", least), ("break-even N*", break_even(record))]
    return rows


def _opponents(record: Record) -> list[tuple[str, ...]]:
    known = {one.name: one for one in record.scores}

    def error(name: str, value: float) -> tuple[str, str]:
        return (title(known[name]), plus_minus(value, 0, known[name].unit)) if name in known else (name, number(value))

    return [
        (row.name, f"{row.knob} = {row.setting}", duration(row.seconds), *error(name, value))
        for row in record.opponents
        for name, value in row.scores.items()
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


def _peers(record: Record) -> list[tuple[str, ...]]:
    known = {one.name: title(one) for one in record.scores}

    def row(name: str, score: str, value: float, unit: str, source: str) -> tuple[str, ...]:
        return name, known.get(score, score), plus_minus(value, 0, unit), source

    return [row(**peer) for peer in record.peers]


def summary(records: Sequence[Record], width: int = WIDTH) -> str:
    """Runs side by side: score, cost and opponent, symmetry certificate, intervals, shift, N*; three to a block."""
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
    scores = [f"{title(one)}\n{estimate(one)}" for one in record.scores[:2]] + ["-", "-"]
    return {
        "task": record.task,
        "method": method_name(record),
        "score": scores[0],
        "second score": scores[1],
        "time per query": duration(cost.query_seconds) if cost else "-",
        "opponent, as accurate": f"{cost.opponent}\n{duration(cost.opponent_seconds)}"
        if cost and cost.opponent_seconds
        else "none"
        if record.opponents
        else "-",
        "pays after (N*)": break_even(record),
        "symmetry, method": certificate(record, "method"),
        "symmetry, float64": certificate(record, "method, float64"),
        "symmetry, solver": certificate(record, "solver"),
        "intervals": f"{100 * covered.level:.3g} % hold {plus_minus(100 * covered.coverage, 100 * covered.error, '%')}"
        if covered
        else "-",
        "worst shift": f"{number(shift.ratio)} x error\nat {shift.axis} = {place(shift)}" if shift else "-",
        "labels + fit": f"{duration(cost.truth_seconds)} + {duration(cost.fit_seconds)}" if cost else "-",
    }
