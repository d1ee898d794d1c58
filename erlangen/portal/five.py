"""The five measures of a record: how far off, at what price, how symmetric, does it know, how far it carries.

The same five in the same order, wherever an answer is shown: figure, the two lines around its plot, the marks on its
axis, and one sentence for speech. A measure that a record lacks keeps its place and says why.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Literal

from ..assess.rows import CoverageRow, Estimate, SymmetryRow
from ..study.notation import duration, number, plus_minus, pretty, title
from ..study.record import Record
from ..study.table import headline_coverage, place, where, worst_shift
from ..study.work_precision import break_even, comparisons
from .answers.figures import Figure, Mark, Measure
from .links import link

TITLES = ("How far off", "At what price", "How symmetric", "Does it know", "How far it carries")
KEYS = ("error", "price", "symmetry", "intervals", "shift")
MANY_DECADES = 50.0  # a larger factor is drawn on a logarithmic axis
MOST_FOLD = 1e4  # beyond it the error at home is that of rounding, and a factor says nothing: the error itself does
MOST_LISTED = 4  # published values; of more the best is told
SPOKEN = (
    (r"\(([^)]*)\)e(-?)0*(\d+)", r"\1, times ten to the \2\3"),
    (r"(?<=\d)e(-?)0*(\d+)", r" times ten to the \1\2"),
    (r"the -", "the minus "),
    (r" ± ", " plus or minus "),
    (r"/Å", " per angstrom"),
    (r"Å", "angstrom"),
    (r"μs", "microseconds"),
    (r"\bms\b", "milliseconds"),
    (r" %", " percent"),
    (r"⁻¹", " to the minus one"),
    (r"²", " squared"),
    (r"³", " cubed"),
)


def five(record: Record) -> list[Measure]:
    """The five measures, in their order."""
    return [_error(record), _price(record), _symmetry(record), _intervals(record), _shift(record)]


def figure(
    value: float | None, error: float | None = None, unit: str = "1", *, by: str = "", absent: str = ""
) -> Figure:
    """A number with its bar; what JSON does not know is null with its reason."""
    known = None if value is None or not math.isfinite(value) else float(value)
    bar = None if error is None or not math.isfinite(error) else float(error)
    if known is None:
        reason = absent or ("not measured" if value is None else "infinite" if math.isinf(value) else "not a number")
        return {"value": None, "error": None, "unit": pretty(unit), "text": "–", "by": by, "absent": reason}
    text = plus_minus(known, bar or 0.0, unit)
    return {"value": known, "error": bar, "unit": pretty(unit), "text": text, "by": by, "absent": ""}


def of_score(one: Estimate) -> Figure:
    """The figure of a score."""
    return figure(one.value, one.error, one.unit, by=one.by)


def spoken(text: str) -> str:
    """A text as it is said: no signs, no powers."""
    for pattern, words in SPOKEN:
        text = re.sub(pattern, words, text)
    return text


def _measure(
    i: int,
    shown: Figure,
    what: str = "",
    note: str = "",
    sentence: str = "",
    good: bool | None = None,
    marks: Iterable[Mark] = (),
    axis: Literal["linear", "log"] = "linear",
) -> Measure:
    absent = f"{TITLES[i]}: {shown['absent']}."
    return {
        "key": KEYS[i],
        "title": TITLES[i],
        "figure": shown,
        "what": what,
        "note": note or shown["absent"],
        "sentence": absent if shown["absent"] else spoken(sentence),
        "good": good,
        "axis": axis,
        "marks": [mark for mark in marks if math.isfinite(mark["value"])],
    }


def _mark(kind, value: float, label: str = "", *, error: float | None = None, text: str = "", source: str = "") -> Mark:
    bar = error if error is not None and math.isfinite(error) and error > 0 else None
    return {
        "kind": kind,
        "value": float(value),
        "error": bar,
        "label": label,
        "text": text or number(value),
        "source": source,
    }


def _axis(marks: Sequence[Mark]) -> Literal["linear", "log"]:
    return "log" if marks and all(mark["value"] > 0 for mark in marks) else "linear"


def _error(record: Record) -> Measure:
    if not record.scores:
        return _measure(0, figure(None, absent=_unjudged(record)))
    first = record.scores[0]
    solvers = [row for row in record.solvers if math.isfinite(row.scores.get(first.name, math.nan))]
    published = [one for one in record.published if one["score"] == first.name]
    floor = record.floor.get(first.name, math.nan)
    marks = [_mark("ours", first.value, record.method, error=first.error, text=of_score(first)["text"])]
    marks += [
        _mark("opponent", row.scores[first.name], row.title, error=row.errors.get(first.name))
        for row in solvers
        if row.scores[first.name] > 0 or first.value <= 0
    ]
    marks += [_mark("published", one["value"], one["name"], source=link(one["source"])) for one in published]
    marks += [_mark("floor", floor, "error of the labels")] if floor > 0 else []
    note = _elsewhere([one["value"] for one in published], first) if published else _nearest(record, first)
    shown = of_score(first)
    name = title(first)
    sentence = f"{name[:1].upper()}{name[1:]} {shown['text']}; {note}."
    return _measure(0, shown, f"{name}{_in(first.unit)}", note, sentence, marks=marks, axis=_axis(marks))


def _elsewhere(values: Sequence[float], first: Estimate) -> str:
    if len(values) <= MOST_LISTED:
        return f"published elsewhere: {_listed(map(number, values))}"
    best = min(values) if first.lower_is_better else max(values)
    return f"{len(values)} published elsewhere, the best {number(best)}"


def _in(unit: str) -> str:
    return f", {pretty(unit)}" if pretty(unit) else ""


def _listed(words: Iterable[str]) -> str:
    *rest, last = words if (words := list(words)) else [""]
    return f"{', '.join(rest)} and {last}" if rest else last


def _nearest(record: Record, first: Estimate) -> str:
    """The classical solver whose error is nearest, in words."""
    known = [row for row in record.solvers if row.scores.get(first.name, math.nan) > 0]
    if not known or first.value <= 0:
        return "no published value" if record.solvers else "no opponent declared"
    row = min(known, key=lambda row: abs(math.log(row.scores[first.name] / first.value)))
    return f"{row.title}: {plus_minus(row.scores[first.name], 0, first.unit)}"


def _unjudged(record: Record) -> str:
    return "nothing was scored" if record.state == "done" else f"the run is {record.state}"


def _price(record: Record) -> Measure:
    work = next(iter(comparisons(record)), None)
    if work is None:
        return _measure(1, figure(None, absent="no cost was measured"))
    cost, time = work.cost, duration(work.cost.query_seconds)
    shown = figure(cost.query_seconds, None, "s")
    shown["text"] = time
    marks = [_mark("ours", cost.query_seconds, record.method, text=time)]
    what, note = work.query, "no opponent declared"
    if cost.solver_seconds:
        what = f"{work.query}; {cost.solver}: {duration(cost.solver_seconds)}"
        marks.append(_mark("opponent", cost.solver_seconds, cost.solver, text=duration(cost.solver_seconds)))
    if record.solvers:
        pays = break_even(work)
        note = "never pays: the solver is faster" if pays.startswith("never") else pays
        note = f"pays after {pays}" if cost.break_even is not None else note
    beside = f"{cost.solver} takes {duration(cost.solver_seconds)}; " if cost.solver_seconds else ""
    sentence = f"{time} {'' if work.query.startswith('per') else 'for '}{work.query}; {beside}{note}."
    return _measure(1, shown, what, note, sentence, marks=marks, axis=_axis(marks))


def _symmetry(record: Record) -> Measure:
    rows = [row for row in record.symmetry if row.subject == "method"]
    claimed = [row for row in rows if row.declared and not row.broken]
    if not claimed:
        why = "no symmetry is claimed" if rows else "no symmetry was audited"
        marks = [_mark("unclaimed", row.error, f"{row.group}, {row.output}") for row in rows]
        return _measure(2, figure(None, absent=why), marks=marks, axis="log")
    guilty = [row for row in claimed if not row.error <= row.tolerance]
    worst = max(guilty or claimed, key=lambda row: math.inf if math.isnan(row.error) else row.error)
    shown = figure(worst.error, None, "1", by="largest defect of the claimed symmetries")
    shown["text"] = number(worst.error, 2)
    held = f"{len(claimed) - len(guilty)} of {len(claimed)} declared hold"
    note = f"✗ {worst.group}, {worst.output}" if guilty else f"✓ {held}"
    limit = number(worst.tolerance, 1)
    verdict = f"violated by {worst.output} under {worst.group}" if guilty else held
    sentence = f"Largest defect of the declared symmetries {shown['text']}, limit {limit}; {verdict}."
    what = f"largest defect, limit {limit}"
    return _measure(2, shown, what, note, sentence, not guilty, _defects(record, worst), "log")


def _defects(record: Record, worst: SymmetryRow) -> list[Mark]:
    """Ours first, the worst of them in front; undeclared and other subjects behind; the limit."""
    marks = [_mark("ours", worst.error, f"{worst.group}, {worst.output}"), _mark("limit", worst.tolerance, "limit")]
    for row in record.symmetry:
        if row is worst or row.broken:
            continue
        kind = {"method": "ours", "method, float64": "float64", "solver": "opponent"}[row.subject]
        kind = kind if row.declared else "unclaimed"
        marks.append(_mark(kind, row.error, f"{row.group}, {row.output}"))
    return marks[:60]


def _intervals(record: Record) -> Measure:
    row = headline_coverage(record)
    if row is None:
        return _measure(3, figure(None, absent="no intervals"), note="wrap the method in conformal")
    shown = figure(100 * row.coverage, 100 * row.error, "%", by=row.kind)
    others = [r for r in record.coverage if r.output == row.output and r.level == row.level and r.where != "test"]
    marks = [_mark("ours", 100 * row.coverage, "test samples", error=100 * row.error, text=shown["text"])]
    marks += [_mark("promise", 100 * row.level, f"{100 * row.level:g} % promised")]
    marks += [_mark("shifted", 100 * r.coverage, where(r), error=100 * r.error) for r in others]
    worst = min(others, key=lambda r: r.coverage, default=None)
    note = f"{100 * worst.coverage:.0f} % {_there(record, worst)}" if worst else row.kind
    level = f"{100 * row.level:g} %"
    kept = row.coverage + 2 * row.error >= row.level
    sentence = f"{level} intervals of {row.output.replace('_', ' ')} hold {shown['text']} of the time; {note}."
    return _measure(3, shown, f"held by {level} intervals", note, sentence, kept, marks)


def _at(axis: str, place: str, is_named: bool) -> str:
    """Where: "at temperature 1000 K"; a set that has a name instead of a number: "on the set larger"."""
    return f"on the set {place}" if is_named and axis == "judged_on" else f"at {axis.replace('_', ' ')} {place}"


def _there(record: Record, row: CoverageRow) -> str:
    """Where intervals were judged, with the unit of the axis."""
    axis, _, value = row.where.partition("=")
    unit = next((one.unit for one in record.shifts if one.axis == axis.strip()), "1")
    shown = where(row).partition(" = ")[2] or value
    is_named = not any(char.isdigit() for char in shown)
    return _at(axis.strip(), f"{shown} {pretty(unit)}".rstrip(), is_named)


def _shift(record: Record) -> Measure:
    worst = worst_shift(record)
    if worst is None:
        return _measure(4, figure(None, absent="no shifted set was judged"))
    rows = [row for row in record.shifts if row.axis == worst.axis and math.isfinite(row.ratio)]
    shown = figure(worst.ratio, None, "1", by="ratio of the first score to that in distribution")
    is_told = worst.ratio <= MOST_FOLD
    shown["text"] = f"× {number(worst.ratio, 2)}" if is_told else f"× > {MOST_FOLD:,.0f}"
    marks = [_mark("ours", 1.0, "in distribution")]
    marks += [_mark("shifted", row.ratio, place(row), text=f"× {number(row.ratio, 2)}") for row in rows]
    at = _at(worst.axis, place(worst), isinstance(worst.value, str))
    count = len({(row.axis, str(row.value)) for row in record.shifts})
    note = f"{count} shifted set{'s' * (count != 1)}"
    what = f"error {at}" if is_told else f"error {at}: {of_score(worst.scores[0])['text']}"
    grown = f"Error grows {number(worst.ratio, 2)} fold {at}" if is_told else f"{what[:1].upper()}{what[1:]}"
    sentence = f"{grown}; {note}."
    is_far = worst.ratio > MANY_DECADES and all(mark["value"] > 0 for mark in marks)
    return _measure(4, shown, what, note, sentence, None, marks, "log" if is_far else "linear")
