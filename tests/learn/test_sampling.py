"""Samples of a flatter law: weights of a given spread, which bring back |psi|^2."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.learn.variational import sampling, spin_problem
from erlangen.numerics.precision import double
from erlangen.physics import lattices, spins

PROBLEM = spin_problem(spins.transverse_ising(lattices.chain(6)))


def log_psi(s):
    return 0.4 * jnp.sum(s * jnp.roll(s, 1, axis=-1), axis=-1) + 0.2 * s[..., 0]


def far_guide(s):
    """Flatter than psi, and of another shape."""
    return 0.5 * log_psi(s) + 0.1 * s[..., 1]


def test_the_power_gives_weights_of_the_wanted_spread():
    rng = np.random.default_rng(0)
    with double():
        logs = jnp.asarray(rng.normal(3.0, 1.7, 1000))
        power, with_node = (float(sampling.power(x)) for x in (logs, jnp.append(logs, -jnp.inf)))
    assert (2 - power) * float(np.std(np.asarray(logs))) == pytest.approx(0.6)
    assert with_node == pytest.approx(power, rel=1e-2)
    assert float(sampling.power(jnp.zeros(5))) == 1.0
    assert float(sampling.power(1e9 * jnp.arange(5.0))) == pytest.approx(2.0)


@pytest.mark.parametrize(("log_guide", "power"), [(log_psi, 1.0), (log_psi, 1.6), (log_psi, 2.0), (far_guide, 1.6)])
def test_weights_bring_back_the_distribution_of_the_state(log_guide, power):
    with double():
        walkers = PROBLEM.draw(512, jax.random.key(0))
        law = {"power": jnp.asarray(power), "sweeps": 2.0}
        burnt = sampling.draw(log_psi, log_guide, PROBLEM, walkers, n_per_chain=10, key=jax.random.key(1), **law)
        drawn = sampling.draw(log_psi, log_guide, PROBLEM, burnt.walkers, n_per_chain=100, key=jax.random.key(2), **law)
        states = 2 * (np.arange(64)[:, None] >> np.arange(6) & 1) - 1
        exact = np.exp(2 * np.asarray(log_psi(jnp.asarray(states))))
    codes = ((np.asarray(drawn.samples) > 0) << np.arange(6)).sum(-1).ravel()
    found = np.bincount(codes, np.exp(np.asarray(drawn.log_weights)).ravel(), 64)
    assert found / found.sum() == pytest.approx(exact / exact.sum(), abs=0.005)
