"""Which source code a result depends on: the module of a function and every module of the package that it imports.

Read from the import statements by `ast`, without importing anything; imports inside functions count as well. Comments,
docstrings and layout do not count: better words must not cost an hour of labels.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

PACKAGE = __name__.split(".")[0]
# These move samples about, describe or judge them, and cannot change a label.
NOT_PHYSICS = tuple(f"{PACKAGE}.{room}" for room in ("data.", "assess", "contract", "core.errors", "core.quantity"))


def fingerprint(function: Callable[..., object]) -> str:
    """SHA-256 of the version and of all code that `function` depends on; only the version where it was typed in."""
    while isinstance(function, functools.partial):
        function = function.func
    package: Any = sys.modules[PACKAGE]
    digest = hashlib.sha256(package.__version__.encode())
    path = inspect.getsourcefile(inspect.unwrap(function))
    if path and Path(path).is_file():
        for name, code in sorted(sources(function.__module__, Path(path)).items()):
            digest.update(f"\n{name}\n{code}".encode())
    return digest.hexdigest()


def sources(name: str, path: Path) -> dict[str, str]:
    """Module name -> code, for the module and all that it imports from this package."""
    found: dict[str, str] = {}
    waiting = [(name, path)]
    while waiting:
        name, path = waiting.pop()
        if name not in found:
            found[name], imported = _parsed(name, path, path.stat().st_mtime_ns)
            waiting += [(n, p) for n in imported if (p := _path(n))]
    return found


@functools.lru_cache(maxsize=512)
def _parsed(name: str, path: Path, version: int) -> tuple[str, frozenset[str]]:
    """The bare code of a module, and what it imports from this package."""
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
    return frozenset(n for n in names if n.startswith(f"{PACKAGE}.") and not n.startswith(NOT_PHYSICS))


def _path(name: str) -> Path | None:
    """The file of a module of this package; None for a name that is not a module."""
    package: Any = sys.modules[PACKAGE]
    place = Path(package.__file__).parent.joinpath(*name.split(".")[1:])
    return next((p for p in (place.with_suffix(".py"), place / "__init__.py") if p.is_file()), None)
