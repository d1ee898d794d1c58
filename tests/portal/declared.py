"""Whether a value is what its declared type says: TypedDicts, lists, unions and literals, checked all the way down."""

from __future__ import annotations

import math
import types
import typing
from typing import Any, Literal, NotRequired


def faults(value: Any, kind: Any, where: str = "") -> list[str]:
    """Where `value` is not of `kind`; empty where it is."""
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return []
    if origin is NotRequired:
        return faults(value, inside[0], where)
    if typing.is_typeddict(kind):
        return _of_dict(value, kind, where)
    if origin is Literal:
        return [] if value in inside else [f"{where}: {value!r}"]
    if origin in (typing.Union, types.UnionType):
        return [] if any(not faults(value, one, where) for one in inside) else [f"{where}: {value!r} is none of {kind}"]
    if origin is list:
        if not isinstance(value, list):
            return [f"{where}: {type(value).__name__} is no list"]
        return [fault for i, one in enumerate(value) for fault in faults(one, inside[0], f"{where}[{i}]")]
    if origin is dict:
        if not isinstance(value, dict):
            return [f"{where}: {type(value).__name__} is no object"]
        return [fault for k, one in value.items() for fault in faults(one, inside[1], f"{where}.{k}")]
    if kind is float:
        good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    else:
        good = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
    return [] if good else [f"{where}: {value!r} is no {kind}"]


def _of_dict(value: Any, kind: Any, where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where}: {type(value).__name__} is no object"]
    hints = typing.get_type_hints(kind, include_extras=True)
    needed = {name for name, one in hints.items() if typing.get_origin(one) is not NotRequired}
    found = [f"{where}: no {name}" for name in needed - set(value)]
    found += [f"{where}: {name} is not declared" for name in set(value) - set(hints)]
    return found + [f for name in set(value) & set(hints) for f in faults(value[name], hints[name], f"{where}.{name}")]
