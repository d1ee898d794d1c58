"""Exact Riemann solutions against Toro's table, their own jump conditions, limits and derivatives."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.numerics.precision import double
from erlangen.physics import riemann
from erlangen.physics.euler import Euler, conserved, primitive
from erlangen.physics.riemann import Gas

# Tests 1 to 5 of Toro, doi:10.1007/b79761, section 4.3.3: left, right, pressure and velocity in the middle (table 4.2)
TORO = [
    (Gas(1.0, 0.0, 1.0), Gas(0.125, 0.0, 0.1), 0.30313, 0.92745),
    (Gas(1.0, -2.0, 0.4), Gas(1.0, 2.0, 0.4), 0.00189, 0.0),
    (Gas(1.0, 0.0, 1000.0), Gas(1.0, 0.0, 0.01), 460.894, 19.5975),
    (Gas(1.0, 0.0, 0.01), Gas(1.0, 0.0, 100.0), 46.0950, -6.19633),
    (Gas(5.99924, 19.5975, 460.894), Gas(5.99242, -6.19633, 46.0950), 1691.64, 8.68975),
]
SPEEDS = np.linspace(-30, 30, 4001)


@pytest.mark.parametrize(("left", "right", "pressure", "velocity"), TORO)
def test_middle_states_are_those_of_toro(left, right, pressure, velocity):
    with double():
        star = riemann.euler_star(left, right)
        np.testing.assert_allclose(star.pressure, pressure, rtol=1e-5, atol=5e-6)
        np.testing.assert_allclose([star.velocity_left, star.velocity_right], velocity, rtol=1e-5, atol=1e-12)


def balance(q, flux, speeds):
    """int q d xi over the fan must be what flows in: [f - xi q] taken between the ends (d/dt of a similar solution)."""
    inside = np.trapezoid(q, speeds)
    return inside - (speeds[-1] * q[:, -1] - speeds[0] * q[:, 0]) + (flux[:, -1] - flux[:, 0])


@pytest.mark.parametrize(("left", "right"), [(a, b) for a, b, *_ in TORO] + [(Gas(1, -10.0, 0.4), Gas(2, 9.0, 0.5))])
def test_mass_momentum_and_energy_are_conserved_across_the_fan(left, right):
    with double():
        gas = riemann.euler(left, right, jnp.asarray(SPEEDS))
        q = np.asarray(conserved(gas))
        ends = jnp.asarray(q[:, [0, -1]])
        defect = balance(q, np.asarray(Euler().flux(ends)), SPEEDS)
        assert np.all(np.abs(defect) < 2e-3 * np.abs(SPEEDS[0] * q).max(axis=1))


def test_mirror_and_boost():
    with double():
        left, right = TORO[0][:2]
        xi = jnp.linspace(-3, 3, 101) + 0.0123
        gas = riemann.euler(left, right, xi)
        turned = riemann.euler(right._replace(velocity=-right.velocity), left._replace(velocity=-left.velocity), -xi)
        for part, sign in zip(range(3), (1, -1, 1)):
            np.testing.assert_allclose(sign * turned[part], gas[part], atol=1e-12)
        moved = riemann.euler(*(s._replace(velocity=s.velocity + 2.5) for s in (left, right)), xi + 2.5)
        np.testing.assert_allclose(moved.velocity - 2.5, gas.velocity, atol=1e-12)
        np.testing.assert_allclose(moved.density, gas.density, atol=1e-12)


def test_a_vacuum_opens_where_the_sides_part_too_fast():
    with double():
        left, right = Gas(1.0, -10.0, 0.4), Gas(1.0, 10.0, 0.4)
        star = riemann.euler_star(left, right)
        edge = 10 - 2 * np.sqrt(1.4 * 0.4) / 0.4
        np.testing.assert_allclose(
            [star.pressure, star.velocity_left, star.velocity_right], [0, -edge, edge], atol=1e-12
        )
        gas = riemann.euler(left, right, jnp.asarray([-edge - 0.1, 0.0, edge + 0.1]))
        assert float(gas.density[1]) == 0 < float(gas.density[0]) == pytest.approx(float(gas.density[2]))


def test_derivatives_of_the_middle_and_of_the_fan():
    with double():

        def middle(p):
            return riemann.euler_star(Gas(1.0, 0.0, p), Gas(0.125, 0.0, 0.1)).pressure

        def fan(p):
            return riemann.euler(Gas(1.0, 0.0, p), Gas(0.125, 0.0, 0.1), jnp.asarray(-0.5)).density

        for f in (middle, fan):
            np.testing.assert_allclose(jax.grad(f)(1.0), (f(1 + 1e-6) - f(1 - 1e-6)) / 2e-6, rtol=1e-7)


def test_primitive_and_conserved_are_inverse():
    with double():
        gas = Gas(*(jnp.asarray([v, 2 * v]) for v in (1.3, -0.7, 2.1)))
        np.testing.assert_allclose(primitive(conserved(gas, 5 / 3), 5 / 3), gas, rtol=1e-14)


def test_what_goes_in_is_positive():
    with pytest.raises(Invalid, match="pressure"):
        riemann.euler_star(Gas(1.0, 0.0, -1.0), Gas(1.0, 0.0, 1.0))
