"""Samples of a wavefunction and what each of them counts: chains on g^p with p <= 2, reweighted to |psi|^2.

    w_s ~ |psi(s)|^2 / g(s)^p,        g = |psi| unless the wavefunction knows better

Local energies are largest where |psi| is small. With p = 2 such configurations are hardly ever seen: error bars come
out too small, and most so close to an eigenstate. A flatter law finds them and lowers the variance too (Misery et al.
2025, arXiv:2507.05352). Here p is chosen such that the logarithms of the weights spread by 0.6, which leaves about 70 %
of the samples effective on lattices of any size. Gradients of the energy have tails that no number of samples tames
where psi has nodes; a sum of determinants gives g, the root of the sum of their squares, which has none there.
"""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ...numerics import metropolis
from .problem import Problem
from .wavefunction import Autoregressive

_SPREAD = 0.6
"""Standard deviation of the logarithm of the weights."""

_SMALLEST_POWER = 1.0


class Drawn(eqx.Module):
    """samples [per chain, chains, ...], log_weights [per chain, chains], where the chains are, share accepted."""

    samples: Array
    log_weights: Float[Array, "n chains"]
    walkers: Array
    acceptance: Float[Array, ""]


def power(log_guide: Float[Array, " n"]) -> Float[Array, ""]:
    """p, from log g of configurations that are typical of psi."""
    spread = jnp.std(log_guide)
    return jnp.clip(2 - _SPREAD / jnp.maximum(spread, 1e-300), _SMALLEST_POWER, 2.0)


def draw(
    log_psi: Callable[[Array], Array],
    log_guide: Callable[[Array], Array],
    problem: Problem,
    walkers: Array,
    *,
    power: Float[Array, ""],
    n_per_chain: int,
    sweeps: float,
    key: PRNGKeyArray,
) -> Drawn:
    """Samples of every chain, `sweeps` sweeps apart; log_psi, log_guide (of g): [n, ...] -> [n]."""

    def log_probability(s: Array) -> Array:
        return power * log_guide(s)

    chains, samples, acceptance = metropolis.sample(
        log_probability,
        problem.propose,
        metropolis.start(log_probability, walkers),
        n_per_chain=n_per_chain,
        thinning=max(1, round(sweeps * problem.sweep)),
        key=key,
    )
    flat = samples.reshape(-1, *samples.shape[2:])
    log_weights = 2 * jnp.real(log_psi(flat)) - power * log_guide(flat)
    return Drawn(samples, log_weights.reshape(samples.shape[:2]), chains.positions, acceptance)


def independent(psi: Autoregressive, walkers: Array, *, n_per_chain: int, key: PRNGKeyArray) -> Drawn:
    """As many exact samples as `draw` gives; the chains stay where they are."""
    samples = psi.draws(n_per_chain * len(walkers), key)
    shape = n_per_chain, len(walkers)
    return Drawn(samples.reshape(*shape, *walkers.shape[1:]), jnp.zeros(shape), walkers, jnp.ones(()))
