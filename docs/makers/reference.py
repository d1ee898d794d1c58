"""Pages of reference: the commands from their parsers, the settings of tasks and methods from their sources, and the
rooms of the package, which mkdocstrings fills from their docstrings. Nothing here imports JAX.
"""

from __future__ import annotations

import argparse
import ast
import functools
import importlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from erlangen import registry
from erlangen.app import cli, cli_flags

from . import rooms
from .chart import anchor, plain

ROOT = rooms.ROOT
KINDS = {"task": "tasks", "method": "methods"}
OWN_PARSER = {"run": "cli_run", "solve": "cli_solve"}  # they read settings before their options
OF_TASK = "Flags too: the [settings of the task](tasks.md)"
SETTINGS = {"run": f"{OF_TASK} and of the [method](methods.md).", "solve": f"{OF_TASK}.", "compare": f"{OF_TASK}."}


def pages() -> dict[str, str]:
    """Name of the file -> its text."""
    made = {f"reference/{kind}s.md": settings(kind) for kind in ("task", "method")}
    made["reference/commands.md"] = commands()
    made |= {f"api/{room}.md": api(room) for room in rooms_with_pages()}
    return {**made, "api/index.md": api_index()}


class _Found(Exception):
    """Carries a parser out of the function that makes it."""


def parser_of(verb: str) -> argparse.ArgumentParser:
    """The parser of a command as it would read a command line."""
    if verb in OWN_PARSER:
        return importlib.import_module(f"erlangen.app.{OWN_PARSER[verb]}")._parser()
    module, function = cli.VERBS[verb][1].split(":")
    handler = getattr(importlib.import_module(f"erlangen.app.{module}"), function)
    kept = cli_flags.Parser.parse

    def stop(parser: cli_flags.Parser, argv: object) -> argparse.Namespace:
        raise _Found(parser)

    cli_flags.Parser.parse = stop  # type: ignore[method-assign]
    try:
        handler([])
    except _Found as found:
        return found.args[0]
    finally:
        cli_flags.Parser.parse = kept  # type: ignore[method-assign]
    raise LookupError(f"erlangen {verb} has no parser")


def commands() -> str:
    """Every command with its words and options."""
    rows = [
        "# Commands\n",
        "Made from the parsers: what stands here is what `erlangen COMMAND --help` says. All take `--debug` "
        "(the whole traceback). Bad input ends in one message (what must hold; what came; what to do), exit code 2.\n",
    ]
    for verb, (summary, _) in cli.VERBS.items():
        parser = parser_of(verb)
        rows += [f"## `erlangen {verb}` {{ #{verb} }}\n", f"{plain(summary[0].upper() + summary[1:])}.\n"]
        rows += [f"```\n{_usage(parser, verb)}\n```\n", *_options(parser)]
        if verb in SETTINGS:
            rows.append(f"\n{SETTINGS[verb]}")
        rows.append("")
    return "\n".join(rows)


def _usage(parser: argparse.ArgumentParser, verb: str) -> str:
    words = [f"erlangen {verb}"]
    for action in parser._actions:
        if not action.option_strings:
            name = str(action.metavar or action.dest.upper())
            words.append({"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} [{name} ...]"}.get(action.nargs, name))  # type: ignore[arg-type]
    return " ".join([*words, "[options]"])


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield "| | |\n|---|---|"
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction) or action.help is argparse.SUPPRESS:
            continue
        if action.option_strings:
            takes = "" if action.nargs == 0 else f" {action.metavar or action.dest.upper().replace('-', '_')}"
            many = " ..." if action.nargs == "+" else ""
            name = ", ".join(f"`{word}{takes}{many}`" for word in action.option_strings)
        else:
            name = f"`{action.metavar or action.dest.upper()}`"
        default = "" if action.default in (None, [], argparse.SUPPRESS) else f"default {action.default}"
        yield f"| {name} | {plain(action.help or default)} |"


def settings(kind: str) -> str:
    """All tasks, or all methods and wrappers, with the table of their settings."""
    found = [e for e in registry.entries(kind) if e.source == "erlangen" and not e.problem]
    rows = [f"# Settings of {KINDS[kind]}\n", _about(kind), ""]
    group = ""
    for entry in found:
        if entry.group != group:
            group = entry.group
            rows.append(f"## {group.replace('_', ' ')}\n")
        rows += _entry(entry)
    if kind == "method":
        rows.append("## wrappers\n")
        rows.append("A wrapper is a method made from a method: `--wrap NAME`; its settings are `--NAME-SETTING`.\n")
        found += (wrappers := [e for e in registry.entries("wrapper") if e.source == "erlangen"])
        for entry in wrappers:
            rows += _entry(entry)
    rows += _inside([one.annotation for entry in found for one in entry.settings])
    return "\n".join(rows)


def _about(kind: str) -> str:
    if kind == "task":
        words = "A setting is a flag of `erlangen run`, `solve` and `compare`, and a field of the class in Python. "
    else:
        words = "A setting is a flag of `erlangen run`, and a field of the class in Python. "
    return (
        words + "A name that task and method both have is written `--task.NAME` or `--method.NAME`. "
        "`erlangen show NAME` prints the same with the question, its truth and what answers it."
    )


