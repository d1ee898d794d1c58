"""What a form sends, checked before it waits in the queue: names, kinds and choices of settings, budget, seed.

What only the task or the method itself can say (limits, what fits what) is said by the worker, in the same words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .. import registry
from ..core.errors import Invalid, unknown
from .answers.jobs import JobRequest
from .answers.maps import Setting
from .library import Library
from .methods import declared, settings

BUDGET = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(s|m|h|steps?|)\s*")
SIZES = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
MOST_STEPS, MOST_SEED, MOST_WRAPS, MOST_TEXT = 10_000_000, 2**31 - 1, 3, 400
FIELDS = ("task", "task_fields", "method", "method_fields", "wraps", "budget", "seed")
Resolve = Callable[[str], Path]
"""The file of an upload by its id."""


class Refusal(Exception):
    """A field that cannot be used: its name and what is wrong."""

    def __init__(self, field: str, reason: Invalid):
        super().__init__(str(reason))
        self.field, self.reason = field, reason


def checked(library: Library, body: Any, resolve: Resolve) -> JobRequest:
    """A request for a job with every setting of the right kind; uploads by their files. Raises `Refusal`."""
    if not isinstance(body, dict) or set(body) - set(FIELDS):
        raise _no("", "a job is a JSON object", _short(body), f"Its fields are: {', '.join(FIELDS)}.")
    task = _entry(library, "task", body.get("task"))
    method = _entry(library, "method", body.get("method"))
    known = library.known()
    why = known.pairs.get(f"{task.path}|{method.path}", "")
    if why and not body.get("task_fields"):
        raise _no("method", f"the method answers {task.name}", why, f"See what answers it: leaf/{task.name}/")
    wraps = body.get("wraps") or []
    if not isinstance(wraps, list) or len(wraps) > MOST_WRAPS:
        raise _no("wraps", f"wraps are a list of at most {MOST_WRAPS}", _short(wraps), "Leave some out.")
    return {
        "task": task.name,
        "task_fields": _fields(library, task, body.get("task_fields"), resolve, "task_fields"),
        "method": method.name,
        "method_fields": _fields(library, method, body.get("method_fields"), resolve, "method_fields"),
        "wraps": [_wrap(library, one, resolve) for one in wraps],
        "budget": _budget(library, body.get("budget", "2m")),
        "seed": _seed(body.get("seed", 0)),
    }


def _wrap(library: Library, one: Any, resolve: Resolve) -> Any:
    if not isinstance(one, dict):
        raise _no("wraps", "a wrapper is a JSON object with its name", _short(one), '{"name": "conformal"}')
    entry = _entry(library, "wrapper", str(one.get("name", "")).replace("-", "_"), "wraps")
    return {"name": entry.name, "settings": _fields(library, entry, one.get("settings"), resolve, "wraps")}


def _entry(library: Library, kind: str, name: Any, field: str = "") -> registry.Entry:
    sound = {e.name: e for e in library.entries(kind) if not e.problem}
    if not isinstance(name, str) or name not in sound:
        raise Refusal(field or kind, unknown(kind, _short(name), sound))
    return sound[name]


def _fields(library: Library, entry: registry.Entry, given: Any, resolve: Resolve, field: str) -> dict[str, Any]:
    given = {} if given is None else given
    rows = {s["name"]: s for s in settings(entry, declared(library, entry).get("defaults", {}))}
    if not isinstance(given, dict):
        raise _no(field, "settings are a JSON object", _short(given), "For instance: {}")
    for name in given:
        if name not in rows:
            raise Refusal(f"{field}.{name}"[:80], unknown(f"setting of {entry.name}", str(name)[:80], rows))
    for name, row in rows.items():
        if row["required"] and name not in given:
            raise _no(f"{field}.{name}", f"{name} of {entry.name} is given", "nothing", row["comment"] or "Fill it in.")
    return {name: _value(rows[name], value, resolve, f"{field}.{name}") for name, value in given.items()}


def _value(row: Setting, value: Any, resolve: Resolve, field: str) -> Any:
    """A value of the kind that the setting has; text from a form is read as that kind."""
    if value is None or value == "":
        if row["optional"] or row["kind"] in ("text", "file"):
            return None if row["optional"] and value is None else value if value == "" else None
        raise _no(field, f"{row['name']} has a value", "nothing", f"The default is {row['default']!r}.")
    if row["kind"] == "nested":
        return _nested(row, value, field)
    read = READERS.get(row["kind"], _text)
    try:
        found = read(value)
    except (ValueError, TypeError, OverflowError):
        wanted = WORDS.get(row["kind"], "text")
        raise _no(field, f"{row['name']} is {wanted}", _short(value), f"The default is {row['default']!r}.") from None
    if row["kind"] == "choice" and found not in row["choices"]:
        raise Refusal(field, unknown(f"the value of {row['name']}", _short(value), row["choices"]))
    if row["kind"] == "file":
        return str(resolve(found))
    return _choice(row, found) if row["kind"] == "choice" else found


def _choice(row: Setting, found: str) -> Any:
    """Choices that are numbers stay numbers."""
    return int(found) if isinstance(row["default"], int) and not isinstance(row["default"], bool) else found


def _nested(row: Setting, value: Any, field: str) -> Any:
    """Settings inside a setting: each of the kind of its default."""
    inside = row["default"] if isinstance(row["default"], dict) else {}
    if not isinstance(value, dict):
        raise _no(
            field, f"{row['name']} is a JSON object", _short(value), f"Its fields: {', '.join(inside) or 'none'}."
        )
    strange = [name for name in value if name not in inside]
    if strange and inside:  # where nothing was declared yet, the worker says it
        raise Refusal(field, unknown(f"setting in {row['name']}", str(strange[0])[:80], inside))
    return {**inside, **value}


def _text(value: Any) -> str:
    if not isinstance(value, str | int | float) or len(str(value)) > MOST_TEXT or "\0" in str(value):
        raise ValueError
    return str(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or float(value) != int(float(value)) or abs(float(value)) > 2**53:
        raise ValueError
    return int(float(value))


def _number(value: Any) -> float:
    if isinstance(value, bool) or float(value) != float(value):
        raise ValueError
    return float(value)


def _truth(value: Any) -> bool:
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if isinstance(value, bool):
        return value
    if str(value).lower() not in words:
        raise ValueError
    return words[str(value).lower()]


def _list(value: Any) -> list[Any]:
    parts = value if isinstance(value, list) else [p for p in str(value).strip("()[] ").split(",") if p.strip()]
    if len(parts) > 64:
        raise ValueError
    return [_number_or_text(part) for part in parts]


def _number_or_text(part: Any) -> Any:
    try:
        return _whole(part)
    except (ValueError, TypeError, OverflowError):
        pass
    try:
        return _number(part)
    except (ValueError, TypeError):
        return _text(part).strip()


READERS: Mapping[str, Callable[[Any], Any]] = {
    "int": _whole,
    "float": _number,
    "bool": _truth,
    "list": _list,
    "text": _text,
    "choice": _text,
    "file": _text,
}
WORDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "list": "a list", "file": "an upload"}


def _budget(library: Library, text: Any) -> str:
    found = BUDGET.fullmatch(str(text)[:40])
    if not found or float(found[1]) <= 0:
        raise _no("budget", "a budget is a time or a number of steps", _short(text), "Write 90s, 2m or 500steps.")
    amount, unit = float(found[1]), found[2]
    minutes = library.limits["minutes"]
    if unit.startswith("step"):
        if amount > MOST_STEPS:
            raise _no("budget", f"at most {MOST_STEPS:,} steps", _short(text), "Run it from the command line.")
        return f"{int(amount)}steps"
    seconds = amount * SIZES[unit]
    if seconds > 60 * minutes:
        do = "Ask for less, or run it from the command line."
        raise _no("budget", f"a job here takes at most {minutes:g} minutes", _short(text), do)
    return f"{seconds:g}s"


def _seed(value: Any) -> int:
    try:
        seed = _whole(value)
    except (ValueError, TypeError, OverflowError):
        seed = -1
    if not 0 <= seed <= MOST_SEED:
        raise _no("seed", f"a seed is a whole number from 0 to {MOST_SEED}", _short(value), "For instance: 0")
    return seed


def _no(field: str, must: str, came: str, do: str) -> Refusal:
    return Refusal(field[:120], Invalid(must=must, came=came, do=do))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
