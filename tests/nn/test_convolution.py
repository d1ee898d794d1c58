"""The geometry that convolutions hear: harmonics by recursion of products are those of the polynomials."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from erlangen.core.spherical_harmonics import spherical_harmonics
from erlangen.nn.convolution import Pairs
from erlangen.numerics.neighbours import neighbours
from erlangen.numerics.precision import double

LMAX, CUTOFF = 6, 4.0
NUMBERS = np.array([6, 1, 8, 1, 0])  # the last one is padding


def by_recursion(r):
    near = neighbours(r, NUMBERS, CUTOFF)
    harmonics = Pairs.of(near, jnp.ones((*near.mask.shape, 1), r.dtype), LMAX).harmonics
    return jnp.concatenate([harmonics[l] for l in range(LMAX + 1)], -1)


def by_polynomials(r):
    near = neighbours(r, NUMBERS, CUTOFF)
    return jnp.where(near.mask[..., None], spherical_harmonics(near.directions, LMAX), 0.0)


def test_harmonics_and_their_gradient():
    with double():
        r = jnp.asarray(np.random.default_rng(0).normal(size=(5, 3)) * 2)
        assert np.any(by_polynomials(r)[0, 1:]) and not np.any(by_recursion(r)[4])
        np.testing.assert_allclose(by_recursion(r), by_polynomials(r), atol=1e-13)
        weights = jnp.asarray(np.random.default_rng(1).normal(size=by_polynomials(r).shape))
        slopes = [jax.grad(lambda r, f=f: jnp.sum(weights * f(r)))(r) for f in (by_recursion, by_polynomials)]
        np.testing.assert_allclose(*slopes, atol=1e-11)
