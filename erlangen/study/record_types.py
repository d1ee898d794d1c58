"""Whether the fields of a dataclass hold what their types say, for values that come from a file."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")
Test = Callable[[Any], bool]
LARGEST = 1 << 63  # whole numbers of text have no end, those of databases and arrays do


def check_types(value: T) -> T:
    """The same dataclass; `TypeError` for the first field, of it or of one inside, whose value is of another type."""
    for name, kind, holds in _tests(type(value)):
        found = getattr(value, name)
        if not holds(found):
            raise TypeError(f"{type(value).__name__}.{name} is {str(found)[:60]!r} instead of {kind}")
    return value


@functools.cache
def _tests(kind: type) -> tuple[tuple[str, Any, Test], ...]:
    """Name, type and test of each field. Types are taken apart once: an index of many records asks often."""
    hints = typing.get_type_hints(kind)
    return tuple((f.name, hints[f.name], _test(hints[f.name])) for f in dataclasses.fields(kind))  # type: ignore[arg-type]


def _test(kind: Any) -> Test:
    """Numbers may be whole where reals are asked, sequences of JSON lists where tuples are."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any or isinstance(kind, TypeVar):
        return lambda value: True
    if origin in (typing.Union, types.UnionType):
        either = [_test(one) for one in inner]
        return lambda value: any(holds(value) for holds in either)
    if origin is typing.Literal:
        return lambda value: isinstance(value, str | int) and value in inner
    if origin is tuple and ... not in inner:
        each = [_test(one) for one in inner]
        return lambda value: _is_list(value) and len(value) == len(each) and all(h(v) for h, v in zip(each, value))
    if origin in (list, tuple):
        every = _test(inner[0])
        return lambda value: _is_list(value) and all(map(every, value))
    if origin in (dict, Mapping):
        keys, values = map(_test, inner)
        return lambda value: isinstance(value, dict) and all(map(keys, value)) and all(map(values, value.values()))
    if dataclasses.is_dataclass(kind):
        return lambda value: isinstance(value, kind) and check_types(value) is value  # type: ignore[arg-type]
    if kind is float:
        return lambda value: isinstance(value, float) or _is_whole(value)
    if kind is int:
        return _is_whole
    if not isinstance(kind, type) or kind is object:
        return lambda value: True
    return lambda value: isinstance(value, kind)


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < LARGEST