def _entry(entry: registry.Entry) -> Iterator[str]:
    name = entry.name.replace("_", "-") if entry.kind == "wrapper" else entry.name
    yield f"### `{name}` {{ #{anchor(entry.name)} }}\n"
    source = f"[{entry.class_name}][{entry.module}]"
    leaf = f"; [its place on the map](../map/{entry.group}.md#{anchor(entry.name)})" if entry.kind == "task" else ""
    yield f"{plain(entry.title)} {source}{leaf}\n"
    rows = list(_rows(entry))
    if rows:
        yield "| flag | default | |\n|---|---|---|"
        yield from rows
        yield ""
    else:
        yield "No settings.\n"
    if entry.presets:
        words = "`--preset`: " if entry.kind == "method" else "Instances in its file: "
        yield f"{words}{', '.join(f'`{name}`' for name in entry.presets)}.\n"


def _rows(entry: registry.Entry) -> Iterator[str]:
    before = f"{entry.name}-".replace("_", "-") if entry.kind == "wrapper" else ""
    for one in entry.settings:
        if entry.kind == "wrapper" and one.name == "method":
            continue
        flag = one.name.replace("_", "-")
        choices = one.annotation.removeprefix("Literal[").removesuffix("]") if "Literal[" in one.annotation else ""
        dots = ".…" if one.annotation in nested() else ""
        told = [plain(one.comment), choices and f"one of `{choices}`"]
        told += [f"[{one.annotation}](#{one.annotation.lower()})"] if dots else []
        default = "" if one.default is None or (dots and "(" not in one.default) else f"`{one.default}`"
        yield f"| `--{before}{flag}{dots}` | {_cell(default)} | {_cell('; '.join(filter(None, told)))} |"


def _cell(text: str) -> str:
    """Without what would end the cell."""
    return text.replace("|", "∣")


def _inside(annotations: Iterable[str]) -> Iterator[str]:
    """Settings that are made of settings, each once."""
    used = [name for name in nested() if name in set(annotations)]
    if used:
        yield "## Settings inside settings\n"
        yield "`--training.rate 1e-3` sets one of them.\n"
    for name in used:
        module, fields = nested()[name]
        yield f"### {name} {{ #{name.lower()} }}\n"
        yield f"[{module}.{name}][]: what each means.\n"
        yield "| | default |\n|---|---|"
        yield from (f"| `{field}` | `{value}` |" for field, value in fields)
        yield ""


@functools.cache
def nested() -> dict[str, tuple[str, list[tuple[str, str]]]]:
    """Classes that settings may be of: name -> (module, [(field, default)])."""
    found: dict[str, tuple[str, list[tuple[str, str]]]] = {}
    for path in sorted(path for room in ("learn", "nn") for path in (rooms.PACKAGE / room).glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                fields = [(n.target, n.value) for n in node.body if isinstance(n, ast.AnnAssign) and n.value]
                module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                found[node.name] = module, [(ast.unparse(name), _value(value)) for name, value in fields]
    return found


def _value(node: ast.expr) -> str:
    """A default; of `field(static=True, default=5.0)` the 5.0."""
    inside = [k.value for k in node.keywords if k.arg == "default"] if isinstance(node, ast.Call) else []
    return ast.unparse(inside[0] if inside else node)


def rooms_with_pages() -> list[str]:
    """Rooms that are folders, from the contract to the tasks."""
    return [room for floor in rooms.floors() for room in floor if (rooms.PACKAGE / room).is_dir()]


def modules(room: Path) -> list[Path]:
    """Public modules below a room, packages with something to say first."""
    found = [p for p in sorted(room.rglob("*.py")) if not any(part.startswith("_") for part in p.parts[-3:-1])]
    return [p for p in found if not p.stem.startswith("_") or (p.stem == "__init__" and p.parent != room and _says(p))]


def _says(path: Path) -> bool:
    return bool(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))))


def api(room: str) -> str:
    """A room: what it is, and every public module in it."""
    folder = rooms.PACKAGE / room
    rows = [f"# `erlangen.{room}`\n", f"{rooms.words(room)}\n"]
    for path in modules(folder):
        parts = path.relative_to(ROOT).with_suffix("").parts
        rows.append(f"::: {'.'.join(parts[:-1] if parts[-1] == '__init__' else parts)}\n")
    return "\n".join(rows)


def api_index() -> str:
    """The front page: what `import erlangen` offers, the rooms, and the modules that stand alone."""
    rows = ["# API\n", "Made from the docstrings, without importing anything.\n", "| room | |\n|---|---|"]
    rows += [f"| [`erlangen.{room}`]({room}.md) | {rooms.words(room)} |" for room in rooms_with_pages()]
    rows.append("")
    alone = [room for floor in rooms.floors() for room in floor if not (rooms.PACKAGE / room).is_dir()]
    rows += [f"::: erlangen.{name}\n" for name in alone]
    return "\n".join(rows)
