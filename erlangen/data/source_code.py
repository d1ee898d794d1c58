"""Which source code a result depends on: the module of a function and every module of the package that it imports.

Read from the import statements by `ast`, without importing anything; imports inside functions count as well.
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
# These move samples about or describe them and cannot change a label.
NOT_PHYSICS = (f"{PACKAGE}.data.", f"{PACKAGE}.contract", f"{PACKAGE}.core.errors")


def fingerprint(function: Callable[..., Any]) -> str:
    """SHA-256 of the version and of all sources that `function` depends on; empty source where it was typed in."""
    while isinstance(function, functools.partial):
        function = function.func
    package: Any = sys.modules[PACKAGE]
    digest = hashlib.sha256(package.__version__.encode())
    path = inspect.getsourcefile(inspect.unwrap(function))
    if path and Path(path).is_file():
        for name, text in sorted(_sources(function.__module__, Path(path)).items()):
            digest.update(f"\n{name}\n{text}".encode())
    return digest.hexdigest()


def _sources(name: str, path: Path) -> dict[str, str]:
    """Module name -> source, for the module and all that it imports from this package."""
    found: dict[str, str] = {}
    waiting = [(name, path)]
    while waiting:
        name, path = waiting.pop()
        if name not in found:
            found[name] = path.read_text(encoding="utf-8")
            waiting += [(n, p) for n in _imports(found[name], name, path) if (p := _path(n))]
    return found


def _imports(text: str, name: str, path: Path) -> set[str]:
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")
            start = ".".join(parents[: len(parents) - node.level + 1]) if node.level else ""
            source = ".".join(filter(None, [start, node.module]))
            names |= {source, *(f"{source}.{alias.name}" for alias in node.names)}
    return {n for n in names if n.startswith(f"{PACKAGE}.") and not n.startswith(NOT_PHYSICS)}


def _path(name: str) -> Path | None:
    """The file of a module of this package; None for a name that is not a module."""
    package: Any = sys.modules[PACKAGE]
    place = Path(package.__file__).parent.joinpath(*name.split(".")[1:])
    return next((p for p in (place.with_suffix(".py"), place / "__init__.py") if p.is_file()), None)
