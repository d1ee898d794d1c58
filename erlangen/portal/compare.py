"""Several records side by side: scores, paired differences, what differs in their settings."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..core.errors import Invalid
from ..study.notation import method_name
from ..study.record import Record
from .answers.records import CompareAnswer, ComparedScore, Difference, SettingLine
from .columns import Arrays
from .five import figure, five, of_score
from .library import Library
from .links import href
from .records import flat
from .rows import score_row

MOST = 8
LEVEL = 0.05
Values = tuple[list[float], list[int]]
"""Of every test sample its score and its group."""


def the_comparison(library: Library, names: Sequence[str]) -> CompareAnswer:
    """api/compare.json?runs=a,b,c"""
    names = list(dict.fromkeys(name for name in names if name))
    if len(names) > MOST:
        raise Invalid(must=f"at most {MOST} records stand side by side", came=str(len(names)), do="Leave some out.")
    records = [library.record(name) for name in names]
    scores = _scores(records)
    notes = []
    differences: list[Difference] = []
    if len({record.task for record in records}) > 1:
        notes.append("Records of different tasks: their scores are of different questions and are not compared.")
    else:
        for row in scores:
            differences += _differences(library, names, records, row["score"]["name"])
        _correct(differences)
        for row in scores:
            row["letters"] = _letters(names, records, row, differences)
    return {
        "runs": [
            {
                "run": name,
                "href": href("run", name),
                "title": method_name(record),
                "task": record.task,
                "five": five(record),
            }
            for name, record in zip(names, records)
        ],
        "scores": scores,
        "differences": differences,
        "settings": _settings(records),
        "notes": notes,
    }


def _scores(records: Sequence[Record]) -> list[ComparedScore]:
    known = {one.name: one for record in reversed(records) for one in reversed(record.scores)}
    found: list[ComparedScore] = []
    for name in dict.fromkeys(one.name for record in records for one in record.scores):
        by = [next((one for one in record.scores if one.name == name), None) for record in records]
        absent = figure(None, absent="this record has no such score")
        found.append(
            {
                "score": score_row(known[name]),
                "figures": [of_score(one) if one else absent for one in by],
                "letters": [],
            }
        )
    return found


def _values(library: Library, name: str, score: str) -> Values | None:
    """The score of every test sample and the group that it belongs to."""
    path = library.arrays(name)
    if path is None:
        return None
    try:
        with Arrays(path) as arrays:
            values = arrays.read(f"scores/{score}")["values"]
            known = arrays.read("group")["values"] if "group" in arrays.names else []
    except Invalid:
        return None
    group = known if len(known) == len(values) else list(range(len(values)))
    return [math.nan if v is None else float(v) for v in values], group


def _differences(library: Library, names: Sequence[str], records: Sequence[Record], score: str) -> list[Difference]:
    """Every pair that was judged on the same samples, first minus second."""
    judged = {name: _values(library, name, score) for name in names}
    values = {name: one for name, one in judged.items() if one is not None}
    unit = next((one.unit for record in records for one in record.scores if one.name == score), "1")
    found: list[Difference] = []
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            if first in values and second in values and values[first][1] == values[second][1]:
                found.append(_paired(score, first, second, values[first], values[second], unit))
    return found


def _paired(score: str, first: str, second: str, a: Values, b: Values, unit: str) -> Difference:
    """Mean paired difference per sample; its standard error from the means of independent groups of samples."""
    gaps: dict[int, list[float]] = {}
    for x, y, group in zip(a[0], b[0], a[1]):
        if math.isfinite(x - y):
            gaps.setdefault(group, []).append(x - y)
    every = [gap for one in gaps.values() for gap in one]
    n, m = len(gaps), len(every)
    mean = sum(every) / m if m else math.nan
    squares = sum((sum(one) - mean * len(one)) ** 2 for one in gaps.values())
    error = math.sqrt(squares * n / max(n - 1, 1)) / m if m and n > 1 else math.nan
    p = math.erfc(abs(mean) / error / math.sqrt(2)) if error > 0 else (1.0 if mean == 0 else math.nan)
    by = f"paired over {m} samples in {n} groups, in the unit that samples are judged by"
    return {
        "score": score,
        "first": first,
        "second": second,
        "figure": figure(mean, error, "1" if unit == "1" else "", by=by),
        "p": p if math.isfinite(p) else None,
        "significant": False,
    }


def _correct(differences: list[Difference]) -> None:
    """Holm's correction over all pairs of a score."""
    for score in {one["score"] for one in differences}:
        asked = sorted(
            (d for d in differences if d["score"] == score and d["p"] is not None), key=lambda d: d["p"] or 0
        )
        for i, one in enumerate(asked):
            if (one["p"] or 0) * (len(asked) - i) > LEVEL:
                break
            one["significant"] = True


def _letters(names: Sequence[str], records: Sequence[Record], row: ComparedScore, found: list[Difference]) -> list[str]:
    """Letters by score, the best first: who shares one cannot be told apart. Empty where a pair was not compared."""
    score = row["score"]
    apart = {frozenset((d["first"], d["second"])): d["significant"] for d in found if d["score"] == score["name"]}
    having = [(name, shown["value"]) for name, shown in zip(names, row["figures"]) if shown["value"] is not None]
    pairs = [frozenset((a, b)) for i, (a, _) in enumerate(having) for b, _ in having[i + 1 :]]
    if not pairs or any(pair not in apart for pair in pairs):
        return ["" for _ in names]
    ordered = [name for name, _ in sorted(having, key=lambda one: one[1] if score["lower_is_better"] else -one[1])]
    groups: list[set[str]] = []
    for i, name in enumerate(ordered):
        equal = {name, *(other for other in ordered[i + 1 :] if not apart[frozenset((name, other))])}
        if not any(equal <= group for group in groups):
            groups.append(equal)
    return ["".join(chr(97 + k) for k, group in enumerate(groups) if name in group) for name in names]


def _settings(records: Sequence[Record]) -> list[SettingLine]:
    columns = []
    for record in records:
        rows = {("task", k): v for k, v in flat(record.task_fields)}
        rows |= {("method", k): v for k, v in flat(record.method_fields)}
        rows |= {(wrap["name"], k): v for wrap in record.wraps for k, v in flat(wrap["settings"])}
        rows |= {("run", "method"): method_name(record), ("run", "seed"): str(record.seed)}
        rows |= {("run", "budget"): record.budget, ("run", "device"): record.device}
        columns.append(rows)
    keys = list(dict.fromkeys(key for rows in columns for key in rows))
    found: list[SettingLine] = []
    for key in keys:
        values = [rows.get(key, "–") for rows in columns]
        found.append({"owner": key[0], "name": key[1], "values": values, "differs": len(set(values)) > 1})
    return found
