"""Free energies against closed forms: a double well, a hindered rotor; weights, variables, bad input."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.core.systems import Atoms
from erlangen.physics import enhanced_sampling as sampling
from erlangen.physics.collective_variables import Angle, Dihedral, Distance, Variable, variable
from erlangen.physics.enhanced_sampling import Hills, Pace
from erlangen.physics.interatomic.lennard_jones import LennardJones

KT, KCAL = 0.0258, 0.0433641153  # eV at 300 K; eV of 1 kcal/mol
BARRIER = 8 * KT  # 4.8 kcal/mol
MASS = np.array([1036.4])  # 10 amu in eV fs^2/A^2


class Place(Variable):
    """x of an atom."""

    count = 1

    def __call__(self, r):
        return r[self.atoms[0], 0]


def double_well(r):
    x, y, z = r[0]
    return BARRIER * (x**2 - 1) ** 2 + 0.5 * (y**2 + z**2)


EDGES = np.linspace(-1.6, 1.6, 33)


def exact(fold=8):
    """F in the bins: -kT log of the mean of exp(-U/kT) over each."""
    fine = np.linspace(EDGES[0], EDGES[-1], fold * (len(EDGES) - 1) + 1)
    middles = 0.5 * (fine[1:] + fine[:-1])
    return -KT * np.log(np.exp(-BARRIER * (middles**2 - 1) ** 2 / KT).reshape(-1, fold).mean(1))


def error_of(found):
    """Root mean square error [kcal/mol] below 10 kT, and the median of the stated errors."""
    true = exact()
    low = true < 10 * KT
    gap = (found.energy - true)[low]
    return np.sqrt(np.mean((gap - gap.mean()) ** 2)) / KCAL, np.median(found.error[low]) / KCAL


def umbrellas(count, seed=0):
    centres = np.linspace(-1.6, 1.6, 17)
    starts = np.stack([[[x, 0.0, 0.0]] for x in centres])
    pace = Pace(dt=2.0, friction=0.02, interval=10, count=count, burn_in=50)
    return sampling.umbrella(
        sampling.of_energy(double_well),
        starts,
        MASS,
        Place((0,)),
        centres,
        4 * KT / 0.2**2,
        kT=KT,
        pace=pace,
        seed=seed,
    )


def filled(count, burn_in, walkers=8):
    pace = Pace(dt=2.0, friction=0.02, interval=10, count=count, burn_in=burn_in)
    hills = Hills(KT / 2, 0.15, factor=8, low=-2, high=2, bins=100, every=10)
    starts = np.tile([[[-1.0, 0.0, 0.0]]], (walkers, 1, 1))
    forces = sampling.of_energy(double_well)
    return sampling.metadynamics(forces, starts, MASS, Place((0,)), hills, kT=KT, pace=pace), hills


def test_umbrellas_find_the_double_well_that_plain_dynamics_never_leaves():
    found = sampling.profile(umbrellas(400), EDGES, kT=KT)
    error, stated = error_of(found)
    assert error < 0.2 and 0.01 < stated < 0.3
    assert np.sum(np.exp(-found.energy / KT)) * np.diff(EDGES)[0] == pytest.approx(1)
    pace = Pace(dt=2.0, friction=0.02, interval=10, count=500, burn_in=10)
    starts = np.tile([[[-1.0, 0.0, 0.0]]], (2, 1, 1))
    plain = sampling.unbiased(sampling.of_energy(double_well), starts, MASS, Place((0,)), kT=KT, pace=pace, seed=1)
    assert plain.values.max() < 0.5 and np.all(plain.log_weights == 0)
    assert plain.values.std() == pytest.approx(np.sqrt(KT / (8 * BARRIER)), rel=0.15)


def test_walkers_with_hills_cross_and_their_weights_are_those_of_the_well():
    found, hills = filled(2500, 1000)
    error, _ = error_of(sampling.profile(found, EDGES, kT=KT))
    assert error < 0.15 and found.values.max() > 0.9
    # the bias itself tends to -(1 - 1/factor) F
    middles = hills.low + hills.spacing * np.arange(hills.bins)
    near = np.abs(middles) < 1.2
    level = found.bias[near] + (1 - 1 / hills.factor) * BARRIER * (middles[near] ** 2 - 1) ** 2
    assert np.std(level) < KT


@pytest.mark.slow
def test_the_free_energy_of_the_double_well_is_within_a_tenth_of_a_kilocalorie():
    for found in (umbrellas(4000), filled(20000, 5000)[0]):
        error, stated = error_of(sampling.profile(found, EDGES, kT=KT))
        print(f"{error:.3f} kcal/mol, stated {stated:.3f}")
        assert error < 0.1


RYCKAERT = np.array([9.278, 12.156, -13.120, -3.060, 26.240, -31.495]) * 0.0103642697  # eV


def torsion(phi):
    """Of butane, from trans (Ryckaert and Bellemans 1978, doi:10.1039/dc9786600095)."""
    return sum(c * jnp.cos(phi - np.pi) ** k for k, c in enumerate(RYCKAERT))


def butane(r):
    """Four united atoms: bonds and angles are springs, which do not care about the dihedral: F(phi) = torsion(phi)."""
    bonds = jnp.linalg.norm(r[1:] - r[:-1], axis=1)
    angles = jnp.stack([Angle((0, 1, 2))(r), Angle((1, 2, 3))(r)])
    bent = 0.5 * 5.4 * jnp.sum((angles - 1.94) ** 2)
    return 0.5 * 20.0 * jnp.sum((bonds - 1.53) ** 2) + bent + torsion(Dihedral((0, 1, 2, 3))(r))


@pytest.mark.slow
def test_the_dihedral_of_butane_is_found_by_umbrellas_and_by_metadynamics():
    """Trans, gauche and the barriers between them, below 10 kT at 300 K."""
    trans = np.array([[0.0, 0, 0], [0.5, 1.45, 0], [2.03, 1.45, 0], [2.53, 2.9, 0]])
    mass, twist = np.array([15.0, 14.0, 14.0, 15.0]) * 103.642697, Dihedral((0, 1, 2, 3))
    edges = np.linspace(-np.pi, np.pi, 73)
    fine = np.linspace(-np.pi, np.pi, 721)[:-1] + np.pi / 720
    true = -KT * np.log(np.exp(-torsion(fine) / KT).reshape(72, 10).mean(1))
    low = true - true.min() < 10 * KT
    forces, pace = sampling.of_energy(butane), Pace(dt=2.0, friction=0.01, interval=10, count=1500, burn_in=100)
    centres = np.linspace(-np.pi, np.pi, 37)[:-1]
    starts = np.stack([_twisted(trans, c) for c in centres])
    by = {
        "umbrellas": sampling.umbrella(forces, starts, mass, twist, centres, 4 * KT / 0.1745**2, kT=KT, pace=pace),
        "metadynamics": sampling.metadynamics(
            forces, np.tile(trans, (8, 1, 1)), mass, twist, Hills(KT / 3, 0.2, factor=8, every=5), kT=KT,
            pace=dataclasses.replace(pace, count=12000, burn_in=3000),
        ),
    }  # fmt: skip
    for name, one in by.items():
        found = sampling.profile(one, edges, kT=KT)
        gap = (found.energy - true)[low]
        error = np.sqrt(np.mean((gap - gap.mean()) ** 2)) / KCAL
        print(f"{name}: {error:.3f} kcal/mol, stated {np.median(found.error[low]) / KCAL:.3f}")
        assert error < 0.1


def _twisted(r, phi):
    """The chain with that dihedral; it begins flat, at pi."""
    axis, turn = (r[2] - r[1]) / np.linalg.norm(r[2] - r[1]), phi - np.pi
    v = r[3] - r[2]
    along = axis * (axis @ v)
    turned = along + (v - along) * np.cos(turn) + np.cross(axis, v) * np.sin(turn)
    return np.concatenate([r[:3], [r[2] + turned]])


def test_weights_of_two_harmonic_states_are_those_of_the_closed_form():
    """Two windows on a flat surface: the difference of their free energies is zero, whatever the gap."""
    rng, k = np.random.default_rng(0), 4.0
    values = np.array([0.0, 1.0])[:, None] + rng.normal(size=(2, 4000)) / np.sqrt(k)
    energies = 0.5 * k * (values[None] - np.array([0.0, 1.0])[:, None, None]) ** 2
    w, worth = sampling.reweighted(sampling.mbar(energies))
    inside = np.histogram(values, np.linspace(0, 1, 6), weights=w)[0]
    assert np.ptp(inside) < 0.1 * inside.mean() and 1 < worth < w.size
    assert sampling.reweighted(np.array([0.0, -800.0]))[1] == pytest.approx(1)


def test_variables_are_those_of_geometry_and_do_not_see_where_the_molecule_is():
    r = jnp.array([[1.0, 0, 0], [0, 0, 0], [0, 0, 1.5], [0.0, 1.0, 1.5]])
    assert Distance((0, 1))(r) == pytest.approx(1) and Angle((0, 1, 2))(r) == pytest.approx(np.pi / 2)
    twist = Dihedral((0, 1, 2, 3))
    turned = jnp.linalg.qr(jax.random.normal(jax.random.key(0), (3, 3)))[0]
    turned = turned * jnp.sign(jnp.linalg.det(turned))
    assert float(twist(r @ turned.T + 3.0)) == pytest.approx(float(twist(r)), abs=1e-5)
    assert abs(float(twist(r))) == pytest.approx(np.pi / 2) and float(twist(-r)) == pytest.approx(-float(twist(r)))
    from ase import Atoms as AseAtoms

    angle = AseAtoms("H4", np.asarray(r)).get_dihedral(0, 1, 2, 3)
    assert np.cos(twist(r)) == pytest.approx(np.cos(np.radians(angle)), abs=1e-6)
    assert twist.apart(jnp.asarray(3.0), jnp.asarray(-3.0)) == pytest.approx(6 - 2 * np.pi)
    assert variable("dihedral:3,0,1,2") == Dihedral((3, 0, 1, 2))
    for text, said in (("torsion:0,1,2,3", "dihedral"), ("angle:0,1", "3 different atoms"), ("angle:0,1,1", "3 diff")):
        with pytest.raises(Invalid, match=said):
            variable(text)


def test_a_surface_is_sampled_as_it_is_and_bad_settings_are_told():
    x = Atoms(np.array([[0.0, 0, 0], [3.9, 0, 0]]), np.array([18, 18], np.int32))
    forces = sampling.on(LennardJones(), x)
    pace = Pace(dt=4.0, count=20, burn_in=2)
    mass = np.full(2, 4140.0)
    found = sampling.umbrella(
        forces, np.asarray(x.positions)[None], mass, Distance((0, 1)), np.array([3.9]), 1.0, kT=0.002, pace=pace
    )
    assert found.values.mean() == pytest.approx(3.9, abs=0.2) and found.positions.shape == (1, 20, 2, 3)
    with pytest.raises(Invalid, match="isolated molecules"):
        sampling.on(LennardJones(), dataclasses.replace(x, cell=9 * np.eye(3), pbc=np.ones(3, bool)))
    with pytest.raises(Invalid, match="every block"):
        sampling.profile(found, EDGES, kT=KT, blocks=30)
    with pytest.raises(Invalid, match="period"):
        starts = np.zeros((1, 4, 3))
        hills = Hills(0.01, 0.2, low=0.0, high=1.0)
        sampling.metadynamics(forces, starts, mass, Dihedral((0, 1, 2, 3)), hills, kT=KT, pace=pace)
    with pytest.raises(Invalid, match="factor"):
        Hills(0.01, 0.1, factor=1.0)
