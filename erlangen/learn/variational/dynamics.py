"""Time evolution of a wavefunction by the time-dependent variational principle (TDVP), for real parameters theta.

The exact state moves by  d psi / dt = -i H psi,  the ansatz by  d psi / dt = sum_k theta'_k O_k psi  with
O_k = d log psi / d theta_k. Norm and phase of psi are free, so means over w = |psi|^2 / <psi|psi> are taken off both.
McLachlan asks for the velocity in the tangent space that is nearest to the exact one:

    R^2 = min_theta' sum_s w_s | sum_k theta'_k O_sk + i E_s |^2,      E_s = (H psi)(s) / psi(s) - mean

theta' is real, so real and imaginary parts of a sample are two rows of one least-squares problem:

    Re(O^+ O) theta' = Re(O^+ (-i E)) = Im(O^+ E),                  F = Im(O^+ E),   S = Re(O^+ O) = V sigma^2 V^T

For a holomorphic ansatz (real and imaginary part of every weight are both parameters) this is the symplectic principle
too, and conserves the energy. S is singular where parameters are redundant, and where sampled its small modes are
noise; both are switched off smoothly (Schmitt and Heyl 2020, doi:10.1103/PhysRevLett.125.100503):

    theta' = sum_k V_k (V^T F)_k / sigma_k^2 / [ 1 + (cutoff sigma_1^2 / sigma_k^2)^6 ] / [ 1 + (snr / SNR_k)^6 ]

What the tangent space misses is known while it happens: exact evolution keeps angles between states, so that

    arccos |<psi_exact(t)|psi_theta(t)>| <= angle(t) = int_0^t R dt',       infidelity <= sin^2 angle(t)

up to the error of the integrator (McLachlan 1964, doi:10.1080/00268976400100041; Martinazzo and Burghardt 2020,
doi:10.1103/PhysRevLett.124.150601). A step is as long as the metric S allows: its error is |d theta|_S <= tolerance, an
angle again. Samples are drawn once per step and reweighted within it, so that its stages see one smooth function.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Generic, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Inexact, PRNGKeyArray, PyTree, Shaped

from ...contract import Budget, Session, StatePath
from ...core.errors import Invalid, within
from ...numerics import runge_kutta
from ...numerics.precision import double
from . import sampling
from .clock import Clock
from .natural_gradient import log_derivatives
from .problem import Problem
from .sampling import Sampling
from .wavefunction import Wavefunction

W = TypeVar("W", bound=Wavefunction)

_SHORTEST = 1e-6
"""Part of the horizon below which a step is not shortened: the ansatz has become singular."""

_BURN_IN = 16
"""Sweeps before the first samples; later ones start from those of the step before."""


@dataclasses.dataclass(frozen=True)
class Pace(Sampling):
    """How the evolution is integrated and regularised.

    tolerance: error of one step, as an angle between states. cutoff: modes of S below this part of the largest are off;
    snr: where sampled, those with a smaller ratio of signal to noise too.
    """

    samples: int = 4096
    tolerance: float = 1e-4
    cutoff: float = 1e-10
    snr: float = 2.0

    def __post_init__(self):
        super().__post_init__()
        within(self, tolerance=(0, math.inf), cutoff=(0, 1))


class Trajectory(Wavefunction, StatePath, Generic[W]):
    """The state at `times`: `at(i)` is the wavefunction at times[i]; as a wavefunction it is the last of them.

    parameters: those of the ansatz, with a leading axis of times. energies, variances, angles [times]: mean and
    variance of H and the angle(t) above, as the integrator saw them.
    """

    parameters: PyTree
    fixed: PyTree
    times: Float[Array, " times"]
    energies: Float[Array, " times"]
    variances: Float[Array, " times"]
    angles: Float[Array, " times"]

    def at(self, i: int) -> W:
        """The wavefunction at times[i]."""
        return eqx.combine(jax.tree.map(lambda leaf: leaf[i], self.parameters), self.fixed)

    def log_psi(self, spins: Shaped[Array, " sites"]) -> Inexact[Array, ""]:
        return self.at(-1).log_psi(spins)

    @property
    def invariance(self) -> tuple[np.ndarray | None, bool]:
        return self.at(-1).invariance


class State(eqx.Module):
    """Everything a resumed run needs.

    position: parameters and, as its last number, the angle. path, figures: position, energy and variance at the first
    `reached` times.
    """

    step: Array
    reached: Array
    time: Array
    dt: Array
    position: Float[Array, " parameters_and_angle"]
    walkers: Array
    path: Float[Array, "times parameters_and_angle"]
    figures: Float[Array, "times 2"]


class Drawn(NamedTuple):
    """Configurations, and the logarithm of what |psi|^2 is multiplied by to give their weights."""

    samples: Array
    base: Float[Array, " n"]


class Instant(NamedTuple):
    """What is known at one place of the path; slope: d position / dt, its last number R."""

    slope: Float[Array, " parameters_and_angle"]
    metric: Float[Array, "parameters parameters"]
    energy: Array
    variance: Array


def evolve(
    psi: W,
    problem: Problem,
    times: Sequence[float],
    pace: Pace,
    budget: Budget,
    *,
    key: PRNGKeyArray,
    session: Session = Session(),
) -> Trajectory[W]:
    """`psi` moved through `times` (rising, the first is where it is now) under the law of `problem`; all in float64.

    Where the budget ends first, the remaining times get the last state, and that is said.
    """
    if len(times) < 2 or not all(a < b for a, b in zip(times, times[1:])):
        raise Invalid(must="times rise, and are at least two", came=str(times), do="Begin with the time of the state.")
    with double():
        parameters, fixed = eqx.partition(psi, eqx.is_inexact_array)
        flow = _Flow(parameters, fixed, problem, pace, key)
        state = _begin(parameters, problem, times, 1 if flow.states else pace.chains, key)
        state = _integrate(flow, state, np.asarray(times, float), pace, budget, session)
        path = jax.vmap(flow.unravel)(state.path[:, :-1])
        energies, variances = state.figures.T
        found = {"parameters": path, "fixed": fixed, "energies": energies, "variances": variances}
        return Trajectory(times=jnp.asarray(times), angles=state.path[:, -1], **found)


def _begin(parameters: PyTree, problem: Problem, times: Sequence[float], chains: int, key: PRNGKeyArray) -> State:
    position = jnp.append(ravel_pytree(parameters)[0], 0.0)
    zero, number = jnp.zeros((), jnp.int64), functools.partial(jnp.full, (), dtype=jnp.float64)
    walkers = problem.draw(chains, jax.random.fold_in(key, 2**31))
    path, figures = jnp.tile(position, (len(times), 1)), jnp.zeros((len(times), 2), jnp.float64)
    return State(zero, zero, number(times[0]), number(1e-3 * (times[-1] - times[0])), position, walkers, path, figures)


def _integrate(flow: _Flow, state: State, times: np.ndarray, pace: Pace, budget: Budget, session: Session) -> State:
    """Adaptive steps that end at every one of `times`."""
    clock = Clock(budget, session)
    state = clock.resumed(state)
    while True:
        drawn, walkers = flow.draw(state)
        first = flow.instant(state.position, drawn)
        state = _kept(state, times, first)
        ended = int(state.reached) == len(times)
        is_over = ended or clock.is_over(int(state.step))
        clock.save(state, at_once=is_over)
        if is_over:
            break
        if not int(state.step) and not float(first.variance):
            session.say("the variance of the energy is zero: an eigenstate does not move")
        figures = {"time": state.time, "energy": first.energy, "residual": first.slope[-1], "angle": state.position[-1]}
        session.progress(int(state.step), clock.total, {name: float(value) for name, value in figures.items()})
        state = _advanced(flow, state, times, pace, drawn, first)
        state = dataclasses.replace(state, walkers=walkers)
    if not ended:
        session.say(f"the budget ended at time {float(state.time):.3g} of {times[-1]:g}: the state stands still there")
    return state


def _kept(state: State, times: np.ndarray, here: Instant) -> State:
    """The path with this place on it, where it is one of `times`; later times hold it too until they are reached."""
    i = int(state.reached)
    if i == len(times) or not math.isclose(float(state.time), times[i], rel_tol=1e-12, abs_tol=1e-12):
        return state
    path, figures = state.path.at[i:].set(state.position), jnp.stack([here.energy, here.variance])
    return dataclasses.replace(state, reached=state.reached + 1, path=path, figures=state.figures.at[i:].set(figures))


def _advanced(flow: _Flow, state: State, times: np.ndarray, pace: Pace, drawn: Drawn, first: Instant) -> State:
    """One accepted step, no longer than up to the next of `times`."""
    now, dt, goal = float(state.time), float(state.dt), times[int(state.reached)]
    while True:
        # two equal steps where one would leave a remainder
        left = goal - now
        taken = left if dt >= left * (1 - 1e-9) else left / 2 if dt > left / 2 else dt
        slope = lambda y: flow.instant(y, drawn).slope  # noqa: E731
        moved, error = runge_kutta.step(slope, state.position, taken, first=first.slope)
        size = float(jnp.sqrt(error[:-1] @ first.metric @ error[:-1]))
        wanted = runge_kutta.next_step(taken, size, pace.tolerance)
        if size <= pace.tolerance:
            break
        if wanted < _SHORTEST * (times[-1] - times[0]):
            raise Invalid(
                must="the ansatz can be moved in steps of a finite length",
                came=f"steps below {wanted:.1e} at time {now:.4g}",
                do="Raise the cutoff or the number of samples, or take another ansatz.",
            )
        dt = wanted
    after = jnp.asarray(goal if taken == left else now + taken)
    # a step that was cut short says nothing against the length before
    longer = jnp.asarray(max(wanted, dt) if taken < dt else wanted)
    return dataclasses.replace(state, step=state.step + 1, time=after, dt=longer, position=moved)


class _Flow:
    """The right-hand side: configurations for a step, and the velocity of all parameters at any place of it."""

    def __init__(self, parameters: PyTree, fixed: PyTree, problem: Problem, pace: Pace, key: PRNGKeyArray):
        psi = eqx.combine(parameters, fixed)
        self.problem, self.pace, self.key = problem, pace, key
        self.unravel, self.fixed = ravel_pytree(parameters)[1], fixed
        self.states = pace.all_states(psi, problem)
        spins = problem.draw(1, key)[0]
        if not jnp.issubdtype(jax.eval_shape(psi.log_psi, spins).dtype, jnp.complexfloating):
            raise Invalid(
                must="a state that moves has a complex log psi",
                came=f"a real one ({type(psi).__name__})",
                do="Give it imaginary parts as parameters too.",
            )

    def log_psi(self, parameters: PyTree, sample: Array) -> Array:
        return eqx.combine(parameters, self.fixed).log_psi(sample)

    def draw(self, state: State) -> tuple[Drawn, Array]:
        """Configurations for the step from `state`, and the walkers after it."""
        if self.states:
            configurations, multiplicities = self.states
            return Drawn(configurations, jnp.log(multiplicities)), state.walkers
        sweeps = _BURN_IN if int(state.step) == 0 else 0
        return self._sampled(state.position[:-1], state.walkers, jax.random.fold_in(self.key, state.step), sweeps)

    @functools.partial(jax.jit, static_argnums=(0, 4))
    def _sampled(self, flat: Array, walkers: Array, key: PRNGKeyArray, burn_in: int) -> tuple[Drawn, Array]:
        log_psi = jax.vmap(functools.partial(self.log_psi, self.unravel(flat)))
        guide = lambda s: jnp.real(log_psi(s))  # noqa: E731
        first, second = jax.random.split(key)
        walkers = sampling.walked(lambda s: 2 * guide(s), self.problem, walkers, sweeps=burn_in, key=first)
        per_chain, sweeps = self.pace.samples // self.pace.chains, self.pace.sweeps
        drawn = sampling.draw(
            log_psi, guide, self.problem, walkers, power=2.0, n_per_chain=per_chain, sweeps=sweeps, key=second
        )
        samples = drawn.samples.reshape(-1, *drawn.samples.shape[2:])
        return Drawn(samples, -2 * guide(samples)), drawn.walkers

    @functools.partial(jax.jit, static_argnums=0)
    def instant(self, position: Float[Array, " parameters_and_angle"], drawn: Drawn) -> Instant:
        parameters = self.unravel(position[:-1])
        log_amplitudes = jax.vmap(functools.partial(self.log_psi, parameters))(drawn.samples)
        weights = jax.nn.softmax(2 * jnp.real(log_amplitudes) + drawn.base)
        energies = self.problem.local_energies(functools.partial(self.log_psi, parameters), drawn.samples)
        derivatives = log_derivatives(self.log_psi, parameters, drawn.samples)
        mean = weights @ energies
        how = {"cutoff": self.pace.cutoff, "snr": 0.0 if self.states else self.pace.snr}
        velocity, residual, metric = tdvp_velocity(derivatives, energies - mean, weights, **how)
        variance = weights @ jnp.abs(energies - mean) ** 2
        return Instant(jnp.append(velocity, residual), metric, jnp.real(mean), variance)


def tdvp_velocity(
    derivatives: Inexact[Array, "n parameters"],
    energies: Inexact[Array, " n"],
    weights: Float[Array, " n"],
    *,
    cutoff: float,
    snr: float = 0.0,
) -> tuple[Float[Array, " parameters"], Float[Array, ""], Float[Array, "parameters parameters"]]:
    """(theta', R, S) of the formulas above; snr = 0 where all states are summed.

    From samples R is too small, because theta' follows their noise. It is set right by generalised cross-validation,
    R / (1 - modes / rows) (Craven and Wahba 1979, doi:10.1007/BF01404567); rows: twice the effective number of samples.
    """
    root = jnp.sqrt(weights)
    rows = root[:, None] * (derivatives - weights @ derivatives)
    target = -1j * root * (energies - weights @ energies)
    rows = jnp.concatenate([rows.real, rows.imag])
    target = jnp.concatenate([target.real, target.imag])
    metric = rows.T @ rows
    values, modes = jnp.linalg.eigh(metric)
    values = jnp.maximum(values, 0.0)
    force = modes.T @ (rows.T @ target)
    kept = 1 / (1 + (cutoff * values[-1] / jnp.maximum(values, 1e-300)) ** 6)
    if snr:
        # contribution of every sample to the force on every mode: its mean is the force
        parts = ((rows @ modes) * target[:, None]).reshape(2, len(weights), -1).sum(0) / root[:, None] ** 2
        noise = jnp.sqrt(weights**2 @ (parts - force) ** 2)
        kept = kept / (1 + (snr * noise / jnp.maximum(jnp.abs(force), 1e-300)) ** 6)
    velocity = modes @ (kept * force / jnp.maximum(values, 1e-300))
    residual = jnp.linalg.norm(rows @ velocity - target)
    if snr:
        residual = residual / jnp.maximum(1 - kept.sum() * (weights @ weights) / 2, 0.1)
    return velocity, residual, metric
