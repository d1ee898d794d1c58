"""What a fitted wavefunction is worth: fresh samples, an error bar that knows their correlation, and the V-score."""

from __future__ import annotations

import dataclasses
import functools
import math
import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, Int, PRNGKeyArray, Shaped

from ...numerics.autocorrelation import Estimate, estimate
from ...numerics.precision import double
from . import sampling
from .problem import Problem, amplitudes
from .wavefunction import Autoregressive, Wavefunction

SEGMENT = 16
"""Samples of every chain drawn in one compiled call."""

ROUNDING = 1e-13  # of an energy: no error bar is smaller than what sums of so many numbers in float64 lose

_LONGEST_BURN_IN = 12
"""Segments after which sampling starts even where the diagnostics have not settled (R-hat then says so)."""


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The energy of a state with what is needed to trust it.

    energy +- error (one standard error); variance: of the local energy, an estimate of <H^2> - <H>^2;
    v_score: `Problem.v_score`;
    tau: integrated autocorrelation time in samples; r_hat: agreement of the chains (good below 1.01);
    burn_in: sweeps thrown away; seconds: of the whole evaluation.
    """

    energy: float
    error: float
    variance: float
    v_score: float
    tau: float
    r_hat: float
    acceptance: float
    n_samples: int
    burn_in: int
    seconds: float


def evaluate(
    psi: Wavefunction,
    problem: Problem,
    *,
    samples: int = 65536,
    chains: int = 512,
    sweeps: float = 2.0,
    longest: float = math.inf,
    key: PRNGKeyArray,
) -> Evaluation:
    """Energy of `psi` from new chains that start anywhere and are burnt in until their energies have settled.

    Independent samples where `psi` can be drawn from: nothing is burnt in then. longest: seconds after which no more
    samples are drawn; the error bar tells.
    """
    sampling.require_samples(samples, chains)
    begun = time.perf_counter()
    with double():
        walkers, power, burnt = _start(psi, problem, sweeps, chains, key)
        energies, log_weights, accepted = [], [], []
        for segment in range(math.ceil(samples / chains / SEGMENT)):
            one = jax.random.fold_in(key, _LONGEST_BURN_IN + segment)
            walkers, _, _, *series, rate = _segment(psi, problem, sweeps, power, walkers, one)
            for kept, new in zip((energies, log_weights, accepted), (*series, rate), strict=True):
                kept.append(np.asarray(new))
            if time.perf_counter() - begun > longest:
                break
    wanted = samples // chains
    found = _weighted(np.concatenate(energies)[:wanted].T, np.concatenate(log_weights)[:wanted].T)
    return Evaluation(
        energy=found.mean,
        error=found.error,
        variance=found.variance,
        v_score=problem.v_score(found.mean, found.variance),
        tau=found.tau,
        # chains that sit in states of one energy differ by rounding alone
        r_hat=1.0 if found.error <= ROUNDING * problem.magnitude else found.r_hat,
        acceptance=float(np.mean(accepted)),
        n_samples=found.n_samples,
        burn_in=round(burnt * SEGMENT * sweeps),
        seconds=time.perf_counter() - begun,
    )


def settled(
    psi: Wavefunction, problem: Problem, *, samples: int, sweeps: float = 2.0, key: PRNGKeyArray
) -> tuple[Array, Array, Array]:
    """(at least `samples` configurations, local energies, weights that sum to one), burnt in as by `evaluate`."""
    with double():
        walkers, power, _ = _start(psi, problem, sweeps, -(-samples // SEGMENT), key)
        one = jax.random.fold_in(key, _LONGEST_BURN_IN)
        _, _, configurations, energies, log_weights, _ = _segment(psi, problem, sweeps, power, walkers, one)
        return configurations, energies.ravel(), jax.nn.softmax(log_weights.ravel())


def full_sum(psi: Wavefunction, problem: Problem) -> tuple[float, float]:
    """Exact energy and variance of `psi` by summing over all states (small spaces only).

    The space is reduced by `psi.invariance`; audit that declaration before you trust the sum.
    """
    with double():
        configurations, multiplicities = map(jnp.asarray, problem.states(psi.invariance))
        energy, variance = _moments(psi, problem, configurations, multiplicities)
        return float(energy), float(variance)


class Tabulated(Wavefunction):
    """All amplitudes of a small system, computed once: sampling then costs a look into a table, however costly psi is.

    By number of the configuration: codes [states] ascending, logarithms of psi and of its guide [states].
    """

    codes: Int[Array, " states"]
    logs: Inexact[Array, " states"]
    guides: Float[Array, " states"]

    def log_psi(self, spins: Shaped[Array, " sites"]) -> Inexact[Array, ""]:
        return self.logs[self._place(spins)]

    def log_guide(self, spins: Shaped[Array, " sites"]) -> Float[Array, ""]:
        return self.guides[self._place(spins)]

    def _place(self, spins: Shaped[Array, " sites"]) -> Int[Array, ""]:
        return jnp.searchsorted(self.codes, code(jnp.asarray(spins)))


def tabulated(psi: Wavefunction, problem: Problem) -> Wavefunction:
    """`psi` as a table of all states of `problem`; as it is where it can be drawn from without walkers."""
    if isinstance(psi, Autoregressive):
        return psi
    with double():
        configurations = jnp.asarray(problem.states((None, False))[0])
        codes = code(configurations)
        order = jnp.argsort(codes)
        ask = eqx.filter_jit(lambda psi, s: [amplitudes(f, s) for f in (psi.log_psi, psi.guiding.log_guide)])
        return Tabulated(codes[order], *ask(psi, configurations[order]))


def code(spins: Shaped[Array, "*n sites"]) -> Int[Array, "*n"]:
    """The configuration as a binary number."""
    return (spins > 0) @ (1 << np.arange(spins.shape[-1]))


@eqx.filter_jit
def _segment(
    psi: Wavefunction, problem: Problem, sweeps: float, power: Array, walkers: Array, key: PRNGKeyArray
) -> tuple[Array, Array, Array, Array, Array, Array]:
    """(walkers, the best power there, samples [segment * chains, ...], their local energies and log-weights [segment,
    chains], acceptance) of one segment.
    """
    log_psi, log_guide = (functools.partial(amplitudes, f) for f in (psi.log_psi, psi.guiding.log_guide))
    if isinstance(psi, Autoregressive):
        drawn = sampling.independent(psi, walkers, n_per_chain=SEGMENT, key=key)
    else:
        drawn = sampling.draw(
            log_psi, log_guide, problem, walkers, power=power, n_per_chain=SEGMENT, sweeps=sweeps, key=key
        )
    samples = drawn.samples.reshape(-1, *drawn.samples.shape[2:])
    energies = problem.local_energies(psi.log_psi, samples, ratios=psi.log_ratios).reshape(drawn.log_weights.shape)
    best = sampling.power(log_guide(drawn.walkers))
    return drawn.walkers, best, samples, energies, drawn.log_weights, drawn.acceptance


@eqx.filter_jit
def _moments(psi: Wavefunction, problem: Problem, configurations: Array, multiplicities: Array) -> tuple[Array, Array]:
    log_weights = 2 * jnp.real(amplitudes(psi.log_psi, configurations)) + jnp.log(multiplicities)
    weights = jax.nn.softmax(log_weights)
    # a configuration on a node has no weight, and no local energy
    energies = jnp.where(weights == 0, 0, problem.local_energies(psi.log_psi, configurations))
    mean = jnp.real(weights @ energies)
    return mean, weights @ jnp.abs(energies - mean) ** 2


def _start(
    psi: Wavefunction, problem: Problem, sweeps: float, chains: int, key: PRNGKeyArray
) -> tuple[Array, Array, int]:
    """(walkers, power, segments thrown away) from where samples count: independent ones where they can be drawn, else
    after walking until the energy of a segment agrees with the one before to within 3 error bars.
    """
    guiding, first, power = psi.guiding, jax.random.fold_in(key, 2**31), jnp.full((), 2.0)
    if isinstance(guiding, Autoregressive):
        return guiding.draws(chains, first), power, 0
    walkers, before = problem.draw(chains, first), None
    for segment in range(_LONGEST_BURN_IN):
        walkers, power, _, energies, log_weights, _ = _segment(
            guiding, problem, sweeps, power, walkers, jax.random.fold_in(key, segment)
        )
        now = _weighted(np.asarray(energies).T, np.asarray(log_weights).T)
        if before and abs(now.mean - before.mean) <= 3 * math.hypot(now.error, before.error):
            return walkers, power, segment + 1
        before = now
    return walkers, power, _LONGEST_BURN_IN


def _weighted(energies: Inexact[np.ndarray, "chains n"], log_weights: Float[np.ndarray, "chains n"]) -> Estimate:
    """sum w E_loc / sum w with the error of the ratio: that of the mean of w (E_loc - E) / <w>."""
    weights = np.exp(log_weights - log_weights.max())
    weights /= weights.mean()
    mean = float((weights * np.real(energies)).mean())
    found = estimate(weights * (np.real(energies) - mean))
    return dataclasses.replace(found, mean=mean, variance=float((weights * np.abs(energies - mean) ** 2).mean()))
