"""Several states at once: K walkers in the determinant of K amplitudes, penalties on overlaps, levels of an answer.

    Psi(x_1 .. x_K) = det M,   M_ji = psi_i(x_j),      E_loc = M^-1 (H M),   (H M)_ji = (H psi_i)(x_j)

The mean of the matrix E_loc over |Psi|^2 has the Rayleigh-Ritz energies in the span of psi_1 .. psi_K as eigenvalues,
each an upper bound of the level of its number, whatever basis of the span is used; its trace is the local energy of the
K walkers as one system (Pfau, Axelrod, Sutterud, von Glehn, Spencer 2024, doi:10.1126/science.adn0137).
"""

from __future__ import annotations

import dataclasses
import math
import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact, PRNGKeyArray, Shaped

from ...contract import Eigenstates, Levels, Outputs
from ...core.systems import SpinLattice
from ...numerics.autocorrelation import split_r_hat
from ...numerics.precision import double
from ...physics import exact_diagonalisation
from ...physics.characters import Character
from ...physics.spins import Hamiltonian
from . import evaluation, sampling
from .problem import AT_ONCE, LogPsi, Problem, spin_problem
from .wavefunction import Wavefunction

_BLOCKS = 32
"""Groups of chains that are left out in turn (jackknife)."""

_SUMMED_SITES = 20
"""Sites up to which the states of a sector are enumerated to see how many they are."""

_BURN_IN = 4
"""Segments of a span thrown away: 128 sweeps of all walkers."""

_POOL_SWEEPS = 30
"""Of the walkers that become a pool of a lower state."""


class ExcitedStates(Eigenstates):
    """An answer to a task of levels: states, each scaled so that its largest amplitude seen is about 1."""

    states: eqx.AbstractVar[list[Wavefunction]]
    scales: eqx.AbstractVar[Float[Array, " states"]]

    def __call__(self, x: SpinLattice) -> Outputs:
        with double():
            logs = [psi.log_psi(x.spins).astype(complex) for psi in self.states]
            return {"amplitudes": jnp.exp(jnp.stack(logs) - self.scales)}


class InSectors(ExcitedStates):
    """One state per symmetry sector: orthogonal by symmetry, measured one by one; `characters` belong to `states`."""

    states: list[Wavefunction]
    scales: Float[Array, " states"]
    characters: list[Character]

    def levels(self, law: Hamiltonian, *, samples: int, key: PRNGKeyArray) -> Levels:
        """A level occurs as often as its character says; gaps of states of one level are 0 without error."""
        found = []
        for i, (psi, character) in enumerate(zip(self.states, self.characters, strict=True)):
            problem = spin_problem(in_sector(law, character))
            one = evaluation.evaluate(psi, problem, samples=samples, key=jax.random.fold_in(key, i))
            found += [(one, i)] * character.degeneracy
        found = sorted(found, key=lambda pair: pair[0].energy)[: max(len(self.states), 2)]
        (lowest, first), others = found[0], found[1:]
        energies, errors = (tuple(getattr(one, name) for one, _ in found) for name in ("energy", "error"))
        gaps = tuple(energy - lowest.energy for energy in energies[1:])
        gap_errors = tuple(0.0 if i == first else math.hypot(one.error, lowest.error) for one, i in others)
        seconds = sum({i: one.seconds for one, i in found}.values())
        return Levels(energies, errors, gaps, gap_errors, max(o.r_hat for o, _ in found), lowest.n_samples, 0, seconds)


class Span(ExcitedStates):
    """The levels are those of H within the span of `states`, sampled by K walkers in their determinant."""

    states: list[Wavefunction]
    scales: Float[Array, " states"]

    def levels(self, law: Hamiltonian, *, samples: int, key: PRNGKeyArray) -> Levels:
        begun = time.perf_counter()
        with double():
            matrices = _energy_matrices(self, law, samples, key)
        chains, n = matrices.shape[:2]
        sound = np.asarray(np.isfinite(matrices).all(axis=(2, 3)))
        blocks = np.array_split(np.arange(chains), min(_BLOCKS, chains))
        sums = np.array([np.where(sound[b][..., None, None], matrices[b], 0).sum((0, 1)) for b in blocks])
        counts = np.array([sound[b].sum() for b in blocks])
        whole = _levels(sums.sum(0) / counts.sum())
        left_out = np.array([_levels((sums.sum(0) - a) / (counts.sum() - c)) for a, c in zip(sums, counts)])
        traces = np.where(sound, np.trace(matrices, axis1=2, axis2=3).real, whole.sum())
        given = whole, _jackknife(left_out), whole[1:] - whole[0], _jackknife(left_out[:, 1:] - left_out[:, :1])
        energies, errors, gaps, gap_errors = (tuple(values.tolist()) for values in given)
        singular, seconds = int((~sound).sum()), time.perf_counter() - begun
        return Levels(energies, errors, gaps, gap_errors, split_r_hat(traces), chains * n, singular, seconds)


