"""Autoregressive states: normalised, drawn exactly, S_z kept, symmetric where they say so, near the exact energy."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.contract import Budget
from erlangen.core.errors import Invalid
from erlangen.learn.variational import evaluate, full_sum, spin_problem
from erlangen.methods.variational.autoregressive import Autoregressive, Averaged, Conditionals
from erlangen.numerics.precision import double
from erlangen.physics import lattices
from erlangen.tasks.quantum.spins import Spins

ALL = np.array(list(itertools.product((-1, 1), repeat=6)), np.int8)


def state(n_up, *, averaged=False, has_phase=True):
    with double():
        psi = Conditionals.random(6, 3, 2, n_up, has_phase=has_phase, key=jax.random.key(0))
        psi = jax.tree.map(lambda w: 5 * w, psi)  # far from uniform
        return Averaged(psi, jnp.asarray(lattices.chain(6).space_group), True) if averaged else psi


@pytest.mark.parametrize("n_up", [None, 3, 2])
@pytest.mark.parametrize("averaged", [False, True])
def test_probabilities_sum_to_one_and_samples_follow_them(n_up, averaged):
    if averaged and n_up == 2:
        pytest.skip("the flip leaves this sector")
    psi = state(n_up, averaged=averaged)
    states = ALL if n_up is None else ALL[(ALL > 0).sum(1) == n_up]
    with double():
        p = np.exp(2 * np.real(np.asarray(jax.jit(jax.vmap(psi.log_psi))(states))))
        drawn = np.asarray(jax.jit(lambda key: psi.draws(20000, key))(jax.random.key(1)))
    assert p.sum() == pytest.approx(1, abs=1e-12)
    codes = (drawn > 0) @ (1 << np.arange(6))
    counts = np.array([(codes == code).sum() for code in (states > 0) @ (1 << np.arange(6))])
    assert counts.sum() == 20000  # none outside of the sector
    likely = p > 2e-3
    assert np.sum((counts - 20000 * p)[likely] ** 2 / (20000 * p[likely])) < 2 * likely.sum() + 10


def test_features_of_a_site_depend_on_the_spins_before_it_alone():
    psi = state(None)
    with double():
        slope = np.asarray(jax.jacfwd(psi.features)(np.linspace(-1, 1, 6)))  # [sites, channels, sites]
    assert np.abs(slope[np.triu_indices(6)[0], :, np.triu_indices(6)[1]]).max() == 0
    assert np.abs(slope[5, :, :5]).min() > 0


@pytest.mark.slow
@pytest.mark.parametrize(("model", "full"), [("ising", "no"), ("j1j2", "auto")])
def test_fits_come_close_and_are_judged_by_independent_samples(model, full):
    task = Spins(model, sites=8, j2=0.3)
    problem = spin_problem(task.law)
    psi = Autoregressive(channels=4, full_sum=full, samples=512).fit(task, Budget(steps=50), key=jax.random.key(0))
    energy, _ = full_sum(psi, problem)
    exact = task.reference()["energy"]
    assert exact <= energy < exact * (1 - 2e-2)
    found = evaluate(psi, problem, samples=8192, chains=256, key=jax.random.key(1))
    # samples of |psi|^2 itself hardly ever see where local energies are largest: their error bars are on the small side
    assert abs(found.energy - energy) < 6 * found.error
    assert found.tau < 0.6 and found.r_hat < 1.01 and found.burn_in == 0 and found.acceptance == 1


def test_an_averaged_state_is_symmetric_and_better():
    task, errors = Spins("heisenberg", sites=8), []
    for symmetrise in (False, True):
        method = Autoregressive(channels=2, layers=1, symmetrise=symmetrise)
        psi = method.fit(task, Budget(steps=60), key=jax.random.key(0))
        errors.append(1 - full_sum(psi, spin_problem(task.law))[0] / task.reference()["energy"])
    assert 0 <= errors[1] < errors[0]
    spins = np.asarray(spin_problem(task.law).draw(3, jax.random.key(1)))
    with double():
        log_psi = jax.jit(jax.vmap(psi.log_psi))
        for row in lattices.chain(8).space_group[::5]:
            assert np.asarray(log_psi(-spins[:, row])) == pytest.approx(np.asarray(log_psi(spins)), abs=1e-12)


def test_bad_input_is_explained():
    with pytest.raises(Invalid):
        Autoregressive(layers=0)
