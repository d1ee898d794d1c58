"""The bars: long runs whose figures erlangen promises. `make bars` prints each bar with the figure reached.

Every score is of held-out data, measured after the fit. Times are of two CPU cores.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from erlangen import registry
from erlangen.methods.wrappers.conformal import Conformal
from erlangen.study.record import Record
from erlangen.study.run import run

pytestmark = pytest.mark.slow
PYTHON = [sys.executable]


def show(bar: str, figure: float, limit: str, holds: bool) -> bool:
    """Print one bar; returns whether it holds."""
    print(f"BAR  {bar:<66} {figure:>12.4g}   ({limit})  {'holds' if holds else 'MISSED'}", flush=True)
    return holds


def at_most(bar: str, figure: float, limit: float) -> bool:
    return show(bar, figure, f"<= {limit:g}", figure <= limit)


def between(bar: str, figure: float, low: float, high: float) -> bool:
    return show(bar, figure, f"{low:g} to {high:g}", low <= figure <= high)


def symmetries(record: Record) -> bool:
    rows = [r for r in record.symmetry if r.declared and not r.broken]
    network = max((r.error for r in rows if r.subject == "method"), default=0.0)
    solver = max((r.error for r in rows if r.subject == "solver"), default=0.0)
    return all(
        [
            at_most(f"{record.task}: worst declared symmetry of {record.method}", network, 1e-5),
            at_most(f"{record.task}: worst symmetry of the reference", solver, 1e-10),
        ]
    )


def answer(tmp_path: Path, task: str, method: str, budget: str, conformal: bool = True, **settings: object) -> Record:
    chosen = registry.load_method(method)()
    wrapped = Conformal(chosen) if conformal else chosen
    return run(registry.load_task(task)(**settings), wrapped, budget=budget, runs=tmp_path, quiet=True).record


def test_critical_ising_chain_of_16(tmp_path):
    record = answer(tmp_path, "quantum/spins", "rbm", "45s", conformal=False)
    error = record.score("energy_error")
    print(f"     {error.value:.2e} +- {error.error:.1e}, V-score {record.score('v_score').value:.1e}")
    (coverage,) = [r for r in record.coverage if r.where == "test"]
    assert all(
        [
            at_most("Ising chain of 16 at h = J: relative energy error", error.value, 1e-5),
            between("Ising chain of 16: coverage of 90 % error bars, %", 100 * coverage.coverage, 82, 98),
            symmetries(record),
        ]
    )


@pytest.mark.parametrize("budget, limit", [("120s", 40.0), ("20m", 15.0)])
def test_ethanol_forces(tmp_path, budget, limit):
    record = answer(tmp_path, "molecules/forces", "painn", budget)
    (coverage,) = [r for r in record.coverage if r.where == "test" and r.output == "forces"]
    assert all(
        [
            at_most(
                f"ethanol GFN2 500 K, 1,000 frames, {budget}: force MAE, meV/A", record.score("forces_mae").value, limit
            ),
            between(f"ethanol, {budget}: coverage of 90 % force intervals, %", 100 * coverage.coverage, 88, 92),
            symmetries(record),
        ]
    )


def test_burgers(tmp_path):
    record = answer(tmp_path, "continuum/burgers", "fno", "75s")
    assert all(
        [
            at_most("Burgers nu = 0.01, 1,000 trajectories: one-step nRMSE, %", record.score("nrmse").value, 0.5),
            at_most("Burgers: nRMSE after 20 steps, %", record.score("rollout").value, 3.0),
            symmetries(record),
        ]
    )


@pytest.mark.skipif("ERLANGEN_ACAC" not in os.environ, reason="ERLANGEN_ACAC names the folder of the BOTNet AcAc set")
def test_own_data_acetylacetone(tmp_path):
    folder = Path(os.environ["ERLANGEN_ACAC"])
    files = {"data": "train_300K.xyz", "test": "test_MD_300K.xyz.xz", "judged_on": "test_MD_600K.xyz.xz"}
    record = answer(tmp_path, "molecules/forces", "painn", "10m", **{k: str(folder / v) for k, v in files.items()})
    hot = {s.name: s.value for s in record.shifts[0].scores}
    widths = {r.where: r for r in record.coverage if r.output == "forces"}
    for where, row in widths.items():
        print(f"     90 % force intervals on {Path(where).name}: {100 * row.coverage:.1f} % hold")
    assert len(widths) == 2
    assert at_most("AcAc 300 K, 10 min: force RMSE at 300 K, meV/A", record.score("forces_rmse").value, 40)
    assert at_most("AcAc 300 K, 10 min: force RMSE at 600 K, meV/A", hot["forces_rmse"], 120)


def seconds(command: list[str], repeats: int = 7) -> float:
    """Median wall time of a command that must succeed."""
    found = []
    for _ in range(repeats):
        tick = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        found.append(time.perf_counter() - tick)
    return statistics.median(found)


def test_start_up():
    cli = [*PYTHON, "-m", "erlangen.app.cli"]
    jax = seconds([*PYTHON, "-c", "import jax"])
    assert all(
        [
            at_most("erlangen list, s", seconds([*cli, "list"]), 0.4),
            at_most("erlangen --help, s", seconds([*cli, "--help"]), 0.4),
            at_most("import erlangen over import jax", seconds([*PYTHON, "-c", "import erlangen"]) / jax, 1.2),
        ]
    )
