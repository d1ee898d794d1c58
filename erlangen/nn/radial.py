"""Functions of a distance: radial bases and cutoffs that let a model stay smooth when an atom leaves its sphere."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float


def polynomial_cutoff(r: Float[Array, "*edges"], cutoff: float, order: int = 5) -> Float[Array, "*edges"]:
    """Envelope u(r) that falls from 1 at r = 0 to 0 at `cutoff` and stays there.

    u = 1 - (p+1)(p+2)/2 x^p + p(p+2) x^(p+1) - p(p+1)/2 x^(p+2),   x = r / cutoff
      = (1 - x)^3 sum_{k < p} (k+1)(k+2)/2 x^k
    Two derivatives vanish at the cutoff, so forces are continuously differentiable. Gasteiger, Gross, Guennemann 2020,
    arXiv:2003.03123, eq. 8. Computed as the product, whose terms do not cancel where u is small.
    """
    x = jnp.clip(r / cutoff, 0.0, 1.0)
    rest = jnp.zeros_like(x)
    for k in reversed(range(order)):
        rest = rest * x + (k + 1) * (k + 2) / 2
    return (1.0 - x) ** 3 * rest


class Bessel(eqx.Module):
    """Spherical Bessel functions of order 0 that vanish at the cutoff, times the polynomial envelope.

    b_n(r) = sqrt(2 / cutoff) sin(n pi r / cutoff) / r * u(r),   n = 1 ... count
    Shape [*edges] -> [*edges, count]; r must be positive (mask pairs before, see `neighbours`). Good values: 8 for 5 A.
    Gasteiger, Gross, Guennemann 2020, arXiv:2003.03123, eq. 7.
    """

    cutoff: float = eqx.field(static=True, default=5.0)
    count: int = eqx.field(static=True, default=8)
    order: int = eqx.field(static=True, default=5)

    def __call__(self, r: Float[Array, "*edges"]) -> Float[Array, "*edges count"]:
        n = jnp.arange(1, self.count + 1, dtype=r.dtype) * (jnp.pi / self.cutoff)
        envelope = polynomial_cutoff(r, self.cutoff, self.order) * (2.0 / self.cutoff) ** 0.5 / r
        return jnp.sin(r[..., None] * n) * envelope[..., None]


class Gaussians(eqx.Module):
    """Gaussians on an even grid of centres from `start` to the cutoff, times the polynomial envelope.

    g_n(r) = exp(-(r - c_n)^2 / 2 w^2) u(r),   w = distance of two centres.  Schuett et al. 2018, doi:10.1063/1.5019779.
    """

    cutoff: float = eqx.field(static=True, default=5.0)
    count: int = eqx.field(static=True, default=16)
    start: float = eqx.field(static=True, default=0.5)
    order: int = eqx.field(static=True, default=5)

    def __call__(self, r: Float[Array, "*edges"]) -> Float[Array, "*edges count"]:
        centres = jnp.linspace(self.start, self.cutoff, self.count, dtype=r.dtype)
        width = (self.cutoff - self.start) / (self.count - 1)
        bumps = jnp.exp(-0.5 * ((r[..., None] - centres) / width) ** 2)
        return bumps * polynomial_cutoff(r, self.cutoff, self.order)[..., None]
