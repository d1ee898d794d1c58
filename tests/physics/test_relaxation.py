"""Relaxation ends where ASE's ends: clusters, a sheared crystal with its cell, a network; symmetry is kept."""

from __future__ import annotations

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase import Atoms as AseAtoms
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS
from ase.stress import full_3x3_to_voigt_6_stress

from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.methods.message_passing._potential import Potential
from erlangen.methods.message_passing.painn import PaiNN
from erlangen.nn.elements import Elements
from erlangen.nn.radial import Bessel
from erlangen.numerics import mechanics
from erlangen.numerics.precision import double
from erlangen.physics.interatomic.lennard_jones import LennardJones
from erlangen.physics.relaxation import operations, relax, relaxed
from erlangen.physics.units import GPA

NEAR = LennardJones(cutoff=6.0)


class OfSurface(Calculator):
    """A surface for ASE, on lists that are made anew every time."""

    implemented_properties: ClassVar[list[str]] = ["energy", "forces", "stress"]

    def __init__(self, surface):
        super().__init__()
        self.surface, self.answer = surface, jax.jit(lambda x: mechanics.mechanics(surface.shares, x))

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        with double():
            found = jax.device_get(self.answer(self.surface.prepare(ours(self.atoms))))
        stress = full_3x3_to_voigt_6_stress(0.5 * (found["stress"] + found["stress"].T))
        self.results = {"energy": float(found["energy"]), "forces": found["forces"], "stress": stress}


def ours(a):
    return Atoms(a.positions.copy(), np.asarray(a.numbers, np.int32), a.cell.array.copy(), np.asarray(a.pbc))


def shapeless(r, s):
    """Positions up to turns and shifts: distances between all atoms."""
    return [np.linalg.norm(x[:, None] - x, axis=-1) for x in (r, s)]


def cluster(ring=5, seed=0):
    """A bipyramid: LJ7 with five atoms around, LJ5 with three."""
    angle = 2 * np.pi * np.arange(ring) / ring
    radius, height = 1.9 / np.sin(np.pi / ring), 3.1 if ring == 3 else 2.0
    around = radius * np.stack([np.cos(angle), np.sin(angle), 0 * angle], 1)
    a = AseAtoms(f"Ar{ring + 2}", np.concatenate([around, [[0, 0, height], [0, 0, -height]]]))
    a.rattle(0.1, seed=seed)
    return a


@pytest.mark.parametrize("method", ["lbfgs", "fire"])
def test_clusters_side_by_side_end_where_ase_ends(method):
    clusters = [cluster(5), cluster(3, seed=1)]
    found = relax(LennardJones(), [ours(a) for a in clusters], tolerance=1e-5, method=method)
    for a, r in zip(clusters, found):
        a.calc = OfSurface(LennardJones())
        BFGS(a, logfile=None).run(fmax=1e-5, steps=1000)
        assert r.converged and r.energy == pytest.approx(a.get_potential_energy(), abs=1e-7)
        np.testing.assert_allclose(*shapeless(r.atoms.positions, a.positions), atol=2e-3)
        assert np.abs(r.forces).max() <= 1e-5 and r.steepest <= 1e-5


def test_a_sheared_crystal_under_pressure_and_its_cell_end_where_ase_ends():
    a = bulk("Ar", "fcc", 5.1, cubic=True)
    a.set_cell(a.cell.array @ (np.eye(3) + [[0.02, 0.03, 0], [0, -0.02, 0.01], [0, 0, 0.01]]), scale_atoms=True)
    a.rattle(0.05, seed=2)
    (found,) = relax(NEAR, [ours(a)], cell=True, pressure=0.5 * GPA, tolerance=1e-4)
    a.calc = OfSurface(NEAR)
    BFGS(FrechetCellFilter(a, scalar_pressure=0.5 * GPA), logfile=None).run(fmax=1e-4, steps=1000)
    assert found.converged and found.energy == pytest.approx(a.get_potential_energy(), abs=1e-5)
    np.testing.assert_allclose(found.atoms.cell @ found.atoms.cell.T, a.cell.array @ a.cell.array.T, atol=5e-3)
    np.testing.assert_allclose(found.stress, -0.5 * GPA * np.eye(3), atol=2e-5)


def network():
    """A tiny one with random weights, for carbon."""
    key = jax.random.key(1)
    found = PaiNN(channels=4, layers=1, radial=Bessel(4.0, 4)).build(1, 3.0, key=key)
    with double():
        found = jax.tree.map(lambda a: jnp.asarray(a, jnp.float64) if eqx.is_inexact_array(a) else a, found)
    return Potential(found, Elements((6,), (0.0,)), 1.0, 4.0, None)


def test_a_network_relaxes_where_ase_takes_it():
    f = network()
    a = AseAtoms("C3", [[0, 0, 0], [1.4, 0, 0], [0.8, 1.2, 0.1]])
    (found,) = relax(f, [ours(a)], tolerance=1e-3)
    a.calc = OfSurface(f)
    BFGS(a, logfile=None).run(fmax=1e-3, steps=500)
    assert found.converged and found.energy == pytest.approx(a.get_potential_energy(), abs=1e-4)


def test_symmetry_is_kept_by_averaging():
    """Wurtzite by numbers: two species on one law; the space group has 12 operations, and 12 they stay."""
    a = bulk("ZnO", "wurtzite", a=3.9, c=6.2, u=0.36)
    x = ours(a)
    group = operations(x)
    assert len(group.rotations) == 12
    forces = np.random.default_rng(0).normal(size=(4, 3))
    with double():
        mean, strain = group.averaged(jnp.asarray(forces), jnp.asarray(np.diag([1.0, 2, 3]) + 0.3))
        again, _ = group.averaged(mean, strain)
    np.testing.assert_allclose(again, mean, atol=1e-12)
    np.testing.assert_allclose(strain, np.diag([1.5, 1.5, 3.0]) + 0.3 * np.diag([1, 1, 1]), atol=1e-12)
    (found,) = relax(NEAR, [x], cell=True, symmetry=True, tolerance=1e-3)
    assert len(operations(found.atoms, 1e-6).rotations) == 12
    with pytest.raises(Invalid, match="repeat along all three axes"):
        operations(ours(cluster()))


def test_what_cannot_be_relaxed_is_told():
    with pytest.raises(Invalid, match="a cell can be relaxed"):
        relax(LennardJones(), [ours(cluster())], cell=True)
    with pytest.raises(Invalid, match="positive tolerance"):
        relax(LennardJones(), [ours(cluster())], tolerance=0.0)
    with pytest.raises(Invalid, match="all elements must occur"):
        relax(network(), [ours(AseAtoms("Ar2", [[0, 0, 0], [3, 0, 0]]))])
    with pytest.raises(Invalid, match="finite energy"):
        relax(LennardJones(), [ours(AseAtoms("Ar2", np.zeros((2, 3))))])
    with pytest.warns(UserWarning, match="not at rest after 2 steps"):
        relaxed(LennardJones(), ours(cluster()), most=2)
