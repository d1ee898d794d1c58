"""Run a task with a method: fit, judge afresh, write the record.

run = erlangen.run("continuum/burgers", FNO(width=32), budget="2m", seed=0)
run.record, run.fitted, run.table()
"""

from __future__ import annotations

import dataclasses
import shutil
import sys
import time
from pathlib import Path
from typing import Any, cast

import jax
import numpy as np

from .. import registry
from ..assess import metrics
from ..assess.rows import Estimate
from ..contract import Answer, Budget, Method, Session, Task, Wrapper, kind_of
from ..core.errors import Invalid
from ..learn.checkpoint import load_fitted, save_fitted
from . import environment, row_panels, store
from .finished import Finished, Say
from .panels import Sheet
from .progress import ProgressLine, Watch
from .record import Record


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished run: its record, its folder, and the answer itself (a pure function of one sample)."""

    record: Record
    folder: Path
    fitted: Any

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
    start: Run | str | Path | None = None,
    quiet: bool = False,
    watch: Watch | None = None,
) -> Run:
    """Fit `method` to `task` within `budget`, judge it on held-out data, and keep everything in a new folder of `runs`.

    resume: go on with the latest run of exactly these settings that has not ended; one that has ended is returned as
    it is. start: an earlier run, or its folder, from whose answer the fit begins (fine-tuning, transfer), where the
    method can. watch: told of every step and message. Raises `Invalid` where the settings make no sense, before
    anything is computed.
    """
    if isinstance(task, str):
        task = cast(Task, registry.load_task(task)())
    if isinstance(method, str):
        method = cast(Method, registry.load_method(method)())
    method.check(task)
    earlier = _earlier(method, start)
    record = _blank(task, method, Budget.parse(budget if budget is not None else task.budget), seed)
    record.start = earlier.folder.name if earlier else ""
    folder = _unfinished(record, Path(runs)) if resume else None
    if folder is not None and Record.read(folder).state == "done":
        return load(folder)
    folder = folder or store.new_run(runs, record.task, record.method, seed)
    record.run = folder.name
    say = _teller(record, quiet, watch)
    line = ProgressLine(record.method, None if quiet else sys.stderr, watch)
    if watch is not None:
        watch("began", {"run": folder.name})
    try:
        fitted = _fit_and_judge(task, method, record, folder, resume=resume, start=earlier, say=say, line=line)
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
    registry.load_task(record.task)
    registry.load_method(record.method)
    for wrap in record.wraps:
        registry.load_wrapper(wrap["name"])
    return Run(record, Path(folder), load_fitted(folder))


def over_seeds(runs: list[Run]) -> list[Estimate]:
    """One estimate per score from runs that differ in the seed only."""
    return [metrics.over_seeds([r.record.score(s.name) for r in runs]) for s in runs[0].record.scores]


def describe(method: Method) -> tuple[str, dict[str, Any], list[dict[str, Any]]]:
    """(name, settings, wraps) of a method, wrappers peeled off: {"name", "settings"} of each, outermost first."""
    wraps = []
    while isinstance(method, Wrapper):
        settings = {k: v for k, v in method.fields.items() if k != "method"}
        wraps.append({"name": method.name(), "settings": _plain(settings)})
        method = method.method
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
        container=task.container.__name__,
        inputs=list(task.inputs),
        outputs=list(task.outputs),
        published=[dataclasses.asdict(p) for p in task.published],
        data={"sources": [one.taken() for one in task.sources]},
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
        record.start,
    )
    same = store.runs(root, like=store.identity(*asked), limit=1)
    return root / same[0].name if same else None


def _fit_and_judge(
    task: Task,
    method: Method,
    record: Record,
    folder: Path,
    *,
    resume: bool,
    start: Run | None,
    say: Say,
    line: ProgressLine,
) -> Answer:
    store.add(record, folder)
    fit_key, judge_key = jax.random.split(jax.random.key(record.seed))
    measuring = registry.load_measure(task.measure)
    measuring.describe(task, record, say)
    learned = start.fitted if start else None
    session = Session(folder=folder / "checkpoint", resume=resume, start=learned, say=say, progress=line)
    tick = time.perf_counter()
    fitted = method.fit(task, Budget.parse(record.budget), key=fit_key, session=session)
    seconds = time.perf_counter() - tick
    _check_answer(task, method, fitted)
    save_fitted(folder, fitted)
    sheet = Sheet(record.panels)
    row_panels.of_history(sheet, line.history)
    if line.watch is not None:
        line.watch("judging", {})
    finished = Finished(task, method, fitted, record, seconds, judge_key, say, line.history, sheet)
    arrays = measuring.measure(finished)
    row_panels.of_rows(sheet, record)
    with store.writing(folder):
        np.savez_compressed(folder / "arrays.npz", **(sheet.arrays | arrays))  # type: ignore[arg-type]
    return fitted


def _earlier(method: Method, start: Run | str | Path | None) -> Run | None:
    """The run that a fit begins from."""
    if start is None:
        return None
    if not method.continues:
        raise Invalid(
            must=f"a fit of {method.name()} can begin from an earlier run",
            came=f"start = {start.folder if isinstance(start, Run) else start}; it always begins anew",
            do="Leave the start out.",
        )
    return start if isinstance(start, Run) else load(start)


def _check_answer(task: Task, method: Method, answer: Any) -> None:
    """An answer has what its kind of question asks for: a sampler can be sampled, a predictor called."""
    if not isinstance(answer, task.answer):
        raise Invalid(
            must=f"an answer to {task.name()} ({kind_of(task)}) is a {task.answer.__name__}",
            came=f"{method.name()} answered with {type(answer).__name__}, a {_root(answer)}",
            do=f"Let the answer of {method.name()} derive from contract.{task.answer.__name__}.",
        )


def _root(answer: Any) -> str:
    """What an answer is, in the words of the contract."""
    named = (k.__name__ for k in type(answer).__mro__ if k.__module__ == Answer.__module__)
    return next(named, "value of no kind that the contract knows")


def _teller(record: Record, quiet: bool, watch: Watch | None = None) -> Say:
    def say(message: str) -> None:
        record.messages.append(message)
        if watch is not None:
            watch("said", {"text": message})
        if not quiet:
            print(f"  {message}", file=sys.stderr)

    return say


def _close(record: Record, folder: Path, state: Any, say: Say) -> None:
    record.state = state
    store.add(record, folder, say=say)
