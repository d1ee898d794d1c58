"""FIRE and L-BFGS on a stiff quadratic bowl, on a curved valley, side by side, and where there is no minimum."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.numerics.minimisers import LBFGS, Fire, minimise
from erlangen.numerics.precision import double


def slope_of(f):
    return lambda z, _: (*jax.value_and_grad(f)(z), None)


@pytest.mark.parametrize("minimiser", [LBFGS(), Fire()], ids=lambda m: type(m).__name__)
def test_minima_are_found_one_by_one_and_side_by_side(minimiser):
    stiffness = jnp.asarray([[1.0, 5.0, 30.0], [2.0, 60.0, 10.0]])
    bowl = slope_of(lambda z: 0.5 * jnp.sum(stiffness * (z - 1.5) ** 2) + 0.1 * jnp.sum((z - 1.5) ** 4))
    run = lambda z: minimise(minimiser, bowl, z, None, tolerance=1e-6, most=500)  # noqa: E731
    with double():
        starts = jnp.asarray(np.random.default_rng(0).normal(size=(3, 2, 3)))
        found = jax.jit(jax.vmap(run))(starts)
        one = jax.jit(run)(starts[1])
    assert np.all(found.converged) and not np.any(found.broken)
    np.testing.assert_allclose(found.z, 1.5, atol=1e-5)
    np.testing.assert_allclose(one.z, found.z[1], atol=1e-9)
    assert int(one.steps) == int(found.steps[1]) < 500


def test_a_value_that_is_no_longer_finite_ends_it_at_the_last_good_point():
    cliff = slope_of(lambda z: jnp.sum(z) + jnp.where(jnp.min(z) < -1, jnp.nan, 0.0))
    with double():
        found = minimise(LBFGS(), cliff, jnp.zeros((1, 3)), None, tolerance=1e-6, most=200)
    assert bool(found.broken) and not bool(found.converged) and float(found.z.min()) >= -1
