"""Metropolis chains against distributions that are known exactly."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.numerics import metropolis
from erlangen.numerics.precision import double


def counts(samples, n_sites):
    codes = ((np.asarray(samples).reshape(-1, n_sites) > 0) << np.arange(n_sites)).sum(axis=1)
    return np.bincount(codes, minlength=2**n_sites) / len(codes)


def draw(log_probability, propose, start, n_per_chain=400):
    with double():
        chains = metropolis.start(log_probability, start)
        chains, _ = metropolis.walk(log_probability, propose, chains, steps=50, key=jax.random.key(0))
        return metropolis.sample(
            log_probability, propose, chains, n_per_chain=n_per_chain, thinning=8, key=jax.random.key(1)
        )


RANK = (np.arange(4) - np.arange(4)[:, None]) % 4  # to the right of a site first: any order will do


@pytest.mark.parametrize("propose", [metropolis.flip, metropolis.flip_regions(RANK)], ids=["single", "regions"])
def test_flips_sample_the_boltzmann_distribution_of_a_ring(propose):
    n = 4
    log_probability = lambda s: 0.4 * jnp.sum(s * jnp.roll(s, 1, axis=1), axis=1) + 0.3 * s[:, 0]  # noqa: E731
    _, samples, acceptance = draw(log_probability, propose, jnp.ones((256, n), jnp.int8))
    states = 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1) - 1
    exact = np.exp(np.asarray(log_probability(states)))
    exact /= exact.sum()
    assert np.abs(counts(samples, n) - exact).max() < 0.005
    assert 0.3 < float(acceptance) < 0.9


def test_exchange_keeps_the_magnetisation_and_visits_all_states_equally():
    n, ring = 6, np.array([[i, (i + 1) % 6] for i in range(6)])
    start = jnp.tile(jnp.array([1, 1, 1, -1, -1, -1], jnp.int8), (256, 1))
    _, samples, _ = draw(lambda s: jnp.zeros(len(s)), metropolis.exchange(ring), start)
    assert np.all(np.asarray(samples).sum(axis=-1) == 0)
    found = counts(samples, n)
    assert np.count_nonzero(found) == 20
    assert found[found > 0] == pytest.approx(np.full(20, 1 / 20), abs=0.005)


def test_a_proposal_of_undefined_probability_is_never_accepted():
    log_probability = lambda s: jnp.where(s[:, 0] > 0, 0.0, jnp.nan)  # noqa: E731
    _, samples, _ = draw(log_probability, metropolis.flip, jnp.ones((8, 3), jnp.int8), n_per_chain=20)
    assert np.all(np.asarray(samples)[..., 0] == 1)


def test_the_same_key_gives_the_same_walk():
    log_probability = lambda s: 0.1 * s.sum(axis=1)  # noqa: E731
    one, two = (draw(log_probability, metropolis.flip, jnp.ones((8, 5), jnp.int8), 10)[1] for _ in range(2))
    assert np.array_equal(one, two)
