"""One Lanczos step: the lowest state of a plane, from samples; of the same symmetry; saved and loaded; refused."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from erlangen.contract import Budget
from erlangen.core.errors import Invalid
from erlangen.learn.checkpoint import load_fitted, save_fitted
from erlangen.learn.variational import LanczosStep, evaluate, full_sum, lanczos_step, spin_problem
from erlangen.methods.variational.autoregressive import Autoregressive
from erlangen.methods.variational.rbm import RBM
from erlangen.methods.variational.sectors import Sectors
from erlangen.methods.wrappers.lanczos import Lanczos
from erlangen.numerics.precision import double
from erlangen.physics import exact_diagonalisation as ed
from erlangen.tasks.quantum.excited import Excited
from erlangen.tasks.quantum.spins import Spins

TASKS = [
    (Spins("ising", sites=8), RBM(alpha=1)),
    (Spins("ising", sites=6), Autoregressive()),
    pytest.param(*(Spins("heisenberg", sites=8), RBM(alpha=1, symmetrise="none")), marks=pytest.mark.slow),
    pytest.param(
        *(Spins("j1j2", sites=8), RBM(alpha=1, weights="complex", symmetrise="features")), marks=pytest.mark.slow
    ),
]


def dense(law):
    """(configurations, H) of all states of the law, by strings."""
    sector = ed.Sector(np.arange(law.n_sites)[None], 0, law.n_up)
    basis = ed.enumerate_basis(law.n_sites, sector)
    return basis.configurations(), np.asarray(ed.sparse_matrix(law, basis).todense())


@pytest.mark.parametrize(("task", "method"), TASKS, ids=lambda x: type(x).__name__)
def test_the_step_gives_the_lowest_state_of_its_plane(task, method):
    psi = method.fit(task, Budget(steps=3), key=jax.random.key(0))
    law, problem = task.law, spin_problem(task.law)
    configurations, h = dense(law)
    with double():
        amplitudes = np.exp(np.asarray(jax.jit(jax.vmap(psi.log_psi))(jnp.asarray(configurations))))
    plane = np.linalg.qr(np.stack([amplitudes, h @ amplitudes], axis=1))[0]
    lowest = scipy.linalg.eigvalsh(plane.conj().T @ h @ plane)[0]
    improved = lanczos_step(psi, law, samples=2048, key=jax.random.key(1))
    before, after = full_sum(psi, problem)[0], full_sum(improved, problem)[0]
    assert lowest - 1e-9 <= after < before
    assert after - lowest < 0.05 * (before - lowest)
    sampled = evaluate(improved, problem, samples=8192, chains=256, key=jax.random.key(2))
    assert abs(sampled.energy - after) < 5 * sampled.error


def test_an_eigenstate_stays_as_it_is():
    task = Spins("ising", sites=4, field=0.0)
    psi = RBM(alpha=1).fit(task, Budget(steps=1), key=jax.random.key(0))
    with double():
        ordered = dataclasses.replace(psi, weights=jnp.full_like(psi.weights, 20.0))
    step = lanczos_step(ordered, task.law, samples=64, key=jax.random.key(1))
    assert step.coefficients.tolist() == [1.0, 0.0]


def test_it_is_saved_and_loaded(tmp_path):
    task = Spins("heisenberg", sites=8)
    step = Lanczos(RBM(alpha=1)).fit(task, Budget(steps=2), key=jax.random.key(0))
    save_fitted(tmp_path, step)
    again = load_fitted(tmp_path)
    assert isinstance(again, LanczosStep)
    configurations = jnp.asarray(dense(task.law)[0])
    with double():
        first, second = (jax.jit(jax.vmap(psi.log_psi))(configurations) for psi in (step, again))
    assert np.array_equal(first, second)


def test_only_single_ground_states_are_improved():
    with pytest.raises(Invalid, match="lanczos needs a ground state"):
        Lanczos(Sectors()).check(Excited(sites=4))
