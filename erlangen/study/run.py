"""Run a task with a method: fit, judge afresh, write the record.

run = erlangen.run("continuum/burgers", FNO(width=32), budget="2m", seed=0)
run.record, run.fitted, run.table()

The answer and the record of its fit are on disk before it is judged: `judge` does that again, or for the first time.
"""

from __future__ import annotations

import dataclasses
import math
import shutil
import sys
import time
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import jax
import numpy as np

from .. import registry
from ..assess import metrics
from ..assess.rows import Estimate
from ..contract import Answer, Budget, Method, Session, Task, Wrapper, kind_of
from ..core.errors import Invalid
from ..data.array_files import read_npz
from ..learn.checkpoint import load_fitted, save_fitted
from . import environment, row_panels, store
from .finished import Finished, Say
from .judging import Judging
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
    judging: Budget | str | float | None = None,
    quiet: bool = False,
    watch: Watch | None = None,
) -> Run:
    """Fit `method` to `task` within `budget`, judge it on held-out data, and keep everything in a new folder of `runs`.

    judging: the time for answering judged samples; more of them than that are sampled. Default: a minute, or a quarter
    of a budget of time where that is more, and no limit after a budget of steps. Compiling and parts of fixed size come
    on top. resume: go on with the latest run of exactly these settings that has not ended (where it is fitted, with its
    judging); one that has ended is returned as it is. start: an earlier run, or its folder, from whose answer the fit
    begins (fine-tuning, transfer), where the method can. watch: told of every step, stage and message. Raises `Invalid`
    where the settings make no sense, before anything is computed.
    """
    if isinstance(task, str):
        task = cast(Task, registry.load_task(task)())
    if isinstance(method, str):
        method = cast(Method, registry.load_method(method)())
    method.check(task)
    earlier = _earlier(method, start)
    record = _blank(task, method, Budget.parse(budget if budget is not None else task.budget), seed)
    record.start = earlier.folder.name if earlier else ""
    asked = None if judging is None else Budget.parse(judging)
    folder = _unfinished(record, Path(runs)) if resume else None
    if folder is not None and Record.read(folder).state == "done":
        return load(folder)
    if folder is not None and Record.read(folder).state == "fitted":
        return _judged(task, method, Record.read(folder), folder, load_fitted(folder), asked, quiet=quiet, watch=watch)
    folder = folder or store.new_run(runs, record.task, record.method, seed)
    record.run = folder.name
    say = _teller(record, quiet, watch)
    line = ProgressLine(record.method, None if quiet else sys.stderr, watch)
    if watch is not None:
        watch("began", {"run": folder.name})
    try:
        fitted = _fit(task, method, record, folder, resume=resume, start=earlier, say=say, line=line)
    except KeyboardInterrupt:
        _close(record, folder, "interrupted", say)
        raise
    except Exception as error:
        record.messages.append(f"{type(error).__name__}: {error}")
        _close(record, folder, "failed", say)
        raise
    return _judged(task, method, record, folder, fitted, asked, quiet=quiet, watch=watch)


def judge(run: str | Path, *, judging: Budget | str | float | None = None, quiet: bool = False) -> Run:
    """Judge the answer of a run folder, which was fitted and not (or not wholly) judged, or is to be judged on more.

    judging: as for `run`. What the record says of the fit stays, what it says of judging is replaced.
    """
    folder, asked = Path(run), None if judging is None else Budget.parse(judging)
    kept = load(folder)
    record = kept.record
    if "fit_seconds" not in record.data:
        raise Invalid(
            must="a run that is judged has been fitted",
            came=f"{folder.name}, which is {record.state}" + " and of an earlier erlangen" * (record.state == "done"),
            do="Run it again, with --resume where it was interrupted.",
        )
    task = restored(registry.load_task(record.task), record.task_fields)
    method = restored(registry.load_method(record.method), record.method_fields)
    for wrap in reversed(record.wraps):
        method = restored(registry.load_wrapper(wrap["name"]), wrap["settings"], method=method)
    now = [one.taken()["content"] for one in task.sources]
    if now != [one["content"] for one in record.data.get("sources") or []]:
        raise Invalid(
            must="an answer is judged with the files that it was fitted with",
            came=f"other contents than at the time of {folder.name}",
            do="Restore the files, or run again.",
        )
    return _judged(task, method, record, folder, kept.fitted, asked, quiet=quiet)


def restored(cls: Any, fields: Mapping[str, Any], **others: Any) -> Any:
    """A task, method or wrapper from the settings of a record: lists are tuples again, dictionaries nested settings."""
    try:
        kinds = typing.get_type_hints(cls)
    except (NameError, TypeError):  # of class variables, in files whose annotations are text
        kinds = {}
    values = {}
    for field in dataclasses.fields(cls):
        if field.name in fields:
            made = field.default_factory is not dataclasses.MISSING
            default = field.default_factory() if made else field.default  # type: ignore[misc]
            kind = kinds.get(field.name)
            values[field.name] = _value(fields[field.name], (kind, *typing.get_args(kind), type(default)))
    return cls(**values, **others)


