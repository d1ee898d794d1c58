"""Exponential Runge-Kutta steps for semi-linear equations  u_t = L u + N(u)  with a diagonal L.

The stiff linear part is integrated exactly, so that the step is limited by N alone:
    z = L dt,   phi_1 = (e^z - 1)/z,   phi_2 = (e^z - 1 - z)/z^2,   phi_3 = (e^z - 1 - z - z^2/2)/z^3.
The phi functions lose all digits near z = 0 when evaluated as written; they are means over a circle around z instead
(Cox and Matthews 2002, doi:10.1006/jcph.2002.6995; Kassam and Trefethen 2005, doi:10.1137/S1064827502410633).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Inexact

from erlangen.core.arrays import AnyArray, Coefficient

Step = Callable[[Inexact[Array, "..."]], Inexact[Array, "..."]]
POINTS_ON_CIRCLE = 32  # unit circle; the trapezoid rule has converged to 1e-16 from 24 points on


def phi_functions(
    z: Inexact[AnyArray, "..."],
) -> tuple[Inexact[AnyArray, "..."], Inexact[AnyArray, "..."], Inexact[AnyArray, "..."]]:
    """phi_1, phi_2, phi_3 of every entry of z (real z gives real values).

    NumPy input is evaluated in float64 whatever JAX's precision is; traced input in its own dtype, so that gradients
    with respect to a viscosity inside L or to dt pass through.
    """
    is_real = not jnp.iscomplexobj(z)
    angles = 2 * np.pi * (np.arange(POINTS_ON_CIRCLE) + 0.5) / POINTS_ON_CIRCLE
    # Real z: the lower half of the circle is the conjugate of the upper half.
    roots = np.exp(1j * angles[: POINTS_ON_CIRCLE // 2] if is_real else 1j * angles)

    def terms(root: Any, xp: Any) -> tuple[Any, ...]:
        w = z + root
        e = xp.exp(w)
        found = (e - 1) / w, (e - 1 - w) / w**2, (e - 1 - w - w**2 / 2) / w**3
        return tuple(t.real / len(roots) if is_real else t / len(roots) for t in found)

    if not isinstance(z, jax.Array):
        return tuple(sum(parts) for parts in zip(*(terms(complex(root), np) for root in roots)))  # type: ignore[return-value]
    # a loop, so that the program (and that of its derivative) holds one point of the circle, not all of them
    circle = jnp.asarray(roots, jnp.result_type(z, jnp.complex64))
    first = (jnp.zeros_like(z),) * 3
    return jax.lax.scan(lambda s, root: (jax.tree.map(jnp.add, s, terms(root, jnp)), None), first, circle)[0]


def etdrk2(linear: Inexact[AnyArray, "*modes"], nonlinear: Step, dt: Coefficient) -> Step:
    """Second-order step in two evaluations of N: a = e^z u + dt phi_1 N(u), then a + dt phi_2 (N(a) - N(u))."""
    z = linear * dt
    phi_1, phi_2, _ = phi_functions(z)
    decay, c1, c2 = _exp(z), dt * phi_1, dt * phi_2

    def step(u: Array) -> Array:
        e, f1, f2 = _like(u, decay, c1, c2)
        n_u = nonlinear(u)
        a = e * u + f1 * n_u
        return a + f2 * (nonlinear(a) - n_u)

    return step


def etdrk4(
    linear: Inexact[AnyArray, "*modes"],
    nonlinear: Step,
    dt: Coefficient,
    *,
    gain: float | Inexact[AnyArray, "*modes"] = 1.0,
) -> Step:
    """Fourth-order step of Cox and Matthews; four evaluations of N, stable for advection up to about |k u| dt = 2.8.

    gain: a factor on every coefficient of N, at no cost.
    """
    z = linear * dt
    phi_1, phi_2, phi_3 = phi_functions(z)
    half = 0.5 * dt * gain * phi_functions(z / 2)[0]
    decay, half_decay = _exp(z), _exp(z / 2)
    weight_1 = dt * gain * (phi_1 - 3 * phi_2 + 4 * phi_3)
    weight_2 = dt * gain * (2 * phi_2 - 4 * phi_3)  # of each of the two midpoint values
    weight_4 = dt * gain * (4 * phi_3 - phi_2)

    def step(u: Array) -> Array:
        e, eh, h, w1, w2, w4 = _like(u, decay, half_decay, half, weight_1, weight_2, weight_4)
        n_u = nonlinear(u)
        half_u = eh * u
        a = half_u + h * n_u
        n_a = nonlinear(a)
        b = half_u + h * n_a
        n_b = nonlinear(b)
        c = eh * a + h * (2 * n_b - n_u)
        return e * u + w1 * n_u + w2 * (n_a + n_b) + w4 * nonlinear(c)

    return step


def trajectory(step: Step, u: Inexact[Array, "..."], *, frames: int, substeps: int = 1) -> Inexact[Array, "frames ..."]:
    """States after substeps, 2 substeps, ..., frames substeps, shape [frames, ...]; the initial state is not repeated.

    Reverse-mode memory is that of ``frames + substeps`` states: the sub-steps of a frame are recomputed in the
    backward pass.
    """

    def frame(v: Array, _: None) -> tuple[Array, Array]:
        v, _ = jax.lax.scan(lambda w, _: (step(w), None), v, None, length=substeps)
        return v, v

    body = jax.checkpoint(frame, prevent_cse=False) if substeps > 1 else frame
    return jax.lax.scan(body, u, None, length=frames)[1]


def _exp(z: Inexact[AnyArray, "..."]) -> Inexact[AnyArray, "..."]:
    return jnp.exp(z) if isinstance(z, jax.Array) else np.exp(z)


def _like(
    u: Inexact[Array, "..."], *coefficients: float | Inexact[AnyArray, "..."]
) -> tuple[Inexact[Array, "..."], ...]:
    """Coefficients in the precision of ``u``; real ones stay real (half the work of complex products)."""
    real = jnp.finfo(u.dtype).dtype
    return tuple(jnp.asarray(c, u.dtype if jnp.iscomplexobj(c) else real) for c in coefficients)
