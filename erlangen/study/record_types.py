"""Whether the fields of a dataclass hold what their types say, for values that come from a file."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

T = TypeVar("T")
LARGEST = 1 << 63  # whole numbers of text have no end, those of databases and arrays do


def check_types(value: T) -> T:
    """The same dataclass; `TypeError` for the first field, of it or of one inside, whose value is of another type."""
    for name, kind in _types(type(value)).items():
        found = getattr(value, name)
        if not _is(found, kind):
            raise TypeError(f"{type(value).__name__}.{name} is {str(found)[:60]!r} instead of {kind}")
    return value


@functools.cache
def _types(kind: type) -> Mapping[str, Any]:
    return {k: v for k, v in typing.get_type_hints(kind).items() if k in {f.name for f in dataclasses.fields(kind)}}  # type: ignore[arg-type]


def _is(value: object, kind: Any) -> bool:
    """Numbers may be whole where reals are asked, sequences of JSON lists where tuples are."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any or isinstance(kind, TypeVar):
        return True
    if origin in (typing.Union, types.UnionType):
        return any(_is(value, one) for one in inner)
    if origin is typing.Literal:
        return value in inner if isinstance(value, str | int) else False
    if origin in (list, tuple):
        kinds = inner if origin is tuple and ... not in inner else None
        if not isinstance(value, list | tuple) or (kinds and len(kinds) != len(value)):
            return False
        return all(_is(one, k) for one, k in zip(value, kinds or inner[:1] * len(value)))
    if origin in (dict, Mapping):
        return isinstance(value, dict) and all(_is(k, inner[0]) and _is(v, inner[1]) for k, v in value.items())
    if dataclasses.is_dataclass(kind):
        return isinstance(value, kind) and check_types(value) is value  # type: ignore[arg-type]
    if kind is float or kind is int:
        is_whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < LARGEST
        return is_whole or (kind is float and isinstance(value, float))
    return not isinstance(kind, type) or kind is object or isinstance(value, kind)
