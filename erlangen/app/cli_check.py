"""`erlangen check`: hold a task, a method or a folder of plug-ins to the contract, without writing a test file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from .. import registry
from ..core.errors import Invalid, unknown
from .cli_flags import Parser


def check(argv: list[str]) -> int:
    """erlangen check [NAME | FOLDER]; exit code 1 where a rule is broken."""
    parser = Parser(prog="erlangen check", description="The contract suite on a task, a method or a plug-in folder.")
    parser.add_argument("what", nargs="?", help="a name, or a folder with tasks/ and methods/ (default: the package)")
    what = parser.parse(argv).what
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
    from ..contract import Supervised, Variational
    from ..testing import suite

    tasks, methods, cases = suite.find(folder)
    tasks = [t for t in tasks if name in (None, t.name())]
    methods = [m for m in methods if name in (None, m.name())]
    cases = [c for c in cases if name in (None, c.task.name(), c.method.name())]
    groups: list[tuple[Sequence[Callable[[Any], None]], Sequence[Any]]] = [
        (suite.TASK_RULES, tasks),
        (suite.SUPERVISED_RULES, [t for t in tasks if isinstance(t, Supervised)]),
        *(
            (rules, [t for t in tasks if isinstance(t, Variational) and isinstance(t.asked, asked)])
            for asked, rules in suite.ASKED_RULES.items()
        ),
        (suite.METHOD_RULES, methods),
        (suite.PAIR_RULES, cases),
    ]
    for rules, subjects in groups:
        for subject in subjects:
            title = str(subject) if isinstance(subject, suite.Case) else subject.name()
            for rule in rules:
                yield f"{title}: {rule.__name__.removeprefix('check_').replace('_', ' ')}", rule, subject
