"""Metropolis sampling with many chains side by side.

    x' ~ T(. | x),   accept with probability  min(1, p(x') / p(x)),      T symmetric: T(x'|x) = T(x|x')

(Metropolis et al. 1953, doi:10.1063/1.1699114). All chains advance together: positions have shape [chains, ...].
Randomness is a function of the key alone, so that a resumed run repeats an uninterrupted one bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray, Shaped

LogProbability = Callable[[Array], Array]
"""[chains, ...] -> [chains], up to a constant."""

Proposal = Callable[[Array, PRNGKeyArray], Array]
"""Positions of all chains and a key -> proposed positions; must be symmetric."""


class Chains(eqx.Module):
    """Where the chains are and the log-probability there."""

    positions: Shaped[Array, "chains ..."]
    log_probability: Float[Array, " chains"]


def start(log_probability: LogProbability, positions: Shaped[Array, "chains ..."]) -> Chains:
    """Chains at `positions` [chains, ...]."""
    return Chains(positions, log_probability(positions))


def walk(
    log_probability: LogProbability, propose: Proposal, chains: Chains, *, steps: int, key: PRNGKeyArray
) -> tuple[Chains, Float[Array, ""]]:
    """The chains after `steps` proposals each, and the fraction accepted."""

    def one(carry, i):
        move, choose = jax.random.split(jax.random.fold_in(key, i))
        proposed = propose(carry.positions, move)
        log_p = log_probability(proposed)
        threshold = jnp.log(jax.random.uniform(choose, log_p.shape, log_p.dtype))
        # NaN compares as false: a broken proposal is never accepted
        accepted = threshold < log_p - carry.log_probability
        rows = accepted.reshape(accepted.shape + (1,) * (proposed.ndim - 1))
        moved = Chains(jnp.where(rows, proposed, carry.positions), jnp.where(accepted, log_p, carry.log_probability))
        return moved, accepted.mean()

    chains, accepted = jax.lax.scan(one, chains, jnp.arange(steps))
    return chains, accepted.mean()


def sample(
    log_probability: LogProbability,
    propose: Proposal,
    chains: Chains,
    *,
    n_per_chain: int,
    thinning: int,
    key: PRNGKeyArray,
) -> tuple[Chains, Shaped[Array, "n_per_chain chains ..."], Float[Array, ""]]:
    """(chains, samples [n_per_chain, chains, ...], acceptance): samples of every chain, `thinning` proposals apart."""

    def one(carry, i):
        carry, rate = walk(log_probability, propose, carry, steps=thinning, key=jax.random.fold_in(key, i))
        return carry, (carry.positions, rate)

    chains, (samples, rates) = jax.lax.scan(one, chains, jnp.arange(n_per_chain))
    return chains, samples, rates.mean()


def flip(spins: Int[Array, "chains sites"], key: PRNGKeyArray) -> Int[Array, "chains sites"]:
    """Reverse one random spin of every chain."""
    n_chains, n_sites = spins.shape
    site = jax.random.randint(key, (n_chains, 1), 0, n_sites)
    return jnp.where(jnp.arange(n_sites) == site, -spins, spins)


def flip_regions(rank: Int[np.ndarray, "sites sites"]) -> Proposal:
    """Reverse a region of every chain: half of the times one random site, else the n sites nearest to it, n random.

    rank [sites, sites]: place of site j in the order of distance from site i (0 for i itself). Regions move whole
    domains, which takes single flips many sweeps near a critical point; n goes up to half of the sites.
    """
    ranks = jnp.asarray(rank)
    n_sites = len(rank)

    def propose(spins: Array, key: PRNGKeyArray) -> Array:
        where, how_many, kind = jax.random.split(key, 3)
        n_chains = len(spins)
        site = jax.random.randint(where, (n_chains,), 0, n_sites)
        size = jax.random.randint(how_many, (n_chains, 1), 1, n_sites // 2 + 1)
        size = jnp.where(jax.random.bernoulli(kind, 0.5, (n_chains, 1)), size, 1)
        return jnp.where(ranks[site] < size, -spins, spins)

    return propose


def exchange(pairs: Int[np.ndarray, "pairs 2"]) -> Proposal:
    """Swap the spins at the ends of a random pair out of `pairs` [pairs, 2]: total S_z stays.

    Good choice: the bonds of the Hamiltonian; pairs of any distance mix faster where domains are large.
    """

    def propose(spins: Array, key: PRNGKeyArray) -> Array:
        n_chains, n_sites = spins.shape
        chosen = jnp.asarray(pairs)[jax.random.randint(key, (n_chains,), 0, len(pairs))]
        values = jnp.take_along_axis(spins, chosen, axis=1)
        sites = jnp.arange(n_sites)
        spins = jnp.where(sites == chosen[:, :1], values[:, 1:], spins)
        return jnp.where(sites == chosen[:, 1:], values[:, :1], spins)

    return propose