def _value(value: Any, kinds: Sequence[Any] = ()) -> Any:
    if isinstance(value, Mapping):
        nested = [one for one in kinds if dataclasses.is_dataclass(one)]
        fitting = [one for one in nested if {f.name for f in dataclasses.fields(one)} == set(value)]  # type: ignore[arg-type]
        return restored(fitting[0], value) if fitting else dict(value)
    return tuple(map(_value, value)) if isinstance(value, list) else value


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


def _fit(
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
    """The answer, kept in the folder with the history of its fit; the record says "fitted" then."""
    store.add(record, folder)
    with line.during("labels"):
        registry.load_measure(task.measure).describe(task, record, say)
    session = Session(
        folder=folder / "checkpoint",
        resume=resume,
        start=start.fitted if start else None,
        say=say,
        progress=line,
        during=line.during,
        labelled=_further_labels(record, say),
    )
    tick = time.perf_counter()
    with line.during("begins: preparing, compiling"):
        fitted = method.fit(task, Budget.parse(record.budget), key=_keys(record)[0], session=session)
    record.data["fit_seconds"] = time.perf_counter() - tick
    _check_answer(task, method, fitted)
    save_fitted(folder, fitted)
    sheet = Sheet(record.panels)
    row_panels.of_history(sheet, line.history)
    _keep_arrays(folder, sheet.arrays)
    record.data["said_by_fit"] = len(record.messages)
    _close(record, folder, "fitted", say)
    return fitted


def _judged(
    task: Task,
    method: Method,
    record: Record,
    folder: Path,
    fitted: Answer,
    asked: Budget | None,
    *,
    quiet: bool,
    watch: Watch | None = None,
) -> Run:
    """The run with all that is measured; whatever happens, the folder keeps what was found until then."""
    del record.messages[record.data["said_by_fit"] :]
    for rows in (record.scores, record.symmetry, record.coverage, record.shifts, record.solvers, record.panels):
        rows.clear()
    record.floor, record.cost, record.rollout_cost = {}, None, None
    say, line = _teller(record, quiet, watch), ProgressLine(record.method, None if quiet else sys.stderr, watch)
    if watch is not None:
        watch("judging", {})
    limit = Judging.within(asked, Budget.parse(record.budget))
    judging = Judging(line, say, limit, str(folder))
    history, sheet = _history(folder), Sheet(record.panels)
    row_panels.of_history(sheet, history)
    seconds, state, arrays = record.data["fit_seconds"], "fitted", {}
    key = _keys(record)[1]
    finished = Finished(task, method, fitted, record, seconds, key, say, history, sheet, judging)
    try:
        arrays = registry.load_measure(task.measure).measure(finished)
        row_panels.of_rows(sheet, record)
        state = "fitted" if judging.lacks_scores else "done"
    except Exception as error:
        record.messages.append(f"{type(error).__name__}: {error}")
        say(f"not judged. The fit is kept: erlangen judge {folder}")
        raise
    finally:
        spent = {what.removeprefix("judging: "): s for what, s in line.spent.items()}
        record.data["judging"] = {"limit": limit, "seconds": spent, "failed": judging.failed}
        _keep_arrays(folder, sheet.arrays | arrays)
        _close(record, folder, state, say)
    shutil.rmtree(folder / "checkpoint", ignore_errors=True)
    return Run(record, folder, fitted)


def _keys(record: Record) -> Any:
    """Of the fit and of its judging."""
    return jax.random.split(jax.random.key(record.seed))


def _keep_arrays(folder: Path, arrays: Mapping[str, np.ndarray]) -> None:
    with store.writing(folder):
        np.savez_compressed(folder / "arrays.npz", **arrays)  # type: ignore[arg-type]


def _history(folder: Path) -> list[dict[str, float]]:
    """The figures of the fit, step by step, as its folder keeps them; NaN where a step had no such figure."""
    kept = read_npz(folder / "arrays.npz")
    columns = {name.removeprefix("history/"): array for name, array in kept.items() if name.startswith("history/")}
    rows = [dict(zip(columns, map(float, row))) for row in zip(*columns.values())]
    return [{name: value for name, value in row.items() if not math.isnan(value)} for row in rows]


def _further_labels(record: Record, say: Say) -> Callable[[str, int, float], None]:
    """Labels that a fit computes for itself stand in the record, where the tables find them."""

    def labelled(by: str, count: int, seconds: float) -> None:
        record.data.setdefault("further_labels", []).append({"by": by, "count": count, "seconds": seconds})
        say(f"the fit labelled {count} further samples by {by} in {seconds:.0f} s")

    return labelled


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
