"""What is tested: a task with its toy settings, and a method that accepts it, fitted once."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from .. import registry
from ..contract import Budget, Couplings, Method, Samples, Supervised, Task, Variational
from ..core.errors import Invalid
from ..core.systems import SpinLattice, System
from ..learn.variational import spin_problem

TOY_STEPS = 20


class ContractBroken(AssertionError):
    """A task or a method does not do what the contract says; the message says which rule and what was found."""


def demand(holds: Any, rule: str, found: Any = "") -> None:
    """Raise `ContractBroken` unless `holds`."""
    if not holds:
        raise ContractBroken(f"{rule}; found: {found}" if found != "" else rule)


@dataclasses.dataclass(frozen=True)
class Case:
    """A method on a task. `answer` and `again` are two fits from one seed with a toy budget, made when first needed."""

    task: Task
    method: Method

    def __str__(self) -> str:
        return f"{self.method.name()} on {self.task.name()}"

    @functools.cached_property
    def _first(self) -> tuple[Any, float]:
        return self._fit()

    @functools.cached_property
    def _second(self) -> tuple[Any, float]:
        return self._fit()

    def _fit(self) -> tuple[Any, float]:
        wall, processor = time.perf_counter(), time.process_time()
        fitted = self.method.fit(self.task, Budget(steps=TOY_STEPS), key=jax.random.key(0))
        # whichever clock saw less: wall time counts what other programs took, processor time counts every core
        return fitted, min(time.perf_counter() - wall, time.process_time() - processor)

    @property
    def answer(self) -> Any:
        """The answer after a toy budget."""
        return self._first[0]

    @property
    def again(self) -> Any:
        """A second fit from the same seed."""
        return self._second[0]

    @property
    def seconds(self) -> float:
        """What a toy fit took, the better of the two, so that a busy machine is not held against the method."""
        return min(self._first[1], self._second[1])

    @functools.cached_property
    def samples(self) -> Samples:
        """Held-out samples; for laws, configurations with the answer's own output as label (it sets the scale)."""
        if isinstance(self.task, Supervised):
            return self.task.truth("test")
        inputs = configurations(self.task)
        answers = [self.answer(x) for x in inputs]
        return Samples(inputs, {q.name: [np.asarray(a[q.name]) for a in answers] for q in self.task.outputs})


def configurations(task: Task, count: int = 8) -> list[System]:
    """Random configurations of a law's degrees of freedom."""
    if not isinstance(task, Variational) or task.container is not SpinLattice:
        raise ContractBroken(f"no way to draw {task.container.__name__} for {task.name()}")
    spins = np.asarray(spin_problem(task.law).draw(count, jax.random.key(1)), np.int8)
    if isinstance(task.asked, Couplings):
        couplings = np.resize((*task.asked.tested, *task.asked.trained), count)
        return [SpinLattice(row, {"coupling": g}) for row, g in zip(spins, couplings)]
    return [SpinLattice(row) for row in spins]


def toy(task: type[Task]) -> Task:
    """The task with the settings that make its truth a matter of seconds."""
    return task(**task.toy)


def preset(method: type[Method]) -> Method:
    """The module's preset `small` where there is one, else the method with its defaults."""
    return getattr(sys.modules[method.__module__], "small", None) or method()


@contextlib.contextmanager
def searching(folder: str | Path | None) -> Iterator[None]:
    """Within this context the registry also looks in `folder`."""
    before = os.environ.get("ERLANGEN_PATH")
    if folder is not None:
        os.environ["ERLANGEN_PATH"] = os.pathsep.join(filter(None, [str(Path(folder).resolve()), before]))
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("ERLANGEN_PATH", None)
        else:
            os.environ["ERLANGEN_PATH"] = before


def find(folder: str | Path | None) -> tuple[list[Task], list[Method], list[Case]]:
    """Tasks and methods of `folder` (of the package where it is None), and every accepted pair with one of them."""
    with searching(folder):
        found = {kind: registry.entries(kind) for kind in ("task", "method")}
        for kind, entries in found.items():
            for entry in entries:
                if entry.problem and _is_own(entry, folder):
                    raise ContractBroken(f"{kind} {entry.name}: {entry.problem}")
        tasks = [(e, toy(registry.load_task(e.name))) for e in found["task"] if not e.problem]
        methods = [(e, preset(registry.load_method(e.name))) for e in found["method"] if not e.problem]
    cases = [
        Case(task, method)
        for t, task in tasks
        for m, method in methods
        if (_is_own(t, folder) or _is_own(m, folder)) and accepts(method, task)
    ]
    own_tasks = [task for entry, task in tasks if _is_own(entry, folder)]
    return own_tasks, [method for entry, method in methods if _is_own(entry, folder)], cases


def accepts(method: Method, task: Task) -> bool:
    """Whether `method` can answer `task`."""
    try:
        method.check(task)
    except Invalid:
        return False
    return True


def _is_own(entry: registry.Entry, folder: str | Path | None) -> bool:
    return entry.source == ("erlangen" if folder is None else str(Path(folder).resolve()))
