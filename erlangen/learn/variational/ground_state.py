"""The minimisation: sample, measure, step; refuse steps that went wrong; go on exactly where a killed run stopped."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ...contract import Budget, Session
from ...core.errors import Invalid
from ...numerics import metropolis
from ...numerics.precision import double
from ..checkpoint import load_state, save_state
from .natural_gradient import log_derivatives, natural_direction
from .problem import Problem
from .wavefunction import Wavefunction

_CHECKPOINT_SECONDS = 15.0
_WARM_STEPS = 8
"""Steps timed before a budget in seconds is turned into a number of steps."""

_LARGEST_MOVE = 0.3
"""Fubini-Study length of one step: a longer one leaves the region where the quadratic model of the energy holds."""

_LARGEST_SHIFT = 1.0


@dataclasses.dataclass(frozen=True)
class Settings:
    """How the minimisation runs; the defaults suit spin lattices of up to some hundred sites.

    samples: per step, from `chains` walkers (all kept between steps), `sweeps` sweeps of proposals apart.
    rate: of the natural gradient (imaginary time per step), constant at first, over the last 40 % down to 5 %.
    shift: final diagonal shift lambda of the metric; it starts at 1e-2, falls by a tenth per accepted step and grows
    tenfold when a step is refused. full_sum: all states instead of samples, for small spaces.
    """

    samples: int = 1024
    chains: int = 1024
    sweeps: float = 1.0
    rate: float = 0.1
    shift: float = 1e-5
    full_sum: bool = False

    def __post_init__(self):
        if self.chains < 1 or self.samples < self.chains:
            raise Invalid(
                must="every chain gives at least one sample per step",
                came=f"{self.samples} samples from {self.chains} chains",
                do=f"Take samples >= {self.chains}, or fewer chains.",
            )


class State(eqx.Module):
    """Everything a resumed run needs. kept: the parameters before the last step, to return to when that went wrong."""

    step: Array
    parameters: PyTree
    kept: PyTree
    walkers: Array
    shift: Array
    energy: Array
    error: Array
    refused: Array


def minimise(
    psi: Wavefunction,
    problem: Problem,
    settings: Settings,
    budget: Budget,
    *,
    key: PRNGKeyArray,
    session: Session = Session(),
) -> Wavefunction:
    """`psi` with parameters of (nearly) lowest energy; all in float64.

    A budget in seconds is turned into a number of steps once, after a few timed steps; that number is part of the
    checkpoint, so that the resumed run keeps the schedule. Clipping of local energies: none.
    """
    begun = time.perf_counter()
    with double():
        parameters, fixed = eqx.partition(psi, eqx.is_inexact_array)
        advance = _compiled_step(problem, settings, fixed, psi.invariance)
        state, spent, total = _begin(parameters, problem, settings, key), 0.0, budget.steps or 0
        found = load_state(session.folder, state) if session.resume and session.folder else None
        if found:
            state, meta = found
            state, spent, total = jax.tree.map(jnp.asarray, state), meta["seconds"], meta["total"]
            session.say(f"resumed at step {int(state.step)}")
        saved = warm = begun
        first = int(state.step)
        while not total or int(state.step) < total:
            progress = int(state.step) / total if total else 0.0
            state, figures = advance(state, jnp.asarray(_schedule(progress)), key)
            now = time.perf_counter()
            elapsed = spent + now - begun
            done = int(state.step)
            if done == first + 1:
                warm = now
            if not total and done == first + 1 + _WARM_STEPS:
                per_step = (now - warm) / _WARM_STEPS
                total = done + max(1, int((budget.seconds - elapsed) / per_step))
            session.progress(done, total, {name: float(value) for name, value in figures.items()})
            late = budget.seconds is not None and elapsed > budget.seconds and total
            if session.folder and total and (now - saved > _CHECKPOINT_SECONDS or done >= total or late):
                save_state(session.folder, state, {"seconds": elapsed, "total": total})
                saved = now
            if late:
                break
        if int(state.refused):
            session.say(f"{int(state.refused)} steps refused, damping raised")
        return eqx.combine(state.kept, fixed)


def _begin(parameters: PyTree, problem: Problem, settings: Settings, key: PRNGKeyArray) -> State:
    n = 0 if settings.full_sum else settings.chains
    walkers = problem.draw(max(n, 1), jax.random.fold_in(key, 2**31))
    nothing = jnp.asarray(jnp.inf)
    return State(
        jnp.asarray(0), parameters, parameters, walkers, jnp.asarray(1e-2), nothing, jnp.asarray(1.0), jnp.asarray(0)
    )


def _schedule(progress: float) -> float:
    return 1.0 if progress < 0.6 else 0.05 ** ((progress - 0.6) / 0.4)


def _compiled_step(problem: Problem, settings: Settings, fixed: PyTree, invariance: Any):
    """(state, schedule, key) -> (state, figures), compiled; its randomness depends on `key` and the step number alone."""
    states = tuple(map(jnp.asarray, problem.states(invariance))) if settings.full_sum else None
    draw = _full_sum if settings.full_sum else _sampled

    def log_psi(parameters: PyTree, sample: Array) -> Array:
        return eqx.combine(parameters, fixed).log_psi(sample)

    @jax.jit
    def advance(state: State, schedule: Array, key: PRNGKeyArray) -> tuple[State, dict[str, Array]]:
        samples, weights, walkers, acceptance = draw(
            lambda s: jax.vmap(log_psi, (None, 0))(state.parameters, s), problem, settings, states, state, key
        )
        energies = problem.local_energies(lambda s: log_psi(state.parameters, s), samples)
        mean = jnp.real(weights @ energies)
        variance = weights @ jnp.abs(energies - mean) ** 2
        error = jnp.where(settings.full_sum, 1e-12 * jnp.abs(mean), jnp.sqrt(variance / len(samples)))
        jump = mean - state.energy > 5 * jnp.sqrt(error**2 + state.error**2)
        good = jnp.isfinite(mean) & jnp.isfinite(variance) & ~jump
        derivatives = log_derivatives(log_psi, state.parameters, samples)
        delta, length = natural_direction(derivatives, energies, weights, shift=state.shift)
        solved = jnp.all(jnp.isfinite(delta)) & jnp.isfinite(length)
        scale = jnp.minimum(settings.rate * schedule, _LARGEST_MOVE / jnp.maximum(length, 1e-300))
        figures = {"energy": mean, "error": error, "variance": variance, "acceptance": acceptance}
        return _next(state, walkers, mean, error, good, solved, scale * delta, settings), {
            **figures,
            "shift": state.shift,
        }

    return advance


def _next(
    state: State,
    walkers: Array,
    energy: Array,
    error: Array,
    good: Array,
    solved: Array,
    move: Float[Array, " parameters"],
    settings: Settings,
) -> State:
    """Where the measured parameters are good, step on from them; otherwise go back to those before, with more damping.

    After a refusal the old energy counts with twice its error, so that one lucky low estimate cannot block the run.
    """
    flat, unravel = jax.flatten_util.ravel_pytree(state.parameters)
    moved = unravel(jnp.where(solved, flat - move, flat))
    softer = jnp.maximum(state.shift * 0.9, settings.shift)
    harder = jnp.minimum(state.shift * 10, _LARGEST_SHIFT)

    def choose(a: PyTree, b: PyTree) -> PyTree:
        return jax.tree.map(lambda x, y: jnp.where(good, x, y), a, b)

    return State(
        step=state.step + 1,
        parameters=choose(moved, state.kept),
        kept=choose(state.parameters, state.kept),
        walkers=walkers,
        shift=jnp.where(good & solved, softer, harder),
        energy=jnp.where(good, energy, state.energy),
        error=jnp.where(good, error, 2 * state.error),
        refused=state.refused + jnp.where(good & solved, 0, 1),
    )


def _sampled(log_psi, problem: Problem, settings: Settings, states: None, state: State, key: PRNGKeyArray):
    def log_probability(s: Array) -> Array:
        return 2 * jnp.real(log_psi(s))

    n = settings.samples // settings.chains
    chains = metropolis.start(log_probability, state.walkers)
    chains, samples, acceptance = metropolis.sample(
        log_probability,
        problem.propose,
        chains,
        n_per_chain=n,
        thinning=max(1, round(settings.sweeps * problem.sweep)),
        key=jax.random.fold_in(key, state.step),
    )
    samples = samples.reshape(-1, *samples.shape[2:])
    return samples, jnp.full(len(samples), 1 / len(samples)), chains.positions, acceptance


def _full_sum(log_psi, problem: Problem, settings: Settings, states: tuple, state: State, key: PRNGKeyArray):
    configurations, multiplicities = states
    log_weights = 2 * jnp.real(log_psi(configurations)) + jnp.log(multiplicities)
    return configurations, jax.nn.softmax(log_weights), state.walkers, jnp.ones(())
