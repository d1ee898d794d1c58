"""Records as runs write them, with figures of a realistic size, for the tests of everything that reads records."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from erlangen.assess.rows import Cost, CoverageRow, Estimate, ShiftRow, SolverRow, SymmetryRow
from erlangen.contract import Samples
from erlangen.core import quantity
from erlangen.core.quantity import Quantity
from erlangen.core.systems import Atoms, Field
from erlangen.study import row_panels
from erlangen.study.measures import _ground_state, _supervised_panels
from erlangen.study.panels import Sheet
from erlangen.study.record import Record

GRID = {"points": [128], "lengths": [6.283185307179586], "boundary": "periodic", "parameters": {"viscosity": 0.01}}


VELOCITY = Quantity("u", "u", "L/T", "grid", label="velocity")


def drawn(record: Record, history, *, samples=None, exact: float | None = None) -> Sheet:
    """The panels of a record, as a run makes them, put into it, and their arrays."""
    sheet = Sheet([])
    row_panels.of_history(sheet, history)
    if samples is not None:
        _supervised_panels.of_outputs(sheet, record, *samples, level=0.9)
    _ground_state.energy_panels(sheet, history, exact)
    row_panels.of_rows(sheet, record)
    record.panels = sheet.panels
    return sheet


def fields_of(true: np.ndarray, predicted: np.ndarray, half: float | None = 0.008, lengths=(2 * np.pi,), name="u"):
    """Test samples [n, *grid] of one field, answers and bounds."""
    spacing = tuple(length / points for length, points in zip(lengths, true.shape[1:]))
    test = Samples([Field({name: u}, spacing) for u in true], {name: list(true)})
    bounds = {} if half is None else {name: [(u - half, u + half) for u in predicted]}
    return test, {name: list(predicted)}, bounds


def _trust(scores: Callable[[float], list[Estimate]]) -> dict[str, Any]:
    """Certificate, intervals, shift and solvers of the run below."""
    return {
        "symmetry": [
            SymmetryRow("method", "shifts along x", "u", 3.1e-7, True),
            SymmetryRow("method", "reflection of x", "u", 0.021, False),
            SymmetryRow("method", "Galilean boost", "u", 0.34, False),
            SymmetryRow("solver", "shifts along x", "u", 4.4e-15, True, tolerance=1e-10),
            SymmetryRow("solver", "Galilean boost", "u", 8.0e-14, True, tolerance=1e-10),
        ],
        "coverage": [
            CoverageRow("test", "u", level, level + 0.004, 0.006, width, "1")
            for level, width in ((0.5, 0.004), (0.8, 0.008), (0.9, 0.012))
        ]
        + [CoverageRow("viscosity=0.005", "u", 0.9, 0.72, 0.012, 0.012, "1")],
        "shifts": [
            ShiftRow("viscosity", nu, "1", scores(ratio), ratio)
            for nu, ratio in ((0.01, 1.0), (0.005, 2.4), (0.0025, 6.1))
        ],
        "solvers": [
            SolverRow("spectral solver", "points", n, 2e-4 * n / 32, {"nrmse": error})
            for n, error in ((16, 21.0), (32, 4.1), (48, 0.38), (64, 0.04), (96, 3e-4))
        ]
        + [
            SolverRow("spectral solver", "points", n, 4e-3 * n / 32, {"nrmse_20": error}, {"nrmse_20": error / 5}, 20)
            for n, error in ((16, 60.0), (32, 9.0), (48, 0.9), (64, 0.1), (96, 1e-3))
        ],
    }


def burgers(*, seed: int = 0, value: float = 0.41, method: str = "fno") -> Record:
    """A one-step map of the Burgers equation, with everything a record can hold."""
    record = _burgers(seed, value, method)
    _burgers_sheet(record)
    return record


def _burgers(seed: int = 0, value: float = 0.41, method: str = "fno") -> Record:

    def scores(factor: float) -> list[Estimate]:
        return [
            Estimate("nrmse", value * factor, 0.021 * factor, "%", "one-step error"),
            Estimate("nrmse_20", 2.3 * factor, 0.15 * factor, "%", "error after 20 steps"),
        ]

    return Record(
        run="2026-11-22-1744-burgers-fno-s0",
        task="continuum/burgers",
        task_fields={"viscosity": 0.01, "n": 128, "dt": 0.05, "count": 1000},
        method=method,
        method_fields={"modes": 24, "width": 48, "layers": 4},
        wraps=[{"name": "conformal", "settings": {"level": 0.9}}],
        seed=seed,
        budget="120s",
        created="2026-11-22T17:44:55+00:00",
        state="done",
        container="Field",
        inputs=[VELOCITY],
        outputs=[VELOCITY],
        scores=scores(1.0),
        floor={"nrmse": 2.1e-7, "nrmse_20": 8e-4},
        **_trust(scores),
        published=[
            {"name": "FNO-1d", "score": "nrmse", "value": 1.4, "unit": "%", "source": "arXiv:2010.08895"},
        ],
        cost=Cost(287_000, 118.0, 41.0, 1.1e-4, 1350.0, "spectral solver, points = 48", 3e-4, 837_000.0),
        rollout_cost=Cost(
            287_000, 118.0, 41.0, 2.2e-3, 1350.0, "spectral solver, points = 48", 6e-3, 159 / 3.8e-3, steps=20
        ),
        messages=["budget used up after 4000 steps"],
        data={
            "grid": GRID,
            "source": "own pseudo-spectral solver",
            "train": 1000,
            "test": 200,
        },
        versions={"erlangen": "0.1.0", "jax": "0.10.2", "python": "3.11.2"},
        device="cpu (2 cores)",
    )


def _burgers_sheet(record: Record, samples: int = 40, points: int = 128) -> Sheet:
    steps, noise = np.arange(0, 4001, 100), np.random.default_rng(0)
    decay = 0.9 * np.exp(-steps / 600) + 4e-3
    history = [{"step": float(s), "loss": d, "validation": 1.2 * d} for s, d in zip(steps.tolist(), decay.tolist())]
    x = np.arange(points) * 2 * np.pi / points
    waves = [noise.normal(size=(samples, 1)) / k * np.sin(k * x + 6 * noise.random((samples, 1))) for k in range(1, 6)]
    true = np.sum(waves, 0)
    predicted = true + 0.004 * noise.standard_t(5, size=true.shape)
    return drawn(record, history, samples=fields_of(true, predicted))


def burgers_arrays(samples: int = 40) -> dict[str, np.ndarray]:
    """arrays.npz of the same run."""
    values = {"scores/nrmse": np.abs(np.random.default_rng(0).normal(0.4, 0.1, samples))}
    return _burgers_sheet(_burgers(), samples).arrays | values | {"group": np.arange(samples) // 2}


def ethanol(*, seed: int = 0, value: float = 14.2, method: str = "painn") -> Record:
    """Forces of a molecule: two outputs, several groups, one violated; the solver is slower and exact."""
    record = _ethanol(seed, value, method)
    _ethanol_sheet(record)
    return record


def _ethanol(seed: int = 0, value: float = 14.2, method: str = "painn") -> Record:
    forces = Estimate("forces_mae", value, 0.4, "meV/A", "force MAE", "bootstrap over 10 blocks of one group")
    energy = Estimate("energy_mae", 0.62 * value, 0.5, "meV", "energy MAE", "bootstrap over 10 blocks of one group")
    groups = ("rotations and reflections O(3)", "translations", "permutations S_n")

    def hotter(temperature: float, ratio: float) -> ShiftRow:
        moved = [dataclasses.replace(one, value=one.value * ratio, error=one.error * ratio) for one in (forces, energy)]
        return ShiftRow("temperature", temperature, "K", moved, ratio)

    return Record(
        run="2026-11-22-1744-forces-painn-s0",
        task="molecules/forces",
        task_fields={"molecule": "ethanol", "temperature": 500.0, "count": 1000, "data": None},
        method=method,
        method_fields={"channels": 64, "cutoff": 5.0, "training": {"rate": 2e-3, "batch": 16}},
        wraps=[{"name": "conformal", "settings": {"level": 0.9}}],
        seed=seed,
        budget="150s",
        created="2026-11-22T17:50:12+00:00",
        state="done",
        container="Atoms",
        inputs=[quantity.positions, quantity.atomic_numbers],
        outputs=[quantity.energy, quantity.forces],
        scores=[forces, energy],
        symmetry=[SymmetryRow("method", g, q, 2e-6, True) for g in groups for q in ("energy", "forces")]
        + [SymmetryRow("solver", g, q, 3e-13, True, tolerance=1e-10) for g in groups for q in ("energy", "forces")],
        coverage=[
            CoverageRow("test", "energy", 0.9, 0.905, 0.014, 0.03, "eV"),
            CoverageRow("test", "forces", 0.9, 0.897, 0.006, 0.07, "eV/A"),
            CoverageRow("temperature=700.0", "energy", 0.9, 0.81, 0.02, 0.03, "eV"),
            CoverageRow("temperature=700.0", "forces", 0.9, 0.84, 0.01, 0.07, "eV/A"),
            CoverageRow("temperature=1000.0", "energy", 0.9, 0.61, 0.03, 0.03, "eV"),
            CoverageRow("temperature=1000.0", "forces", 0.9, 0.70, 0.02, 0.07, "eV/A"),
        ],
        shifts=[hotter(700.0, 1.6), hotter(1000.0, 3.3)],
        solvers=[SolverRow("GFN2-xTB", "accuracy", a, 0.02, {"forces_mae": e}) for a, e in ((1.0, 1e-3),)],
        cost=Cost(210_000, 150.0, 44.0, 4e-4, 2100.0, "GFN2-xTB, accuracy = 1.0", 0.02, 9898.0),
        data={
            "elements": [1, 6, 8],
            "samples": {"train": 1000, "validation": 100, "calibration": 200, "test": 300},
            "label_seconds": 44.0,
        },
        versions={"erlangen": "0.1.0", "jax": "0.10.2"},
        device="cpu (2 cores)",
    )


def _ethanol_sheet(record: Record, frames: int = 300) -> Sheet:
    """A large constant in the energy, three widths of intervals for the three elements."""
    noise, places = np.random.default_rng(1), np.random.default_rng(4).normal(size=(9, 3))
    numbers = np.repeat([1, 6, 8], 3).astype(np.int32)
    energy = -4190.3 + 0.2 * noise.normal(size=frames)
    width = np.repeat([0.02, 0.035, 0.05], 3)[:, None] * np.ones(3)
    forces = noise.normal(size=(frames, 9, 3))
    answers = forces + 0.5 * width * noise.standard_t(6, size=forces.shape)
    test = Samples([Atoms(places, numbers) for _ in energy], {"energy": list(energy), "forces": list(forces)})
    predictions = {"energy": list(energy + 0.009 * noise.normal(size=frames)), "forces": list(answers)}
    bounds = {"energy": [(e - 0.015, e + 0.015) for e in energy], "forces": [(f - width, f + width) for f in answers]}
    history = [
        {"step": float(s), "loss": 0.3 / (1 + s / 100), "validation": 0.35 / (1 + s / 90)} for s in range(0, 5000, 100)
    ]
    return drawn(record, history, samples=(test, predictions, bounds))


def ethanol_arrays() -> dict[str, np.ndarray]:
    """arrays.npz of the same run."""
    return _ethanol_sheet(_ethanol()).arrays | {"group": np.zeros(300, int)}


def ising() -> Record:
    """A ground state: no samples, an exact reference, a law instead of labels."""
    record = _ising()
    _ising_sheet(record)
    return record


def ising_arrays() -> dict[str, np.ndarray]:
    """arrays.npz of the same run."""
    return _ising_sheet(_ising()).arrays


EXACT = -20.4045971


def _ising_sheet(record: Record) -> Sheet:
    noise, exact, history = np.random.default_rng(2), EXACT, []
    for step in range(600):
        gap = 0.3 * np.exp(-step / 45) + 2e-6
        energy = exact * (1 - gap + gap * noise.normal() / 3)
        history.append({"step": float(step), "energy": energy, "error": 1e-3, "variance": 40 * gap, "acceptance": 0.4})
    return drawn(record, history, exact=exact)


def _ising() -> Record:
    by = "autocorrelation of 8192 fresh samples"
    return dataclasses.replace(
        _burgers(),
        run="2026-11-22-1740-spins-rbm-s0",
        task="quantum/spins",
        task_fields={"model": "ising", "lattice": "chain", "sites": 16, "field": 1.0},
        method="rbm",
        method_fields={"density": 2},
        wraps=[],
        scores=[
            Estimate("energy_error", 3.1e-6, 4e-7, "1", "relative energy error", by),
            Estimate("energy", -1.2752872, 5e-7, "J", "energy per site", by),
            Estimate("v_score", 4.2e-5, 7e-7, "1", "V-score", by),
        ],
        floor={},
        coverage=[],
        symmetry=[SymmetryRow("method", "lattice translations", "log_psi", 4e-15, True, tolerance=1e-10)],
        shifts=[],
        solvers=[SolverRow("exact diagonalisation", "sector", "all", 1.8, {"energy_error": 1e-14})],
        published=[],
        cost=Cost(544, 45.0, 0.0, 46.0, 900.0, "exact diagonalisation, sector = all", 1.8, None),
        rollout_cost=None,
        container="SpinLattice",
        inputs=[quantity.spins],
        outputs=[quantity.log_psi],
        data={
            "reference": {"energy": EXACT, "source": "exact diagonalisation", "seconds": 1.8},
            "error_bars": dataclasses.asdict(
                CoverageRow("test", "energy", 0.9, 0.925, 0.04, 2e-4, "J", "40 fresh evaluations against the full sum")
            ),
        },
    )
