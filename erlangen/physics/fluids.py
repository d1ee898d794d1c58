"""Incompressible flow on periodic boxes: Burgers in one dimension, vorticity in two. Pseudo-spectral, differentiable.

Each equation is a pair (L, N) for  d u_hat / dt = L u_hat + N(u_hat)  in Fourier space, stepped by an exponential
Runge-Kutta rule. Solvers work on one sample, in the dtype of the initial field (float64 under ``precision.double()``
for reference data), and are smooth functions of the initial field and of every physical parameter. Resolution is that
of the array given: ``spectral.resample`` is the knob that trades cost for accuracy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypedDict, Unpack

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact

from erlangen.core.arrays import AnyArray, Coefficient
from erlangen.core.errors import Invalid
from erlangen.numerics import exponential_integrators as etd
from erlangen.numerics import spectral
from erlangen.numerics.spectral import Dealiasing
from erlangen.numerics.steps import is_traced

TAU = 2 * math.pi
Order = Literal[2, 4]
SCHEMES = {2: etd.etdrk2, 4: etd.etdrk4}
# Largest safe |k u| dt of the explicit part, by order; order 4 breaks down at 2.8.
IMAGINARY_STABILITY = {2: 0.5, 4: 2.5}


class Semilinear(NamedTuple):
    """d u_hat / dt = linear * u_hat + nonlinear(u_hat), coefficients of ``rfftn``."""

    linear: Inexact[AnyArray, "*modes"]
    nonlinear: Callable[[Complex[Array, "*modes"]], Complex[Array, "*modes"]]


def demand_positive(*, or_zero: bool = False, **coefficients: Coefficient) -> None:
    """The sign without which the law has no solution: waves of every length would grow."""
    for name, value in coefficients.items():
        if not is_traced(value) and not (value > 0 or (or_zero and value == 0)):
            least = "zero or more" if or_zero else "above zero"
            raise Invalid(must=f"{name} must be {least}", came=repr(value), do="Short waves would grow without bound.")


def burgers_terms(
    n: int, *, viscosity: Coefficient, dealiasing: Dealiasing = "two-thirds", length: float = TAU
) -> Semilinear:
    """u_t = nu u_xx - (u^2 / 2)_x : the flux form, which conserves the mean of u exactly on the grid."""
    demand_positive(or_zero=True, viscosity=viscosity)
    (k,) = spectral.wavenumbers((n,), length=length)
    points = 3 * n // 2 if dealiasing == "three-halves" else n
    flux = -0.5j * k * spectral.dealiasing_mask((n,), dealiasing) * (points / n)

    def nonlinear(u_hat: Array) -> Array:
        u = jnp.fft.irfft(u_hat, points)
        return jnp.asarray(flux, u_hat.dtype) * jnp.fft.rfft(u * u)[: n // 2 + 1]

    return Semilinear(-viscosity * spectral.squared_wavenumber((n,), length=length), nonlinear)


def burgers(
    u: Float[Array, " x"],
    *,
    viscosity: Coefficient,
    dt: float,
    steps: int,
    frames: int = 1,
    dealiasing: Dealiasing = "two-thirds",
    order: Order = 4,
    length: float = TAU,
) -> Float[Array, "frames x"]:
    """Viscous Burgers  u_t + u u_x = nu u_xx,  x in [0, L) periodic: states at dt, 2 dt, ..., frames dt.

    ``steps`` per interval dt; ``steps_needed`` gives a stable number. The mean m of u only carries the flow along
    (Galilean symmetry u -> u(x - c t) + c), so the equation is solved for u - m and moved by m t at the end: the
    symmetry holds to round-off at any step. Modes that the de-aliasing rule rejects are removed from the initial field.
    A front of jump J has the thickness 4 nu / J: with ``two-thirds`` take n >= 3 L J / (8 nu) for 1e-3 in the front,
    twice that for 1e-6.
    """
    equation = burgers_terms(len(u), viscosity=viscosity, dealiasing=dealiasing, length=length)
    rule: Rule = {"dealiasing": dealiasing, "order": order, "length": length}
    return in_frame_of_mean(u, equation, dt=dt, steps=steps, frames=frames, **rule)


class Rule(TypedDict):
    """How a law is discretised."""

    dealiasing: Dealiasing
    order: Order
    length: float


def in_frame_of_mean(
    u: Float[Array, " x"], equation: Semilinear, *, dt: float, steps: int, frames: int, **rule: Unpack[Rule]
) -> Float[Array, "frames x"]:
    """Solve for u - m and move by m t at the end: a boost u -> u(x - c t) + c holds to round-off at any step."""
    (n,) = u.shape
    step = SCHEMES[rule["order"]](*equation, dt / steps)
    mean = jnp.mean(u)
    u_hat = jnp.fft.rfft(u - mean) * jnp.asarray(spectral.dealiasing_mask((n,), rule["dealiasing"]), u.dtype)
    states = etd.trajectory(step, u_hat, frames=frames, substeps=steps)
    distance = jnp.arange(1, frames + 1, dtype=u.dtype)[:, None] * (dt * mean)
    carried = spectral.shift_factor(np.arange(n // 2 + 1), n, distance, length=rule["length"])
    return mean + jnp.fft.irfft(states * carried, n)


def burgers_rate(u: Float[Array, " x"], *, viscosity: Coefficient, length: float = TAU) -> Float[Array, " x"]:
    """u_t = nu u_xx - (u^2 / 2)_x, evaluated without aliasing on a grid of 3/2 the points, returned on that of u."""
    fine = spectral.resample(u, (3 * u.shape[0] // 2 + 1,))
    advection = spectral.derivative(0.5 * fine * fine, length=length)
    diffusion = spectral.derivative(u, order=2, length=length)
    return viscosity * diffusion - spectral.resample(advection, u.shape)


def vorticity_terms(
    n: int,
    *,
    viscosity: Coefficient,
    drag: Coefficient = 0.0,
    source: float | Float[AnyArray, "x y"] = 0.0,
    dealiasing: Dealiasing = "two-thirds",
    length: float = TAU,
) -> Semilinear:
    """w_t = nu Lap w - mu w - (v . grad) w + s(x, y),  s the curl of a body force.

    Advection in the form  (v . grad) w = (d_xx - d_yy) v_x v_y + d_xy (v_y^2 - v_x^2): four transforms instead of five
    (Basdevant 1983, doi:10.1016/0021-9991(83)90034-0); equal to the plain form unless it aliases.
    """
    if dealiasing == "three-halves":
        raise Invalid(
            must="products of two dimensions are taken on the grid of the field",
            came=f"dealiasing {dealiasing!r}",
            do="Choose 'two-thirds' on 3 n / 2 points: the same truncation.",
        )
    demand_positive(or_zero=True, viscosity=viscosity, drag=drag)
    kx, ky = spectral.wavenumbers((n, n), length=length)
    k2 = spectral.squared_wavenumber((n, n), length=length)
    mask = spectral.dealiasing_mask((n, n), dealiasing)
    velocity = _velocity_symbols((n, n), length)
    shear, normal = (kx**2 - ky**2) * mask, kx * ky * mask
    mask[0, 0] = 0.0  # a body force on a torus has no net curl
    source_hat = jnp.fft.rfft2(jnp.broadcast_to(source, (n, n))) * mask

    def nonlinear(w_hat: Array) -> Array:
        real = w_hat.real.dtype
        vx, vy = jnp.fft.irfft2(jnp.asarray(velocity, w_hat.dtype) * w_hat, (n, n))
        products = jnp.fft.rfft2(jnp.stack([vx * vy, vy * vy - vx * vx]))
        advection = jnp.asarray(shear, real) * products[0] + jnp.asarray(normal, real) * products[1]
        return advection + source_hat.astype(w_hat.dtype)

    return Semilinear(-viscosity * k2 - drag, nonlinear)


def vorticity(
    w: Float[Array, "x y"],
    *,
    viscosity: Coefficient,
    dt: float,
    steps: int,
    frames: int = 1,
    drag: Coefficient = 0.0,
    source: float | Float[AnyArray, "x y"] = 0.0,
    dealiasing: Dealiasing = "two-thirds",
    order: Order = 4,
    length: float = TAU,
) -> Float[Array, "frames x y"]:
    """Two-dimensional Navier-Stokes for the vorticity w = d_x v_y - d_y v_x on [0, L)^2, states at dt, ..., frames dt.

    w_t + (v . grad) w = nu Lap w - mu w + s. Without source s: free decay (Taylor-Green). With the source of
    `kolmogorov_source`, drag mu = 0.1 and nu = 0.01 ... 0.001: Kolmogorov flow, turbulent below nu of about 0.01
    (Chandler and Kerswell 2013, doi:10.1017/jfm.2013.122). The mean of w is zero and stays zero (no net circulation).
    A shift, a quarter turn or a reflection (which changes the sign of w and s) of state and source together is kept.
    """
    n, ny = w.shape
    if n != ny:
        raise Invalid(must="the vorticity grid is square", came=f"{n} x {ny}", do="Resample it with spectral.resample.")
    equation = vorticity_terms(n, viscosity=viscosity, drag=drag, source=source, dealiasing=dealiasing, length=length)
    step = SCHEMES[order](*equation, dt / steps)
    w_hat = jnp.fft.rfft2(w - jnp.mean(w)) * jnp.asarray(spectral.dealiasing_mask((n, n), dealiasing), w.dtype)
    return jnp.fft.irfft2(etd.trajectory(step, w_hat, frames=frames, substeps=steps), (n, n))


def kolmogorov_source(n: int, mode: int, *, amplitude: float = 1.0, length: float = TAU) -> Float[np.ndarray, "x y"]:
    """s(x, y) = -q F cos(q y), q = 2 pi mode / L, on n by n points: the curl of a body force F sin(q y) along x.

    It keeps shifts along x, the rotation by pi, and (x, y, w) -> (-x, y + L / 2 mode, -w).
    """
    q = TAU * mode / length
    return np.broadcast_to(-q * amplitude * np.cos(q * spectral.grid((n, n), length=length)[1]), (n, n))


def velocity(w: Float[Array, "x y"], *, length: float = TAU) -> Float[Array, "2 x y"]:
    """Velocity (v_x, v_y) = (d_y psi, -d_x psi) of a vorticity field, Lap psi = -w, no mean flow."""
    return velocity_of(spectral.transform(w), w.shape, length=length)


def velocity_of(w_hat: Complex[Array, "u v"], shape: Sequence[int], *, length: float = TAU) -> Float[Array, "2 x y"]:
    """The same from the coefficients of the vorticity."""
    return spectral.inverse(jnp.asarray(_velocity_symbols(shape, length), w_hat.dtype) * w_hat, shape)


def _velocity_symbols(shape: Sequence[int], length: float) -> Complex[np.ndarray, "2 u v"]:
    """v_hat / w_hat: v = (d_y psi, -d_x psi), Lap psi = -w, no mean flow."""
    kx, ky = spectral.wavenumbers(shape, length=length)
    k2 = spectral.squared_wavenumber(shape, length=length)
    inverse_k2 = np.divide(1.0, k2, out=np.zeros_like(k2), where=k2 > 0)
    return np.stack([1j * ky * inverse_k2, -1j * kx * inverse_k2])


def vorticity_rate(
    w: Float[Array, "x y"],
    *,
    viscosity: Coefficient,
    drag: Coefficient = 0.0,
    source: float | Float[AnyArray, "x y"] = 0.0,
    length: float = TAU,
) -> Float[Array, "x y"]:
    """w_t in plain advective form on a grid of 3/2 the points; agrees with the solver, which uses another form."""
    n = w.shape[0]
    fine = spectral.resample(w, (3 * n // 2 + 1,) * 2)
    w_x, w_y = (spectral.derivative(fine, axis=a, length=length) for a in (0, 1))
    vx, vy = velocity(fine, length=length)
    advection = vx * w_x + vy * w_y
    w_xx, w_yy = (spectral.derivative(w, axis=a, order=2, length=length) for a in (0, 1))
    return viscosity * (w_xx + w_yy) - drag * w - spectral.resample(advection, w.shape) + jnp.asarray(source, w.dtype)


def steps_needed(
    n: int,
    *,
    speed: float,
    dt: float,
    dealiasing: Dealiasing = "two-thirds",
    order: Order = 4,
    length: float = TAU,
) -> int:
    """Fewest steps in dt that are stable at the largest ``speed`` met on the way: |k_max| speed (dt / steps) <= limit
    of the rule.

    For Burgers the largest |u - mean| of the initial field (it never grows); for forced flows a bound of the speed
    with a margin. Stability only: for 1e-6 in time ask for 2-4 times as many.
    """
    mask = spectral.dealiasing_mask((n,), dealiasing)
    k_max = float(np.max(np.where(mask > 0.5, np.arange(mask.size), 0))) * TAU / length
    return max(1, math.ceil(k_max * float(speed) * dt / IMAGINARY_STABILITY[order]))
