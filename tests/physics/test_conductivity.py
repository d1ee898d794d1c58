"""Conductivity of silicon: phono3py's at the same mesh and smearing, symmetry as the whole zone, classical limits."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from ase.build import bulk

from erlangen.core.systems import Atoms
from erlangen.physics.conductivity import Zone, conductivity
from erlangen.physics.interatomic.stillinger_weber import StillingerWeber
from erlangen.physics.phonons import Phonons

SILICON = bulk("Si", "diamond", 5.431)
CRYSTAL = Phonons.of(StillingerWeber(), Atoms(SILICON.positions, SILICON.numbers, SILICON.cell.array, np.ones(3, bool)))


def test_it_is_that_of_phono3py():
    """phono3py 4.10, 111 supercells of 64 atoms, mesh 5^3, Gaussians of 0.1 THz: `benchmarks/conductivity_against_
    phono3py.py --mesh 5`. It has no trace over degenerate modes, of which so coarse a mesh has many.
    """
    found = conductivity(CRYSTAL, (5, 5, 5), [300.0, 600.0, 1000.0], width=0.1)
    assert found.mean == pytest.approx([378.002, 171.863, 101.357], rel=0.03)
    assert found.kappa[0] == pytest.approx(np.eye(3) * found.mean[0], rel=1e-6, abs=1e-6)  # cubic
    assert found.mean[2] * 1000 == pytest.approx(found.mean[1] * 600, rel=0.03)  # 1 / T
    scattered = conductivity(CRYSTAL, (5, 5, 5), [300.0], isotopes=[2.01e-4] * 2)
    assert 0.6 * found.mean[0] < scattered.mean[0] < found.mean[0]


def test_symmetry_changes_nothing(monkeypatch):
    few = conductivity(CRYSTAL, (2, 2, 2), [300.0], width=1.0)
    zone = Zone.of(CRYSTAL, (2, 2, 2))
    count = len(zone.q)
    one = np.eye(3, dtype=int)[None]
    whole = dataclasses.replace(
        zone, turns=one, rotations=one.astype(float), different=np.arange(count), weights=np.full(count, 1 / count)
    )
    monkeypatch.setattr(Zone, "of", classmethod(lambda cls, crystal, shape: whole))
    every = conductivity(CRYSTAL, (2, 2, 2), [300.0], width=1.0)
    assert len(every.q) == 8 > len(few.q) == 3
    assert every.kappa == pytest.approx(few.kappa, rel=1e-6, abs=1e-6 * few.mean[0])
