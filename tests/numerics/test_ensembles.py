"""Ensembles against what is exact: oscillators, free particles, a perfect gas under pressure."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.numerics.ensembles import Bodies, CellRescaling, Langevin, Phase, VelocityRescaling, Verlet
from erlangen.numerics.following import Felt
from erlangen.numerics.precision import double

KT = 0.7


def felt(stiffness, r):
    return Felt(0.5 * stiffness * jnp.sum(r**2), -stiffness * r, jnp.zeros((3, 3)))


def begin(r, v, stiffness=0.0, edge=1.0):
    r, v = jnp.asarray(r, jnp.float64), jnp.asarray(v, jnp.float64)
    return Phase(r, v, edge * jnp.eye(3), felt(stiffness, r), jnp.zeros(()))


def course(ensemble, phase, bodies, steps, see, stiffness=0.0, seed=0):
    """What `see` finds after every step."""

    def step(phase, number):
        key = jax.random.fold_in(jax.random.key(seed), number)
        feel = lambda p: p.moved(felt=felt(stiffness, p.positions))  # noqa: E731
        phase = ensemble.step(phase, bodies, feel, number=number, key=key)
        return phase, see(phase)

    return jax.jit(lambda phase: jax.lax.scan(step, phase, jnp.arange(steps)))(phase)


def energy(bodies):
    return lambda p: p.felt.energy + jnp.sum(bodies.kinetic(p.velocities)) - p.heat


def test_verlet_errs_by_the_square_of_the_step_and_turns_back():
    with double():
        bodies = Bodies(jnp.asarray([1.0, 3.0]), jnp.asarray(6.0))
        start = begin([[1.0, 0, 0], [0, 0.5, 0]], [[0, 1.0, 0], [0, 0, 1.0]], 2.0)
        worst = []
        for dt in (0.1, 0.05):
            end, found = course(Verlet(dt), start, bodies, round(10 / dt), energy(bodies), 2.0)
            worst.append(float(jnp.max(jnp.abs(found - found[0]))))
        assert worst[0] / worst[1] == pytest.approx(4.0, rel=0.05)
        back = end.moved(velocities=-end.velocities)
        home, _ = course(Verlet(0.05), back, bodies, 200, energy(bodies), 2.0)
        np.testing.assert_allclose(home.positions, start.positions, atol=1e-12)


def test_langevin_positions_are_exact_for_oscillators_at_a_large_step():
    """<x^2> = kT / k at omega dt = 1.2, where Verlet's own energy is wrong by a third."""
    with double():
        masses = jnp.tile(jnp.asarray([1.0, 4.0]), 200)
        bodies, zero = Bodies(masses, jnp.asarray(1200.0)), np.zeros((400, 3))
        square = lambda p: jnp.mean(p.positions.reshape(200, 2, 3) ** 2, (0, 2))  # noqa: E731
        _, found = course(Langevin(1.2, KT, 0.3), begin(zero, zero, 1.0), bodies, 1500, square, 1.0)
        np.testing.assert_allclose(np.mean(found[100:], 0), KT, rtol=0.01)


@pytest.mark.parametrize(
    "ensemble", [Langevin(0.1, KT, 2.0), VelocityRescaling(0.1, KT, 0.5)], ids=lambda e: type(e).__name__
)
def test_kinetic_energy_has_the_mean_and_the_variance_of_its_gamma_distribution(ensemble):
    """K ~ Gamma(f / 2, kT): mean f kT / 2, variance f kT^2 / 2; momentum, where it is conserved, stays zero."""
    n, free = 4, 12 if isinstance(ensemble, Langevin) else 9
    with double():
        masses = jnp.asarray([1.0, 2.0, 3.0, 4.0])
        bodies = Bodies(masses, jnp.asarray(float(free)))
        v = np.random.default_rng(0).normal(size=(100, n, 3))
        v -= np.einsum("n,bnd->bd", masses, v)[:, None] / 10 * (free == 9)
        see = lambda p: (jnp.sum(bodies.kinetic(p.velocities)), masses @ p.velocities)  # noqa: E731
        run = lambda v, seed: course(ensemble, begin(np.zeros((n, 3)), v), bodies, 600, see, seed=seed)[1]  # noqa: E731
        kinetic, momentum = jax.vmap(run)(v, jnp.arange(100))
    kinetic = np.asarray(kinetic)[:, 50:]
    assert kinetic.mean() == pytest.approx(free * KT / 2, rel=0.015)
    assert kinetic.var() == pytest.approx(free * KT**2 / 2, rel=0.06)
    if free == 9:
        assert np.max(np.abs(momentum)) < 1e-10


@pytest.mark.parametrize("free", ["volume", pytest.param("shape", marks=pytest.mark.slow)])
def test_a_perfect_gas_under_pressure_has_gamma_distributed_volumes(free):
    """V ~ Gamma(n + 1, kT / P): mean (n + 1) kT / P, variance (n + 1) (kT / P)^2, however the cell may change."""
    n, pressure = 5, 0.1
    ensemble = CellRescaling(Langevin(0.05, KT, 5.0), KT, pressure, 1.0, time=1.0, every=2, free=free)
    with double():
        bodies, rng = Bodies(jnp.ones(n), jnp.asarray(3.0 * n)), np.random.default_rng(1)
        r, v = rng.random((100, n, 3)), np.sqrt(KT) * rng.normal(size=(100, n, 3))
        size = lambda p: (jnp.abs(jnp.linalg.det(p.cell)), energy(bodies)(p))  # noqa: E731
        run = lambda r, v, seed: course(ensemble, begin(r, v, edge=3.5), bodies, 1500, size, seed=seed)[1]  # noqa: E731
        volume, conserved = jax.vmap(run)(r, v, jnp.arange(100))
    volume = np.asarray(volume)[:, 300:]
    assert volume.mean() == pytest.approx((n + 1) * KT / pressure, rel=0.04)
    assert volume.var() == pytest.approx((n + 1) * (KT / pressure) ** 2, rel=0.15)
    assert np.max(np.ptp(np.asarray(conserved), axis=1)) < 1e-9
