"""Which source code a result depends on: the module of a function or class and every module that it imports, of this
package or of its own; of a class, those of its parents too, since they may call what it declares.

Read from the import statements by `ast`, without importing anything; imports inside functions count as well. Comments,
docstrings and layout do not count: better words must not cost an hour of labels.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PACKAGE = __name__.split(".")[0]
# These move samples about, describe or judge them, and cannot change a label.
NOT_PHYSICS = tuple(f"{PACKAGE}.{room}" for room in ("data.", "assess", "contract", "core.errors", "core.quantity"))


def fingerprint(*made_by: Callable[..., object]) -> str:
    """SHA-256 of the version and of all code that functions or classes depend on; only the version where they were
    typed in.
    """
    package: Any = sys.modules[PACKAGE]
    digest = hashlib.sha256(package.__version__.encode())
    found: dict[str, str] = {}
    for one in made_by:
        for name, path in _modules(one):
            found |= sources(name, path)
    for name, code in sorted(found.items()):
        digest.update(f"\n{name}\n{code}".encode())
    return digest.hexdigest()


def _modules(one: Callable[..., Any]) -> Iterator[tuple[str, Path]]:
    """Name and file of the module of a function, or of a class and its parents."""
    while isinstance(one, functools.partial):
        one = one.func
    for part in _parents(one) if isinstance(one, type) else [inspect.unwrap(one)]:
        try:
            path = inspect.getsourcefile(part)
        except (OSError, TypeError):  # typed in
            continue
        if path and Path(path).is_file():
            yield part.__module__, Path(path)


def _parents(cls: type) -> list[type]:
    """The class and its parents, of this package and its own, without those that cannot change a label."""
    roots = (PACKAGE, cls.__module__.split(".")[0])
    mine = [c for c in cls.__mro__ if c.__module__.split(".")[0] in roots]
    return [c for c in mine if c is cls or not c.__module__.startswith(NOT_PHYSICS)]


def sources(name: str, path: Path) -> dict[str, str]:
    """Module name -> code, for the module and all that it imports from this package or its own and that can change a
    label.
    """
    files = imported_files(name, path, without=NOT_PHYSICS)
    return {n: _parsed(n, file, file.stat().st_mtime_ns)[0] for n, file in files.items()}


def imported_files(name: str, path: Path, *, without: tuple[str, ...] = ()) -> dict[str, Path]:
    """Module name -> file, for the module and all that it imports from this package or its own."""
    found: dict[str, Path] = {}
    waiting = [(name, path)]
    while waiting:
        name, path = waiting.pop()
        if name not in found:
            found[name] = path
            imported = _parsed(name, path, path.stat().st_mtime_ns)[1]
            waiting += [(n, p) for n in imported if not (without and n.startswith(without)) and (p := _path(n))]
    return found


@functools.lru_cache(maxsize=512)
def _parsed(name: str, path: Path, version: int) -> tuple[str, frozenset[str]]:
    """The bare code of a module, and what it imports from this package or its own."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = _imports(tree, name if path.name == "__init__.py" else name.rpartition(".")[0])
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            is_text = [isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant) for s in node.body]
            node.body = [statement for statement, text in zip(node.body, is_text) if not text]
    return ast.dump(tree), imported


def _imports(tree: ast.Module, package: str) -> frozenset[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            start = ".".join(parents[: len(parents) - node.level + 1]) if node.level else ""
            source = ".".join(filter(None, [start, node.module]))
            names |= {source, *(f"{source}.{alias.name}" for alias in node.names)}
    roots = tuple(f"{root}." for root in (PACKAGE, package.split(".")[0]) if root)
    return frozenset(n for n in names if n.startswith(roots))


def _path(name: str) -> Path | None:
    """The file of a module below a package that is loaded; None for a name that is not a module."""
    root, *rest = name.split(".")
    folders = list(getattr(sys.modules.get(root), "__path__", ()))
    if not folders or not rest:
        return None
    place = Path(folders[0]).joinpath(*rest)
    return next((p for p in (place.with_suffix(".py"), place / "__init__.py") if p.is_file()), None)
