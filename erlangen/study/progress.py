"""A progress line with rate and remaining time: redrawn on a terminal, a line now and then in a file."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TextIO

from ..contract.parts import Tell

SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_REDRAWN = 1.0
Watch = Callable[[str, Mapping[str, Any]], None]
"""Who watches a run from outside: called with what happens and its figures ("began" run; "step" step, total, figures;
"stage" text, of what has no steps; "said" text; "judging")."""


@dataclasses.dataclass
class _Stage:
    """Something that goes on and has no steps, or none yet."""

    what: str
    begun: float
    done: int = 0
    total: int = 0
    first: tuple[int, float] | None = None  # what was done when it was told first, and when: before it, all compiles
    is_shown: bool = False
    is_over: bool = False

    def tell(self, done: int, total: int) -> None:
        self.done, self.total = done, total
        self.first = self.first or (done, time.perf_counter())

    def line(self, now: float) -> str:
        """What, how long, how far, and what is left."""
        line = f"{self.what}  {now - self.begun:.0f} s"
        if self.total:
            line += f"  {self.done}/{self.total}"
        done, since = self.first or (0, now)
        if self.total > self.done > done and now > since:
            rate = (self.done - done) / (now - since)
            line += f"  {rate:.3g}/s  {(self.total - self.done) / rate:.0f} s left"
        return line


class ProgressLine:
    """Callable as `Session.progress`; also collects the figures as the history of the record, and in `spent` the
    seconds of every stage.
    """

    def __init__(self, title: str, stream: TextIO | None = sys.stderr, watch: Watch | None = None):
        self.title, self.stream, self.watch = title, stream, watch
        self.history: list[dict[str, float]] = []
        self.spent: dict[str, float] = {}
        self._start = time.perf_counter()
        self._first: int | None = None
        self._last = 0
        self._written = 0.0
        self._stages: list[_Stage] = []
        self._lock = threading.Lock()

    def __call__(self, step: int, total: int, figures: Mapping[str, float]) -> None:
        """total: 0 while the length of the fit is not known yet."""
        self.history.append({**{k: float(v) for k, v in figures.items()}, "step": float(step)})
        if self.watch is not None:
            self.watch("step", {"step": step, "total": total, "figures": self.history[-1]})
        for stage in self._stages:
            stage.is_over = True  # there are steps now
        if self.stream is None:
            return
        now, ends = time.perf_counter(), 0 < total <= step
        if self._first is None or step < self._last:  # of the first fit, or of the next
            self._first, self._start = step, now
        self._last = step
        line = self._pace(step, total, now)
        line += "".join(f"  {k} {v:.4g}" for k, v in figures.items() if k != "step")
        self._write(line, now, ends=ends)

    @contextlib.contextmanager
    def during(self, what: str) -> Iterator[Tell]:
        """As `Session.during`: a thread speaks, once a second on a terminal, every ten in a file, until it is over."""
        stage = _Stage(what, time.perf_counter())
        if self.watch is not None:
            self.watch("stage", {"text": what})
        ended = threading.Event()
        speaker = threading.Thread(target=self._speak, args=(stage, ended), daemon=True)
        self._stages.append(stage)
        if self.stream is not None:
            speaker.start()
        try:
            yield stage.tell
        finally:
            ended.set()
            self._stages.remove(stage)
            if self.stream is not None:
                speaker.join()
            now = time.perf_counter()
            self.spent[what] = self.spent.get(what, 0.0) + now - stage.begun
            if stage.is_shown and not stage.is_over:
                self._write(stage.line(now), now, ends=True)

    def _speak(self, stage: _Stage, ended: threading.Event) -> None:
        redrawn = self.stream is not None and self.stream.isatty()
        while not ended.wait(SECONDS_BETWEEN_REDRAWN if redrawn else SECONDS_BETWEEN_LINES):
            if stage.is_over:
                return
            if self._stages and self._stages[-1] is stage:
                now = time.perf_counter()
                stage.is_shown = True
                self._write(stage.line(now), now, ends=False)

    def _write(self, line: str, now: float, *, ends: bool) -> None:
        if self.stream is None:
            return
        line = f"{self.title}  {line}"
        with self._lock:
            if self.stream.isatty():
                self.stream.write(f"\r\033[K{line[:118]}" + ("\n" if ends else ""))
            elif ends or now - self._written >= SECONDS_BETWEEN_LINES:
                self.stream.write(line + "\n")
                self._written = now
            self.stream.flush()

    def _pace(self, step: int, total: int, now: float) -> str:
        place = f"{step}/{total}" if total else f"{step}"
        rate = (step - (self._first or 0)) / max(now - self._start, 1e-9)
        if rate <= 0:
            return place
        left = f"  {max(total - step, 0) / rate:4.0f} s left" if total else ""
        return f"{place}  {rate:6.1f} steps/s{left}"
