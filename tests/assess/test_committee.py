"""An ensemble of potentials as one surface: its mean, its disagreement, and what follows for every member."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from ase.build import bulk

from erlangen.assess.committee import Committee, committee, of_members, spread_of_forces
from erlangen.assess.ensembles import Members
from erlangen.core.systems import Atoms
from erlangen.numerics.mechanics import Surface, mechanics_of
from erlangen.numerics.precision import double
from erlangen.physics.interatomic.lennard_jones import LennardJones
from erlangen.physics.phonons import Phonons


def argon():
    a = bulk("Ar", "fcc", 5.3, cubic=True)
    a.rattle(0.1, seed=0)
    return Atoms(a.positions, a.numbers, a.cell.array, np.asarray(a.pbc))


@pytest.fixture(scope="module")
def pair():
    return Committee((LennardJones(epsilon=0.010), LennardJones(epsilon=0.012)), False)


def test_the_surface_is_the_mean_and_the_disagreement_that_of_the_forces(pair):
    x = argon()
    with double():
        ready = pair.prepare(x)
        mean, low, high = (mechanics_of(one, ready)["forces"] for one in (pair, *pair.each))
        np.testing.assert_allclose(mean, (low + high) / 2, atol=1e-14)
        apart = np.linalg.norm(np.asarray(high - low), axis=-1) / np.sqrt(2)  # two members, n - 1
    np.testing.assert_allclose(spread_of_forces(pair, x), apart, atol=1e-14)
    assert isinstance(pair, Surface) and apart.max() > 1e-3
    assert spread_of_forces(LennardJones(), x) is None


def test_frequencies_of_every_member(pair):
    q = np.array([[0.5, 0.0, 0.0]])
    x = Atoms(np.zeros((1, 3)), np.array([18]), bulk("Ar", "fcc", 5.3).cell.array, np.ones(3, bool))
    each = of_members(pair, lambda one: Phonons.of(one, x).frequencies(q))
    np.testing.assert_allclose(each[1], each[0] * np.sqrt(1.2), rtol=1e-9)
    assert of_members(LennardJones(), lambda one: one) == []


def test_members_that_are_no_surfaces_stay_what_they_are():
    plain = Members((jax.nn.relu, jax.nn.gelu), False)
    assert committee(plain) is plain
    assert isinstance(committee(Members((LennardJones(), LennardJones()), False)), Committee)
