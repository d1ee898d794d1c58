"""Records as runs write them, with figures of a realistic size, for the tests of everything that reads records."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from erlangen.assess.rows import Cost, CoverageRow, Estimate, OpponentRow, ShiftRow, SymmetryRow
from erlangen.study.record import Record

GRID = {"points": [128], "lengths": [6.283185307179586], "boundary": "periodic", "parameters": {"viscosity": 0.01}}


def _trust(scores: Callable[[float], list[Estimate]]) -> dict[str, Any]:
    """Certificate, intervals, shift and opponents of the run below."""
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
        "opponents": [
            OpponentRow("spectral solver", "points", n, 2e-4 * n / 32, {"nrmse": error})
            for n, error in ((16, 21.0), (32, 4.1), (48, 0.38), (64, 0.04), (96, 3e-4))
        ]
        + [
            OpponentRow("spectral solver", "points", n, 4e-3 * n / 32, {"nrmse_20": error}, {"nrmse_20": error / 5}, 20)
            for n, error in ((16, 60.0), (32, 9.0), (48, 0.9), (64, 0.1), (96, 1e-3))
        ],
    }


def burgers(*, seed: int = 0, value: float = 0.41, method: str = "fno") -> Record:
    """A one-step map of the Burgers equation, with everything a record can hold."""

    def scores(factor: float) -> list[Estimate]:
        return [
            Estimate("nrmse", value * factor, 0.021 * factor, "%", "one-step error"),
            Estimate("nrmse_20", 2.3 * factor, 0.15 * factor, "%", "error after 20 steps"),
        ]

    steps = np.arange(0, 4001, 100)
    decay = 0.9 * np.exp(-steps / 600) + 4e-3
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
        scores=scores(1.0),
        floor={"nrmse": 2.1e-7, "nrmse_20": 8e-4},
        **_trust(scores),
        peers=[
            {"name": "FNO-1d", "score": "nrmse", "value": 1.4, "unit": "%", "source": "arXiv:2010.08895"},
        ],
        cost=Cost(287_000, 118.0, 41.0, 1.1e-4, 1350.0, "spectral solver, points = 48", 3e-4, 837_000.0),
        rollout_cost=Cost(
            287_000, 118.0, 41.0, 2.2e-3, 1350.0, "spectral solver, points = 48", 6e-3, 159 / 3.8e-3, steps=20
        ),
        history=[
            {"step": float(s), "seconds": s * 0.03, "loss": d, "validation": 1.2 * d, "rate": 1e-3}
            for s, d in zip(steps.tolist(), decay.tolist(), strict=True)
        ],
        messages=["budget used up after 4000 steps"],
        data={
            "outputs": {"u": "velocity u [L/T]"},
            "grid": GRID,
            "source": "own pseudo-spectral solver",
            "train": 1000,
            "test": 200,
        },
        versions={"erlangen": "0.1.0", "jax": "0.10.2", "python": "3.11.2"},
        device="cpu (2 cores)",
    )


def burgers_arrays(samples: int = 40, points: int = 128) -> dict[str, np.ndarray]:
    """arrays.npz of the same run."""
    noise = np.random.default_rng(0)
    x = np.arange(points) * 2 * np.pi / points
    waves = [noise.normal(size=(samples, 1)) / k * np.sin(k * x + 6 * noise.random((samples, 1))) for k in range(1, 6)]
    true = np.sum(waves, 0)
    predicted = true + 0.004 * noise.standard_t(5, size=true.shape)
    return {
        "test/u/true": true.ravel(),
        "test/u/predicted": predicted.ravel(),
        "test/u/lower": predicted.ravel() - 0.008,
        "test/u/upper": predicted.ravel() + 0.008,
        "scores/nrmse": np.abs(noise.normal(0.4, 0.1, samples)),
        "group": np.arange(samples) // 2,
    }


def ethanol(*, seed: int = 0, value: float = 14.2, method: str = "painn") -> Record:
    """Forces of a molecule: two outputs, several groups, one violated; the opponent is slower and exact."""
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
        opponents=[OpponentRow("GFN2-xTB", "accuracy", a, 0.02, {"forces_mae": e}) for a, e in ((1.0, 1e-3),)],
        cost=Cost(210_000, 150.0, 44.0, 4e-4, 2100.0, "GFN2-xTB, accuracy = 1.0", 0.02, 9898.0),
        history=[
            {"step": float(s), "loss": 0.3 / (1 + s / 100), "validation": 0.35 / (1 + s / 90)}
            for s in range(0, 5000, 100)
        ],
        data={
            "outputs": {"energy": "energy E [eV]", "forces": "forces F [eV/A]"},
            "elements": [1, 6, 8],
            "samples": {"train": 1000, "validation": 100, "calibration": 200, "test": 300},
            "label_seconds": 44.0,
        },
        versions={"erlangen": "0.1.0", "jax": "0.10.2"},
        device="cpu (2 cores)",
    )


def ethanol_arrays(frames: int = 300) -> dict[str, np.ndarray]:
    """arrays.npz of the same run: a large constant in the energy, three widths of intervals for the three elements."""
    noise = np.random.default_rng(1)
    energy = -4190.3 + 0.2 * noise.normal(size=frames)
    width = np.tile(np.repeat([0.02, 0.035, 0.05], 9), frames)
    forces = noise.normal(size=frames * 27)
    error = 0.5 * width * noise.standard_t(6, size=forces.size)
    return {
        "test/energy/true": energy,
        "test/energy/predicted": energy + 0.009 * noise.normal(size=frames),
        "test/energy/lower": energy - 0.015,
        "test/energy/upper": energy + 0.015,
        "test/forces/true": forces,
        "test/forces/predicted": forces + error,
        "test/forces/lower": forces + error - width,
        "test/forces/upper": forces + error + width,
        "scores/forces_mae": np.abs(error).reshape(frames, -1).mean(1),
        "group": np.zeros(frames, int),
    }


def ising() -> Record:
    """A ground state: no samples, an exact reference, a law instead of labels."""
    noise, exact = np.random.default_rng(2), -20.4045971
    history = []
    for step in range(600):
        gap = 0.3 * np.exp(-step / 45) + 2e-6
        energy = exact * (1 - gap + gap * noise.normal() / 3)
        history.append({"step": float(step), "energy": energy, "error": 1e-3, "variance": 40 * gap, "acceptance": 0.4})
    by = "autocorrelation of 8192 fresh samples"
    return dataclasses.replace(
        burgers(),
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
        symmetry=[SymmetryRow("method", "lattice translations", "log_psi", 4e-15, True, tolerance=1e-10)],
        coverage=[CoverageRow("test", "energy", 0.9, 0.925, 0.04, 2e-4, "J", "energy estimates")],
        shifts=[],
        opponents=[OpponentRow("exact diagonalisation", "sector", "all", 1.8, {"energy_error": 1e-14})],
        peers=[],
        cost=Cost(544, 45.0, 0.0, 46.0, 900.0, "exact diagonalisation, sector = all", 1.8, None),
        rollout_cost=None,
        history=history,
        data={"reference": {"energy": exact, "source": "exact diagonalisation", "seconds": 1.8}},
    )
