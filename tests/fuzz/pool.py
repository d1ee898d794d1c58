"""Cases in processes of their own, each with limits of time and memory that it cannot talk its way out of."""

from __future__ import annotations

import dataclasses
import logging
import multiprocessing
import os
import resource
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path

from erlangen.core.errors import Invalid

SECONDS, MEMORY = 10.0, 2 << 30  # of a case; seconds of its own, whatever else the machine does
GIVEN_UP, SPACE = 20.0, 6 << 30  # after that a process is ended; more memory than that it does not get
WAITED = 600.0  # by the clock, for what waits and does not compute


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a case. kind: read, refused, unforeseen (refused by the guard around the reader) or fault."""

    name: str
    number: int
    kind: str
    seconds: float
    memory: int
    words: str


def judged(run: Callable[[], object]) -> tuple[str, str]:
    """(kind, words) of what reading a file gave."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run()
    except Invalid as error:
        cause = error.__cause__
        if isinstance(cause, MemoryError):
            return "fault", "MemoryError"
        if cause is not None:
            last = traceback.extract_tb(cause.__traceback__)[-1]
            return "unforeseen", f"{type(cause).__name__} {Path(last.filename).name}:{last.lineno} {str(cause)[:80]}"
        return "refused", str(error)[:200]
    except BaseException as error:
        lines = traceback.format_exc().splitlines()
        return "fault", f"{type(error).__name__}: {' | '.join(line.strip() for line in lines[-7:])}"[:600]
    return "read", ""


def peak() -> int:
    """Largest memory of this process since it was last asked, in bytes (Linux)."""
    status = Path("/proc/self/status").read_text()
    found = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    Path("/proc/self/clear_refs").write_text("5")
    return found


def _work(pipe: Connection, prepare: Callable[[Path], Callable[[str, int], Callable[[], object]]]) -> None:
    logging.disable(logging.CRITICAL)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libraries print what they dislike
    with tempfile.TemporaryDirectory() as folder:
        case = prepare(Path(folder))
        peak()
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + SPACE, used + SPACE))
        while (asked := pipe.recv()) is not None:
            name, number = asked
            run = case(name, number)
            pipe.send(None)  # from here on time counts
            peak()
            begun = time.process_time()
            kind, words = judged(run)
            seconds, memory = time.process_time() - begun, peak()
            if kind != "fault" and (seconds > SECONDS or memory > MEMORY):
                kind, words = "fault", f"{seconds:.1f} s, {memory / 1e9:.2f} GB ({kind} {words})"
            pipe.send(Outcome(name, number, kind, seconds, memory, words))


def _spent(pid: int | None) -> float:
    """Seconds that the processor has given to a process."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def outcomes(
    cases: Sequence[tuple[str, int]],
    prepare: Callable[[Path], Callable[[str, int], Callable[[], object]]],
    workers: int = 2,
    until: float = float("inf"),
) -> Iterator[Outcome]:
    """Every case, in the order in which they end; none is begun after `until` (time.monotonic)."""
    context = multiprocessing.get_context("spawn")
    left = list(reversed(cases))
    busy: dict[Connection, tuple[multiprocessing.process.BaseProcess, tuple[str, int], tuple[float, float] | None]] = {}
    idle: list[tuple[Connection, multiprocessing.process.BaseProcess]] = []

    def started() -> tuple[Connection, multiprocessing.process.BaseProcess]:
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, prepare), daemon=True)
        process.start()
        theirs.close()
        return ours, process

    while busy or (left and time.monotonic() < until):
        while left and len(busy) < workers and time.monotonic() < until:
            pipe, process = idle.pop() if idle else started()
            case = left.pop()
            pipe.send(case)
            busy[pipe] = process, case, None
        ready = wait(list(busy), timeout=1.0)
        for pipe, (process, case, begun) in list(busy.items()):
            try:
                if pipe in ready:
                    found = pipe.recv()
                    if found is None:
                        busy[pipe] = process, case, (time.monotonic(), _spent(process.pid))
                        continue
                    yield found
                    idle.append((pipe, process))
                elif begun and (time.monotonic() - begun[0] > WAITED or _spent(process.pid) - begun[1] > GIVEN_UP):
                    raise TimeoutError
                else:
                    continue
            except (EOFError, TimeoutError, OSError) as error:
                process.join(0 if isinstance(error, TimeoutError) else 5)
                process.kill()
                process.join()
                why = (
                    f"no answer in {GIVEN_UP:.0f} s of its own"
                    if isinstance(error, TimeoutError)
                    else "the process died"
                )
                yield Outcome(*case, "fault", GIVEN_UP, 0, f"{why} ({process.exitcode})")
            del busy[pipe]
    for pipe, process in idle:
        pipe.send(None)
        process.join()
