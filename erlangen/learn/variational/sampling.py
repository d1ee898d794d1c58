"""Samples of a wavefunction and what each of them counts: chains on g^p with p <= 2, reweighted to |psi|^2.

    w_s ~ |psi(s)|^2 / g(s)^p,        g = |psi| unless the wavefunction knows better

Local energies are largest where |psi| is small. With p = 2 such configurations are hardly ever seen: error bars come
out too small, and most so close to an eigenstate. A flatter law finds them and lowers the variance too (Misery et al.
2025, arXiv:2507.05352). Here p is chosen such that the logarithms of the weights spread by 0.6, which leaves about 70 %
of the samples effective on lattices of any size. Gradients of the energy have tails that no number of samples tames
where psi has nodes; a sum of determinants gives g, the root of the sum of their squares, which has none there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Literal, Self

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ...contract import Method
from ...core.errors import Invalid
from ...numerics import metropolis
from .problem import Problem
from .wavefunction import Autoregressive, Wavefunction

_SPREAD = 0.6
"""Standard deviation of the logarithm of the weights."""

_SMALLEST_POWER = 1.0


_SMALL = 20
"""Degrees of freedom up to which all states are enumerated to see how many symmetry leaves."""

_SUMMED = 8
"""States per sample up to which the sum over all is cheaper: every amplitude once, no walk and no error."""


@dataclasses.dataclass(frozen=True)
class Sampling:
    """samples: per step, from `chains` walkers (all kept between steps), `sweeps` sweeps of proposals apart.

    full_sum: all states instead of samples; "auto" where they are at most eight times as many as the samples, after
    reduction by the symmetry of psi.
    """

    samples: int = 1024
    chains: int = 1024
    sweeps: float = 1.0
    full_sum: Literal["auto", "yes", "no"] = "auto"

    def __post_init__(self):
        require_samples(self.samples, self.chains)

    @classmethod
    def of(cls, method: Method) -> Self:
        """What a method says by settings of the same names; as many walkers as samples, 1,024 at most."""
        named = {f.name: getattr(method, f.name) for f in dataclasses.fields(cls) if hasattr(method, f.name)}
        return cls(**{"chains": min(named["samples"], 1024), **named})

    def all_states(self, psi: Wavefunction, problem: Problem) -> tuple[Array, Array] | None:
        """(configurations, multiplicities) where the energy is summed exactly, None where it is sampled."""
        if self.full_sum == "no" or (self.full_sum == "auto" and problem.size > _SMALL):
            return None
        configurations, multiplicities = problem.states(psi.invariance)
        if self.full_sum == "auto" and len(configurations) > _SUMMED * self.samples:
            return None
        return jnp.asarray(configurations), jnp.asarray(multiplicities)


def require_samples(samples: int, chains: int) -> None:
    """Raise `Invalid` where some chain would give no sample."""
    if chains < 1 or samples < chains:
        raise Invalid(
            must="every chain gives at least one sample",
            came=f"{samples} samples from {chains} chains",
            do=f"Take samples >= {chains}, or fewer chains.",
        )


class Drawn(eqx.Module):
    """samples [per chain, chains, ...], log_weights [per chain, chains], where the chains are, share accepted."""

    samples: Array
    log_weights: Float[Array, "n chains"]
    walkers: Array
    acceptance: Float[Array, ""]


def power(log_guide: Float[Array, " n"]) -> Float[Array, ""]:
    """p, from log g of configurations that are typical of psi; on a node counts what is least likely elsewhere."""
    is_seen = log_guide > -jnp.inf
    spread = jnp.std(jnp.where(is_seen, log_guide, jnp.min(log_guide, where=is_seen, initial=jnp.inf)))
    return jnp.clip(2 - _SPREAD / jnp.maximum(spread, 1e-300), _SMALLEST_POWER, 2.0)


def draw(
    log_psi: Callable[[Array], Array],
    log_guide: Callable[[Array], Array],
    problem: Problem,
    walkers: Array,
    *,
    power: Float[Array, ""] | float,
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
        thinning=max(1, round(sweeps * problem.size)),
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


def walked(
    log_probability: metropolis.LogProbability, problem: Problem, walkers: Array, *, sweeps: int, key: PRNGKeyArray
) -> Array:
    """Where the walkers are after `sweeps` sweeps: burnt in."""
    chains, steps = metropolis.start(log_probability, walkers), sweeps * problem.size
    return metropolis.walk(log_probability, problem.propose, chains, steps=steps, key=key)[0].positions
