"""Two species that react and diffuse on a periodic square: the model of Gray and Scott.

    u_t = D_u Lap u - u v^2 + F (1 - u)
    v_t = D_v Lap v + u v^2 - (F + k) v

U is fed at the rate F, turns into V where V is (U + 2 V -> 3 V), and V is removed at the rate F + k: Gray and Scott
1984, doi:10.1016/0009-2509(84)87017-7. Spots that divide, stripes, mazes and chaos in two dimensions: Pearson 1993,
doi:10.1126/science.261.5118.189. Diffusion, feed and removal are linear and diagonal in Fourier space, so that an
exponential Runge-Kutta rule takes them exactly and the step is limited by u v^2 alone.
"""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from erlangen.core.arrays import Coefficient
from erlangen.core.errors import Invalid
from erlangen.numerics import exponential_integrators as etd
from erlangen.numerics import spectral
from erlangen.numerics.spectral import Dealiasing
from erlangen.numerics.steps import checked_steps, is_traced

from .fluids import SCHEMES, Order, Semilinear
from .waves import REAL_STABILITY, SMALLEST_GRID

DIFFUSION = 2e-5, 1e-5  # D_u, D_v of Pearson, for a square of side 2.5
FASTEST = 1 / 3  # largest rate 2 u v - v^2 where u + v <= 1; patterns reach 0.2
ACCURATE = 4  # steps for each stable one: 4e-6 of the spread of the fields after a time of 10


def gray_scott_terms(
    n: int,
    *,
    feed: Coefficient,
    kill: Coefficient,
    diffusion: tuple[Coefficient, Coefficient] = DIFFUSION,
    dealiasing: Dealiasing = "two-thirds",
    length: float = 1.0,
) -> Semilinear:
    """For the coefficients of (u, v), [2, n, n // 2 + 1]: L = -(D_u k^2 + F), -(D_v k^2 + F + k); N = F - r, r = u v^2.

    The cubic r is taken where it does not alias: on 3 n / 2 points per axis (4 n / 3 would do), and on 2 n for all the
    modes that `three-halves` keeps.
    """
    points = 2 * n if dealiasing == "three-halves" else 3 * n // 2 + n % 2
    shape, fine = (n, n), (points, points)
    k2 = spectral.squared_wavenumber(shape, length=length)
    mask = spectral.dealiasing_mask(shape, dealiasing)
    uniform = np.zeros(k2.shape)
    uniform[0, 0] = n * n  # coefficients of the field 1

    def nonlinear(state: Array) -> Array:
        u, v = jnp.fft.irfft2(spectral.resize(state, shape, fine), fine)
        r_hat = jnp.asarray(mask, u.dtype) * spectral.resize(jnp.fft.rfft2(u * v * v), fine, shape)
        return jnp.stack([(feed * uniform).astype(u.dtype) - r_hat, r_hat])

    xp = jnp if is_traced(feed, kill, *diffusion) else np
    return Semilinear(xp.stack([-diffusion[0] * k2 - feed, -diffusion[1] * k2 - (feed + kill)]), nonlinear)


