"""What the tests cost: processor seconds by leaf and by file, allowances, and what fifty leaves would take.

A leaf is a task or a method (the tests of the contract suite) or a file of tests. Seconds are those of the process that
ran a test, so that other programs do not count; allowances are for the machine on which `REFERENCE` was measured, and
grow on a slower one. They hold for runs that compile everything; kept programs only make a run shorter.
"""

from __future__ import annotations

import collections
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

ALLOWED = 90.0  # seconds for a file of tests
ALLOWED_LEAF = 90.0  # and for a task or a method in the contract suite
EXCEPTIONS: dict[str, float] = {
    "comenet": 150.0,  # two trials of angles and torsions
    "tests/methods/test_message_passing.py": 150.0,  # eight networks
    "tests/methods/test_variational.py": 150.0,  # every ground-state method
}
LEAVES, METHODS, WORKERS = 50, 70, 2  # projected to
REFERENCE = 0.075  # seconds of `_work` on the machine for which the allowances are meant
SUITE = "tests/testing/"
COST = "processor seconds"
LEAF = "leaf"


def outgrown(seconds: Mapping[str, float], slower: float) -> list[str]:
    """A sentence for every leaf or file beyond its allowance, on a machine that is `slower` than the reference."""
    words = []
    for name, spent in sorted(seconds.items()):
        allowed = EXCEPTIONS.get(name, ALLOWED if name.endswith(".py") else ALLOWED_LEAF) * max(slower, 1.0)
        if spent > allowed:
            words.append(
                f"{name} may take {allowed:.0f} s of processor time; it took {spent:.0f} s. "
                "Test on less, or move what has to be long to the slow tests (make bars)."
            )
    return words


def projected(seconds: Mapping[str, float]) -> tuple[float, str]:
    """Minutes that `LEAVES` tasks and `METHODS` methods would take two workers, and how that was found.

    fixed + LEAVES (mean task + tests of one leaf) + METHODS (mean method + tests of one method), by rooms: what lies in
    tests/tasks grows with the tasks, what lies in tests/methods with the methods, all else stays.
    """
    tasks = {name: s for name, s in seconds.items() if "/" in name and not name.endswith(".py")}
    methods = {name: s for name, s in seconds.items() if "/" not in name}
    rooms = by_room(seconds)
    n_tasks, n_methods = max(len(tasks), 1), max(len(methods), 1)
    per_task = (sum(tasks.values()) + rooms.get("tasks", 0.0)) / n_tasks
    per_method = (sum(methods.values()) + rooms.get("methods", 0.0)) / n_methods
    fixed = sum(s for room, s in rooms.items() if room not in ("tasks", "methods"))
    minutes = (fixed + LEAVES * per_task + METHODS * per_method) / WORKERS / 60
    words = f"{fixed:.0f} s + {LEAVES} x {per_task:.1f} s (leaves) + {METHODS} x {per_method:.1f} s (methods)"
    return minutes, f"{words}, on {WORKERS} workers"


def by_room(seconds: Mapping[str, float]) -> dict[str, float]:
    """Seconds of the files below each folder of tests; the contract suite's tasks and methods are no files."""
    rooms: collections.Counter[str] = collections.Counter()
    for name, spent in seconds.items():
        if name.endswith(".py"):
            parts = Path(name).parts
            rooms[parts[1] if len(parts) > 2 else "tests"] += spent
    return dict(rooms)


def slowness() -> float:
    """How many times slower than the reference this machine is, from a little work (the best of three)."""

    def clocked() -> float:
        start = time.process_time()
        _work()
        return time.process_time() - start

    return min(clocked() for _ in range(3)) / REFERENCE


def _work() -> None:
    total = 0
    for i in range(2_000_000):
        total += i % 7


def leaf_of(item: pytest.Item) -> str:
    """The account to which a test goes: the group of its fits in the contract suite, else its file."""
    path = item.nodeid.split("::")[0]
    groups = [mark.args[0] for mark in item.iter_markers("xdist_group")]
    return groups[0] if groups else path


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--costs", action="store_true", help="print processor seconds, hold them to their allowances")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Costs(config), "costs")


class Costs:
    """Gathers what each test took, prints it, and fails a run in which something has outgrown its allowance."""

    def __init__(self, config: pytest.Config):
        self.config, self.seconds = config, collections.Counter[str]()
        self.is_scattered = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self) -> None:
        self.start = _processor()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> object:
        report = yield
        now = _processor()
        report.user_properties += [(LEAF, leaf_of(item)), (COST, now - self.start)]
        self.start = now
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        told = dict(report.user_properties)
        of_worker = hasattr(report, "node") and self.config.option.dist == "loadgroup"
        self.is_scattered |= of_worker and "@" not in report.nodeid
        if LEAF in told:
            # the list is one for all phases of a test: the last entry is this phase's
            self.seconds[told[LEAF]] += told[COST]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(self.config, "workerinput") or not self.config.option.costs:
            return
        self.slower = slowness()
        if (self.is_scattered or outgrown(self.seconds, self.slower)) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.seconds or not self.config.option.costs:
            return
        write = terminalreporter.write_line
        terminalreporter.section("processor seconds")
        for name, spent in sorted(self.seconds.items(), key=lambda pair: -pair[1]):
            if spent >= 1:
                write(f"{spent:8.1f}  {name}")
        rooms = by_room(self.seconds)
        rooms["contract suite"] = sum(s for name, s in self.seconds.items() if not name.endswith(".py"))
        write("by room: " + ", ".join(f"{room} {s:.0f}" for room, s in sorted(rooms.items(), key=lambda r: -r[1])))
        minutes, words = projected(self.seconds)
        write(f"in all {sum(self.seconds.values()):.0f} s; this machine takes {self.slower:.2f} times the reference")
        write(f"projected: {minutes:.1f} minutes = {words}")
        for sentence in outgrown(self.seconds, self.slower):
            write(f"OUTGROWN  {sentence}", red=True)
        if self.is_scattered:
            write("SCATTERED  Fits were made once per process: pytest and pytest-xdist must be as pinned.", red=True)


def _processor() -> float:
    return sum(os.times()[:4])


def grouped(items: Sequence[pytest.Item]) -> None:
    """Tests of one file go to one worker (--dist loadgroup), as they share modules' fits and fixtures."""
    for item in items:
        if not any(item.iter_markers("xdist_group")):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.split("::")[0]))
