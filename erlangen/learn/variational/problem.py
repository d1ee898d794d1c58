"""What is being minimised: local energies, how a walker moves, where it may start and, if few, all states there are."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, PRNGKeyArray

from ...core.errors import Invalid
from ...numerics import metropolis
from ...physics import exact_diagonalisation
from ...physics.spins import Hamiltonian

LogPsi = Callable[[Array], Array]
"""One configuration -> log psi."""

LogRatios = Callable[[Array, Hamiltonian], Array | None]
"""[n, sites] -> [n, moves] of log psi(s') - log psi(s), s' with the spins of law.flips reversed; None: not known."""

Invariance = tuple[np.ndarray | None, bool]
"""Site permutations [elements, sites] (None: the unit element) and the spin flip: what leaves psi as it is."""

_BITS = 62
"""Sites that one integer holds when configurations are compared."""

_SPARSE = 64
"""States per connected configuration above which hardly two of these are equal, and sorting them does not pay."""

_PIECE = 256
"""Amplitudes computed side by side: what fits a core's cache (8 times faster than 16,384 at once on two cores)."""

AT_ONCE = 4 * _PIECE
"""Amplitudes of one turn of a loop: pieces that do not wait for one another keep several cores busy."""


@dataclasses.dataclass(frozen=True)
class Problem:
    """A law as the engine sees it.

    local_energies(log_psi, samples [n, ...], at_once: amplitudes side by side, ratios: of psi, where it has them) ->
    [n]; propose: symmetric move of all walkers; draw(n, key) -> where they start; size: degrees of freedom, and so the
    proposals of one sweep;
    states(invariance) -> (configurations, multiplicities) of the whole space, reduced by what leaves psi as it is.
    zero: the mean of H over all states, from which the V-score counts; magnitude: what rounding is relative to.
    Several laws at once (`family`): level(values, samples, weights) takes off what the means of the laws differ by,
    weigh(logarithms, samples) gives every law the same weight in a sum over all states.
    """

    local_energies: Callable[..., Array]
    propose: metropolis.Proposal
    draw: Callable[[int, PRNGKeyArray], Array]
    size: int
    states: Callable[[Invariance], tuple[np.ndarray, np.ndarray]]
    level: Callable[[Array, Array, Array], Array] = lambda values, samples, weights: values
    weigh: Callable[[Array, Array], Array] = lambda logarithms, samples: jax.nn.softmax(logarithms)
    zero: float = 0.0
    magnitude: float = 0.0

    def v_score(self, energy: float, variance: float) -> float:
        """N variance / (E - E_inf)^2, E_inf = zero (Wu et al. 2024, doi:10.1126/science.adg9774)."""
        if not variance:
            return 0.0
        return self.size * (math.sqrt(variance) / abs(energy - self.zero)) ** 2 if energy != self.zero else math.inf


def spin_problem(law: Hamiltonian) -> Problem:
    """A spin lattice: flips of regions, or exchange along bonds at fixed S_z where magnetisation is conserved."""
    conserved = law.n_up is not None
    if conserved and law.n_sites % 2:
        raise Invalid(
            must="S_z = 0 needs an even number of spins",
            came=f"{law.n_sites} sites of {law.title}",
            do=f"Take {law.n_sites - 1} or {law.n_sites + 1} sites.",
        )
    up = jnp.where(jnp.arange(law.n_sites) < (law.n_up or 0), 1, -1).astype(jnp.int8)

    def draw(n: int, key: PRNGKeyArray) -> Array:
        if conserved:
            return jax.vmap(lambda k: jax.random.permutation(k, up))(jax.random.split(key, n))
        return jax.random.choice(key, jnp.array([-1, 1], jnp.int8), (n, law.n_sites))

    energies, states = functools.partial(local_energies_of, law), functools.partial(_states, law)
    propose = metropolis.exchange(_exchanged(law)) if conserved else metropolis.flip_regions(_ranks(law))
    return Problem(energies, propose, draw, law.n_sites, states, zero=law.constant, magnitude=law.magnitude)


def amplitudes(log_psi: LogPsi, samples: Array, at_once: int = AT_ONCE) -> Array:
    """[n] of log psi, at most `at_once` samples in memory."""
    if len(samples) <= at_once:
        return _side_by_side(log_psi, samples)
    turns = jnp.pad(samples, ((0, -len(samples) % at_once), *[(0, 0)] * (samples.ndim - 1)), mode="edge")
    found = jax.lax.map(functools.partial(_side_by_side, log_psi), turns.reshape(-1, at_once, *samples.shape[1:]))
    return found.ravel()[: len(samples)]


def _side_by_side(log_psi: LogPsi, samples: Array) -> Array:
    pieces = [samples[i : i + _PIECE] for i in range(0, len(samples), _PIECE)]
    return jnp.concatenate([jax.vmap(log_psi)(piece) for piece in pieces])


def _exchanged(law: Hamiltonian) -> np.ndarray:
    """[pairs, 2] sites that the law exchanges."""
    return np.array([np.flatnonzero(pair) for pair in law.flips if pair.sum() == 2])


def _ranks(law: Hamiltonian) -> np.ndarray:
    """[sites, sites] place of site j when sites are sorted by how many strings of the law lead there from site i."""
    touched = (law.strings != 0).astype(np.float32)  # floats: products of matrices of whole numbers are slow
    adjacent = (touched.T @ touched > 0).astype(np.float32)
    distance = np.where(np.eye(law.n_sites, dtype=bool), 0, law.n_sites)
    reached = np.eye(law.n_sites, dtype=bool)
    for step in range(1, law.n_sites):
        further = (reached.astype(np.float32) @ adjacent > 0) & ~reached
        if not further.any():
            break
        distance[further] = step
        reached |= further
    return np.argsort(np.argsort(distance, axis=1, kind="stable"), axis=1)


def local_energies_of(
    law: Hamiltonian, log_psi: LogPsi, samples: Array, at_once: int = AT_ONCE, ratios: LogRatios | None = None
) -> Array:
    """[n] of sum_s' <s|H|s'> psi(s') / psi(s); amplitudes of zero elements (parallel spins) are not computed."""
    configurations, elements = jax.vmap(law.connected)(samples)
    flat = configurations.reshape(-1, configurations.shape[-1])
    needed = (elements != 0).at[:, 0].set(True).ravel()
    are_many = law.n_states > _SPARSE * len(flat)
    known = _ratios(ratios, law, samples) if ratios and are_many else None
    if known is not None:
        moved = jnp.where(elements[:, 1:] == 0, 0, elements[:, 1:] * jnp.exp(known))
        return elements[:, 0] + moved.sum(axis=1)
    first, place, count = _packed(needed) if are_many else _distinct(flat, needed)
    first = jnp.pad(first, (0, -len(first) % at_once), mode="edge")
    kind = jax.eval_shape(log_psi, flat[0]).dtype

    def chunk(i: Array, log_amplitudes: Array) -> Array:
        start = i * at_once
        rows = jax.lax.dynamic_slice_in_dim(first, start, at_once)
        found = _side_by_side(log_psi, flat[rows])
        return jax.lax.dynamic_update_slice_in_dim(log_amplitudes, found, start, 0)

    chunks = (count + at_once - 1) // at_once
    distinct = jax.lax.fori_loop(0, chunks, chunk, jnp.zeros(len(first), kind))
    log_amplitudes = distinct[place].reshape(elements.shape)
    quotients = jnp.exp(log_amplitudes - log_amplitudes[:, :1])
    return jnp.sum(jnp.where(elements == 0, 0, elements * quotients), axis=1)


def _ratios(ratios: LogRatios, law: Hamiltonian, samples: Array) -> Array | None:
    """`ratios`, so many samples at a time that their features stay in a core's cache."""
    if jax.eval_shape(lambda s: ratios(s, law), samples) is None:
        return None
    pieces = jnp.pad(samples, ((0, -len(samples) % _PIECE), (0, 0)), mode="edge").reshape(-1, _PIECE, law.n_sites)
    found = jax.lax.map(lambda s: ratios(s, law), pieces)
    return found.reshape(-1, found.shape[-1])[: len(samples)]


def _packed(needed: Bool[Array, " m"]) -> tuple[Int[Array, " m"], Int[Array, " m"], Int[Array, ""]]:
    """As `_distinct`, every needed row counted as a configuration of its own."""
    place = jnp.where(needed, jnp.cumsum(needed) - 1, 0)
    return jnp.flatnonzero(needed, size=len(needed), fill_value=0), place, needed.sum()


def _distinct(
    configurations: Int[Array, "m sites"], needed: Bool[Array, " m"]
) -> tuple[Int[Array, " m"], Int[Array, " m"], Int[Array, ""]]:
    """(a row of each distinct configuration among the needed ones, the number of each row's configuration, how many).

    Rows that are not needed have the number 0. Configurations are compared as integers, exactly.
    """
    words = [
        (configurations[:, i : i + _BITS] > 0) @ (1 << jnp.arange(min(_BITS, configurations.shape[1] - i)))
        for i in range(0, configurations.shape[1], _BITS)
    ]
    order = jnp.lexsort((*words, ~needed))
    differ = jnp.zeros(len(order) - 1, bool)
    for word in words:
        differ |= word[order][1:] != word[order][:-1]
    begins = jnp.concatenate([jnp.ones(1, bool), differ]) & needed[order]
    number = jnp.cumsum(begins) - 1
    first = jnp.zeros(len(order), order.dtype).at[jnp.where(begins, number, len(order))].set(order, mode="drop")
    place = jnp.zeros_like(order).at[order].set(jnp.where(needed[order], number, 0))
    return first, place, begins.sum()


def basis_of(law: Hamiltonian, invariance: Invariance) -> exact_diagonalisation.Basis:
    """The states that are left different by what leaves psi as it is."""
    permutations, flip = invariance
    permutations = np.arange(law.n_sites)[None] if permutations is None else permutations
    sector = exact_diagonalisation.Sector(permutations, int(flip), law.n_up)
    return exact_diagonalisation.enumerate_basis(law.n_sites, sector)


def _states(law: Hamiltonian, invariance: Invariance) -> tuple[np.ndarray, np.ndarray]:
    basis = basis_of(law, invariance)
    return basis.configurations(), basis.multiplicities()
