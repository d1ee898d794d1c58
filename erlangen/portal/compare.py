"""Several records side by side: scores, paired differences, what differs in their settings.

Letters and differences are those of `erlangen compare` on these records: the same test, the same correction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..assess.letters import holm, letters
from ..assess.rows import Estimate
from ..core.errors import Invalid
from ..study.notation import method_name
from ..study.record import Record
from .answers.records import CompareAnswer, ComparedScore, Difference, SettingLine
from .columns import Arrays
from .differences import paired
from .five import figure, five, of_score
from .library import Library
from .links import href
from .records import flat
from .rows import score_row

MOST = 8
LEVEL = 0.05
Values = tuple[list[float], list[int] | None]
"""Of every test sample its score, and its group."""


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
        notes += _apart(library, names, records)
        for row in scores:
            differences += _differences(library, names, records, row["score"]["name"])
        for row in scores:
            row["letters"] = _letters(names, row, differences)
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


def _apart(library: Library, names: Sequence[str], records: Sequence[Record]) -> list[str]:
    """What cannot be compared sample by sample, and why."""
    notes = []
    if any(record.task_fields != records[0].task_fields for record in records):
        notes.append("Settings of the task differ: only records of the same question are compared.")
    without = [name for name in names if library.arrays(name) is None]
    if without and len(names) > 1:
        notes.append(f"No samples were kept of {', '.join(without)}: which records can be told apart takes them.")
    return notes


def _values(library: Library, name: str, score: str) -> Values | None:
    """The score of every test sample, and the group that each belongs to, where groups were kept."""
    path = library.arrays(name)
    if path is None:
        return None
    try:
        with Arrays(path) as arrays:
            values = arrays.read(f"scores/{score}")["values"]
            group = arrays.read("group")["values"] if "group" in arrays.names else []
    except Invalid:
        return None
    return [math.nan if v is None else float(v) for v in values], group if len(group) == len(values) else None


def _differences(library: Library, names: Sequence[str], records: Sequence[Record], score: str) -> list[Difference]:
    """Every pair that was judged on the same samples, first minus second, with Holm's correction over the pairs."""
    judged = {name: _values(library, name, score) for name in names}
    values = {name: one for name, one in judged.items() if one is not None}
    asked = {name: record.task_fields for name, record in zip(names, records)}
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :] if a in values and b in values]
    pairs = [(a, b) for a, b in pairs if asked[a] == asked[b]]
    pairs = [(a, b) for a, b in pairs if len(values[a][0]) == len(values[b][0]) and values[a][1] == values[b][1]]
    tests = {(a, b): paired(values[a][0], values[b][0], values[a][1]) for a, b in pairs}
    adjusted = holm({pair: one.p for pair, one in tests.items()})
    shown = {name: next((s for s in r.scores if s.name == score), None) for name, r in zip(names, records)}
    found: list[Difference] = []
    for (a, b), one in tests.items():
        factor = _factor([(shown[name], values[name][0]) for name in (a, b)])
        unit = next((s.unit for s in (shown[a], shown[b]) if s), "1") if factor else "1"
        by = f"paired over {len(values[a][0])} samples in {one.n_groups} groups"
        found.append(
            {
                "score": score,
                "first": a,
                "second": b,
                "figure": figure(
                    (factor or 1) * one.difference, (factor or 1) * one.error, unit, by=by + _AS_JUDGED[not factor]
                ),
                "p": adjusted[a, b],
                "significant": adjusted[a, b] < LEVEL,
            }
        )
    return found


_AS_JUDGED = ("", ", in the unit that samples are judged by")


def _factor(known: Sequence[tuple[Estimate | None, Sequence[float]]]) -> float:
    """What the mean over samples is multiplied by to give the score: 100 where a share is shown in per cent.

    0 where the score is no mean (the root of one) or the records do not agree.
    """
    found = set()
    for score, values in known:
        mean = sum(values) / len(values) if values else math.nan
        if score is not None and math.isfinite(mean) and mean * score.value > 0:
            power = round(math.log10(score.value / mean))
            found.add(power if abs(score.value / mean / 10.0**power - 1) < 1e-3 else None)
    return 10.0 ** found.pop() if len(found) == 1 and None not in found else 0.0


def _letters(names: Sequence[str], row: ComparedScore, found: list[Difference]) -> list[str]:
    """Letters by score, the best first: who shares one cannot be told apart. Empty where a pair was not compared."""
    score = row["score"]
    adjusted = {(d["first"], d["second"]): d["p"] for d in found if d["score"] == score["name"]}
    having = [(name, shown["value"]) for name, shown in zip(names, row["figures"]) if shown["value"] is not None]
    apart = {(a, b): adjusted.get((a, b)) for i, (a, _) in enumerate(having) for b, _ in having[i + 1 :]}
    known = {pair: p for pair, p in apart.items() if p is not None}
    if not known or len(known) < len(apart):
        return ["" for _ in names]
    ordered = [name for name, _ in sorted(having, key=lambda one: one[1] if score["lower_is_better"] else -one[1])]
    shown = letters(ordered, known, LEVEL)
    return [shown.get(name, "") for name in names]


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
