"""The bars of excited states: gaps of 16 spins within 1e-3 J of the exact ones, from fresh samples."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

# the bars are no package: the shared functions are loaded from the file beside this one
_SPEC = importlib.util.spec_from_file_location("bars", Path(__file__).with_name("test_bars.py"))
assert _SPEC is not None and _SPEC.loader is not None
bars = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(bars)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("model", "lattice", "budget"),
    [("ising", "chain", "2m"), ("heisenberg", "chain", "2m"), ("heisenberg", "square", "4m"), ("j1j2", "square", "6m")],
)
def test_gap_of_16_spins(tmp_path, model, lattice, budget):
    settings = {"model": model, "lattice": lattice, "sites": 16}
    record = bars.answer(tmp_path, "quantum/excited", "sectors", budget, conformal=False, **settings)
    gap, error = record.score("gap"), record.score("gap_error")
    exact = record.data["reference"]["energies"]
    print(f"     gap {gap.value:.6f} +- {gap.error:.1e} J, exact {exact[1] - exact[0]:.6f} J")
    assert all(
        [
            bars.at_most(f"{model}, {lattice} of 16: error of the gap, J", error.value, 1e-3),
            bars.at_most(f"{model}, {lattice} of 16: error bar of the gap, J", error.error, 5e-4),
            bars.at_most(
                f"{model}, {lattice} of 16: characters of both sectors",
                max(row.error for row in record.symmetry if row.subject == "method"),
                1e-10,
            ),
        ]
    )
