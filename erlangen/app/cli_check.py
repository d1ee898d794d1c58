"""`erlangen check`: hold a task, a method or a folder of plug-ins to the contract, without writing a test file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .. import registry
from ..core.errors import Invalid, unknown
from .cli_flags import Parser


def check(argv: list[str]) -> int:
    """erlangen check [NAME | FOLDER | map]; exit code 1 where a rule is broken."""
    parser = Parser(prog="erlangen check", description="The contract suite on a task, a method or a plug-in folder.")
    parser.add_argument("what", nargs="?", help="a name, a folder of plug-ins, or map (default: the package)")
    what = parser.parse(argv).what
    if what == "map":
        from .check_map import check_map

        return check_map()
    folder, name = _where(what)
    try:
        from ..testing.cases import ContractBroken
    except ModuleNotFoundError as error:
        raise Invalid(
            must="the contract suite needs pytest and hypothesis",
            came=f"no module {error.name}",
            do="pip install pytest hypothesis",
        ) from None
    broken = count = 0
    for title, rule, subject in _rules(folder, name):
        count, start, verdict = count + 1, time.perf_counter(), "ok"
        try:
            rule(subject)
        except ContractBroken as error:
            verdict = f"BROKEN  {error}"
        except Exception as error:  # the code under test may fail in any way; the other rules are still worth checking
            verdict = f"BROKEN  it raises {type(error).__name__}: {error}"
        broken += verdict != "ok"
        print(f"  {title:<58} {time.perf_counter() - start:5.1f} s  {verdict}", flush=True)
    print(f"\n{count} rules, {broken} broken.")
    return 1 if broken else 0


def _where(what: str | None) -> tuple[Path | None, str | None]:
    """(folder of the plug-ins or None for the package, name or None for everything)."""
    if what is None:
        return None, None
    if Path(what).is_dir():
        return Path(what), None
    every = [*registry.entries("task"), *registry.entries("method")]
    for entry in every:
        if entry.name == what:
            return (None if entry.source == "erlangen" else entry.path.parents[2]), what
    raise unknown("task, method or folder", what, [e.name for e in every])


def _rules(folder: Path | None, name: str | None) -> Iterator[tuple[str, Callable[[Any], None], Any]]:
    """(title, rule, subject) of every rule that concerns `name`."""
    from ..testing import finding, suite

    for rule, subject in suite.judged(finding.find(folder)):
        is_case = isinstance(subject, suite.Case)
        if name is None or name in ((subject.task.name(), subject.method.name()) if is_case else (subject.name(),)):
            title = str(subject) if is_case else subject.name()
            yield f"{title}: {rule.__name__.removeprefix('check_').replace('_', ' ')}", rule, subject
