"""A progress line with rate and remaining time: redrawn on a terminal, one line in ten in a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TextIO


class ProgressLine:
    """Callable as `Session.progress`; also collects the figures as the history of the record."""

    def __init__(self, title: str, stream: TextIO | None = sys.stderr):
        self.title, self.stream = title, stream
        self.history: list[dict[str, float]] = []
        self._start = time.perf_counter()
        self._first: int | None = None

    def __call__(self, step: int, total: int, figures: Mapping[str, float]) -> None:
        self.history.append({**{k: float(v) for k, v in figures.items()}, "step": float(step)})
        if self.stream is None:
            return
        if self._first is None:
            self._first, self._start = step, time.perf_counter()
        rate = (step - self._first) / max(time.perf_counter() - self._start, 1e-9)
        pace = f"{rate:6.1f} steps/s  {(total - step) / rate:4.0f} s left" if rate > 0 else "compiled"
        shown = "  ".join(f"{k} {v:.4g}" for k, v in figures.items() if k != "step")
        line = f"{self.title}  {step}/{total}  {pace}  {shown}"
        if self.stream.isatty():
            self.stream.write(f"\r\033[K{line[:118]}" + ("\n" if step >= total else ""))
        elif step >= total or len(self.history) % 10 == 1:
            self.stream.write(line + "\n")
        self.stream.flush()