class Determinant(Wavefunction):
    """Psi above: K rows of spins -> log det M, complex."""

    states: list[Wavefunction]

    def log_psi(self, spins: Shaped[Array, "walkers sites"]) -> Complex[Array, ""]:
        logs = _logs(self.states, spins)
        # a factor per walker is taken out, so that no amplitude over- or underflows
        largest = jax.lax.stop_gradient(jnp.max(logs.real, axis=1, keepdims=True))
        return _log_determinant(jnp.exp(logs - largest)) + largest.sum()


def in_sector(law: Hamiltonian, character: Character) -> Hamiltonian:
    """The law among the states of S_z that `character` asks for."""
    return law.at_magnetisation(character.magnetisation) if character.magnetisation else law


def sector_problem(law: Hamiltonian, character: Character, *, largest: int) -> tuple[Problem, bool]:
    """(the law among states that transform as `character`, whether its energy is to be summed instead of sampled).

    It is summed where at most `largest` orbits have such states, with H as a sparse matrix between them:

        E_loc(r) = (H c)_r / c_r,      c_r = psi(r) sqrt(size of the orbit of r)

    which takes one amplitude per orbit; those where the states vanish by symmetry are left out.
    """
    own = in_sector(law, character)
    sampled = spin_problem(own)
    if own.n_sites > _SUMMED_SITES:
        return sampled, False
    group = np.asarray(character.permutations)
    sector = exact_diagonalisation.Sector(group, character.flip, own.n_up, character.values)
    basis = exact_diagonalisation.enumerate_basis(own.n_sites, sector)
    if len(basis.states) > largest:
        return sampled, False
    matrix = exact_diagonalisation.sparse_matrix(own, basis).tocoo()
    roots = np.sqrt(basis.multiplicities())

    def local_energies(log_psi: LogPsi, samples: Array, at_once: int = AT_ONCE, ratios: object = None) -> Array:
        logs = jax.lax.map(log_psi, samples, batch_size=at_once)
        coefficients = roots * jnp.exp(logs - jax.lax.stop_gradient(jnp.max(logs.real)))
        applied = jnp.zeros(len(roots), jnp.result_type(coefficients, matrix.data.dtype))
        applied = applied.at[matrix.row].add(matrix.data * coefficients[matrix.col])
        # an orbit on a node has no weight: its energy must be a number, any one
        return jnp.where(coefficients == 0, 0, applied / jnp.where(coefficients == 0, 1, coefficients))

    orbits = basis.configurations(), basis.multiplicities()
    return dataclasses.replace(sampled, local_energies=local_energies, states=lambda invariance: orbits), True


def character_defect(psi: Wavefunction, character: Character, spins: Shaped[Array, "n sites"]) -> float:
    """max |psi(g s) - chi(g) psi(s)| / max |psi| over configurations and all elements: 0 in the claimed sector."""
    with double():
        values = character.values
        amplitudes = eqx.filter_jit(jax.vmap(lambda s: psi.log_psi(s).astype(complex)))
        log_plain = np.asarray(amplitudes(spins))
        largest = np.max(np.real(log_plain))
        plain, worst = np.exp(log_plain - largest), 0.0
        for sign, factor in ((1, 1), (-1, character.flip)):
            for permutation, value in zip(np.asarray(character.permutations), values) if factor else ():
                moved = np.exp(np.asarray(amplitudes(sign * jnp.asarray(spins)[:, permutation])) - largest)
                worst = np.maximum(worst, np.max(np.abs(moved - factor * value * plain)))  # NaN must win
        return float(worst)


