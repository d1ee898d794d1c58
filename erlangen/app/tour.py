"""The tour: one leaf of each scale, from nothing to a certified record, and a page that shows all three."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Stop:
    """One leaf of the tour: which task, answered how, within what time."""

    scale: str
    task: str
    method: str
    budget: str
    wrap: str = ""


STOPS = (
    Stop("quantum", "quantum/spins", "rbm", "45s"),
    Stop("atomistic", "molecules/forces", "painn", "120s", "conformal"),
    Stop("continuum", "continuum/burgers", "fno", "75s", "conformal"),
)


def tour(runs: str | Path = "runs", page: str | Path = "tour.html", seed: int = 0) -> Path:
    """Run every stop, print a table after each and a summary at the end, write `page`; returns its path."""
    from .. import registry
    from ..methods.wrappers.conformal import Conformal
    from ..study.run import run
    from ..study.table import summary
    from .report import report

    start, finished = time.perf_counter(), []
    for stop in STOPS:
        print(f"\n== {stop.scale}: {stop.task} answered by {stop.method} within {stop.budget}\n", flush=True)
        method = registry.load_method(stop.method)()
        method = Conformal(method) if stop.wrap else method
        done = run(registry.load_task(stop.task)(), method, budget=stop.budget, seed=seed, runs=runs)
        print(done.table(), flush=True)
        finished.append(done)
    print(f"\n== the tour in {time.perf_counter() - start:.0f} s\n")
    print(summary([r.record for r in finished]))
    path = report([r.folder for r in finished], Path(page), heading="The tour: one problem of each scale")
    print(f"\nPlots, certificates and settings: {path}")
    return path
