"""Which methods meet which questions: trials, the trivial method of every task, or all that fit."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from .. import registry
from ..contract import Method, Task, Wrapper
from .cases import Case, ContractBroken
from .trials import Trial, accepts, trials
from .trivial import MeanLabel


@dataclasses.dataclass(frozen=True)
class Found:
    """Tasks with their toy settings, methods with their small preset and wrappers around one, of a folder (`own`) and
    of everything that the registry knows (`known`).
    """

    tasks: list[Task]
    methods: list[Method]
    wrappers: list[Wrapper]
    known_tasks: list[Task]
    known_methods: list[Method]


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


def find(folder: str | Path | None, inside: Mapping[str, str] = {}) -> Found:
    """What is in `folder` (in the package where it is None), and what is known beside it.

    inside: wrapper -> the method that it is tried around; without an entry every trivial one.
    """
    with searching(folder):
        found = {kind: registry.entries(kind) for kind in ("task", "method", "wrapper")}
        for kind, entries in found.items():
            for entry in entries:
                if entry.problem and _is_own(entry, folder):
                    raise ContractBroken(f"{kind} {entry.name}: {entry.problem}")
        tasks = [(e, toy(registry.load_task(e.name))) for e in found["task"] if not e.problem]
        methods = [(e, preset(registry.load_method(e.name))) for e in found["method"] if not e.problem]
        every = [method for _, method in methods]
        wrappers = [
            registry.load_wrapper(e.name)(method)
            for e in found["wrapper"]
            if not e.problem and _is_own(e, folder)
            for method in every
            if (method.name() == inside[e.name] if e.name in inside else is_trivial(method))
        ]
    own_tasks = [task for entry, task in tasks if _is_own(entry, folder)]
    own_methods = [method for entry, method in methods if _is_own(entry, folder)]
    return Found(own_tasks, own_methods, wrappers, [task for _, task in tasks], every)


def toy(task: type[Task]) -> Task:
    """The task with the settings that make its truth a matter of seconds."""
    return task(**task.toy)


def preset(method: type[Method]) -> Method:
    """The module's preset `small` where there is one, else the method with its defaults."""
    return getattr(sys.modules[method.__module__], "small", None) or method()


def is_trivial(method: Method) -> bool:
    """Whether a method calls itself trivial in the docstring of its file."""
    return "trivial" in (sys.modules[type(method).__module__].__doc__ or "").lower().split("\n\n")[0]


def at_trials(found: Found) -> list[Case]:
    """Every method at the trials that it has to meet; a plug-in's also at the tasks that come with it, or at one of the
    package's where it accepts neither.
    """
    met = allotted(found.methods)
    if len(found.known_tasks) > len(found.tasks):
        for method in found.methods:
            met[method] += [task for task in found.tasks if accepts(method, task)]
            met[method] += [] if met[method] else [t for t in found.known_tasks if accepts(method, t)][:1]
    return [Case(task, method, task is tasks[0]) for method, tasks in met.items() for task in tasks]


def allotted(methods: Sequence[Method]) -> dict[Method, list[Task]]:
    """Which trials each method meets: all that it accepts, but of two alike (`Trial.like`) the plainer one.

    The others are shared out: in each family (folder of methods) one method meets each of them, whoever has met fewest.
    """
    fitting = {method: [trial for trial in trials() if accepts(method, trial)] for method in methods}
    met = {method: [t for t in fits if not set(_like(t)) & {type(f) for f in fits}] for method, fits in fitting.items()}
    for trial in trials():
        families: dict[str, list[Method]] = {}
        for method in methods:
            if trial in fitting[method]:
                families.setdefault(type(method).__module__.split(".")[-2], []).append(method)
        for family in families.values():
            if not any(trial in met[method] for method in family):
                met[min(family, key=lambda method: len(met[method]))].append(trial)
    return met


def _like(trial: Task) -> tuple[type[Task], ...]:
    return trial.like if isinstance(trial, Trial) else ()


def wrapped(found: Found) -> list[Case]:
    """Every wrapper at the first trial that it accepts."""
    firsts = ((wrapper, next((t for t in trials() if accepts(wrapper, t)), None)) for wrapper in found.wrappers)
    return [Case(trial, wrapper) for wrapper, trial in firsts if trial is not None]


def at_tasks(found: Found) -> list[Case]:
    """Every task with the trivial method of its kind, where there is one."""
    trivial = [*(m for m in found.known_methods if is_trivial(m)), MeanLabel()]
    firsts = ((task, next((m for m in trivial if accepts(m, task)), None)) for task in found.tasks)
    return [Case(task, method) for task, method in firsts if method is not None]


def matrix(found: Found) -> list[Case]:
    """Every accepted pair of which one side is the folder's own."""
    own = {id(each) for each in (*found.tasks, *found.methods)}
    return [
        Case(task, method)
        for task in found.known_tasks
        for method in found.known_methods
        if (id(task) in own or id(method) in own) and accepts(method, task)
    ]


def _is_own(entry: registry.Entry, folder: str | Path | None) -> bool:
    return entry.source == ("erlangen" if folder is None else str(Path(folder).resolve()))
