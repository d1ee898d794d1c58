"""BAOAB and Verlet against the harmonic oscillator, where the exact answers are known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from erlangen.numerics.langevin import at_rest, langevin, thermal_velocities

STIFFNESS = 2.0


def spring(x):
    return 0.5 * STIFFNESS * float(np.sum(x**2)), -STIFFNESS * x


def run(steps, **settings):
    return list(itertools.islice(langevin(spring, **settings), steps))


@pytest.mark.parametrize("dt", [0.2, 1.0])
def test_positions_have_the_canonical_variance_at_every_stable_step(dt):
    """<x^2> = kT/k exactly, even at dt = 1 where the period is 4.4 (Leimkuhler and Matthews 2013)."""
    rng = np.random.default_rng(0)
    masses, kT, particles = np.ones(400), 0.7, 400
    start = rng.normal(size=(particles, 3))
    steps = langevin(spring, start, start * 0, masses, dt=dt, friction=0.5, kT=kT, rng=rng)
    frames = [p.positions for p in itertools.islice(steps, 100, 2000, 20)]
    assert np.mean(np.square(frames)) == pytest.approx(kT / STIFFNESS, rel=0.02)


def test_verlet_follows_the_exact_orbit_at_second_order():
    omega, x0 = STIFFNESS**0.5, np.array([[1.0, 0.0, 0.0]])
    errors = []
    for n in (50, 100, 200):
        rng = np.random.default_rng(0)
        last = run(n, positions=x0, velocities=x0 * 0, masses=np.ones(1), dt=5.0 / n, rng=rng)[-1]
        errors.append(abs(last.positions[0, 0] - np.cos(5.0 * omega)))
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(np.abs(orders - 2) < 0.1)


def test_verlet_is_reversible_and_conserves_energy():
    rng = np.random.default_rng(1)
    x, v, m = rng.normal(size=(5, 3)), rng.normal(size=(5, 3)), rng.uniform(1, 3, 5)
    path = run(2000, positions=x, velocities=v, masses=m, dt=0.02, rng=rng)
    total = [p.energy + 0.5 * np.sum(m[:, None] * p.velocities**2) for p in path]
    assert np.ptp(total) < 2e-4 * total[0]
    back = run(2000, positions=path[-1].positions, velocities=-path[-1].velocities, masses=m, dt=0.02, rng=rng)
    np.testing.assert_allclose(back[-1].positions, x, atol=1e-10)


def test_same_seed_same_trajectory():
    def once():
        rng = np.random.default_rng(3)
        x = np.ones((2, 3))
        return run(10, positions=x, velocities=x, masses=np.ones(2), dt=0.1, friction=1.0, kT=1.0, rng=rng)[
            -1
        ].positions

    np.testing.assert_array_equal(once(), once())


def test_at_rest_removes_momentum_and_angular_momentum():
    rng = np.random.default_rng(2)
    r, m = rng.normal(size=(6, 3)), rng.uniform(1, 16, 6)
    v = at_rest(r, thermal_velocities(m, 0.3, rng=rng), m)
    assert np.allclose((m[:, None] * v).sum(0), 0, atol=1e-12)
    assert np.allclose((m[:, None] * np.cross(r, v)).sum(0), 0, atol=1e-12)


def test_at_rest_handles_a_linear_molecule():
    r = np.array([[0, 0, -1.0], [0, 0, 0.0], [0, 0, 1.2]])
    v = at_rest(r, np.random.default_rng(0).normal(size=(3, 3)), np.ones(3))
    assert np.all(np.isfinite(v)) and np.allclose(np.cross(r, v).sum(0), 0, atol=1e-12)


def test_thermal_velocities_obey_equipartition():
    m = np.repeat([1.0, 12.0], 5000)
    v = thermal_velocities(m, 0.5, rng=np.random.default_rng(0))
    for mass in (1.0, 12.0):
        assert np.mean(mass * v[m == mass] ** 2) == pytest.approx(0.5, rel=0.03)
