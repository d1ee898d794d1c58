"""Tasks, methods and what else is open to plug-ins, by name: found by path and read without importing them.

    tasks/<area>/<task>.py         ->  task       "<area>/<task>"    (quantum/spins)
    methods/<family>/<method>.py   ->  method     "<method>"         (painn; its folder is the family)
    methods/wrappers/<name>.py     ->  wrapper    "<name>"           (a method made from a method)
    measures/<name>.py             ->  measure    "<name>"           (how answers to a kind of question are judged)
    containers/<name>.py           ->  container  "<name>"           (how a container is read, written, described)

Three places are searched, in this order: the package itself; folders named in the environment variable
``ERLANGEN_PATH`` (separated like PATH, each with ``tasks/`` and ``methods/`` inside); installed packages that declare
an entry point in the group ``erlangen.tasks`` or ``erlangen.methods`` whose value is the package that holds the areas
or families.
Files whose name starts with an underscore are private. A file that cannot be read is an entry with a ``problem``:
it is shown and it never breaks the others.
"""

from __future__ import annotations

import ast
import functools
import importlib
import os
import re
import sys
import threading
import types
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from erlangen.core.errors import Invalid, unknown

WRAPPERS = "wrappers"
PLACES = {  # in the package: folder below a room; elsewhere the folder alone
    "task": ("", "tasks"),
    "method": ("", "methods"),
    "wrapper": ("", "methods"),
    "measure": ("study", "measures"),
    "container": ("data", "containers"),
}
OUTSIDE = "erlangen_path_"
_PARSING = threading.RLock()
RENAMED = {  # names of the contract of version 0.1, for plug-ins that ask for them
    "Fitted": "Predictor, or another Answer",
    "Linearised": "Tangents",
    "Featured": "Features",
    "Governed": "Evolution, with a law of kind Semilinear",
    "Transported": "Evolution, with a law of kind Transport",
    "Conservative": "Evolution, with a law of kind ConservationLaw",
    "Levels": "Variational that asks for a Spectrum",
    "Dynamical": "Variational that asks for a Quench",
    "Family": "Variational that asks for Couplings",
}


@dataclass(frozen=True)
class Setting:
    """One field of a task or a method as its source shows it; ``comment`` is the remark on the same line."""

    name: str
    annotation: str
    default: str | None
    comment: str = ""


@dataclass(frozen=True)
class Entry:
    """One file found: what it is called, what it says about itself, and how to load it."""

    kind: str  # "task", "method", "wrapper", "measure" or "container"
    name: str
    group: str  # area of a task, family of a method; empty for others
    path: Path
    module: str  # dotted name
    source: str  # "erlangen", a folder of ERLANGEN_PATH, or an entry point
    title: str = ""
    doc: str = ""
    class_name: str = ""
    settings: tuple[Setting, ...] = ()
    presets: tuple[str, ...] = ()  # names of the instances that the file defines
    problem: str = ""


def entries(kind: str) -> list[Entry]:
    """Every task, method, ... found (`kind`), broken ones included, in the order of search."""
    found: dict[str, Entry] = {}
    doubles = []
    for folder, package, source in _places(kind):
        for entry in _scan(kind, folder, package, source):
            first = found.setdefault(entry.name, entry)
            if first.path.resolve() != entry.path.resolve():
                problem = f"the name {entry.name!r} is already taken by {first.path}: rename this file"
                doubles.append(replace(entry, problem=problem))
    return list(found.values()) + doubles


def find(kind: str, name: str) -> Entry:
    """The entry called ``name``; an unknown name raises ``Invalid`` with the nearest ones."""
    every = entries(kind)
    for entry in every:
        if entry.name == name:
            if entry.problem:
                raise Invalid(must=f"{kind} {name} must be readable", came=entry.problem, do=f"Repair {entry.path}.")
            return entry
    raise unknown(kind, name, [e.name for e in every if not e.problem])


def load_task(name: str) -> type:
    """The class of the task called ``name``; imports its module."""
    return load(find("task", name))


def load_method(name: str) -> type:
    """The class of the method called ``name``; imports its module."""
    return load(find("method", name))


def load_wrapper(name: str) -> type:
    """The class of the wrapper called ``name``, hyphens or not; imports its module."""
    return load(find("wrapper", name.replace("-", "_")))


def load_measure(name: str) -> types.ModuleType:
    """The measuring file called ``name``, imported."""
    return _module(find("measure", name))


def load_container(name: str) -> types.ModuleType | None:
    """The file that reads, writes and describes the container class called ``name``, imported; None: there is none."""
    stem = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    known = {entry.name: entry for entry in entries("container")}
    return _module(known[stem]) if stem in known else None


def load_preset(name: str, preset: str) -> object:
    """The instance called ``preset`` in the file of the method ``name``; imports its module."""
    entry = find("method", name)
    if not entry.presets:
        raise Invalid(must="a preset must be defined", came=f"{preset!r}, {name} has none", do="Leave --preset out.")
    if preset not in entry.presets:
        raise unknown(f"the preset of {name}", preset, entry.presets)
    load(entry)
    return getattr(sys.modules[entry.module], preset)


