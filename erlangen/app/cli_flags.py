"""Flags from dataclass fields: the settings of a task or a method are what the command line takes.

n_sites: int = 16       ->  --n-sites 20
modes: tuple[int, ...]  ->  --modes 12,12
periodic: bool = True   ->  --periodic / --no-periodic
cutoff: float | None    ->  --cutoff 5.0  or  --cutoff none
schedule: Schedule      ->  --schedule.rate 1e-3      (a field that is itself a dataclass)
"""

from __future__ import annotations

import argparse
import dataclasses
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import Invalid, unknown

TRUE, FALSE, NOTHING = ("true", "yes", "on", "1"), ("false", "no", "off", "0"), ("none", "null")


class Parser(argparse.ArgumentParser):
    """argparse whose complaints are `Invalid` and which offers the nearest flag for a misspelt one."""

    def __init__(self, *args: Any, **keywords: Any):
        keywords.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(*args, allow_abbrev=False, **keywords)

    def error(self, message: str) -> typing.NoReturn:
        """Complaints of argparse in our words."""
        raise Invalid(must="the command must be complete and well-formed", came=message, do=f"See: {self.prog} --help")

    def parse(self, argv: Sequence[str]) -> argparse.Namespace:
        """The arguments; underscores and hyphens in flags are the same."""
        args, rest = self.parse_known_args([_hyphens(word) for word in argv])
        for word in rest:
            if word.startswith("--"):
                known = [o for a in self._actions for o in a.option_strings if o.startswith("--")]
                raise unknown("flag", word.split("=")[0], known)
        if rest:
            self.error(f"not understood: {' '.join(rest)}")
        return args


def _hyphens(word: str) -> str:
    if not word.startswith("--"):
        return word
    flag, equal, value = word.partition("=")
    return flag.replace("_", "-") + equal + value


@dataclasses.dataclass(frozen=True)
class Flag:
    """One setting as a flag. owner: "task" or "method"; path: field names from the owner down to the value."""

    owner: str
    path: tuple[str, ...]
    kind: Any
    default: Any

    @property
    def name(self) -> str:
        """Without the hyphens in front."""
        return ".".join(self.path).replace("_", "-")

    @property
    def dest(self) -> str:
        """Where argparse keeps it."""
        return f"{self.owner}:{'.'.join(self.path)}"


def flags_of(cls: type, owner: str) -> list[Flag]:
    """All settings of a dataclass, nested dataclasses flattened."""
    return list(_walk(cls, owner, ()))


def _walk(cls: type, owner: str, above: tuple[str, ...]) -> Iterable[Flag]:
    try:
        kinds = typing.get_type_hints(cls)
    except (NameError, TypeError):
        kinds = {}
    for field in dataclasses.fields(cls):
        if not field.init:
            continue
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        kind = kinds.get(field.name, type(default))
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            yield from _walk(kind, owner, (*above, field.name))
        else:
            yield Flag(owner, (*above, field.name), kind, default)


def add_flags(parser: argparse.ArgumentParser, flags: Sequence[Flag], reserved: Iterable[str]) -> None:
    """Add flags to a parser: plain names where they are unique, and always --task.NAME and --method.NAME."""
    reserved = set(reserved)
    owners: dict[str, set[str]] = {}
    for flag in flags:
        owners.setdefault(flag.name, set()).add(flag.owner)
    for flag in flags:
        unique = flag.name not in reserved and len(owners[flag.name]) == 1
        names = [f"--{flag.name}"] * unique + [f"--{flag.owner}.{flag.name}"]
        keywords: dict[str, Any] = {"dest": flag.dest, "default": argparse.SUPPRESS, "help": argparse.SUPPRESS}
        if flag.kind is bool:
            parser.add_argument(*names, action=argparse.BooleanOptionalAction, **keywords)
        else:
            parser.add_argument(*names, metavar=flag.path[-1].upper(), **keywords)
    for name, both in owners.items():
        if len(both) > 1 and name not in reserved:
            parser.add_argument(f"--{name}", action=_Ambiguous, help=argparse.SUPPRESS)


class _Ambiguous(argparse.Action):
    """A flag that both the task and the method have."""

    def __call__(self, parser, namespace, values, option_string=None):
        name = str(option_string)[2:]
        raise Invalid(
            must="a flag must belong to the task or to the method",
            came=f"--{name}, which both have",
            do=f"Write --task.{name} or --method.{name}.",
        )


