"""Records as runs write them, with figures of a realistic size, for the tests of everything that reads records."""

from __future__ import annotations

import numpy as np

from erlangen.assess.rows import Cost, CoverageRow, Estimate, OpponentRow, ShiftRow, SymmetryRow
from erlangen.study.record import Record


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
        wraps=["conformal(level=0.9)"],
        seed=seed,
        budget="120s",
        created="2026-11-22T17:44:55+00:00",
        state="done",
        scores=scores(1.0),
        floor={"nrmse": 2.1e-7},
        symmetry=[
            SymmetryRow("method", "shifts along x", "u", 3.1e-7, True),
            SymmetryRow("method", "reflection of x", "u", 0.021, False),
            SymmetryRow("method", "Galilean boost", "u", 0.34, False),
            SymmetryRow("solver", "shifts along x", "u", 4.4e-15, True, tolerance=1e-10),
            SymmetryRow("solver", "Galilean boost", "u", 8.0e-14, True, tolerance=1e-10),
        ],
        coverage=[
            CoverageRow("test", "u", level, level + 0.004, 0.006, width, "1")
            for level, width in ((0.5, 0.004), (0.8, 0.008), (0.9, 0.012))
        ]
        + [CoverageRow("viscosity=0.005", "u", 0.9, 0.72, 0.012, 0.012, "1")],
        shifts=[
            ShiftRow("viscosity", nu, "1", scores(ratio), ratio)
            for nu, ratio in ((0.01, 1.0), (0.005, 2.4), (0.0025, 6.1))
        ],
        opponents=[
            OpponentRow("spectral solver", "points", n, 2e-4 * n / 32, {"nrmse": error})
            for n, error in ((16, 21.0), (32, 4.1), (48, 0.38), (64, 0.04), (96, 3e-4))
        ],
        peers=[
            {"name": "FNO-1d", "score": "nrmse", "value": 1.4, "unit": "%", "source": "arXiv:2010.08895"},
        ],
        cost=Cost(287_000, 118.0, 41.0, 1.1e-4, 1350.0, "spectral solver (points = 48)", 3e-4, 837_000.0),
        history=[
            {"step": float(s), "seconds": s * 0.03, "loss": d, "validation": 1.2 * d, "rate": 1e-3}
            for s, d in zip(steps.tolist(), decay.tolist(), strict=True)
        ],
        messages=["budget used up after 4000 steps"],
        data={"outputs": {"u": "velocity u [L/T]"}, "source": "own pseudo-spectral solver", "train": 1000, "test": 200},
        versions={"erlangen": "0.1.0", "jax": "0.10.2", "python": "3.11.2"},
        device="cpu (2 cores)",
    )


def burgers_arrays(samples: int = 40, points: int = 128) -> dict[str, np.ndarray]:
    """arrays.npz of the same run."""
    noise = np.random.default_rng(0)
    true = np.cumsum(noise.normal(size=(samples, points)), 1) / 8
    predicted = true + 0.004 * noise.standard_t(5, size=true.shape)
    return {
        "test/u/true": true.ravel(),
        "test/u/predicted": predicted.ravel(),
        "test/u/lower": predicted.ravel() - 0.008,
        "test/u/upper": predicted.ravel() + 0.008,
        "scores/nrmse": np.abs(noise.normal(0.4, 0.1, samples)),
        "group": np.arange(samples) // 2,
    }
