"""A table of all amplitudes is the state itself."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.contract import Budget
from erlangen.learn.variational import evaluate, spin_problem, tabulated
from erlangen.methods.variational.autoregressive import Autoregressive
from erlangen.methods.variational.pair_product import PairProduct
from erlangen.methods.variational.rbm import RBM
from erlangen.numerics.precision import double
from erlangen.tasks.quantum.spins import Spins

CASES = [(Spins("ising", sites=6), RBM(alpha=1)), (Spins("j1j2", sites=8), PairProduct(alpha=1, samples=32))]


@pytest.mark.parametrize(("task", "method"), CASES, ids=lambda x: type(x).__name__)
def test_amplitudes_guide_and_energies_are_those_of_the_state(task, method):
    with double():
        psi = method.amplitude(task.law, *jax.random.split(jax.random.key(0), method.n_keys))
    problem = spin_problem(task.law)
    table = tabulated(psi, problem)
    spins = problem.draw(20, jax.random.key(1))
    with double():
        for name in ("log_psi", "log_guide"):
            exact, found = (jax.jit(jax.vmap(getattr(state, name)))(jnp.asarray(spins)) for state in (psi, table))
            assert np.asarray(jnp.exp(found - exact)) == pytest.approx(1, rel=1e-12)
    same = [evaluate(state, problem, samples=512, chains=64, key=jax.random.key(2)).energy for state in (psi, table)]
    assert same[0] == pytest.approx(same[1], rel=1e-9)


def test_what_is_drawn_without_walkers_stays_as_it_is():
    task = Spins("ising", sites=4)
    psi = Autoregressive().fit(task, Budget(steps=1), key=jax.random.key(0))
    assert tabulated(psi, spin_problem(task.law)) is psi
