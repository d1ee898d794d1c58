"""Runs whose ground energy is zero: errors are absolute, which is said, and the record stands."""

from __future__ import annotations

import pytest

from erlangen.methods.variational.mean_field import MeanField
from erlangen.study.run import run
from erlangen.tasks.quantum.spins import Spins


@pytest.mark.parametrize(
    "constant, kind, unit", [(1.0, "absolute", "J"), pytest.param(5.0, "relative", "1", marks=pytest.mark.slow)]
)
def test_a_ground_energy_of_zero(tmp_path, constant, kind, unit):
    path = tmp_path / "bond.txt"
    path.write_text(f"{constant} II\n-1 ZZ\n")
    found = run(Spins(file=str(path)), MeanField(), budget="3steps", runs=tmp_path / "runs", quiet=True)
    error = found.record.score("energy_error")
    assert error.label == f"{kind} energy error" and error.unit == unit
    assert error.value < 1e-10  # both spins up: the state is exact
    assert found.record.score("energy").value == pytest.approx((constant - 1) / 2, abs=1e-10)
    assert all(one.scores["energy_error"] < 1e-10 for one in found.record.solvers if "mean field" in one.name)
    assert any("nearly zero" in line for line in found.record.messages) == (unit == "J")