def build(cls: type, owner: str, given: Mapping[str, Any], *, start: Any = None, **others: Any) -> Any:
    """An instance of `cls`, or `start`, with the values given on the command line (dest -> text) converted and filled
    in.
    """
    values: dict[tuple[str, ...], Any] = {(name,): value for name, value in others.items()}
    for flag in flags_of(cls, owner):
        if flag.dest in given:
            raw = given[flag.dest]
            values[flag.path] = convert(raw, flag.kind, f"--{flag.name}") if isinstance(raw, str) else raw
    return _fill(cls, values, start)


def _fill(cls: type, values: dict[tuple[str, ...], Any], start: Any) -> Any:
    """`cls` from values by path; nested dataclasses are their defaults with the given values replaced."""
    direct = {path[0]: value for path, value in values.items() if len(path) == 1}
    for name in {path[0] for path in values if len(path) > 1}:
        default = _default(cls, name) if start is None else getattr(start, name)
        inner = {path[1:]: value for path, value in values.items() if path[0] == name}
        direct[name] = _fill(type(default), inner, default)
    return cls(**direct) if start is None else dataclasses.replace(start, **direct)


def _default(cls: type, name: str) -> Any:
    field = next(f for f in dataclasses.fields(cls) if f.name == name)
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def convert(text: str, kind: Any, flag: str) -> Any:
    """Read `text` as a value of type `kind`; raises `Invalid` that says what the flag takes."""
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _convert_union(text, inside, flag)
    if origin is typing.Literal:
        for choice in inside:
            if text == str(choice):
                return choice
        raise unknown(f"the value of {flag}", text, map(str, inside))
    if origin in (tuple, list) or kind in (tuple, list):
        return _convert_sequence(text, origin or kind, inside, flag)
    readers: dict[Any, tuple[str, Callable[[str], Any]]] = {
        bool: ("true or false", _read_bool),
        int: ("a whole number", _read_int),
        float: ("a number", float),
        str: ("a word", str),
        Path: ("a path", Path),
        type(None): ("none", _read_none),
    }
    wanted, read = readers.get(kind, ("a word", str))
    try:
        return read(text.strip())
    except (ValueError, KeyError):
        do = f"For instance: {flag} {_example(kind)}"
        raise Invalid(must=f"{flag} must be {wanted}", came=repr(text), do=do) from None


def _convert_union(text: str, kinds: Sequence[Any], flag: str) -> Any:
    if type(None) in kinds and text.strip().lower() in NOTHING:
        return None
    kinds = [k for k in kinds if k is not type(None)]
    error = None
    for kind in sorted(kinds, key=lambda k: k is str):
        try:
            return convert(text, kind, flag)
        except Invalid as problem:
            error = error or problem
    raise error or Invalid(must=f"{flag} must be none", came=repr(text), do=f"Write {flag} none.")


def _convert_sequence(text: str, kind: type, inside: Sequence[Any], flag: str) -> Any:
    parts = [p for p in text.strip().strip("()[]").replace(" ", ",").split(",") if p]
    if kind is tuple and inside and Ellipsis not in inside:
        if len(parts) != len(inside):
            example = ",".join(_example(k) for k in inside)
            came, do = f"{len(parts)} values in {text!r}", f"For instance: {flag} {example}"
            raise Invalid(must=f"{flag} must have {len(inside)} values", came=came, do=do)
        return tuple(convert(p, k, flag) for p, k in zip(parts, inside))
    element = inside[0] if inside else str
    return kind(convert(p, element, flag) for p in parts)


def _read_bool(text: str) -> bool:
    return {**dict.fromkeys(TRUE, True), **dict.fromkeys(FALSE, False)}[text.lower()]


def _read_int(text: str) -> int:
    """1000, 1_000 and 1e3 are whole numbers; 1.5 is not."""
    try:
        return int(text)
    except ValueError:
        number = float(text)
        if number != int(number):
            raise
        return int(number)


def _read_none(text: str) -> None:
    if text.lower() not in NOTHING:
        raise ValueError(text)


def _example(kind: Any) -> str:
    return {bool: "true", int: "16", float: "0.01", Path: "file.xyz"}.get(kind, "name")
