"""The bar of real-time dynamics: a quench of 16 spins to the critical field. Run by `make bars`, as in `test_bars`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

# --import-mode=importlib leaves no package to import a neighbour from
_spec = importlib.util.spec_from_file_location("bars", Path(__file__).with_name("test_bars.py"))
assert _spec is not None and _spec.loader is not None
bars = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(bars)


def test_quench_of_the_ising_ring_of_16_to_the_critical_field(tmp_path):
    record = bars.answer(tmp_path, "quantum/quench", "tdvp", "5m", conformal=False)
    infidelity = record.score("infidelity").value
    bound, drift = record.score("residual_bound").value, record.score("energy_drift").value
    print(f"     residual bound {bound:.1e}, energy drift {drift:.1e} J per site, fit {record.cost.fit_seconds:.0f} s")
    assert all(
        [
            bars.at_most("Ising ring of 16, h = inf to J: infidelity at t = 1/J", infidelity, 1e-4),
            bars.at_most("Ising ring of 16: <sx>(t), root-mean-square error", record.score("sx_error").value, 5e-3),
            bars.symmetries(record),
        ]
    )
