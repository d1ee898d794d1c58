"""Run a task with a method: fit, judge afresh, write the record.

run = erlangen.run("continuum/burgers", FNO(width=32), budget="2m", seed=0)
run.record, run.fitted, run.table()
"""

from __future__ import annotations

import dataclasses
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import jax
import numpy as np

from .. import registry
from ..assess import metrics
from ..assess.rows import Estimate
from ..contract import Budget, Dynamical, Family, Fitted, Levels, Method, Session, Supervised, Task, Variational
from ..core.errors import Invalid
from ..learn.checkpoint import load_fitted, save_fitted
from . import environment, store
from .dynamics import evaluate_dynamical
from .evaluate import describe_data, evaluate_supervised
from .excited import evaluate_levels
from .family import evaluate_family
from .ground_state import evaluate_variational
from .progress import ProgressLine
from .record import Record

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished run: its record, its folder, and the answer itself (a pure function of one sample)."""

    record: Record
    folder: Path
    fitted: Fitted

    def table(self) -> str:
        """The record as a text table."""
        from .table import table

        return table(self.record)


def run(
    task: Task | str,
    method: Method | str,
    *,
    budget: Budget | str | float | None = None,
    seed: int = 0,
    runs: str | Path = "runs",
    resume: bool = False,
    quiet: bool = False,
) -> Run:
    """Fit `method` to `task` within `budget`, judge it on held-out data, and keep everything in a new folder of `runs`.

    resume: go on with the latest run of exactly these settings that has not ended; one that has ended is returned as
    it is. Raises `Invalid` where the settings make no sense, before anything is computed.
    """
    if isinstance(task, str):
        task = cast(Task, registry.load_task(task)())
    if isinstance(method, str):
        method = cast(Method, registry.load_method(method)())
    method.check(task)
    record = _blank(task, method, Budget.parse(budget if budget is not None else task.budget), seed)
    folder = _unfinished(record, Path(runs)) if resume else None
    if folder is not None and Record.read(folder).state == "done":
        return load(folder)
    folder = folder or store.new_run(runs, record.task, record.method, seed)
    record.run = folder.name
    say = _teller(record, quiet)
    try:
        fitted = _fit_and_judge(task, method, record, folder, resume=resume, say=say, quiet=quiet)
    except KeyboardInterrupt:
        _close(record, folder, "interrupted", say)
        raise
    except Exception as error:
        record.messages.append(f"{type(error).__name__}: {error}")
        _close(record, folder, "failed", say)
        raise
    _close(record, folder, "done", say)
    shutil.rmtree(folder / "checkpoint", ignore_errors=True)
    return Run(record, folder, fitted)


def load(folder: str | Path) -> Run:
    """The run kept in `folder`; loads the code of a plug-in method first."""
    record = Record.read(folder)
    for kind, name in (("task", record.task), ("method", record.method)):
        (registry.load_task if kind == "task" else registry.load_method)(name)
    return Run(record, Path(folder), load_fitted(folder))


def over_seeds(runs: list[Run]) -> list[Estimate]:
    """One estimate per score from runs that differ in the seed only."""
    return [metrics.over_seeds([r.record.score(s.name) for r in runs]) for s in runs[0].record.scores]


def describe(method: Method) -> tuple[str, dict[str, Any], list[str]]:
    """(name, fields, wraps) of a method, wrappers peeled off: wraps are written as they were called, outermost
    first.
    """
    wraps = []
    while hasattr(method, "method"):
        settings = {k: v for k, v in method.fields.items() if k != "method"}
        shown = ", ".join(f"{k}={v!r}" for k, v in settings.items())
        wraps.append(f"{type(method).__name__.lower()}({shown})")
        method = method.method  # type: ignore[attr-defined]
    return method.name(), _plain(method.fields), wraps


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Settings as JSON types: nested settings become dictionaries."""
    nested = {k: dataclasses.asdict(v) for k, v in fields.items() if dataclasses.is_dataclass(v)}  # type: ignore[arg-type]
    return {**fields, **nested}


def _blank(task: Task, method: Method, budget: Budget, seed: int) -> Record:
    name, fields, wraps = describe(method)
    return Record(
        run="",
        task=task.name(),
        task_fields=_plain(task.fields),
        method=name,
        method_fields=fields,
        wraps=wraps,
        seed=seed,
        budget=str(budget),
        created=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        peers=[dataclasses.asdict(p) for p in task.peers],
        data={"outputs": {q.name: q.axis for q in task.outputs}, "sources": [one.taken() for one in task.sources]},
        versions=environment.versions(),
        device=environment.device(),
    )


def _unfinished(record: Record, root: Path) -> Path | None:
    """The latest run of the same settings, if there is one."""
    asked = (
        record.task,
        record.task_fields,
        record.method,
        record.method_fields,
        record.wraps,
        record.seed,
        record.budget,
        record.data["sources"],
    )
    same = store.runs(root, like=store.identity(*asked), limit=1)
    return root / same[0].name if same else None


def _fit_and_judge(
    task: Task, method: Method, record: Record, folder: Path, *, resume: bool, say: Say, quiet: bool
) -> Fitted:
    store.add(record, folder)
    fit_key, judge_key = jax.random.split(jax.random.key(record.seed))
    if isinstance(task, Supervised):
        describe_data(task, record, say)
    line = ProgressLine(record.method, None if quiet else sys.stderr)
    session = Session(folder=folder / "checkpoint", resume=resume, say=say, progress=line)
    tick = time.perf_counter()
    fitted = method.fit(task, Budget.parse(record.budget), key=fit_key, session=session)
    seconds = time.perf_counter() - tick
    record.history = line.history
    save_fitted(folder, fitted)
    if isinstance(task, Supervised):
        arrays = evaluate_supervised(task, method, fitted, record, fit_seconds=seconds, key=judge_key, say=say)
    elif isinstance(task, Levels):
        arrays = evaluate_levels(task, fitted, record, fit_seconds=seconds, key=judge_key, say=say)
    elif isinstance(task, Variational):
        arrays = evaluate_variational(task, method, fitted, record, fit_seconds=seconds, key=judge_key, say=say)
    elif isinstance(task, Dynamical):
        arrays = evaluate_dynamical(task, method, fitted, record, fit_seconds=seconds, key=judge_key, say=say)
    elif isinstance(task, Family):
        arrays = evaluate_family(task, method, fitted, record, fit_seconds=seconds, key=judge_key, say=say)
    else:
        raise Invalid(
            must="a task is supervised, variational, dynamical or a family of laws",
            came=type(task).__name__,
            do="Derive it from one of them.",
        )
    with store.writing(folder):
        np.savez_compressed(folder / "arrays.npz", **arrays)  # type: ignore[arg-type]
    return fitted


def _teller(record: Record, quiet: bool) -> Say:
    def say(message: str) -> None:
        record.messages.append(message)
        if not quiet:
            print(f"  {message}", file=sys.stderr)

    return say


def _close(record: Record, folder: Path, state: Any, say: Say) -> None:
    record.state = state
    store.add(record, folder, say=say)
