"""A progress line with rate and remaining time: redrawn on a terminal, a line now and then in a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

SECONDS_BETWEEN_LINES = 10.0
Watch = Callable[[str, Mapping[str, Any]], None]
"""Who watches a run from outside: called with what happens and its figures ("began" run; "step" step, total, figures;
"said" text; "judging")."""


class ProgressLine:
    """Callable as `Session.progress`; also collects the figures as the history of the record."""

    def __init__(self, title: str, stream: TextIO | None = sys.stderr, watch: Watch | None = None):
        self.title, self.stream, self.watch = title, stream, watch
        self.history: list[dict[str, float]] = []
        self._start = time.perf_counter()
        self._first: int | None = None
        self._written = 0.0

    def __call__(self, step: int, total: int, figures: Mapping[str, float]) -> None:
        """total: 0 while the length of the fit is not known yet."""
        self.history.append({**{k: float(v) for k, v in figures.items()}, "step": float(step)})
        if self.watch is not None:
            self.watch("step", {"step": step, "total": total, "figures": self.history[-1]})
        if self.stream is None:
            return
        now, ends = time.perf_counter(), 0 < total <= step
        if self._first is None:
            self._first, self._start = step, now
        line = f"{self.title}  {self._pace(step, total, now)}"
        line += "".join(f"  {k} {v:.4g}" for k, v in figures.items() if k != "step")
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
