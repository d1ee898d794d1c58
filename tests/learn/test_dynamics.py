"""The time-dependent variational principle: exact where the ansatz spans the space, honest where it does not."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.contract import Budget, Session
from erlangen.core.errors import Invalid
from erlangen.learn.variational import Pace, Wavefunction, clock, dynamics, evolve, spin_problem
from erlangen.methods.variational.tdvp import MatrixProduct
from erlangen.numerics.precision import double
from erlangen.physics import exact_diagonalisation as ed
from erlangen.physics import exact_evolution, lattices, spins

RING = lattices.chain(4)
FIELD = spins.transverse_ising(RING, coupling=0.0)
LAW = spins.transverse_ising(RING, field=1.3)
TIMES = (0.0, 0.1, 0.2, 0.3)
LONG = Budget(steps=10_000)


class Table(Wavefunction):
    """log psi of every configuration, real and imaginary parts: all states there are."""

    values: jax.Array

    def log_psi(self, spins):
        place = (jnp.asarray(spins) > 0) @ (1 << jnp.arange(len(spins)))
        return jax.lax.complex(*self.values[:, place])


def vectors(path, law=LAW):
    basis = ed.enumerate_basis(law.n_sites, ed.Sector(np.arange(law.n_sites)[None], 0, law.n_up))
    with double():
        states = jnp.asarray(basis.configurations())
        amplitudes = np.exp([np.asarray(jax.vmap(path.at(i).log_psi)(states)) for i in range(len(path.times))])
    return amplitudes / np.linalg.norm(amplitudes, axis=1)[:, None], basis


def infidelities(path, before=FIELD, law=LAW):
    own, basis = vectors(path, law)
    exact = exact_evolution.quench(before, law, np.asarray(path.times)).amplitudes(basis.configurations())
    return 1 - np.abs(np.sum(exact.conj() * own, axis=1)) ** 2


def table():
    with double():
        return Table(jnp.zeros((2, 2**RING.n_sites)))


def product(d=2, noise=0.01, lattice=RING):
    with double():
        return MatrixProduct.random(lattice.space_group, d, noise, key=jax.random.key(0))


def moved(psi, pace, times=TIMES, law=LAW, **more):
    return evolve(psi, spin_problem(law), times, pace, LONG, key=jax.random.key(0), **more)


def test_an_ansatz_of_the_whole_space_is_exact_and_knows_it():
    path = moved(table(), Pace(tolerance=3e-5, full_sum="yes"))
    assert infidelities(path).max() < 1e-6
    assert np.asarray(path.angles)[-1] < 1e-6
    assert np.ptp(np.asarray(path.energies)) < 1e-4


def test_the_error_falls_with_the_tolerance():
    wide, narrow = (infidelities(moved(table(), Pace(tolerance=x, full_sum="yes")))[-1] for x in (1e-2, 1e-4))
    assert narrow < 0.1 * wide
    assert narrow < 1e-5


def test_a_small_ansatz_stays_within_the_bound_of_its_residual_and_conserves_energy():
    ring = lattices.chain(8)
    law, start = spins.transverse_ising(ring), spins.transverse_ising(ring, coupling=0.0)
    # one row per parity: too small
    path = moved(product(1, lattice=ring), Pace(tolerance=1e-4, full_sum="yes"), (0.0, 0.2, 0.4), law)
    lost = infidelities(path, start, law)
    bound = np.sin(np.asarray(path.angles)) ** 2
    assert bound[-1] > 5e-5
    assert np.all(lost <= 1.1 * bound + 2e-5)
    assert lost[-1] > 0.1 * bound[-1]
    assert np.ptp(np.asarray(path.energies)) < 2e-3


@pytest.mark.slow
def test_samples_find_the_same_path_as_the_full_sum():
    full = moved(product(), Pace(tolerance=1e-3, cutoff=1e-6, full_sum="yes"))
    pace = Pace(tolerance=1e-3, cutoff=1e-6, samples=4096, chains=1024, full_sum="no")
    path = moved(product(), pace)
    one, two = vectors(full)[0], vectors(path)[0]
    assert 1 - abs(np.vdot(one[-1], two[-1])) ** 2 < 1e-2
    assert infidelities(path)[-1] < 1e-2


def test_the_velocity_solves_the_normal_equations():
    rng = np.random.default_rng(0)
    with double():
        weights = jnp.asarray(rng.dirichlet(np.ones(40)))
        rows = jnp.asarray(rng.normal(size=(40, 6)) + 1j * rng.normal(size=(40, 6)))
        energies = jnp.asarray(rng.normal(size=40) + 1j * rng.normal(size=40))
        velocity, residual, metric = dynamics.tdvp_velocity(rows, energies, weights, cutoff=1e-12)
        centred, local = rows - weights @ rows, energies - weights @ energies
        force = jnp.imag((centred.conj().T * weights) @ local)
        assert metric @ velocity == pytest.approx(np.asarray(force), abs=1e-12)
        rest = centred @ velocity + 1j * local
        assert float(residual) == pytest.approx(float(jnp.sqrt(weights @ jnp.abs(rest) ** 2)))
        noisy = dynamics.tdvp_velocity(rows, energies, weights, cutoff=1e-12, snr=1e6)
    assert np.abs(noisy[0]).max() < 1e-6  # nothing stands out of the noise


@pytest.mark.parametrize("full", ["yes", "no"])
def test_a_killed_run_goes_on_bit_for_bit(tmp_path, monkeypatch, full):
    pace = Pace(tolerance=1e-3, cutoff=1e-6, samples=64, chains=32, full_sum=full)
    whole = moved(product(), pace, times=(0.0, 0.1))
    monkeypatch.setattr(clock, "_CHECKPOINT_SECONDS", 0.0)

    def killed(step, total, figures):
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        moved(product(), pace, times=(0.0, 0.1), session=Session(tmp_path, progress=killed))
    said = []
    again = moved(product(), pace, times=(0.0, 0.1), session=Session(tmp_path, resume=True, say=said.append))
    assert "resumed" in said[0]
    assert eqx.tree_equal(again.parameters, whole.parameters)


def test_what_cannot_be_moved_is_refused_and_a_short_budget_is_said():
    with pytest.raises(Invalid, match="times rise"):
        moved(table(), Pace(), times=(0.0,))
    with pytest.raises(Invalid, match="samples"):
        Pace(samples=10, chains=20)

    class Real(Table):
        def log_psi(self, spins):
            return super().log_psi(spins).real

    with pytest.raises(Invalid, match="complex log psi"):
        moved(Real(table().values), Pace(full_sum="yes"))
    said = []
    session = Session(say=said.append)
    pace = Pace(full_sum="yes")
    path = evolve(table(), spin_problem(LAW), TIMES, pace, Budget(steps=1), key=jax.random.key(0), session=session)
    assert "stands still" in said[0]
    assert np.all(np.isfinite(np.asarray(path.parameters.values)))
