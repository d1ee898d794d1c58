"""Waves and patterns on a periodic line: linear transport, Korteweg-de Vries, Kuramoto-Sivashinsky, Allen-Cahn.

    transport    u_t + c u_x = nu u_xx - delta u_xxx        solved exactly, mode by mode
    solitons     u_t + u u_x + delta u_xxx = 0              Korteweg and de Vries 1895, doi:10.1080/14786449508620739
    chaos        u_t + u u_x + u_xx + nu u_xxxx = 0         Kuramoto and Tsuzuki 1976, doi:10.1143/PTP.55.356;
                                                            Sivashinsky 1977, doi:10.1016/0094-5765(77)90096-0
    interfaces   u_t = D u_xx + r (u - u^3)                 Allen and Cahn 1979, doi:10.1016/0001-6160(79)90196-2

Each is a pair (L, N) as in ``fluids``, stepped by an exponential Runge-Kutta rule on x in [0, L). Solvers take one
sample, work in its dtype, and are smooth functions of the field and of every coefficient. With ``steps=None`` the step
is the longest stable one; inside ``jit``, ``vmap`` or ``grad``, where the field is not known, ``steps`` must be given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Unpack

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from erlangen.core.arrays import Coefficient
from erlangen.core.errors import Invalid
from erlangen.numerics import exponential_integrators as etd
from erlangen.numerics import spectral
from erlangen.numerics.spectral import TAU, Dealiasing
from erlangen.numerics.steps import checked_steps, is_traced

from .fluids import SCHEMES, Order, Rule, Semilinear, burgers_terms, demand_positive, in_frame_of_mean, steps_needed

SMALLEST_GRID = 8
KS_SPEED = 4.0  # upper end of |u| sqrt(nu) on the attractor of Kuramoto-Sivashinsky, boxes up to L = 200 sqrt(nu)
REAL_STABILITY = {2: 1.5, 4: 2.5}  # largest safe 3 r u^2 dt of the cubic term, by order


def transport_terms(
    n: int,
    *,
    velocity: Coefficient = 0.0,
    viscosity: Coefficient = 0.0,
    dispersion: Coefficient = 0.0,
    length: float = TAU,
) -> Semilinear:
    """L(k) = -i c k - nu k^2 + i delta k^3, nothing else: e^{L t} is the solution."""
    (k,) = spectral.wavenumbers((n,), length=length)
    symbol = -viscosity * spectral.squared_wavenumber((n,), length=length) + 1j * (dispersion * k**3 - velocity * k)
    return Semilinear(symbol, jnp.zeros_like)


def transport(
    u: Float[Array, " x"],
    *,
    dt: float,
    frames: int = 1,
    velocity: Coefficient = 0.0,
    viscosity: Coefficient = 0.0,
    dispersion: Coefficient = 0.0,
    length: float = TAU,
) -> Float[Array, "frames x"]:
    """Advection, diffusion and dispersion  u_t + c u_x = nu u_xx - delta u_xxx, exact: states at dt, 2 dt, ...

    A wave e^{ikx} runs at the speed c - delta k^2 and decays at the rate nu k^2. All below the Nyquist wavenumber.
    """
    n = _grid(u)
    demand_positive(or_zero=True, viscosity=viscosity)
    equation = transport_terms(n, velocity=velocity, viscosity=viscosity, dispersion=dispersion, length=length)
    states = etd.trajectory(etd.etdrk2(*equation, dt), jnp.fft.rfft(u), frames=frames)
    return jnp.fft.irfft(states, n)


def korteweg_de_vries_terms(
    n: int, *, dispersion: Coefficient = 1.0, dealiasing: Dealiasing = "two-thirds", length: float = TAU
) -> Semilinear:
    """u_t = -delta u_xxx - (u^2 / 2)_x."""
    advection = burgers_terms(n, viscosity=0.0, dealiasing=dealiasing, length=length).nonlinear
    return Semilinear(transport_terms(n, dispersion=dispersion, length=length).linear, advection)


def korteweg_de_vries(
    u: Float[Array, " x"],
    *,
    dt: float,
    steps: int | None = None,
    frames: int = 1,
    dispersion: Coefficient = 1.0,
    dealiasing: Dealiasing = "two-thirds",
    order: Order = 4,
    length: float = TAU,
) -> Float[Array, "frames x"]:
    """Korteweg-de Vries  u_t + u u_x + delta u_xxx = 0: states at dt, 2 dt, ..., frames dt.

    Keeps the mean exactly and, up to the step, all of `korteweg_de_vries_invariants`; runs backwards with dt < 0.
    Symmetries: shifts, boosts (to round-off), (x, t) -> (-x, -t), and u(x, t) -> s^2 u(s x, s^3 t). A hump of height h
    sends out solitons of up to 2 h and of the width 2 sqrt(3 delta / h): n >= 4 L sqrt(h / 3 delta) for 1e-6.
    """
    equation = korteweg_de_vries_terms(_grid(u), dispersion=dispersion, dealiasing=dealiasing, length=length)
    speed = None if is_traced(u) else 2 * _fluctuation(u)
    rule = Rule(dealiasing=dealiasing, order=order, length=length)
    steps = _stable_steps(u, steps, speed, dt=dt, **rule)
    return in_frame_of_mean(u, equation, dt=dt, steps=steps, frames=frames, **rule)


def solitons(
    x: Float[np.ndarray, " x"],
    t: float,
    *,
    speeds: Sequence[float],
    positions: Sequence[float],
    dispersion: float = 1.0,
) -> Float[np.ndarray, " x"]:
    """N solitons of Korteweg-de Vries on the whole line, exact through all collisions (Hirota 1971,
    doi:10.1103/PhysRevLett.27.1192), in float64.

    u = 12 delta (ln F)_xx,  F = sum over subsets S of exp(sum_{i in S} eta_i + sum_{i < j in S} ln A_ij),
    eta_i = k_i (x - x_i) - delta k_i^3 t,  c_i = delta k_i^2,  A_ij = ((k_i - k_j) / (k_i + k_j))^2.
    ln F is the logarithm of a sum of exponentials of lines, so that (ln F)_xx is the variance of their slopes: no term
    overflows. One soliton alone is 3 c sech^2(sqrt(c / 4 delta) (x - x_0 - c t)); where others are near, ``positions``
    are those of a soliton from which all the others are ahead.
    """
    k = np.sqrt(np.asarray(speeds, float) / dispersion)
    count = len(k)
    chosen = (np.arange(2**count)[:, None] >> np.arange(count)) & 1  # [subsets, solitons]
    gaps = np.abs(k[:, None] - k) + np.eye(count)  # the diagonal is not used
    shift = np.einsum("si,ij,sj->s", chosen, np.triu(2 * np.log(gaps / (k[:, None] + k)), 1), chosen)
    eta = k[:, None] * (np.asarray(x)[None] - np.asarray(positions)[:, None]) - (dispersion * k**3 * t)[:, None]
    exponent = chosen @ eta + shift[:, None]
    weight = np.exp(exponent - exponent.max(axis=0))
    weight /= weight.sum(axis=0)
    slope = chosen @ k
    return 12 * dispersion * np.einsum("sx,sx->x", weight, (slope[:, None] - slope @ weight) ** 2)


def korteweg_de_vries_invariants(
    u: Float[Array, " x"], *, dispersion: Coefficient = 1.0, length: float = TAU
) -> Float[Array, "3"]:
    """Mass, momentum and energy per length: means of u, u^2 and delta u_x^2 / 2 - u^3 / 6 (Miura, Gardner and Kruskal
    1968, doi:10.1063/1.1664701), without aliasing.
    """
    fine = spectral.resample(u, (2 * u.shape[0],))
    slope = spectral.derivative(fine, length=length)
    return jnp.stack([jnp.mean(fine), jnp.mean(fine**2), jnp.mean(dispersion * slope**2 / 2 - fine**3 / 6)])


def kuramoto_sivashinsky_terms(
    n: int, *, viscosity: Coefficient = 1.0, dealiasing: Dealiasing = "two-thirds", length: float = TAU
) -> Semilinear:
    """u_t = -u_xx - nu u_xxxx - (u^2 / 2)_x: waves longer than 2 pi sqrt(nu) grow, at most at the rate 1 / 4 nu."""
    k2 = spectral.squared_wavenumber((n,), length=length)
    advection = burgers_terms(n, viscosity=0.0, dealiasing=dealiasing, length=length).nonlinear
    return Semilinear(k2 - viscosity * k2**2, advection)


def kuramoto_sivashinsky(
    u: Float[Array, " x"],
    *,
    dt: float,
    steps: int | None = None,
    frames: int = 1,
    viscosity: Coefficient = 1.0,
    dealiasing: Dealiasing = "two-thirds",
    order: Order = 4,
    length: float = 64.0,
) -> Float[Array, "frames x"]:
    """Kuramoto-Sivashinsky  u_t + u u_x + u_xx + nu u_xxxx = 0: states at dt, 2 dt, ..., frames dt.

    The mean is kept exactly. Symmetries: shifts, (x, u) -> (-x, -u), boosts (to round-off). Chaotic from about
    L = 18 sqrt(nu) on; the largest Lyapunov exponent is near 0.05 / nu at L = 22 sqrt(nu) and tends to 0.09 / nu in
    long boxes (Edson et al. 2019, doi:10.1017/S1446181119000105). Rows of cells of width 8 sqrt(nu) are stable as well,
    so that a regular start need not become chaotic. n >= 3 L / sqrt(nu) for 1e-7.
    """
    demand_positive(viscosity=viscosity)
    equation = kuramoto_sivashinsky_terms(_grid(u), viscosity=viscosity, dealiasing=dealiasing, length=length)
    speed = None if is_traced(u, viscosity) else max(_fluctuation(u), KS_SPEED / math.sqrt(viscosity))
    rule = Rule(dealiasing=dealiasing, order=order, length=length)
    steps = _stable_steps(u, steps, speed, dt=dt, **rule)
    return in_frame_of_mean(u, equation, dt=dt, steps=steps, frames=frames, **rule)


def allen_cahn_terms(
    n: int,
    *,
    diffusion: Coefficient,
    rate: Coefficient = 1.0,
    dealiasing: Dealiasing = "two-thirds",
    length: float = TAU,
) -> Semilinear:
    """u_t = (D u_xx + r u) - r u^3; the cube is taken on 2 n points, on which no cubic product aliases."""
    mask = spectral.dealiasing_mask((n,), dealiasing)

    def nonlinear(u_hat: Array) -> Array:
        u = jnp.fft.irfft(2 * u_hat, 2 * n)
        return -rate * jnp.asarray(mask, u.dtype) * jnp.fft.rfft(u**3)[: n // 2 + 1] / 2

    return Semilinear(rate - diffusion * spectral.squared_wavenumber((n,), length=length), nonlinear)


def allen_cahn(
    u: Float[Array, " x"],
    *,
    diffusion: Coefficient,
    rate: Coefficient = 1.0,
    dt: float,
    steps: int | None = None,
    frames: int = 1,
    dealiasing: Dealiasing = "two-thirds",
    order: Order = 4,
    length: float = TAU,
) -> Float[Array, "frames x"]:
    """Allen-Cahn  u_t = D u_xx + r (u - u^3): phases u = +1 and -1 with walls tanh(x sqrt(r / 2 D)) between them.

    `allen_cahn_energy` never grows. Symmetries: shifts, reflection, u -> -u. n >= 4 L sqrt(r / 2 D) for 1e-6.
    """
    n = _grid(u)
    demand_positive(diffusion=diffusion, rate=rate)
    least = None
    if not is_traced(u, rate):
        stiffness = 3 * rate * max(1.0, float(jnp.max(jnp.abs(u)))) ** 2
        least = max(1, math.ceil(stiffness * abs(dt) / REAL_STABILITY[order]))
    steps = checked_steps(
        steps, 4 * least if least else None, least, dt
    )  # stable alone is not accurate: fronts run wrong
    equation = allen_cahn_terms(n, diffusion=diffusion, rate=rate, dealiasing=dealiasing, length=length)
    step = SCHEMES[order](*equation, dt / steps)
    u_hat = jnp.fft.rfft(u) * jnp.asarray(spectral.dealiasing_mask((n,), dealiasing), u.dtype)
    return jnp.fft.irfft(etd.trajectory(step, u_hat, frames=frames, substeps=steps), n)


def allen_cahn_energy(
    u: Float[Array, " x"], *, diffusion: Coefficient, rate: Coefficient = 1.0, length: float = TAU
) -> Float[Array, ""]:
    """Mean of D u_x^2 / 2 + r (1 - u^2)^2 / 4, of which Allen-Cahn is the steepest descent: it never grows."""
    fine = spectral.resample(u, (3 * u.shape[0],))
    return jnp.mean(diffusion * spectral.derivative(fine, length=length) ** 2 / 2 + rate * (1 - fine**2) ** 2 / 4)


def _stable_steps(
    u: Float[Array, " x"], steps: int | None, speed: float | None, *, dt: float, **rule: Unpack[Rule]
) -> int:
    """`steps`, refused where the field given already moves too fast for them; None: enough up to `speed`."""
    if speed is None:
        return checked_steps(steps, None, None, dt)
    chosen, least = (steps_needed(u.shape[0], speed=v, dt=abs(dt), **rule) for v in (speed, _fluctuation(u)))
    return checked_steps(steps, chosen, least, dt)


def _fluctuation(u: Float[Array, " x"]) -> float:
    """Largest |u - mean|."""
    return float(jnp.max(jnp.abs(u - jnp.mean(u))))


def _grid(u: Float[Array, " x"]) -> int:
    if u.ndim != 1 or u.shape[0] < SMALLEST_GRID:
        raise Invalid(
            must=f"the field must have one axis of {SMALLEST_GRID} points or more",
            came=f"shape {u.shape}",
            do="Give one sample at a time; resample it with spectral.resample.",
        )
    return u.shape[0]
