"""What a worker process does: one job, one file to be read, or all tasks and methods to be asked; then it ends.

    python -m erlangen.portal.worker job FOLDER RUNS ATTEMPT
    python -m erlangen.portal.worker read FOLDER
    python -m erlangen.portal.worker ask

Here JAX and NumPy are; the server knows neither. What happens goes as lines into FOLDER/events.jsonl. A worker that is
asked to stop (SIGTERM) stops like Ctrl-C: the record says that it was interrupted.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SECONDS_BETWEEN_STEPS = 0.2
READ_GB, READ_SECONDS, READ_BYTES = 12, 60, 250_000_000


class Journal:
    """The lines that a job writes: every step at most five times a second, everything else at once."""

    def __init__(self, folder: Path):
        self.folder, self.job = folder, folder.name
        self._told, self._first = 0.0, (0, 0.0)

    def __call__(self, what: str, figures: Mapping[str, Any]) -> None:
        """As `study.progress.Watch`."""
        if what == "began":
            (self.folder / "run.txt").write_text(figures["run"], encoding="utf-8")
            return
        if what == "stage":
            self.write("said", text=str(figures["text"]))
        elif what == "step":
            self._step(figures["step"], figures["total"], figures["figures"])
        else:
            self.write(what, **figures)

    def _step(self, step: int, total: int, figures: Mapping[str, float]) -> None:
        now = time.time()
        if not self._first[1] or step < self._first[0]:
            self._first = step, now
        if now - self._told < SECONDS_BETWEEN_STEPS and not 0 < total <= step:
            return
        self._told = now
        done, spent = step - self._first[0], now - self._first[1]
        rate = done / spent if done > 0 and spent > 0 else None
        left = max(total - step, 0) / rate if rate and total else None
        kept = {k: float(v) for k, v in figures.items() if math.isfinite(v) and k != "step"}
        self.write("step", step=int(step), total=int(total), figures=kept, rate=rate, left=left)

    def write(self, event: str, **figures: Any) -> None:
        """One line, whole."""
        line = json.dumps({"job": self.job, "at": time.time(), "event": event, **figures}, allow_nan=False) + "\n"
        descriptor = os.open(self.folder / "events.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)


def job(folder: Path, runs: Path, attempt: int) -> None:
    """One job, from its request to its last line."""
    from ..core.errors import Invalid

    journal = Journal(folder)
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    try:
        if request["kind"] == "run":
            journal.write("done", run=_run(request, runs, journal, resume=attempt > 1))
        else:
            journal.write("done", run=request["run"], text=_predict(request, runs, folder))
    except KeyboardInterrupt:
        journal.write("cancelled")
    except Invalid as error:
        journal.write("failed", problem={"must": error.must, "came": error.came, "do": error.do, "field": ""})
    except Exception as error:
        came = f"{type(error).__name__}: {error}"[:400]
        do = "Run it from the command line with --debug."
        journal.write("failed", problem={"must": "a job ends by itself", "came": came, "do": do, "field": ""})
        raise


def _run(request: Mapping[str, Any], runs: Path, journal: Journal, *, resume: bool) -> str:
    from .. import registry
    from ..core.systems import Field
    from ..study import environment
    from ..study.run import run

    task = made(registry.load_task(request["task"]), request["task_fields"])
    method = made(registry.load_method(request["method"]), request["method_fields"])
    for wrap in reversed(request["wraps"]):
        method = made(registry.load_wrapper(wrap["name"]), wrap["settings"], method=method)
    environment.prepare(fields=issubclass(task.container, Field))
    done = run(
        task,
        method,
        budget=request["budget"],
        seed=request["seed"],
        runs=runs,
        resume=resume,
        quiet=True,
        watch=journal,
    )
    return done.folder.name


def made(cls: Any, fields: Mapping[str, Any], **others: Any) -> Any:
    """A task, method or wrapper from its settings as JSON; of nested settings those that are not given are defaults."""
    import dataclasses

    from ..core.errors import Invalid
    from ..study.run import restored

    whole = dict(fields)
    for field in dataclasses.fields(cls):
        default = field.default_factory() if callable(field.default_factory) else field.default  # type: ignore[misc]
        if isinstance(whole.get(field.name), dict) and dataclasses.is_dataclass(default):
            whole[field.name] = {**dataclasses.asdict(default), **whole[field.name]}  # type: ignore[arg-type]
    try:
        return restored(cls, whole, **others)
    except TypeError as error:
        do = f"See its settings: erlangen show {getattr(cls, 'name', lambda: cls.__name__)()}"
        raise Invalid(must="settings are of the kind that their default is", came=str(error), do=do) from None


def _predict(request: Mapping[str, Any], runs: Path, folder: Path) -> str:
    """Answer a file; what the page shows of it goes into prediction.json."""
    from ..study.environment import prepare
    from ..study.predict import predict
    from .readings import shown

    prepare(fields=False)
    source = Path(request["file"])
    output = folder / _output(request["name"])
    with _heard() as warned:
        done = predict(runs / request["run"], source, output)
    answer = {"count": done.count, "level": done.level, "errors": dict(done.errors), "file": done.path.name}
    answer |= {"warnings": [_named(line, source.parent) for line in warned], **shown(runs / request["run"], source)}
    (folder / "prediction.json").write_text(json.dumps(answer, allow_nan=False), encoding="utf-8")
    return done.path.name


@contextlib.contextmanager
def _heard() -> Iterator[list[str]]:
    """What the package warns of meanwhile (a field far from the training data), in its words: for the page."""
    import logging
    import warnings

    lines: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage()[:400])

    def said(message: Warning | str, category: type[Warning], where: str, *_: Any) -> None:
        if issubclass(category, UserWarning) and where.startswith(str(Path(__file__).parents[1])):
            lines.append(str(message)[:400])  # of ours alone: packages below speak to programmers

    handler = Handler(logging.WARNING)
    logging.getLogger("erlangen").addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", UserWarning)
            warnings.showwarning = said  # type: ignore[assignment]
            yield lines
    finally:
        logging.getLogger("erlangen").removeHandler(handler)


def _output(name: str) -> str:
    """mine.cif -> mine.predicted.extxyz where the format has no room for predictions, else the same ending."""
    path = Path(name)
    has_room = path.suffix.lower() in (".xyz", ".extxyz", ".h5", ".hdf5", ".nc", ".nc4", ".npz")
    return f"{path.stem}.predicted{path.suffix if has_room else '.extxyz'}"


def read(folder: Path) -> None:
    """Read an uploaded file within limits of memory, time and files; what it holds goes into reading.json."""
    import resource

    for kind, limit in (
        (resource.RLIMIT_AS, READ_GB * 10**9),
        (resource.RLIMIT_CPU, READ_SECONDS),
        (resource.RLIMIT_FSIZE, READ_BYTES),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, limit))
    from ..core.errors import Invalid
    from .readings import reading

    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    try:
        found: dict[str, Any] = reading(folder / request["name"])
    except Invalid as error:
        found = {"problem": {"must": error.must, "came": _named(error.came, folder), "do": error.do, "field": ""}}
    except (MemoryError, Exception) as error:
        came = f"{type(error).__name__}: {error}"[:300]
        do = "Write it again with the program that made it."
        must = "a file can be read to its end"
        found = {"problem": {"must": must, "came": _named(came, folder), "do": do, "field": ""}}
    draft = folder / ".reading.json"
    draft.write_text(json.dumps(found, allow_nan=False), encoding="utf-8")
    draft.replace(folder / "reading.json")


def _named(text: str, folder: Path) -> str:
    """Without the folder that uploads lie in."""
    return text.replace(f"{folder}/", "")


def ask() -> None:
    """Ask tasks and methods what they declare, and keep it in the cache."""
    from .. import registry
    from ..study.matching import catalogue

    tasks, methods = ([e for e in registry.entries(kind) if not e.problem] for kind in ("task", "method"))
    catalogue(tasks, methods)


def main(argv: list[str]) -> None:
    """One of the three."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    with contextlib.suppress(OSError, ValueError):
        os.nice(int(os.environ.get("ERLANGEN_NICE", "10")))
    if argv[0] == "job":
        job(Path(argv[1]), Path(argv[2]), int(argv[3]))
    elif argv[0] == "read":
        for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
            os.environ[name] = "1"
        read(Path(argv[1]))
    else:
        ask()


if __name__ == "__main__":
    main(sys.argv[1:])
