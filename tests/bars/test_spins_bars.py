"""The bars of ground states of spins: relative energy errors that 2 cores reach within 10 minutes, 30 on 36 sites."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from erlangen.methods.variational.pair_product import PairProduct
from erlangen.methods.variational.rbm import RBM
from erlangen.methods.wrappers.lanczos import Lanczos
from erlangen.study.run import run
from erlangen.tasks.quantum.spins import Spins

# the bars are no package: the shared functions are loaded from the file beside this one
_SPEC = importlib.util.spec_from_file_location("bars", Path(__file__).with_name("test_bars.py"))
assert _SPEC is not None and _SPEC.loader is not None
bars = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(bars)

pytestmark = pytest.mark.slow

LAWS = {
    "critical Ising chain of 32": ({"sites": 32}, "10m", 6e-7),
    "Heisenberg chain of 20": ({"model": "heisenberg", "sites": 20}, "5m", 1e-6),
    "J1-J2 4x4": ({"model": "j1j2", "lattice": "square", "sites": 16}, "2m", 1e-6),
    "Heisenberg on kagome 12": ({"model": "heisenberg", "lattice": "kagome", "sites": 12}, "2m", 1e-5),
    "Heisenberg on triangular 12": ({"model": "heisenberg", "lattice": "triangular", "sites": 12}, "2m", 1e-5),
    "Heisenberg 6x6": ({"model": "heisenberg", "lattice": "square", "sites": 36}, "30m", 1e-4),
    "J1-J2 6x6": ({"model": "j1j2", "lattice": "square", "sites": 36}, "30m", 1e-3),
}


METHODS = {"Heisenberg 6x6": Lanczos(RBM(alpha=16)), "J1-J2 6x6": Lanczos(PairProduct())}


@pytest.mark.parametrize("name", LAWS)
def test_ground_state(tmp_path, name):
    settings, budget, limit = LAWS[name]
    record = run(Spins(**settings), METHODS.get(name, RBM()), budget=budget, runs=tmp_path, quiet=True).record
    error = record.score("energy_error")
    print(f"     {error.value:.2e} +- {error.error:.1e}, V-score {record.score('v_score').value:.1e}")
    rows = [row.error for row in record.symmetry if row.declared and row.subject == "method"]
    assert all(
        [
            bars.at_most(f"{name}: relative energy error", error.value, limit),
            bars.at_most(f"{name}: declared symmetry", max(rows), 1e-10),
        ]
    )
