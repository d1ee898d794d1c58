"""Semi-Lagrangian transport in a periodic plane: a field carried along by a flow that a coarser grid resolves.

    D w / Dt = L w + s:     w(x, t + T) = e^{LT/2} [ (e^{LT/2} w)(X, t) + S ]
    dX / d tau = -v(X, t + T - tau),  X = x,      dS / d tau = s(X, t + T - tau),  S = 0     at tau = 0, up to tau = T

The departure points X are smooth even where w is not: they are found from the points of the flow's grid, by steps of
the classical fourth-order rule with v and s linear between points, and continued to the finer grid of w
trigonometrically. There w is a cubic spline through its values. A step may be many cells long, and no wave of w is
cut: what stretching makes of long waves stays. Staniforth and Cote 1991,
doi:10.1175/1520-0493(1991)119<2206:SLISFA>2.0.CO;2; maps on coarse grids, fields on fine ones: Yin, Schneider and Nave
2021, arXiv:2107.03504.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from . import spectral
from .exponential_integrators import Step, trajectory

KEPT = 4, 3, 2  # steps between two states at which the flow is known: those that add fewest


def path(
    stepper: Callable[[int], Step],
    flow: Callable[[Complex[Array, "u v"]], Float[Array, "3 x y"]],
    fields: tuple[Complex[Array, "u v"], Complex[Array, "p q"]],
    fine: tuple[int, ...],
    *,
    decay: Float[Array, "p q"],
    time: float,
    spacing: Sequence[float],
    substeps: int,
    path_steps: int,
    frames: int,
) -> Float[Array, "frames r s"]:
    """Values of w on the grid `fine` at time, 2 time, ...: u is stepped on a coarse one and knows the flow.

    fields: coefficients of u and w. flow(u_hat): v along both axes and s on the coarse grid, whose `spacing` is given.
    decay: e^{LT/2}. stepper(m): a step of u, T / m long; `substeps`: the fewest m. path_steps: steps along paths in T.
    """
    kept = min(KEPT, key=lambda k: k * math.ceil(substeps / k))
    pieces = math.ceil(substeps / kept)
    step = stepper(pieces * kept)

    def unit(state: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], Array]:
        u_hat, w_hat = state
        states = trajectory(step, u_hat, frames=pieces, substeps=kept)
        states = jnp.concatenate([u_hat[None], states])
        flows = [flow(_between(states, 1 - i / (2 * path_steps))) for i in range(2 * path_steps + 1)]
        w_hat = carried(w_hat, departures(flows, time, spacing), decay, fine)
        return (states[-1], w_hat), spectral.inverse(w_hat, fine)

    return jax.lax.scan(unit, fields, None, length=frames)[1]


def departures(flow: Sequence[Float[Array, "3 x y"]], time: float, spacing: Sequence[float]) -> Float[Array, "3 x y"]:
    """X - x along both axes, in units of the grid spacing, and S, for what arrives at the grid points.

    flow: v along both axes and s at equal times, the last first; two for every step, and one more. A linear s lowers
    its waves, by as much everywhere along a path: they are raised first, so that it is right in the mean.
    """
    shape = flow[0].shape[1:]
    raised = math.prod(np.ix_(*(3 * np.sinc(m) ** 2 / (2 + np.cos(2 * np.pi * m)) for m in _rates(shape))))
    raised = jnp.asarray(raised, flow[0].dtype)
    sources = [spectral.inverse(raised * spectral.transform(f[2]), shape) for f in flow]
    rates = [jnp.stack([-f[0] / spacing[0], -f[1] / spacing[1], s]) for f, s in zip(flow, sources)]
    h = time / (len(rates) // 2)
    moved = jnp.zeros_like(rates[0])
    for start, middle, end in zip(rates[:-1:2], rates[1::2], rates[2::2]):
        first = bilinear(start, moved)
        second = bilinear(middle, moved + h / 2 * first)
        third = bilinear(middle, moved + h / 2 * second)
        moved = moved + h / 6 * (first + 2 * second + 2 * third + bilinear(end, moved + h * third))
    return moved


def carried(
    w_hat: Complex[Array, "u v"], moved: Float[Array, "3 x y"], decay: Float[Array, "u v"], fine: tuple[int, ...]
) -> Complex[Array, "u v"]:
    """Coefficients on `fine` points after the time of `moved` (`departures`). decay: e^{LT/2}."""
    coarse = moved.shape[1:]
    if coarse != fine:
        moved = jax.vmap(lambda field: spectral.resample(field, fine))(moved)
    stretch = jnp.asarray(np.divide(fine, coarse), moved.dtype)[:, None, None]
    return decay * spectral.transform(spline(decay * w_hat, stretch * moved[:2]) + moved[2])


def bilinear(fields: Float[Array, "c x y"], moved: Float[Array, "_ x y"]) -> Float[Array, "c x y"]:
    """Values at the grid points moved by the first two components of `moved`, in units of the spacing."""
    (rows, columns), (s, t) = _cells(moved, range(2))

    def one(values: Float[Array, " points"]) -> Float[Array, "x y"]:
        (a, b), (c, d) = ([_at(values, row + column) for column in columns] for row in rows)
        return (1 - s) * ((1 - t) * a + t * b) + s * ((1 - t) * c + t * d)

    return jnp.stack([one(field.ravel()) for field in fields])


def spline(w_hat: Complex[Array, "u v"], moved: Float[Array, "2 x y"]) -> Float[Array, "x y"]:
    """The periodic cubic spline through the values of w, at the grid points moved by so many spacings."""
    shape = moved.shape[1:]
    by_values = math.prod(np.ix_(*(3 / (2 + np.cos(2 * np.pi * m)) for m in _rates(shape))))
    weights = spectral.inverse(jnp.asarray(by_values, moved.dtype) * w_hat, shape).ravel()
    (rows, columns), ratios = _cells(moved, range(-1, 3))
    along, across = (_cubic(t) for t in ratios)
    found = jnp.zeros_like(moved[0])
    for a, row in zip(along, rows):
        found += a * sum(b * _at(weights, row + column) for b, column in zip(across, columns))
    return found


def _between(states: Complex[Array, "times ..."], place: float) -> Complex[Array, "..."]:
    """The state at a place from 0 to 1 of equally spaced ones, linear in time."""
    place *= len(states) - 1
    before = min(math.floor(place), len(states) - 2)
    return (before + 1 - place) * states[before] + (place - before) * states[before + 1]


def _rates(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Waves per point of every coefficient, for both axes."""
    return np.fft.fftfreq(shape[0]), np.fft.rfftfreq(shape[1])


def _cells(moved: Array, near: range) -> tuple[list[list[Array]], Array]:
    """For both axes the flat indices of the points `near` the cell where each moved point is, and its place in it."""
    shape = moved.shape[1:]
    base = jnp.floor(moved[:2])
    cells = []
    for axis, (n, stride) in enumerate(zip(shape, (shape[1], 1))):
        cell = base[axis] + np.arange(n, dtype=moved.dtype).reshape(-1, *[1] * (1 - axis))
        cell -= n * jnp.floor(cell / n)  # whole numbers: exact
        next_to = [cell + i for i in near]
        inside = [jnp.where(c < 0, c + n, jnp.where(c < n, c, c - n)) for c in next_to]
        cells.append([c.astype(jnp.int32) * stride for c in inside])
    return jax.lax.optimization_barrier((cells, moved[:2] - base))


def _at(values: Float[Array, " points"], indices: Array) -> Array:
    return values.at[indices].get(mode="promise_in_bounds")


def _cubic(t: Array) -> tuple[Array, ...]:
    """The four cubic B-splines that are not zero at the place t of a cell."""
    return (1 - t) ** 3 / 6, (3 * t**3 - 6 * t**2 + 4) / 6, (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6, t**3 / 6
