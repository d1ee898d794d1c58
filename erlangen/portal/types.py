"""The answers as TypeScript: `python -m erlangen.portal.types > web/src/types.ts`."""

from __future__ import annotations

import inspect
import types
import typing
from typing import Any, Literal, NotRequired

from .answers import figures, jobs, maps, reading, records

HEAD = "// Made by `python -m erlangen.portal.types` from erlangen/portal/answers/: change those, not this one.\n"
PLAIN = {str: "string", int: "number", float: "number", bool: "boolean", type(None): "null", Any: "unknown"}
NAMED = ("Scale", "State", "Mode", "Page")
ROOMS = (figures, maps, records, reading, jobs)


def typescript() -> str:
    """The whole of types.ts."""
    named = {repr(getattr(figures, name)): name for name in NAMED}
    parts = [HEAD, f"export const FORMAT = '{figures.FORMAT}'\n"]
    parts += [f"export type {name} = {_written(getattr(figures, name), {})}\n" for name in NAMED]
    every = [(room, one) for room in ROOMS for one in vars(room).values() if typing.is_typeddict(one)]
    declared = [one for room, one in every if one.__module__ == room.__name__]
    return "\n".join([*parts, *(_interface(one, named) for one in declared)])


def _interface(declared: type, named: dict[str, str]) -> str:
    lines = [f"{' *' if i else '/**'} {line}".rstrip() for i, line in enumerate(_doc(declared))]
    lines[-1] += " */"
    lines.append(f"export interface {declared.__name__} {{")
    for name, kind in typing.get_type_hints(declared, include_extras=True).items():
        optional = typing.get_origin(kind) is NotRequired
        inside = typing.get_args(kind)[0] if optional else kind
        lines.append(f"  {name}{'?' if optional else ''}: {_written(inside, named)}")
    return "\n".join([*lines, "}\n"])


def _doc(declared: type) -> list[str]:
    return inspect.cleandoc(declared.__doc__ or "").split("\n")


def _written(kind: Any, named: dict[str, str]) -> str:
    """A type in the words of TypeScript."""
    if repr(kind) in named:
        return named[repr(kind)]
    if typing.is_typeddict(kind):
        return kind.__name__
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return " | ".join(f"'{word}'" for word in inside)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(_written(one, named) for one in inside)
    if origin is list:
        element = _written(inside[0], named)
        return f"({element})[]" if " " in element else f"{element}[]"
    if origin is dict:
        return f"Record<string, {_written(inside[1], named)}>"
    return PLAIN[kind]


if __name__ == "__main__":
    print(typescript(), end="")
