"""The minimisation: sample, measure, step; refuse steps that went wrong; go on exactly where a killed run stopped."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ...contract import Budget, Session
from ...numerics.precision import double
from . import devices, memory, sampling
from .clock import Clock
from .memory import Plan
from .natural_gradient import Blocks, Factors, jacobian, length, log_derivatives, natural_direction
from .problem import Problem, amplitudes
from .sampling import Sampling
from .wavefunction import Autoregressive, Wavefunction

W = TypeVar("W", bound=Wavefunction)

_LARGEST_MOVE = 0.3
"""Fubini-Study length of one step: a longer one leaves the region where the quadratic model of the energy holds."""

_FIRST_SHIFT, _DECAY, _LARGEST_SHIFT = 1e-2, 0.95, 10.0

_LARGEST_RATE = 0.1

_EXACT = 3.0
"""How much longer steps are where nothing is sampled; the damping falls as much faster."""

_OVERFIT = 2.0
"""|O d| of a step on new samples over that on its own, beyond which the damping grows: noise was taken for signal.

Few samples leave the metric modes that it underestimates; a step is then too long along them, and a state that was good
is lost within a few steps (Heisenberg 6x6, 1,024 samples of 288 parameters: the ratio is 32 where that happens).
"""


@dataclasses.dataclass(frozen=True)
class Settings(Sampling):
    """How the minimisation runs; the defaults suit spin lattices of up to some hundred sites.

    rate: of the natural gradient (imaginary time per step), constant at first, over the last 40 % down to 5 %; None:
    0.1, or one over the number of sites where that is less (the steepest modes have energies that grow with it). shift:
    smallest diagonal shift of the metric, relative to the mean of its diagonal where that is above one; it starts at
    1e-2, falls by 5 % per accepted step, grows tenfold when a step is refused, and grows while steps are longer on new
    samples than on those they come from. momentum: mu of SPRING (`natural_gradient`), 0 for plain stochastic
    reconfiguration; it keeps what few samples do not see. memory: bytes that a step may take on a device (see
    `memory.plan`), None for 60 % of what is free.
    """

    rate: float | None = None
    shift: float = 1e-5
    momentum: float = 0.0
    memory: float | None = None

    def imaginary_time(self, size: int, *, is_exact: bool) -> float:
        """Of one step on a system of `size` degrees of freedom."""
        if is_exact:
            return min(_EXACT * (_LARGEST_RATE if self.rate is None else self.rate), 1.0)
        return min(_LARGEST_RATE, 1 / size) if self.rate is None else self.rate


class State(eqx.Module):
    """Everything a resumed run needs.

    kept: the parameters before the last step, to return to when that went wrong; direction: of the last step, zero
    after a refusal; length: of it, as the samples saw it that it was made from.
    """

    step: Array
    parameters: PyTree
    kept: PyTree
    walkers: Array
    shift: Array
    direction: Array
    length: Array
    energy: Array
    error: Array
    refused: Array


def minimise(
    psi: W,
    problem: Problem,
    settings: Settings,
    budget: Budget,
    *,
    key: PRNGKeyArray,
    session: Session = Session(),
) -> W:
    """`psi` with parameters of (nearly) lowest energy; all in float64.

    A budget in seconds is turned into a number of steps from the speed of the first steps; that number is part of the
    checkpoint, so that the resumed run keeps the schedule. Clipping of local energies: none.
    """
    with double():
        parameters, fixed = eqx.partition(psi, eqx.is_inexact_array)
        states = settings.all_states(psi, problem)
        over = None if states else devices.mesh(settings.chains)
        state = _begin(parameters, problem, 1 if states else settings.chains, key)
        step = _Step(problem, settings, fixed, states, over, Plan())
        if not states:
            step = dataclasses.replace(step, plan=step.planned(parameters, state.walkers))
        if step.plan != Plan():
            session.say(f"memory: {step.plan}")
        advance = jax.jit(step.advanced)
        clock = Clock(budget, session)
        state = clock.resumed(state)
        walkers = devices.spread(state.walkers, over)
        state = dataclasses.replace(devices.everywhere(state, over), walkers=walkers)
        while not clock.is_over(int(state.step)):
            state, figures = advance(state, jnp.full((), _schedule(clock.progress(int(state.step))), jnp.float64), key)
            done = int(state.step)
            planned = clock.tick(done)
            session.progress(done, clock.total, {name: float(value) for name, value in figures.items()})
            clock.save(state, at_once=planned or clock.is_over(done))
        if int(state.refused):
            session.say(f"{int(state.refused)} steps refused, damping raised")
        return eqx.combine(state.kept, fixed)


def _begin(parameters: PyTree, problem: Problem, chains: int, key: PRNGKeyArray) -> State:
    walkers = problem.draw(chains, jax.random.fold_in(key, 2**31))
    # explicit types: a weakly typed first state would have the step compiled twice
    zero, number = jnp.zeros((), jnp.int64), functools.partial(jnp.full, (), dtype=jnp.float64)
    still = jnp.zeros_like(ravel_pytree(parameters)[0])
    shift, energy, error = number(_FIRST_SHIFT), number(jnp.inf), number(1.0)
    return State(zero, parameters, parameters, walkers, shift, still, energy, energy, error, zero)


def _schedule(progress: float) -> float:
    return 1.0 if progress < 0.6 else 0.05 ** ((progress - 0.6) / 0.4)


@dataclasses.dataclass(frozen=True, eq=False)
class _Step:
    """One step, and what it computes for each sample, in pieces that fit into memory, on all devices."""

    problem: Problem
    settings: Settings
    fixed: PyTree
    states: tuple[Array, Array] | None
    over: Mesh | None
    plan: Plan

    def advanced(self, state: State, schedule: Array, key: PRNGKeyArray) -> tuple[State, dict[str, Array]]:
        """(the next state, figures); randomness depends on `key` and the step number alone."""
        problem, settings, parameters = self.problem, self.settings, state.parameters
        if self.states:
            (samples, counts), walkers, acceptance = self.states, state.walkers, jnp.ones(())
            log_weights = 2 * jnp.real(self.amplitudes(parameters, samples)) + jnp.log(counts)
        else:
            drawn = self.drawn(parameters, state.walkers, jax.random.fold_in(key, state.step))
            walkers, acceptance = drawn.walkers, drawn.acceptance
            # all samples of a walker in a row: they stay on its device
            samples = jnp.swapaxes(drawn.samples, 0, 1).reshape(-1, *drawn.samples.shape[2:])
            log_weights = drawn.log_weights.T.ravel()
        weights = problem.weigh(log_weights, samples)
        level = lambda values: problem.level(values, samples, weights)  # noqa: E731
        energies = level(self.energies(parameters, samples))
        mean = jnp.real(weights @ energies)
        variance = weights @ jnp.abs(energies - mean) ** 2
        rounding = 1e-12 * jnp.maximum(jnp.abs(mean), problem.magnitude)
        error = rounding if self.states else jnp.linalg.norm(weights * jnp.abs(energies - mean))
        jump = mean - state.energy > 5 * jnp.sqrt(error**2 + state.error**2)
        good = jnp.isfinite(mean) & jnp.isfinite(variance) & ~jump
        rows = jacobian(self.derivatives(parameters, samples, level), weights)
        last = settings.momentum * state.direction if settings.momentum else None
        shift = state.shift * jnp.maximum(rows.mean_square(), 1.0)
        delta, size = natural_direction(rows, energies, weights, shift=shift, last=last)
        overfit = jnp.ones(()) if self.states else length(rows, state.direction) / state.length
        softening = _softening(state, overfit, _DECAY**3 if self.states else _DECAY)
        solved = jnp.all(jnp.isfinite(delta)) & jnp.isfinite(size)
        rate = schedule * settings.imaginary_time(problem.size, is_exact=bool(self.states))
        scale = jnp.minimum(rate, _LARGEST_MOVE / jnp.maximum(size, 1e-300))
        scale = _shortened(lambda p: level(self.amplitudes(p, samples)), parameters, weights, delta, scale)
        figures = {"energy": mean, "error": error, "variance": variance, "acceptance": acceptance}
        figures |= {"shift": state.shift, "overfit": overfit}
        step = scale, delta, size
        return _next(state, walkers, (mean, error), good, solved, step, softening, settings), figures

    def planned(self, parameters: PyTree, walkers: Array) -> Plan:
        """What fits into the memory of one device."""
        share, limit = self.settings.samples // jax.device_count(), self.settings.memory
        energies = self.problem.local_energies
        return memory.plan(self.log_psi, energies, parameters, walkers, n_samples=share, limit=limit)

    def log_psi(self, parameters: PyTree, sample: Array) -> Array:
        return eqx.combine(parameters, self.fixed).log_psi(sample)

    def amplitudes(self, parameters: PyTree, samples: Array) -> Array:
        return self._each(lambda psi: psi.log_psi, parameters, samples)

    def guide(self, parameters: PyTree, samples: Array) -> Array:
        return self._each(lambda psi: psi.log_guide, parameters, samples)

    def _each(self, part: Callable[[Wavefunction], Callable], parameters: PyTree, samples: Array) -> Array:
        def own(parameters: PyTree, samples: Array) -> Array:
            return amplitudes(part(eqx.combine(parameters, self.fixed)), samples, self.plan.walkers)

        return devices.per_sample(own, self.over)(parameters, samples)

    def drawn(self, parameters: PyTree, walkers: Array, key: PRNGKeyArray) -> sampling.Drawn:
        """New samples of every walker."""
        n_per_chain = self.settings.samples // self.settings.chains
        if isinstance(self.fixed, Autoregressive):
            psi = eqx.combine(parameters, self.fixed)
            return sampling.independent(psi, walkers, n_per_chain=n_per_chain, key=key)
        guide = functools.partial(self.guide, parameters)
        return sampling.draw(
            functools.partial(self.amplitudes, parameters),
            guide,
            self.problem,
            walkers,
            power=sampling.power(guide(walkers)),
            n_per_chain=n_per_chain,
            sweeps=self.settings.sweeps,
            key=key,
        )

    def energies(self, parameters: PyTree, samples: Array) -> Array:
        def some(parameters: PyTree, samples: Array) -> Array:
            psi = eqx.combine(parameters, self.fixed)
            how = {"at_once": self.plan.amplitudes, "ratios": psi.log_ratios}
            return self.problem.local_energies(psi.log_psi, samples, **how)

        def own(parameters: PyTree, samples: Array) -> Array:
            if not self.plan.samples:
                return some(parameters, samples)
            pieces = samples.reshape(-1, self.plan.samples, *samples.shape[1:])
            return jax.lax.map(functools.partial(some, parameters), pieces).ravel()

        return devices.per_sample(own, self.over)(parameters, samples)

    def derivatives(self, parameters: PyTree, samples: Array, level: Callable) -> Array | Factors | Blocks:
        found = jax.vmap(eqx.combine(parameters, self.fixed).factors)(samples)
        if found is not None:
            return found
        size, count = ravel_pytree(parameters)[0].size, self.plan.blocks
        width = -(-size // count)

        def block(k: Array | int) -> Array:
            columns = (k * width, width) if count > 1 else None
            own = functools.partial(log_derivatives, self.log_psi, at_once=self.plan.rows, columns=columns)
            return level(devices.per_sample(own, self.over)(parameters, samples))

        return block(0) if count == 1 else Blocks(block, count, width, size)


def _shortened(
    log_amplitudes: Callable[[PyTree], Array],
    parameters: PyTree,
    weights: Float[Array, " n"],
    delta: Float[Array, " parameters"],
    scale: Array,
) -> Array:
    """`scale`, halved until the step really moves the state by no more than the limit, as its own samples see it.

    Where log psi is far from linear in the parameters (small weights), the metric alone does not notice a step that
    throws all weight onto a few configurations, from which no gradient leads back.
    """
    flat, unravel = ravel_pytree(parameters)
    before = log_amplitudes(parameters)

    def too_far(scale: Array) -> Array:
        change = log_amplitudes(unravel(flat - scale * delta)) - before
        spread = weights @ jnp.abs(change - weights @ change) ** 2
        return ~(spread <= (1.5 * _LARGEST_MOVE) ** 2)

    def again(carry: tuple[Array, Array]) -> Array:
        scale, halvings = carry
        return too_far(scale) & (halvings < 12)

    return jax.lax.while_loop(again, lambda carry: (carry[0] / 2, carry[1] + 1), (scale, jnp.asarray(0)))[0]


def _softening(state: State, overfit: Array, usual: float) -> Array:
    """What the damping is multiplied by after an accepted step."""
    decay = jnp.where(state.shift > _FIRST_SHIFT, 0.9, usual)
    return jnp.where(overfit > _OVERFIT, jnp.minimum((overfit / _OVERFIT) ** 2, 4.0), decay)


def _next(
    state: State,
    walkers: Array,
    measured: tuple[Array, Array],
    good: Array,
    solved: Array,
    step: tuple[Array, Float[Array, " parameters"], Array],
    softening: Array,
    settings: Settings,
) -> State:
    """Where the measured parameters are good, step on from them; otherwise go back to those before, with more damping.

    After a refusal the old energy counts with twice its error, so that one lucky low estimate cannot block the run.
    """
    (energy, error), (scale, direction, length) = measured, step
    flat, unravel = ravel_pytree(state.parameters)
    moved = unravel(jnp.where(solved, flat - scale * direction, flat))
    softer = jnp.clip(state.shift * softening, settings.shift, _LARGEST_SHIFT)
    harder = jnp.minimum(state.shift * 10, _LARGEST_SHIFT)

    def choose(a: PyTree, b: PyTree) -> PyTree:
        return jax.tree.map(lambda x, y: jnp.where(good, x, y), a, b)

    return State(
        step=state.step + 1,
        parameters=choose(moved, state.kept),
        kept=choose(state.parameters, state.kept),
        walkers=walkers,
        shift=jnp.where(good & solved, softer, harder),
        direction=jnp.where(good & solved, direction, 0.0),
        length=jnp.where(good & solved, length, jnp.inf),
        energy=jnp.where(good, energy, state.energy),
        error=jnp.where(good, error, 2 * state.error),
        refused=state.refused + jnp.where(good & solved, 0, 1),
    )