def _places(kind: str) -> Iterator[tuple[Path, str, str]]:
    """(folder, dotted package, source) to search, in order."""
    above, room = PLACES[kind]
    yield Path(__file__).parent / above / room, ".".join(filter(None, ["erlangen", above, room])), "erlangen"
    for text in filter(None, os.environ.get("ERLANGEN_PATH", "").split(os.pathsep)):
        folder = Path(text).expanduser()
        yield folder / room, f"{_package_of(folder)}.{room}", text
    yield from _entry_points(room)


def _entry_points(room: str) -> Iterator[tuple[Path, str, str]]:
    from importlib.metadata import entry_points
    from importlib.util import find_spec

    for point in entry_points(group=f"erlangen.{room}"):
        try:
            spec = find_spec(point.value)
        except (ImportError, ValueError):
            spec = None
        folders = list(spec.submodule_search_locations or ()) if spec else []
        for folder in folders or [f"<entry point {point.name}: no package {point.value}>"]:
            yield Path(folder), point.value, f"entry point {point.name}"


def _scan(kind: str, folder: Path, package: str, source: str) -> Iterator[Entry]:
    if not folder.is_dir():
        if source.startswith("entry point"):
            yield Entry(kind, source, "", folder, package, source, problem="the package it names is not installed")
        return
    is_flat = kind in ("measure", "container")
    for path in sorted(folder.glob("*.py" if is_flat else "*/*.py")):
        group, stem = path.parent.name, path.stem
        if stem.startswith("_") or group.startswith(("_", ".")):
            continue
        if is_flat:
            yield Entry(kind, stem, "", path, f"{package}.{stem}", source)
        elif kind == "task" or (kind == "wrapper") == (group == WRAPPERS):
            name = f"{group}/{stem}" if kind == "task" else stem
            yield _read(Entry(kind, name, group, path, f"{package}.{group}.{stem}", source))


def _read(entry: Entry) -> Entry:
    """Fill in what the source says: title, class, settings; or the reason why it cannot be read."""
    try:
        text = entry.path.read_text(encoding="utf-8")
        text, tree = _parse(text, str(entry.path), whole=entry.source != "erlangen")
    except (OSError, UnicodeDecodeError, SyntaxError, ValueError) as error:
        where = f" (line {error.lineno})" if isinstance(error, SyntaxError) else ""
        return replace(entry, problem=f"{type(error).__name__}: {getattr(error, 'msg', error)}{where}")
    doc = ast.get_docstring(tree) or ""
    title = doc.split("\n", 1)[0].strip()
    entry = replace(entry, doc=doc, title=title)
    classes = _candidates(tree, _parents(entry.kind))
    if len(classes) != 1:
        names = ", ".join(c.name for c in classes) or "none"
        wanted = " or ".join(_parents(entry.kind))
        return replace(entry, problem=f"it must define exactly one public class derived from {wanted}; found: {names}")
    named = {
        t.id: n.value for n in tree.body if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)
    }
    settings = (*_inherited(classes[0], tree, text, entry.path), *_settings(classes[0], text.splitlines(), named))
    settings = tuple({s.name: s for s in settings}.values())  # a setting that is stated anew keeps its place
    made = [n for n, value in named.items() if isinstance(value, ast.Call) and _last_name(value) == classes[0].name]
    return replace(entry, class_name=classes[0].name, settings=settings, presets=tuple(made))


@functools.cache
def _parents(kind: str) -> tuple[str, ...]:
    """The contract's own classes of tasks or methods, read from its source: imported, it would bring JAX."""
    root = "Task" if kind == "task" else "Method"
    source = Path(__file__).parent / "contract" / f"{root.lower()}s.py"
    _, tree = _parse(source.read_text(encoding="utf-8"), str(source), whole=False)
    found = [root]
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and any(_last_name(base) in found for base in node.bases):
            found.append(node.name)
    return tuple(found)


def _parse(text: str, name: str, *, whole: bool) -> tuple[str, ast.Module]:
    """The source that was parsed, and its tree. Parsing takes 50 us a line, so of the package's own files, which tests
    keep sound, only the outline is parsed; files from elsewhere are parsed whole, so that errors in them are found.
    """
    if not whole:
        outline = _outline(text)
        try:
            return outline, parsed(outline, name)
        except SyntaxError:  # a string that is less indented than its function
            pass
    return text, parsed(text, name)


def parsed(text: str, name: str = "<text>") -> ast.Module:
    """ast.parse, one thread at a time: CPython 3.11 counts the depth of all threads together, and a switch in between
    (hooks of the garbage collector run Python) ends in "AST constructor recursion depth mismatch".
    """
    with _PARSING:
        return ast.parse(text, filename=name)