def walkers_problem(law: Hamiltonian, count: int) -> Problem:
    """`count` independent copies of the law as one system: configurations [count, sites], energies added."""
    one = spin_problem(law)

    def local_energies(log_psi: LogPsi, samples: Array, at_once: int = AT_ONCE, ratios: object = None) -> Array:
        """[n] of sum over walkers j of sum_s' <x_j|H|s'> Psi(x with x_j -> s') / Psi(x)."""

        def energy(x: Array) -> Array:
            configurations, elements = jax.vmap(law.connected)(x)
            here = log_psi(x)

            def moved(j: Array, s: Array) -> Array:
                return jnp.exp(log_psi(x.at[j].set(s)) - here)

            ratios = jax.vmap(jax.vmap(moved, (None, 0)))(jnp.arange(count), configurations)
            # a configuration on a node has no weight: its energy must be a number, any one
            return jnp.where(jnp.isneginf(here.real), 0, jnp.sum(jnp.where(elements == 0, 0, elements * ratios)))

        return jax.lax.map(energy, samples, batch_size=64)

    def propose(x: Array, key: PRNGKeyArray) -> Array:
        """A move of one walker of every chain."""
        which, move = jax.random.split(key)
        moved = one.propose(x.reshape(-1, x.shape[-1]), move).reshape(x.shape)
        chosen = jax.random.randint(which, (len(x), 1, 1), 0, count)
        return jnp.where(jnp.arange(count)[:, None] == chosen, moved, x)

    def draw(n: int, key: PRNGKeyArray) -> Array:
        return one.draw(n * count, key).reshape(n, count, -1)

    def states(invariance: object) -> tuple[np.ndarray, np.ndarray]:
        """All tuples of configurations: for a few small systems only."""
        single = one.states((None, False))[0]
        rows = np.stack(np.meshgrid(*[np.arange(len(single))] * count, indexing="ij"), -1).reshape(-1, count)
        distinct = rows[(np.diff(rows, axis=1) > 0).all(1)]  # |Psi| does not see the order of the walkers
        return single[distinct], np.ones(len(distinct))

    return Problem(local_energies, propose, draw, count * one.size, states, magnitude=count * one.magnitude)


def penalised(problem: Problem, lower: list[Wavefunction], weight: float, pool: int, *, key: PRNGKeyArray) -> Problem:
    """`problem` with weight * sum_j |psi_j><psi_j| / <psi_j|psi_j> added to H: `lower` states cost energy.

        (P_j psi)(s) / psi(s) = psi_j(s) / psi(s)  <psi / psi_j>,       <.>: mean over a pool of samples of |psi_j|^2

    so that the mean over |psi|^2 is the squared overlap, estimated from samples of both states (Pathak, Busemeyer,
    Rodrigues, Wagner 2021, doi:10.1063/5.0030949; Wheeler, Kleiner, Wagner 2024, doi:10.1088/2516-1075/ad38f8). The
    pool is drawn once. Good values: a weight of a few gaps; a pool at least as large as the samples of a step.
    """
    pools = [_drawn(psi, problem, pool, jax.random.fold_in(key, j)) for j, psi in enumerate(lower)]

    def local_energies(log_psi: LogPsi, samples: Array, at_once: int = AT_ONCE, ratios: object = None) -> Array:
        energies = problem.local_energies(log_psi, samples, at_once).astype(complex)
        here = jax.vmap(log_psi)(samples)
        for psi, drawn in zip(lower, pools, strict=True):
            ratio = jax.lax.map(log_psi, drawn, batch_size=256) - jax.lax.map(psi.log_psi, drawn, batch_size=256)
            back = jax.vmap(psi.log_psi)(samples) - here
            # one scale for both, so that exp stays in range whatever the norms are
            scale = jnp.max(ratio.real)
            energies = energies + weight * jnp.exp(back + scale) * jnp.mean(jnp.exp(ratio - scale))
        return energies

    return dataclasses.replace(problem, local_energies=local_energies)


def scales_of(states: list[Wavefunction], problem: Problem, *, key: PRNGKeyArray) -> Float[Array, " states"]:
    """[states] of the largest log |psi| over some configurations."""
    with double():
        spins = problem.draw(64, key)
        logs = [jax.lax.map(lambda s, psi=psi: psi.log_psi(s), spins, batch_size=64).real for psi in states]
        return jnp.stack([jnp.max(one) for one in logs]).astype(jnp.float64)


