"""Modes that a grid cannot hold, slaved to those that it holds: the nonlinear Galerkin method.

    q = a t phi_1(L t) N(u)      on modes of a finer grid that are not among those of u;  phi_1(z) = (e^z - 1) / z
    N_slaved(u) = N(u + q)       on the modes of u

q is what N(u) builds up within the time t. Where L t << -1 that is the balance -N/L of dissipation and of what is
handed down: the approximate inertial manifold of Foias, Manley and Temam 1988, doi:10.1051/m2an/1988220100931; Marion
and Temam 1989, doi:10.1137/0726063. The time step stays that of u; N is evaluated twice, on the finer grid.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact

from erlangen.core.arrays import AnyArray

from . import spectral
from .exponential_integrators import Step, phi_functions


def slaved(
    linear: Inexact[AnyArray, "*modes"],
    nonlinear: Step,
    kept: Float[AnyArray, "*modes"],
    *,
    coarse: Sequence[int],
    fine: Sequence[int],
    time: float,
    amount: float | Float[AnyArray, "*modes"],
) -> Step:
    """N_slaved on the coefficients of `coarse` points.

    linear, nonlinear: of the equation on `fine` points. kept [modes of coarse]: the filter of u, 0 for what it does not
    hold. amount: a, a number or one per mode of `fine`; 0 leaves N(u).
    """
    with jax.ensure_compile_time_eval():
        inside = np.asarray(
            spectral.resize(jnp.asarray(np.broadcast_to(kept, _modes(coarse)) != 0, float), coarse, fine)
        )
    built = (inside == 0) * time * phi_functions(linear * time)[0]

    def rate(u_hat: Complex[Array, "..."]) -> Complex[Array, "..."]:
        u_fine = spectral.resize(u_hat, coarse, fine)
        weight = amount * jnp.asarray(built, u_hat.dtype if jnp.iscomplexobj(built) else u_hat.real.dtype)
        moved = spectral.resize(nonlinear(u_fine + weight * nonlinear(u_fine)), fine, coarse)
        return jnp.asarray(kept, u_hat.real.dtype) * moved

    return rate


def _modes(shape: Sequence[int]) -> tuple[int, ...]:
    return *shape[:-1], shape[-1] // 2 + 1
