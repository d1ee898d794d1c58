"""The tour: problems of every scale, from nothing to certified records, and a page that shows them all."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Stop:
    """One leaf of the tour: which task, answered how, within what time, and why it is worth a look."""

    scale: str
    task: str
    method: str
    budget: str
    why: str
    wrap: str = ""
    settings: Mapping[str, int | str] = dataclasses.field(default_factory=dict)


STOPS = (
    Stop(
        "quantum",
        "quantum/spins",
        "rbm",
        "12s",
        "a critical chain of 16 spins, beside exact diagonalisation",
    ),
    Stop(
        "atomistic",
        "molecules/forces",
        "painn",
        "40s",
        "forces of ethanol in motion at 500 K, beside the method that made the labels",
        "conformal",
    ),
    Stop(
        "continuum",
        "continuum/kolmogorov",
        "semi_lagrangian",
        "25s",
        "vorticity stirred by a sine, carried along a learned flow, beside its solvers",
        settings={"count": 16},
    ),
)


def tour(runs: str | Path = "runs", page: str | Path = "tour.html", seed: int = 0, *, verbose: bool = False) -> Path:
    """Run every stop, print a short table after each (all of it where `verbose`) and write `page`; returns its path."""
    from .. import registry
    from ..methods.wrappers.conformal import Conformal
    from ..study.digest import digest
    from ..study.run import run
    from .report import report

    start, finished = time.perf_counter(), []
    for stop in STOPS:
        print(f"\n== {stop.scale}: {stop.task} answered by {stop.method} within {stop.budget}\n   {stop.why}\n")
        method = registry.load_method(stop.method)()
        method = Conformal(method) if stop.wrap else method
        task = registry.load_task(stop.task)(**stop.settings)
        done = run(task, method, budget=stop.budget, seed=seed, runs=runs)
        print(f"\n{done.table() if verbose else digest(done.record)}", flush=True)
        finished.append(done)
    path = report([r.folder for r in finished], Path(page), heading="The tour: problems of every scale")
    print(f"\nThe tour took {time.perf_counter() - start:.0f} s. Plots, certificates and settings: {path}")
    print(f"The map with these records on it: erlangen serve --open --runs {runs}")
    return path