def _drawn(psi: Wavefunction, problem: Problem, count: int, key: PRNGKeyArray) -> Array:
    """[count, ...] samples of |psi|^2, one per chain."""

    @eqx.filter_jit
    def run(psi: Wavefunction, walkers: Array) -> Array:
        return sampling.walked(
            lambda s: 2 * jnp.real(jax.vmap(psi.log_psi)(s)), problem, walkers, sweeps=_POOL_SWEEPS, key=key
        )

    with double():
        return run(psi, problem.draw(count, jax.random.fold_in(key, 2**31)))


def _logs(states: list[Wavefunction], spins: Shaped[Array, "walkers sites"]) -> Complex[Array, "walkers states"]:
    return jnp.stack([jax.vmap(psi.log_psi)(spins).astype(complex) for psi in states], axis=1)


def _log_determinant(matrix: Complex[Array, "n n"]) -> Complex[Array, ""]:
    if len(matrix) == 2:  # by hand: LAPACK takes one matrix at a time
        return jnp.log(matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0])
    sign, modulus = jnp.linalg.slogdet(matrix)
    return modulus + jnp.log(sign)


def _energy_matrices(
    span: Span, law: Hamiltonian, samples: int, key: PRNGKeyArray, chains: int = 256
) -> Inexact[np.ndarray, "chains samples k k"]:
    """M^-1 (H M) for fresh samples of all walkers; NaN where M is singular."""
    count = len(span.states)
    problem, psi = walkers_problem(law, count), Determinant(span.states)
    walkers = problem.draw(chains, jax.random.fold_in(key, 2**31))
    found = []
    for segment in range(_BURN_IN + math.ceil(samples / chains / evaluation.SEGMENT)):
        walkers, matrices = _segment(psi, span.scales, problem, law, walkers, jax.random.fold_in(key, segment))
        if segment >= _BURN_IN:
            found.append(np.asarray(matrices))
    return np.swapaxes(np.concatenate(found), 0, 1)


@eqx.filter_jit
def _segment(
    psi: Determinant, scales: Array, problem: Problem, law: Hamiltonian, walkers: Array, key: PRNGKeyArray
) -> tuple[Array, Array]:
    log_psi = jax.vmap(psi.log_psi)
    guide = lambda x: jnp.real(log_psi(x))  # noqa: E731
    drawn = sampling.draw(
        log_psi, guide, problem, walkers, power=2.0, n_per_chain=evaluation.SEGMENT, sweeps=2.0, key=key
    )
    flat = drawn.samples.reshape(-1, *drawn.samples.shape[2:])
    matrices = jax.lax.map(lambda x: _energy_matrix(psi.states, scales, law, x), flat, batch_size=64)
    return drawn.walkers, matrices.reshape(*drawn.samples.shape[:2], *matrices.shape[1:])


def _energy_matrix(states: list[Wavefunction], scales: Array, law: Hamiltonian, x: Array) -> Complex[Array, "k k"]:
    configurations, elements = jax.vmap(law.connected)(x)
    walkers, moves = elements.shape
    logs = _logs(states, configurations.reshape(walkers * moves, -1)) - scales
    logs = logs.reshape(walkers, moves, len(states))
    # row 0 of the moves is x itself; a factor per walker drops out of M^-1 (H M)
    amplitudes = jnp.exp(logs - jnp.max(logs.real, axis=(1, 2), keepdims=True))
    applied = jnp.sum(jnp.where(elements[..., None] == 0, 0, elements[..., None] * amplitudes), axis=1)
    return jnp.linalg.solve(amplitudes[:, 0], applied)


def _levels(matrix: Complex[np.ndarray, "k k"]) -> Float[np.ndarray, " k"]:
    return np.sort(np.linalg.eigvals(matrix).real)


def _jackknife(values: Float[np.ndarray, "blocks n"]) -> Float[np.ndarray, " n"]:
    """Standard errors from estimates that leave out one block each."""
    count = len(values)
    return np.sqrt((count - 1) / count * ((values - values.mean(0)) ** 2).sum(0))
