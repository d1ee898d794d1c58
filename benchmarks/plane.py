"""The page of the plane: all message-passing methods at equal budget on the same data, by lmax and body order.

    python benchmarks/plane.py [--seconds 120] [--seeds 1] [--methods painn mace] [--keep runs/plane] [--draw]

Every method is fitted with its defaults to 1,000 frames of ethanol (GFN2-xTB, 500 K) for the same seconds of wall time,
compilation not counted, and judged on 500 frames of other trajectories. Cost: energy and forces of a batch of 64
molecules, microseconds per atom, the repetitions of all methods interleaved. A fit that stands in --keep with the same
settings is not repeated. Writes docs/plane.json, docs/plane.svg and docs/plane_table.txt, of which docs/plane.md is
made; --draw only draws what docs/plane.json holds.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from plane_figure import draw, page, table

from erlangen import registry
from erlangen.contract import Budget, Samples, Session
from erlangen.core.systems import System
from erlangen.learn.batching import pack, predict, prepared
from erlangen.learn.checkpoint import load_fitted, save_fitted
from erlangen.study import environment
from erlangen.tasks.molecules.forces import Forces

METHODS = ("schnet", "dimenet", "spherenet", "comenet", "egnn", "painn", "nequip", "mace")
DOCS = Path(__file__).parents[1] / "docs"
BATCH, REPETITIONS = 64, 21


def fitted_within(name: str, task: Forces, seconds: float, seed: int, keep: Path | None) -> tuple[Any, int]:
    """The answer of a method after `seconds` of fitting, and the steps it took."""
    method, folder = registry.load_method(name)(), keep and keep / f"{name}-{seconds:g}s-s{seed}"
    steps: list[int] = []
    if folder and (folder / "steps").exists():
        return load_fitted(folder), int((folder / "steps").read_text())

    def note(step: int, total: int, figures: Any) -> None:
        steps.append(step)

    method.fit(task, Budget(steps=2), key=jax.random.key(seed))  # compiles; kept in the cache of programs
    fitted = method.fit(task, Budget(seconds=seconds), key=jax.random.key(seed), session=Session(progress=note))
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        save_fitted(folder, fitted)
        (folder / "steps").write_text(str(steps[-1]))
    return fitted, steps[-1]


def errors(fitted: Any, test: Samples) -> tuple[float, float]:
    """Mean absolute errors of forces [meV/A] and energies [meV]."""
    found = predict(fitted, test.inputs)
    forces = np.mean(np.abs(np.array(found["forces"]) - np.array(test.outputs["forces"])))
    energies = np.mean(np.abs(np.array(found["energy"], float) - np.array(test.outputs["energy"], float)))
    return 1000 * float(forces), 1000 * float(energies)


def microseconds(answers: dict[str, Any], inputs: Sequence[System]) -> dict[str, tuple[float, float]]:
    """Per atom: median and quarter range of energy and forces of a batch, all methods in turn."""
    calls = {}
    for name, fitted in answers.items():
        batch = jax.tree.map(jnp.asarray, pack(prepared(fitted, inputs))[0].inputs)
        run = eqx.filter_jit(lambda f, x: jax.vmap(f)(x))
        calls[name] = lambda run=run, f=fitted, x=batch: jax.block_until_ready(run(f, x))
        calls[name]()
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(REPETITIONS):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    atoms = sum(len(x["atomic_numbers"]) for x in inputs)
    return {
        name: (1e6 * float(np.median(s)) / atoms, 1e6 * float(np.subtract(*np.quantile(s, [0.75, 0.25]))) / atoms)
        for name, s in seconds.items()
    }


def measure(methods: list[str], seconds: float, seeds: int, keep: Path | None) -> dict[str, Any]:
    """The record: what was asked, on what machine, and one row per method."""
    task = Forces()
    test = task.truth("test")
    mean_force = 1000 * float(np.mean(np.abs(np.array(test.outputs["forces"]))))
    rows, answers = [], {}
    for name in methods:
        found = []
        for seed in range(seeds):
            fitted, steps = fitted_within(name, task, seconds, seed, keep)
            answers.setdefault(name, fitted)
            found.append((*errors(fitted, test), steps))
            print(f"{name:10s} seed {seed}: {found[-1][0]:7.1f} meV/A, {steps} steps", flush=True)
        method, parameters = registry.load_method(name)(), jax.tree.leaves(eqx.filter(answers[name], eqx.is_array))
        rows.append(
            {
                "method": name,
                "lmax": method.lmax,
                "body_order": method.body_order,
                "channels": method.channels,
                "layers": method.layers,
                "parameters": int(sum(a.size for a in parameters)),
                "forces_mae": [f for f, _, _ in found],
                "energy_mae": [e for _, e, _ in found],
                "steps": [s for _, _, s in found],
            }
        )
    inputs = [test.inputs[i] for i in range(BATCH)]
    for row, (median, spread) in zip(rows, microseconds(answers, inputs).values(), strict=True):
        row |= {"microseconds_per_atom": median, "microseconds_spread": spread}
    asked = {"task": task.name(), "task_fields": task.fields, "seconds": seconds, "seeds": seeds, "batch": BATCH}
    machine = {"device": environment.device(), "versions": environment.versions()}
    return {**asked, **machine, "created": time.strftime("%Y-%m-%d"), "mean_force": mean_force, "methods": rows}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=120.0, help="of each fit")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--keep", type=Path, help="folder for the answers, so that a run can be continued")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder for record, figure and table")
    parser.add_argument("--draw", action="store_true", help="draw and tabulate the record that is there")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    path = asked.out / "plane.json"
    if not asked.draw:
        environment.prepare(fields=False)
        record = measure(asked.methods, asked.seconds, asked.seeds, asked.keep)
        path.write_text(json.dumps(record, indent=1) + "\n")
    record = json.loads(path.read_text())
    (asked.out / "plane.svg").write_text(draw(record))
    (asked.out / "plane_table.txt").write_text(page(record))
    print(table(record))


if __name__ == "__main__":
    main()
