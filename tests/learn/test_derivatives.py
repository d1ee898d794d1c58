"""Misfits of forces and stress: the gradient in the parameters equals that of reverse over reverse."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.core.systems import Atoms
from erlangen.learn.derivatives import energy_and_forces, energy_forces_stress, misfit_of_derivatives
from erlangen.numerics.precision import double


class Morse(eqx.Module):
    """A pair potential with three parameters, in a cell whose nearest images count."""

    depth: jax.Array
    width: jax.Array
    length: jax.Array

    def energy(self, x):
        r = jnp.asarray(x.positions)
        apart = r[:, None] - r[None] + jnp.eye(len(r))[..., None] * 50
        apart = apart - jnp.round(apart @ jnp.linalg.inv(x.cell)) @ x.cell * (1 - jnp.eye(len(r)))[..., None]
        d = jnp.sqrt(jnp.sum(apart**2, -1))
        return jnp.sum(self.depth * (1 - jnp.exp(-self.width * (d - self.length))) ** 2) / 2


@pytest.mark.parametrize("stress", [False, True])
def test_gradient_and_value_equal_reverse_over_reverse(stress):
    rng = np.random.default_rng(0)
    with double():
        cell = 6 * np.eye(3) + 0.3 * rng.normal(size=(3, 3))
        x = Atoms(jnp.asarray(rng.uniform(0, 6, (5, 3))), np.full(5, 6), jnp.asarray(cell), np.ones(3, bool))
        model = Morse(jnp.asarray(0.4), jnp.asarray(1.3), jnp.asarray(1.7))
        target = rng.normal(size=(5, 3))

        def misfit(found):
            total = jnp.sum((found["forces"] - target) ** 2) + 0.3 * (found["energy"] - 1.0) ** 2
            return total + (5.0 * jnp.sum((found["stress"] - 0.01) ** 2) if stress else 0.0)

        def plain(m):
            return misfit((energy_forces_stress if stress else energy_and_forces)(m.energy, x))

        def ours(m):
            return misfit_of_derivatives(Morse.energy, m, x, misfit, stress=stress)

        value, gradient = jax.value_and_grad(plain)(model)
        found, forward = jax.value_and_grad(ours)(model)
        np.testing.assert_allclose(found, value, rtol=1e-13)
        for a, b in zip(jax.tree.leaves(forward), jax.tree.leaves(gradient), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10)
        alone = misfit_of_derivatives(Morse.energy, model, x, misfit, stress=stress, differentiable=False)
        np.testing.assert_allclose(alone, value, rtol=1e-13)
