"""Flow solvers against closed solutions, their conservation laws and their symmetries."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import ive

from erlangen.core.errors import Invalid
from erlangen.numerics import spectral
from erlangen.numerics.precision import double
from erlangen.physics import fluids
from erlangen.physics.random_fields import smooth_field

MODE = 2


def kolmogorov(n: int) -> dict:
    return {"viscosity": 0.02, "drag": 0.1, "source": fluids.kolmogorov_source(n, MODE)}


def cole_hopf(x: np.ndarray, t: float, viscosity: float) -> np.ndarray:
    """Burgers from u(x, 0) = sin x:  u = -2 nu (ln h)_x,  h = sum_n I_n(1 / 2 nu) e^{-n^2 nu t} cos n x  (Cole
    1951).
    """
    n = np.arange(1, 60)[:, None]
    weight = 2 * ive(n, 0.5 / viscosity) * np.exp(-(n**2) * viscosity * t)
    h = ive(0, 0.5 / viscosity) + np.sum(weight * np.cos(n * x), axis=0)
    return 2 * viscosity * np.sum(weight * n * np.sin(n * x), axis=0) / h


@pytest.mark.parametrize("dealiasing", ["two-thirds", "three-halves", "smooth", "none"])
def test_burgers_against_cole_hopf(dealiasing):
    with double():
        (x,) = spectral.grid((192,))
        states = fluids.burgers(
            jnp.asarray(np.sin(x)), viscosity=0.1, dt=0.5, steps=200, frames=3, dealiasing=dealiasing
        )
        for frame, t in enumerate((0.5, 1.0, 1.5)):
            np.testing.assert_allclose(states[frame], cole_hopf(x, t, 0.1), atol=1e-8)


def test_burgers_rate_matches_the_solver():
    with double():
        u = smooth_field((64,), modes=4, rms=0.5, dtype=jnp.float64, key=jax.random.key(1)) + 0.3
        forward, back = (fluids.burgers(u, viscosity=0.05, dt=dt, steps=1)[0] for dt in (1e-4, -1e-4))
        np.testing.assert_allclose((forward - back) / 2e-4, fluids.burgers_rate(u, viscosity=0.05), atol=1e-6)


def test_burgers_convergence_order():
    with double():
        u = smooth_field((64,), modes=3, rms=0.5, dtype=jnp.float64, key=jax.random.key(2))

        def end(order, steps):
            return fluids.burgers(u, viscosity=0.05, dt=0.5, steps=steps, order=order)[0]

        for order, steps in ((2, 40), (4, 20)):
            exact = end(4, 640)
            errors = [float(jnp.abs(end(order, s) - exact).max()) for s in (steps, 2 * steps)]
            assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.4)


def test_burgers_conserves_the_mean_and_loses_energy():
    with double():
        u = smooth_field((96,), modes=4, rms=0.5, dtype=jnp.float64, key=jax.random.key(3)) + 0.7
        states = fluids.burgers(u, viscosity=0.05, dt=0.1, steps=20, frames=10)
        np.testing.assert_allclose(states.mean(axis=1), u.mean(), atol=1e-14)
        assert bool(jnp.all(jnp.diff((states**2).mean(axis=1)) < 0))


@pytest.mark.parametrize("dealiasing", ["two-thirds", "three-halves", "smooth", "none"])
def test_burgers_symmetries(dealiasing):
    with double():
        u = smooth_field((64,), modes=4, rms=0.4, dtype=jnp.float64, key=jax.random.key(4))

        def step(v):
            return fluids.burgers(v, viscosity=0.05, dt=0.3, steps=12, dealiasing=dealiasing)[0]

        after = step(u)
        np.testing.assert_allclose(step(jnp.roll(u, 7)), jnp.roll(after, 7), atol=1e-10)
        np.testing.assert_allclose(step(-jnp.roll(u[::-1], 1)), -jnp.roll(after[::-1], 1), atol=1e-10)
        boosted = 1.7 + spectral.translate(after, (1.7 * 0.3,))  # u -> u(x - c t) + c
        np.testing.assert_allclose(step(u + 1.7), boosted, atol=1e-10)
        if dealiasing == "two-thirds":
            np.testing.assert_allclose(
                step(spectral.translate(u, (0.123,))), spectral.translate(after, (0.123,)), atol=1e-10
            )


def test_taylor_green_vortex_decays_exactly():
    with double():
        x, y = spectral.grid((48, 48))
        w0 = 2 * np.cos(3 * x) * np.cos(2 * y)  # one shell of |k|^2 = 13: the advection term vanishes
        states = fluids.vorticity(jnp.asarray(w0), viscosity=0.01, dt=0.5, steps=10, frames=4, drag=0.05)
        for frame in range(4):
            decay = np.exp(-(0.01 * 13 + 0.05) * 0.5 * (frame + 1))
            np.testing.assert_allclose(states[frame], decay * w0, atol=1e-10)


def test_laminar_kolmogorov_flow_is_stationary():
    with double():
        _, y = spectral.grid((32, 32))
        q = 2.0
        flow = {"viscosity": 0.05, "drag": 0.1, "source": fluids.kolmogorov_source(32, 2)}
        laminar = jnp.asarray(np.broadcast_to(-q / (0.05 * q**2 + 0.1) * np.cos(q * y), (32, 32)))
        after = fluids.vorticity(laminar, dt=1.0, steps=20, **flow)[0]
        np.testing.assert_allclose(after, laminar, atol=1e-10)
        np.testing.assert_allclose(fluids.vorticity_rate(laminar, **flow), 0, atol=1e-10)


def test_vorticity_rate_in_advective_form_matches_the_solver():
    with double():
        w = smooth_field((32, 32), modes=5, rms=2.0, dtype=jnp.float64, key=jax.random.key(5))
        forward, back = (fluids.vorticity(w, dt=dt, steps=1, **kolmogorov(32))[0] for dt in (1e-4, -1e-4))
        np.testing.assert_allclose((forward - back) / 2e-4, fluids.vorticity_rate(w, **kolmogorov(32)), atol=1e-5)


def test_inviscid_flow_conserves_energy_and_enstrophy():
    with double():
        w = smooth_field((32, 32), modes=5, rms=1.0, dtype=jnp.float64, key=jax.random.key(6))
        after = fluids.vorticity(w, viscosity=0.0, dt=1.0, steps=100)[0]
        np.testing.assert_allclose(jnp.mean(after**2), jnp.mean(w**2), rtol=1e-6)
        energy = [float(jnp.mean(fluids.velocity(f) ** 2)) for f in (w, after)]
        np.testing.assert_allclose(energy[1], energy[0], rtol=1e-7)
        assert float(jnp.abs(after.mean())) < 1e-14


def test_kolmogorov_symmetries():
    with double():
        n = 32
        w = smooth_field((n, n), modes=4, rms=2.0, dtype=jnp.float64, key=jax.random.key(7))

        def step(v):
            return fluids.vorticity(v, dt=0.4, steps=20, **kolmogorov(32))[0]

        def mirror(v, axes):  # x -> -x on a periodic grid
            return jnp.roll(jnp.flip(v, axes), [1] * len(axes), axes)

        def shift_reflect(v):  # (x, y, w) -> (-x, y + half a forcing period, -w)
            return -jnp.roll(mirror(v, (0,)), n // (2 * MODE), 1)

        after = step(w)
        np.testing.assert_allclose(step(jnp.roll(w, 5, 0)), jnp.roll(after, 5, 0), atol=1e-10)
        np.testing.assert_allclose(
            step(spectral.translate(w, (0.3, 0.0))), spectral.translate(after, (0.3, 0.0)), atol=1e-10
        )
        np.testing.assert_allclose(step(mirror(w, (0, 1))), mirror(after, (0, 1)), atol=1e-10)
        np.testing.assert_allclose(step(shift_reflect(w)), shift_reflect(after), atol=1e-10)
        assert (
            float(jnp.abs(step(jnp.roll(w, 5, 1)) - jnp.roll(after, 5, 1)).max()) > 1e-3
        )  # the forcing breaks shifts along y


def test_flow_and_source_turn_and_reflect_together():
    with double():
        w, s = (smooth_field((32, 32), modes=4, dtype=jnp.float64, key=jax.random.key(i)) for i in (8, 9))

        def turn(v):  # (x, y) -> (-y, x) about the origin of a periodic grid
            return jnp.roll(jnp.flip(v.T, 0), 1, 0)

        def reflect(v):
            return -jnp.roll(jnp.flip(v, 0), 1, 0)

        def step(v, source):
            return fluids.vorticity(v, viscosity=0.02, dt=0.4, steps=10, source=source)[0]

        for move in (turn, reflect):
            np.testing.assert_allclose(step(move(w), move(s)), move(step(w, s)), atol=1e-10)


def test_gradients_through_the_solvers():
    with double():
        u = smooth_field((32,), modes=3, rms=0.5, dtype=jnp.float64, key=jax.random.key(9))
        w = smooth_field((16, 16), modes=3, rms=1.0, dtype=jnp.float64, key=jax.random.key(10))
        du, dw = (smooth_field(f.shape, modes=3, dtype=jnp.float64, key=jax.random.key(11)) for f in (u, w))

        def burgers_loss(u, viscosity):
            return jnp.sum(jnp.cos(fluids.burgers(u + 0.2, viscosity=viscosity, dt=0.2, steps=8, frames=2)))

        def vorticity_loss(w, viscosity):
            return jnp.sum(jnp.cos(fluids.vorticity(w, dt=0.2, steps=4, **{**kolmogorov(16), "viscosity": viscosity})))

        h = 1e-5
        for loss, field, direction in ((burgers_loss, u, du), (vorticity_loss, w, dw)):
            gradient = jax.grad(loss, argnums=(0, 1))(field, 0.05)
            along = (loss(field + h * direction, 0.05) - loss(field - h * direction, 0.05)) / (2 * h)
            np.testing.assert_allclose(jnp.sum(gradient[0] * direction), along, rtol=1e-6)
            in_viscosity = (loss(field, 0.05 + h) - loss(field, 0.05 - h)) / (2 * h)
            np.testing.assert_allclose(gradient[1], in_viscosity, rtol=1e-6)


@pytest.mark.parametrize("order", [2, 4])
def test_steps_needed_is_stable(order):
    with double():
        u = smooth_field((64,), modes=4, rms=0.5, dtype=jnp.float64, key=jax.random.key(12))
        steps = fluids.steps_needed(64, speed=float(jnp.abs(u).max()), dt=2.0, order=order)
        after = fluids.burgers(u, viscosity=0.05, dt=2.0, steps=steps, order=order)[0]
        exact = fluids.burgers(u, viscosity=0.05, dt=2.0, steps=16 * steps)[0]
        assert float(jnp.abs(after - exact).max()) < 0.02
        assert steps < 150


def test_single_precision_follows_double():
    w = smooth_field((32, 32), modes=4, rms=1.0, key=jax.random.key(13))
    low = fluids.vorticity(w, dt=0.5, steps=10, **kolmogorov(32))
    assert low.dtype == jnp.float32
    with double():
        high = fluids.vorticity(jnp.asarray(np.asarray(w), jnp.float64), dt=0.5, steps=10, **kolmogorov(32))
        assert high.dtype == jnp.float64
        np.testing.assert_allclose(low, high, atol=2e-5)


def test_padded_products_are_the_truncation_of_a_grid_of_three_halves():
    with double():
        u = smooth_field((64,), modes=12, rms=1.0, dtype=jnp.float64, key=jax.random.key(4))
        law = {"viscosity": 0.02, "dt": 0.3, "steps": 40}
        padded = fluids.burgers(u, dealiasing="three-halves", **law)[0]
        cut = fluids.burgers(spectral.resample(u, (96,)), **law)[0]
        np.testing.assert_allclose(padded, spectral.resample(cut, (64,)), atol=1e-12)
    with pytest.raises(Invalid, match="two-thirds"):
        fluids.vorticity_terms(16, viscosity=0.1, dealiasing="three-halves")


@pytest.mark.parametrize("viscosity", [-0.1, float("nan")])
def test_a_viscosity_that_lets_short_waves_grow_is_refused(viscosity):
    u = jnp.sin(2 * jnp.pi * jnp.arange(16) / 16)
    step = {"dt": 0.1, "steps": 4}
    with pytest.raises(Invalid, match="viscosity must be zero or more"):
        fluids.burgers(u, viscosity=viscosity, **step)
    with pytest.raises(Invalid, match="viscosity must be zero or more"):
        fluids.vorticity(jnp.outer(u, u), viscosity=viscosity, **step)
    with pytest.raises(Invalid, match="drag must be zero or more"):
        fluids.vorticity(jnp.outer(u, u), viscosity=0.1, drag=viscosity, **step)
