"""Judging long runs: how long a prediction holds, and whether its statistics stay right after that.

    correlations(predicted, true) -> [steps]                           Pearson correlation of every state
    correlation_time(predicted, true, *, dt, threshold) -> float       when it first falls below, interpolated
    correlation_times(predicted, true, *, dt, threshold) -> Estimate   mean over trajectories with its standard error
    log_spectrum_error(predicted, true) -> float                       energy per wavenumber, in decades
    invariant_drift(trajectory, invariant) -> [invariants]             largest change of what a law keeps
    lyapunov_exponent(step, state, *, dt, steps, ...) -> Estimate      from the tangent of a JAX map (jvp)
    lyapunov_exponent_of_pairs(step, state, *, ...) -> Estimate        from two neighbours, of any map

A trajectory is an array [steps, *grid]; its initial state, where all agree, is not part of it. All is NumPy, except for
`lyapunov_exponent`. A run that has blown up (NaN, infinity) correlates with nothing and has an infinite spectral error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Array, Float

from erlangen.core.arrays import AnyArray

from ..core.errors import Invalid
from .metrics import correlation, paired
from .rows import Estimate

State = Float[AnyArray, "..."]
Step = Callable[[State], State]
BLOCKS = 10
WHOLE = "Roll out as many steps as the truth has; leave the initial state out of both."


def correlations(
    predicted: Float[AnyArray, "steps ..."], true: Float[AnyArray, "steps ..."]
) -> Float[np.ndarray, " steps"]:
    """Pearson correlation over the points of every state; 0 where the prediction is not finite."""
    predicted, true = paired(predicted, true, do=WHOLE)
    return np.array([correlation(p, t) if np.all(np.isfinite(p)) else 0.0 for p, t in zip(predicted, true)])


def correlation_time(
    predicted: Float[AnyArray, "steps ..."],
    true: Float[AnyArray, "steps ..."],
    *,
    dt: float = 1.0,
    threshold: float = 0.8,
) -> float:
    """Time at which the correlation with the truth first falls below `threshold`, on the line between two states.

    It is 1 at time 0. Where it never falls below, the length of the run: a lower bound. Threshold 0.8 as in Lippe et
    al. 2023, arXiv:2308.05732; `metrics.correlation_time` counts whole steps instead, as Kochkov et al. 2021.
    """
    course = np.concatenate([[1.0], correlations(predicted, true)])
    below = np.flatnonzero(course < threshold)
    if not len(below):
        return dt * (len(course) - 1)
    k = below[0]
    return dt * (k - 1 + (course[k - 1] - threshold) / (course[k - 1] - course[k]))


def correlation_times(
    predicted: Sequence[Float[AnyArray, "steps ..."]],
    true: Sequence[Float[AnyArray, "steps ..."]],
    *,
    dt: float = 1.0,
    threshold: float = 0.8,
    unit: str = "T",
) -> Estimate:
    """Mean of `correlation_time` over trajectories; how many never fell below is said in `by`: then it is a bound."""
    if len(predicted) != len(true) or not len(true):
        raise Invalid(
            must="there is one predicted trajectory for every true one",
            came=f"{len(predicted)} for {len(true)}",
            do="Roll out from every initial state of the split.",
        )
    times = np.array([correlation_time(p, t, dt=dt, threshold=threshold) for p, t in zip(predicted, true)])
    whole = sum(t >= dt * len(y) for t, y in zip(times, true))
    by = f"{len(times)} trajectories" + (f", {whole} of them longer than the run" if whole else "")
    label = f"time to correlation {threshold:g}"
    return Estimate("correlation_time", float(times.mean()), _standard_error(times), unit, label, by, False)


def energy_spectra(states: Float[AnyArray, "steps ..."]) -> Float[np.ndarray, "steps shells"]:
    """E(m) of every state as `numerics.spectral.energy_spectrum`, in NumPy: sum over m is half the mean square."""
    states = np.asarray(states, np.float64)
    axes = tuple(range(1, states.ndim))
    modes = np.meshgrid(*(np.fft.fftfreq(n, 1 / n) for n in states.shape[1:]), indexing="ij", sparse=True)
    shells = np.rint(np.sqrt(sum(m**2 for m in modes))).astype(int).ravel()
    energy = 0.5 * np.abs(np.fft.fftn(states, axes=axes) / np.prod(states.shape[1:])) ** 2
    return np.array([np.bincount(shells, one.ravel()) for one in energy])


def log_spectrum_error(
    predicted: Float[AnyArray, "steps ..."], true: Float[AnyArray, "steps ..."], *, floor: float = 1e-12
) -> float:
    """Mean over wavenumbers of |log10 E_predicted - log10 E_true|, spectra averaged over the run, in decades.

    Every shell counts the same, large or small; those below `floor` of the largest are rounding and are left out. The
    runs may differ in length: no state is compared with another. For states of several trajectories concatenate them.
    """
    before, after = (energy_spectra(states).mean(axis=0)[1:] for states in (true, predicted))
    if before.shape != after.shape:
        raise Invalid(
            must="both runs have the same grid",
            came=f"{after.size} and {before.size} shells",
            do="Resample one of them.",
        )
    if not np.all(np.isfinite(after)):
        return float("inf")
    seen = before > floor * before.max()
    tiny = np.finfo(np.float64).tiny
    return float(np.mean(np.abs(np.log10(np.maximum(after[seen], tiny)) - np.log10(before[seen]))))


def invariant_drift(
    trajectory: Float[AnyArray, "steps ..."],
    invariant: Callable[[AnyArray], Float[AnyArray, "..."]],
    *,
    scale: float | Float[AnyArray, "..."] | None = None,
) -> Float[np.ndarray, "..."]:
    """max_t |I(u_t) - I(u_0)| / scale for a trajectory that begins with its initial state; scale: |I(u_0)|.

    An invariant that is zero at first needs a `scale`.
    """
    values = np.array([np.asarray(invariant(u), np.float64) for u in trajectory])
    unit = np.abs(values[0]) if scale is None else np.asarray(scale, np.float64)
    if not np.all(unit > 0):
        raise Invalid(
            must="the change of an invariant is measured in units above zero",
            came=f"scale {unit}",
            do="Give scale=..., for a mean the root mean square of the field.",
        )
    return np.max(np.abs(values - values[0]), axis=0) / unit


def lyapunov_exponent(
    step: Step, state: State, *, dt: float, steps: int, transient: int = 0, unit: str = "1/T", seed: int = 0
) -> Estimate:
    """Largest Lyapunov exponent of a map that JAX can differentiate: mean growth of ln |v| per time of its tangent v.

        v_{k+1} = Df(u_k) v_k,   lambda = lim ln(|v_K| / |v_0|) / (K dt),   v renormalised at every step

    `transient` steps are left out: the state comes to the attractor, the tangent turns to the direction that grows.
    The error is that of the mean of ten blocks. Benettin et al. 1980, doi:10.1007/BF02128236.
    """
    import jax
    import jax.numpy as jnp

    @jax.jit
    def grow(u: Array, v: Array) -> tuple[Array, Array, Array]:
        def one(carry: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], Array]:
            u, v = jax.jvp(step, carry[:1], carry[1:])
            size = jnp.linalg.norm(v)
            return (u, v / size), jnp.log(size)

        (u, v), logs = jax.lax.scan(one, (u, v), None, length=length)
        return u, v, logs

    u = jnp.asarray(state)
    v = jnp.asarray(np.random.default_rng(seed).normal(size=u.shape), u.dtype)
    v = v / jnp.linalg.norm(v)
    length = max(_demanded(steps) // BLOCKS, 1)
    logs = []
    for _ in range(-(-transient // length) + BLOCKS):
        u, v, grown = grow(u, v)
        logs.append(np.asarray(grown, np.float64))
    return _rate(np.concatenate(logs[-BLOCKS:]), dt, unit)


def lyapunov_exponent_of_pairs(
    step: Step,
    state: State,
    *,
    dt: float,
    steps: int,
    transient: int = 0,
    separation: float = 1e-6,
    unit: str = "1/T",
    seed: int = 0,
) -> Estimate:
    """The same for any map, a network in single precision or a program: two states are kept `separation` |u| apart.

    The separation must be far above the rounding of the map (1e-3 for float32) and far below the attractor.
    """
    u = np.asarray(state, np.float64)
    v = np.random.default_rng(seed).normal(size=u.shape)
    distance = separation * max(float(np.linalg.norm(u)), 1e-300)
    v *= distance / np.linalg.norm(v)
    logs = np.empty(transient + _demanded(steps))
    for k in range(len(logs)):
        other, u = np.asarray(step(u + v), np.float64), np.asarray(step(u), np.float64)
        v = other - u
        size = float(np.linalg.norm(v))
        logs[k] = np.log(size / distance) if size else -np.inf
        v *= distance / size if size else 0.0
    return _rate(logs[transient:], dt, unit)


def _rate(logs: Float[np.ndarray, " steps"], dt: float, unit: str) -> Estimate:
    blocks = np.array([part.mean() for part in np.array_split(logs, BLOCKS)]) / dt
    by = f"{BLOCKS} blocks of one run of {len(logs) * dt:g}"
    label = "largest Lyapunov exponent"
    return Estimate("lyapunov_exponent", float(logs.mean() / dt), _standard_error(blocks), unit, label, by)


def _standard_error(values: Float[np.ndarray, " n"]) -> float:
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def _demanded(steps: int) -> int:
    if steps < BLOCKS:
        raise Invalid(must=f"a Lyapunov exponent needs {BLOCKS} steps or more", came=str(steps), do="Take thousands.")
    return steps
