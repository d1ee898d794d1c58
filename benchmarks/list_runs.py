"""How long it takes to list 10,000 runs: fresh index, warm index, and plain reading of all records for comparison.

python benchmarks/list_runs.py [count]
"""

from __future__ import annotations

import dataclasses
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from erlangen.assess.rows import Cost, Estimate
from erlangen.study import store
from erlangen.study.record import Record

REPETITIONS = 15


def seconds(action: Callable[[], object], repetitions: int = REPETITIONS) -> list[float]:
    found = []
    for _ in range(repetitions):
        start = time.perf_counter()
        action()
        found.append(time.perf_counter() - start)
    return sorted(found)


def fill(root: Path, count: int) -> None:
    record = Record(
        run="",
        task="continuum/burgers",
        task_fields={"viscosity": 0.01},
        method="fno",
        method_fields={"modes": 16},
        wraps=[],
        seed=0,
        budget="120s",
        created="2026-11-22T17:44:55",
        state="done",
        cost=Cost(280_000, 120.0, 40.0, 1e-4, 900.0),
        history=[{"step": float(step), "loss": 1 / (step + 1)} for step in range(200)],
    )
    for i in range(count):
        folder = root / f"run-{i:06d}"
        folder.mkdir()
        score = Estimate("nrmse", 0.4 + i / count, 0.02, "%")
        dataclasses.replace(record, run=folder.name, seed=i, scores=[score]).write(folder)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        fill(root, count)
        first = seconds(lambda: store.runs(root), 1)
        warm = seconds(lambda: store.runs(root, order="score"))
        top = seconds(lambda: store.runs(root, "continuum", order="score", limit=20))
        plain = seconds(lambda: [Record.read(folder) for folder in root.iterdir() if folder.name[0] != "."], 1)
        assert len(store.runs(root)) == count
    print(f"{count} runs, seconds: least / median / most of {REPETITIONS}")
    for what, times in (
        ("list all, index built from the folders", first),
        ("list all, by score", warm),
        ("list the best 20", top),
        ("read every record.json instead", plain),
    ):
        print(f"  {what:40s} {times[0]:8.4f} {statistics.median(times):8.4f} {times[-1]:8.4f}")
    print(f"  index against reading every record: {statistics.median(plain) / statistics.median(warm):.0f} x faster")


if __name__ == "__main__":
    main()
