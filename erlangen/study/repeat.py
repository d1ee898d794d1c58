"""The command line that repeats a run, read off its record."""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from .. import registry
from ..core.errors import Invalid
from .record import Record

RESERVED = ("method", "budget", "judging", "seed", "seeds", "wrap", "out", "runs", "resume", "quiet", "debug", "help")


Declared = Callable[[str, str], tuple[Mapping[str, str], Mapping[str, Any]]]
"""Of the "task" or "method" of that name: annotations of its settings, and defaults as JSON (nested: dictionaries)."""


def command(record: Record, declared: Declared | None = None) -> str:
    """The command line that repeats a run: every setting that is not the default of its task or method.

    declared: where annotations and defaults come from; by default from the source, where settings are nested from the
    code.
    """
    words = ["erlangen", "run", record.task, "--method", record.method]
    names = {"task": set(record.task_fields), "method": set(record.method_fields)}
    for owner, name, fields in (
        ("task", record.task, record.task_fields),
        ("method", record.method, record.method_fields),
    ):
        if declared is None:
            kinds, defaults = _kinds(owner, name), _defaults(owner, name, fields)
        else:
            kinds, told = declared(owner, name)
            defaults = {key: _plain(value) for key, value in _flat(told)}
        for key, value in _flat(fields):
            if key in defaults and defaults[key] == _plain(value):
                continue
            shared = key in names["task"] & names["method"] or key in RESERVED
            flag = (f"{owner}.{key}" if shared else key).replace("_", "-")
            switch = (
                isinstance(value, bool) and kinds.get(key, "bool") == "bool"
            )  # not `bool | None`: that takes a word
            words.append(f"--{'no-' * (not value)}{flag}" if switch else f"--{flag} {_word(value)}")
    for wrap in reversed(record.wraps):
        kind = wrap["name"].replace("_", "-")
        words.append(f"--wrap {kind}")
        words += [f"--{kind}-{key.replace('_', '-')} {_word(value)}" for key, value in wrap["settings"].items()]
    return " ".join([*words, f"--budget {record.budget} --seed {record.seed}"])


def _kinds(owner: str, name: str) -> dict[str, str]:
    """Annotations of the settings by name, as the source has them."""
    with contextlib.suppress(Invalid):
        return {setting.name: setting.annotation for setting in registry.find(owner, name).settings}
    return {}


def _defaults(owner: str, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Default values by name, as JSON types; read from source, imported only where settings are nested."""
    try:
        if any(isinstance(value, Mapping) for value in fields.values()):
            cls = (registry.load_task if owner == "task" else registry.load_method)(name)
            return {key: _plain(value) for key, value in _flat(_declared(cls))}
        settings = registry.find(owner, name).settings
    except (Invalid, ImportError, TypeError):  # a plug-in that is no longer there, or was changed since
        return {}
    found = {}
    for setting in settings:
        with contextlib.suppress(ValueError, SyntaxError):
            found[setting.name] = _plain(registry.literal(setting.default or ""))
    return found


def _declared(cls: Any) -> dict[str, Any]:
    """Defaults as they are declared, nested ones as dictionaries; nothing is made of them."""
    found = {}
    for field in dataclasses.fields(cls):
        made = field.default_factory is not dataclasses.MISSING
        value = field.default_factory() if made else field.default  # type: ignore[misc]
        if value is not dataclasses.MISSING:
            found[field.name] = dataclasses.asdict(value) if dataclasses.is_dataclass(value) else value  # type: ignore[arg-type]
    return found


def _plain(value: Any) -> Any:
    return list(map(_plain, value)) if isinstance(value, list | tuple) else value


def _flat(fields: Mapping[str, Any], above: str = "") -> list[tuple[str, Any]]:
    rows = []
    for key, value in fields.items():
        rows += _flat(value, f"{above}{key}.") if isinstance(value, Mapping) else [(f"{above}{key}", value)]
    return rows


def _word(value: Any) -> str:
    if isinstance(value, list | tuple):
        return shlex.quote(",".join(map(str, value)))
    return shlex.quote("none" if value is None else str(value).lower() if isinstance(value, bool) else str(value))
