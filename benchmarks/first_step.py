"""Seconds from the start of a fit to the end of its first training step, and the programs that XLA compiles for it.

    python benchmarks/first_step.py [--methods painn mace] [--task molecules/forces] [--limit 15]

Each method in a process of its own, default settings, no cache of compiled programs; labels are made, or read, before
the clock. Columns: building (data in order, network with random weights), tracing (Python to XLA's language),
compiling, running (the rest), and their sum; the same in seconds of CPUs, which other work on the machine changes
less; then the whole fit of one step, validation included, and the programs compiled for the first step and for the
whole fit. Ends with an error where a first step takes longer than `--limit`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from typing import Any

import jax

from erlangen import registry
from erlangen.contract import Budget
from erlangen.learn import supervised

ATOMS = ("painn", "schnet", "egnn", "dimenet", "spherenet", "comenet", "nequip", "mace")
TRACING = ("/jax/core/compile/jaxpr_trace_duration", "/jax/core/compile/jaxpr_to_mlir_module_duration")
COMPILING = "/jax/core/compile/backend_compile_duration"
COLUMNS = ("building", "tracing", "compiling", "running", "first step", "of CPUs", "whole fit")


class Watch:
    """A clock that starts with the fit and notes what JAX and the engine report."""

    def __init__(self) -> None:
        self.start, self.spent = time.perf_counter(), time.process_time()
        self.tracing = self.compiling = 0.0
        self.programs = 0
        self.marks: dict[str, dict[str, float]] = {}
        jax.monitoring.register_event_duration_secs_listener(self.hear)

    def hear(self, event: str, duration_secs: float, **kwargs: Any) -> None:
        """What JAX reports: seconds of tracing and compiling."""
        if event in TRACING:
            self.tracing += duration_secs
        if event == COMPILING:
            self.compiling += duration_secs
            self.programs += 1

    def mark(self, name: str) -> None:
        """The state of all clocks at the first event of this name."""
        now = {"seconds": time.perf_counter() - self.start, "tracing": self.tracing, "compiling": self.compiling}
        more = {"programs": self.programs, "of CPUs": time.process_time() - self.spent}
        self.marks.setdefault(name, {**now, **more})

    def row(self) -> dict[str, float]:
        """Seconds by column, and the programs up to the first step and in all."""
        built, stepped, ended = (self.marks[name] for name in ("built", "stepped", "ended"))
        parts = {name: stepped[name] - built[name] for name in ("tracing", "compiling")}
        rest = stepped["seconds"] - built["seconds"] - sum(parts.values())
        return {
            "building": built["seconds"],
            **parts,
            "running": rest,
            "first step": stepped["seconds"],
            "of CPUs": stepped["of CPUs"],
            "whole fit": ended["seconds"],
            "programs": stepped["programs"],
            "programs of the fit": ended["programs"],
        }


def watched(name: str, task_name: str) -> dict[str, float]:
    """One fit of one step under the watch, in this process."""
    task, method = registry.load_task(task_name)(), registry.load_method(name)()
    for split in ("train", "validation"):
        task.truth(split)
    key = jax.block_until_ready(jax.random.key(0))
    watch = Watch()

    class Engine(supervised._Engine):
        """The engine, telling when it is handed the network and when it has made a step."""

        def __init__(self, *args: Any, **options: Any):
            watch.mark("built")
            super().__init__(*args, **options)

        def step(self, *args: Any) -> Any:
            found = jax.block_until_ready(super().step(*args))
            watch.mark("stepped")
            return found

    supervised._Engine = Engine  # type: ignore[misc]
    jax.block_until_ready(jax.tree.leaves(method.fit(task, Budget(steps=1), key=key)))
    watch.mark("ended")
    return watch.row()


def in_a_new_process(name: str, task_name: str) -> dict[str, float]:
    """The same where nothing has been compiled, nor will be read."""
    clean = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}
    command = [sys.executable, __file__, "--child", "--methods", name, "--task", task_name]
    done = subprocess.run(command, env=clean, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="*", default=list(ATOMS))
    parser.add_argument("--task", default="molecules/forces")
    parser.add_argument("--limit", type=float, default=15.0, help="seconds to the end of a first step")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(watched(options.methods[0], options.task)))
        return
    task = registry.load_task(options.task)()
    for split in ("train", "validation"):
        task.truth(split)
    print(f"{task}\nseconds, {len(os.sched_getaffinity(0))} cores", flush=True)
    print(f"{'':20}" + "".join(f"{c:>12}" for c in COLUMNS) + f"{'programs':>16}")
    slow = []
    for name in options.methods:
        row = in_a_new_process(name, options.task)
        figures = "".join(f"{row[c]:12.1f}" for c in COLUMNS)
        print(f"{name:20}{figures}{row['programs']:9.0f} /{row['programs of the fit']:5.0f}", flush=True)
        slow += [name] if row["first step"] > options.limit else []
    if slow:
        sys.exit(f"longer than {options.limit:g} s to the first step: {', '.join(slow)}")


if __name__ == "__main__":
    main()
