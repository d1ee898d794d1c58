"""Forces and stress as derivatives of an energy."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.core.systems import Atoms
from erlangen.numerics.mechanics import energy_and_forces, energy_forces_stress
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


def test_forces_and_stress_are_finite_differences():
    rng, step = np.random.default_rng(0), 1e-5
    with double():
        cell = 6 * np.eye(3) + 0.3 * rng.normal(size=(3, 3))
        x = Atoms(jnp.asarray(rng.uniform(0, 6, (5, 3))), np.full(5, 6), jnp.asarray(cell), np.ones(3, bool))
        model = Morse(jnp.asarray(0.4), jnp.asarray(1.3), jnp.asarray(1.7))
        found = energy_forces_stress(model.energy, x)
        assert np.array_equal(found["forces"], energy_and_forces(model.energy, x)["forces"])

        def slope(move):
            return (model.energy(move(step)) - model.energy(move(-step))) / (2 * step)

        for i, a in ((0, 0), (3, 2)):
            along = jnp.zeros((5, 3)).at[i, a].set(1.0)
            assert -found["forces"][i, a] == pytest.approx(
                float(slope(lambda h: x.replace(positions=x.positions + h * along))), abs=1e-8
            )
        for a, b in ((0, 0), (1, 2)):
            turn = jnp.zeros((3, 3)).at[a, b].add(0.5).at[b, a].add(0.5)

            def strained(h, turn=turn):
                deform = jnp.eye(3) + h * turn
                return x.replace(positions=x.positions @ deform, cell=x.cell @ deform)

            volume = abs(np.linalg.det(cell))
            assert found["stress"][a, b] * volume == pytest.approx(float(slope(strained)), abs=1e-7)