def literal(text: str) -> Any:
    """ast.literal_eval, one thread at a time for the same reason."""
    with _PARSING:
        return ast.literal_eval(text)


def _outline(text: str) -> str:
    """The source with the bodies of functions left out."""
    kept, depth = [], -1
    for line in text.split("\n"):
        bare = line.lstrip()
        indent = len(line) - len(bare)
        if depth >= 0 and (not bare or indent > depth or (indent == depth and bare[0] == ")")):
            continue
        depth = indent if bare.startswith(("def ", "async def ")) else -1
        kept.append(f"{line[:indent]}def _(): ..." if depth >= 0 else line)
    return "\n".join(kept)


def _candidates(tree: ast.Module, parents: tuple[str, ...]) -> list[ast.ClassDef]:
    """Public classes derived from ``parents``; failing that, public dataclasses made from another class."""
    public = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.bases and not n.name.startswith("_")]
    direct = [n for n in public if any(_last_name(b) in parents for b in n.bases)]
    return direct or [n for n in public if any(_last_name(d) == "dataclass" for d in n.decorator_list)]


def _last_name(node: ast.expr) -> str:
    """dataclasses.dataclass(frozen=True) -> dataclass"""
    return ast.unparse(node).split("(")[0].split("[")[0].rsplit(".", 1)[-1]


def _settings(node: ast.ClassDef, lines: list[str], named: dict[str, ast.expr]) -> Iterator[Setting]:
    """The annotated fields of a class; a default that is a constant of the file is shown by its value."""
    for item in node.body:
        if not isinstance(item, ast.AnnAssign) or not isinstance(item.target, ast.Name):
            continue
        annotation = ast.unparse(item.annotation)
        if item.target.id.startswith("_") or "ClassVar" in annotation:
            continue
        value = named.get(item.value.id, item.value) if isinstance(item.value, ast.Name) else item.value
        default = ast.unparse(value) if value is not None else None
        yield Setting(item.target.id, annotation, default, _comment(lines, item))


def _inherited(node: ast.ClassDef, tree: ast.Module, text: str, path: Path) -> Iterator[Setting]:
    """The settings of the dataclasses that a class derives from, in its own file or in one beside it."""
    bases = {_last_name(base) for base in node.bases}
    sources = [(tree, text, path)]
    for item in tree.body:
        if not isinstance(item, ast.ImportFrom) or item.level != 1 or not item.module or "." in item.module:
            continue
        if bases & {alias.name for alias in item.names}:
            beside = path.with_name(f"{item.module}.py")
            try:
                text, tree = _parse(beside.read_text(encoding="utf-8"), str(beside), whole=False)
            except (OSError, SyntaxError, ValueError):
                continue  # whoever loads the class is told
            sources.append((tree, text, beside))
    for tree, text, path in sources:
        for base in (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name in bases):
            if any(_last_name(d) == "dataclass" for d in base.decorator_list):
                yield from _inherited(base, tree, text, path)
                yield from _settings(base, text.splitlines(), {})


def _comment(lines: list[str], item: ast.AnnAssign) -> str:
    """The remark behind a field. What follows the last node of a statement on its line can only be a comment."""
    line = lines[(item.end_lineno or item.lineno) - 1].encode()
    return line[item.end_col_offset or 0 :].decode().strip().lstrip("#").strip()


def load(entry: Entry) -> type:
    """The class of an entry; imports its module."""
    return getattr(_module(entry), entry.class_name)


def _module(entry: Entry) -> types.ModuleType:
    root = entry.module.partition(".")[0]
    if root.startswith(OUTSIDE):
        _make_importable(root, entry.path.parents[1 if entry.kind in ("measure", "container") else 2])
    try:
        return importlib.import_module(entry.module)
    except Invalid:
        raise
    except Exception as error:
        raise Invalid(
            must=f"{entry.kind} {entry.name} must import without error",
            came=f"{type(error).__name__}: {error}{_moved(error)}",
            do=f"Repair {entry.path} or install what it needs.",
        ) from error


def _moved(error: Exception) -> str:
    """What became of a name of the contract that a plug-in of an older version asks for."""
    name = getattr(error, "name", None) if "erlangen.contract" in str(error) else None
    words = str(error).split("'")
    new = RENAMED.get(words[1], "") if name and len(words) > 1 else ""
    return f" ({words[1]} is now {new})" if new else ""


def _package_of(folder: Path) -> str:
    """Name of the package that a folder outside any package is imported as; no two folders share one."""
    return f"{OUTSIDE}{zlib.crc32(str(folder.resolve()).encode()):08x}"


def _make_importable(root: str, folder: Path) -> None:
    """Let ``import root.tasks.area.name`` find files below ``folder``; relative imports inside it work too."""
    if root not in sys.modules:
        package = types.ModuleType(root, f"Tasks and methods found in {folder}.")
        package.__path__ = [str(folder)]
        sys.modules[root] = package