def gray_scott(
    state: Float[Array, "2 x y"],
    *,
    feed: Coefficient,
    kill: Coefficient,
    dt: float,
    steps: int | None = None,
    frames: int = 1,
    diffusion: tuple[Coefficient, Coefficient] = DIFFUSION,
    dealiasing: Dealiasing = "two-thirds",
    order: Order = 4,
    length: float = 1.0,
) -> Float[Array, "frames 2 x y"]:
    """Gray-Scott from (u, v) on [0, L)^2: states at dt, 2 dt, ..., frames dt; smooth in fields and coefficients.

    With ``steps=None`` the step is `ACCURATE` times shorter than the longest stable one; inside ``jit``, ``vmap`` or
    ``grad``, where the fields are not known, ``steps`` must be given (`steps_needed`). u = 1, v = 0 is always at rest;
    where F > 4 (F + k)^2 there are two other `uniform_states`. Symmetries: shifts, and those of the square. Fronts of
    patterns are about w = sqrt(D_v / (F + k)) wide: n >= 2 L / w for 1e-5. Good values: `tasks.continuum.gray_scott`.
    """
    n = _grid(state)
    _demand_positive(feed=feed, kill=kill, diffusion_u=diffusion[0], diffusion_v=diffusion[1])
    least = None if is_traced(state) else steps_needed(dt=dt, rate=_fastest(state), order=order)
    chosen = None if least is None else ACCURATE * max(least, steps_needed(dt=dt, order=order))
    steps = checked_steps(steps, chosen, least, dt)
    law = {"feed": feed, "kill": kill, "diffusion": diffusion, "dealiasing": dealiasing, "length": length}
    step = SCHEMES[order](*gray_scott_terms(n, **law), dt / steps)
    start = jnp.fft.rfft2(state) * jnp.asarray(spectral.dealiasing_mask((n, n), dealiasing), state.dtype)
    return jnp.fft.irfft2(etd.trajectory(step, start, frames=frames, substeps=steps), (n, n))


def gray_scott_rate(
    state: Float[Array, "2 x y"],
    *,
    feed: Coefficient,
    kill: Coefficient,
    diffusion: tuple[Coefficient, Coefficient] = DIFFUSION,
    length: float = 1.0,
) -> Float[Array, "2 x y"]:
    """(u_t, v_t) as the equations say it, point by point; agrees with the solver for fields that the grid resolves."""
    u, v = state
    lap_u, lap_v = (sum(spectral.derivative(f, axis=a, order=2, length=length) for a in (0, 1)) for f in (u, v))
    r = u * v * v
    return jnp.stack([diffusion[0] * lap_u - r + feed * (1 - u), diffusion[1] * lap_v + r - (feed + kill) * v])


def uniform_states(feed: float, kill: float) -> Float[np.ndarray, "states 2"]:
    """[states, 2]: uniform (u, v) at rest, the one without V first.

    u v = F + k and F (1 - u) = (F + k) v:   u = (1 -+ sqrt(1 - 4 (F + k)^2 / F)) / 2,   v = (F + k) / u.
    """
    rest = [(1.0, 0.0)]
    root = 1 - 4 * (feed + kill) ** 2 / feed
    if root >= 0:
        rest += [(u, (feed + kill) / u) for u in ((1 - math.sqrt(root)) / 2, (1 + math.sqrt(root)) / 2)]
    return np.array(rest)


def steps_needed(*, dt: float, rate: float = FASTEST, order: Order = 4) -> int:
    """Fewest stable steps in dt where u v^2 reacts at most at this rate. Take `ACCURATE` times as many."""
    return max(1, math.ceil(rate * abs(dt) / REAL_STABILITY[order]))


def _fastest(state: Float[Array, "2 x y"]) -> float:
    """Largest rate of u v^2: the eigenvalues of its Jacobian [[-v^2, -2 u v], [v^2, 2 u v]] are 0 and 2 u v - v^2."""
    u, v = state
    return float(jnp.max(jnp.maximum(jnp.abs(2 * u * v - v * v), v * v)))


def _grid(state: Float[Array, "2 x y"]) -> int:
    if state.ndim != 3 or state.shape[0] != 2 or state.shape[1] != state.shape[2] or state.shape[1] < SMALLEST_GRID:
        raise Invalid(
            must=f"u and v lie on a square grid, [2, n, n] with n of {SMALLEST_GRID} or more",
            came=f"shape {state.shape}",
            do="Stack both fields; give one sample at a time; resample it with spectral.resample.",
        )
    return state.shape[1]


def _demand_positive(**coefficients: Coefficient) -> None:
    for name, value in coefficients.items():
        if not is_traced(value) and not value > 0:
            raise Invalid(
                must=f"{name} must be above zero", came=repr(value), do="Without it there is no pattern that lasts."
            )
