"""Stillinger-Weber silicon against a plain loop over triplets, and against published figures."""

from __future__ import annotations

import itertools

import jax
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list
from ase.units import GPa

from erlangen.app.calculator import as_container
from erlangen.learn.batching import stacked
from erlangen.numerics.neighbour_lists import listed
from erlangen.numerics.precision import double
from erlangen.physics.interatomic.stillinger_weber import StillingerWeber

LAW, SIDE, STRAIN = StillingerWeber(), 5.430950, 1e-5  # a = 2.0951 A * 2^(1/6) * 4 / sqrt(3), where the bond is deepest


def plain(atoms: Atoms) -> float:
    """The energy as it is written down: pairs, then triplets around each atom."""
    eps, sigma, a, strength, gamma, big_a, big_b = 2.1683, 2.0951, 1.8, 21.0, 1.2, 7.049556277, 0.6022245584
    i, vectors = neighbor_list("iD", atoms, a * sigma)
    r = np.linalg.norm(vectors, axis=1) / sigma
    total = 0.5 * eps * np.sum(big_a * (big_b * r**-4 - 1) * np.exp(1 / (r - a)))
    for atom in range(len(atoms)):
        for p, q in itertools.combinations(np.flatnonzero(i == atom), 2):
            cosine = vectors[p] @ vectors[q] / (r[p] * r[q] * sigma**2)
            total += strength * eps * np.exp(gamma / (r[p] - a) + gamma / (r[q] - a)) * (cosine + 1 / 3) ** 2
    return total


def strained(strain: np.ndarray) -> Atoms:
    atoms = bulk("Si", a=SIDE)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    return atoms


@pytest.fixture(scope="module")
def ask():
    """Mechanics of structures of up to 16 atoms, compiled once."""
    compiled = jax.jit(jax.vmap(LAW.mechanics))

    def answers(structures: list[Atoms]) -> dict[str, np.ndarray]:
        inputs = [listed(as_container(atoms), LAW.cutoff) for atoms in (structures * 8)[:8]]
        with double():
            return jax.device_get(compiled(stacked(inputs, (16, 64))[0]))

    return answers


def test_moments_of_neighbours_are_the_sum_over_triplets(ask):
    shaken = bulk("Si", cubic=True) * (2, 1, 1)
    shaken.rattle(0.3, seed=0)
    dense = bulk("Si", "fcc", 3.2)
    trimer = Atoms("Si3", [[0, 0, 0], [2.3, 0, 0], [0.5, 2.2, 0.3]])
    found = ask([shaken, dense, trimer])
    for energy, atoms in zip(found["energy"], (shaken, dense, trimer)):
        assert energy == pytest.approx(plain(atoms), abs=1e-9)
    assert plain(trimer) > 2 * plain(trimer[:2]) + 0.1  # eV: an angle that wants to be wider


def test_diamond_is_that_of_the_paper(ask):
    found = ask([bulk("Si", a=SIDE), bulk("Si", a=5.431)])
    assert found["energy"] / 2 == pytest.approx(-4.3366, abs=1e-5)
    assert np.abs(found["stress"][0]).max() / GPa < 1e-3


def test_elastic_constants_are_the_published_ones(ask):
    """C11 161.6, C12 81.6, C44 60.3, and 117.2 GPa with sublattices at rest, for an epsilon that gives a cohesion of
    4.63 eV (Balamane, Halicioglu and Tiller 1992, doi:10.1103/PhysRevB.46.2250): 151.4, 76.4, 56.4 and 109.8 here.

    Sublattices shift along z under a shear of x and y.
    """
    stretch, shear, scale = np.zeros((3, 3)), np.zeros((3, 3)), 4.63 / 4.3366
    stretch[0, 0], shear[0, 1], shear[1, 0] = STRAIN, STRAIN / 2, STRAIN / 2
    shifted = bulk("Si", a=SIDE)
    shifted.positions[1, 2] += STRAIN
    found = ask([*(strained(sign * e) for e in (stretch, shear) for sign in (1, -1)), shifted])
    slopes = scale * (found["stress"][0:4:2] - found["stress"][1:4:2]) / (2 * STRAIN * GPa)
    assert slopes[0, 0, 0] == pytest.approx(161.6, abs=0.1) and slopes[0, 1, 1] == pytest.approx(81.6, abs=0.1)
    assert slopes[1, 0, 1] == pytest.approx(117.2, abs=0.1)
    force, coupling = -found["forces"][4, 1, 2] / STRAIN, found["stress"][4, 0, 1] / STRAIN
    relaxed = slopes[1, 0, 1] - scale * coupling**2 * shifted.get_volume() / force / GPa
    assert relaxed == pytest.approx(60.3, abs=0.1)
