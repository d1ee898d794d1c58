"""WENO against polynomials, its order, a published table of errors, and the conservation of averages."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.numerics import finite_volumes, weno
from erlangen.numerics.precision import double


class Advection(finite_volumes.ConservationLaw):
    """q_t + q_x = 0."""

    parity = (1,)

    def flux(self, q):
        return q

    def upwind_flux(self, left, right):
        return left

    def characteristics(self, left, right):
        return jnp.ones_like(left)[None], jnp.ones_like(left)[None]

    def margins(self, q):
        return (jnp.ones_like(q[0]),)

    def fastest(self, q):
        return jnp.ones((), q.dtype)


def averages(integral, edges):
    return jnp.diff(integral(edges)) / jnp.diff(edges)


@pytest.mark.parametrize("weights", ["z", "js"])
def test_parabolas_are_reconstructed_exactly(weights):
    with double():
        cells = averages(lambda x: x**3 / 3 - x**2 + 5 * x, jnp.arange(-3.0, 4.0))  # of x^2 - 2 x + 5
        left, right = weno.fifth_order(weights)([c[None] for c in cells])
        np.testing.assert_allclose([left[0], right[0]], 5.0, atol=1e-13)


@pytest.mark.parametrize("weights", ["z", "js"])
def test_a_jump_is_not_smeared(weights):
    with double():
        cells = [jnp.asarray([v]) for v in (0.0, 0.0, 0.0, 1.0, 1.0, 1.0)]
        left, right = weno.fifth_order(weights)(cells)
        assert abs(float(left[0])) < 2e-4 and abs(float(right[0]) - 1) < 2e-4


@pytest.mark.parametrize("weights", ["z", "js"])
def test_units_of_the_values_and_mirrors_do_not_matter(weights):
    with double():
        v = list(jax.random.normal(jax.random.key(0), (6, 40), jnp.float64))
        left, right = weno.fifth_order(weights)(v)
        mirrored = weno.fifth_order(weights)(v[::-1])
        np.testing.assert_array_equal(left, mirrored[1])
        scaled = weno.fifth_order(weights)([1e-7 * c for c in v])
        np.testing.assert_allclose(scaled[1], 1e-7 * right, rtol=1e-12)


# L1 errors of WENO-5 for u_t + u_x = 0, u = sin(pi x), t = 1, dt = dx^(5/3), on 20, 40, 80 points, as tabulated by
# Jiang and Shu 1996, doi:10.1006/jcph.1996.0130, who take a fixed eps of 1e-6
JIANG_SHU = {20: 7.41e-4, 40: 2.22e-5, 80: 6.91e-7}


def advected(weights: str, n: int) -> float:
    with double():
        dx = 2 / n
        x = -1 + dx * jnp.arange(n)
        run = jax.jit(
            lambda q: finite_volumes.trajectory(
                Advection(), q, dx=dx, dt=1.0, steps=math.ceil(dx ** (-5 / 3)), reconstruct=weno.fifth_order(weights)
            )
        )
        return float(jnp.mean(jnp.abs(run(jnp.sin(jnp.pi * x)[None])[0, 0] + jnp.sin(jnp.pi * x))))


def test_errors_of_the_smooth_wave_are_those_of_jiang_and_shu():
    for n, published in JIANG_SHU.items():
        assert advected("js", n) == pytest.approx(published, rel=0.06)


def test_weno_z_is_of_fifth_order_and_better():
    errors = [advected("z", n) for n in (20, 40, 80)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(5, abs=0.2)
    assert np.log2(errors[1] / errors[2]) == pytest.approx(5, abs=0.1)
    assert errors[1] < 0.2 * JIANG_SHU[40]


def test_refined_averages_keep_the_given_ones_and_are_of_third_order():
    with double():
        errors = []
        for n in (32, 64):
            edges = jnp.linspace(0, 2 * jnp.pi, n + 1)
            fine = weno.refine(averages(lambda x: -jnp.cos(x), edges), 4)
            np.testing.assert_allclose(weno.coarsen(fine, 4), averages(lambda x: -jnp.cos(x), edges), atol=1e-15)
            true = averages(lambda x: -jnp.cos(x), jnp.linspace(0, 2 * jnp.pi, 4 * n + 1))
            errors.append(float(jnp.mean(jnp.abs(fine - true))))
        assert np.log2(errors[0] / errors[1]) == pytest.approx(3, abs=0.3)


def test_refined_jumps_stay_sharp_and_mirrors_commute():
    with double():
        step = jnp.where(jnp.arange(32) < 16, 1.0, 3.0)
        assert float(jnp.abs(weno.refine(step, 8) - jnp.repeat(step, 8)).max()) < 1e-2
        v = jax.random.normal(jax.random.key(1), (3, 24), jnp.float64)
        np.testing.assert_allclose(weno.refine(v[:, ::-1], 5)[:, ::-1], weno.refine(v, 5), atol=1e-13)


def test_unknown_weights_are_named():
    with pytest.raises(Invalid, match="rule of WENO weights"):
        weno.fifth_order("jiang")  # type: ignore[arg-type]
