"""Semi-Lagrangian transport: exact where it can be, of its order where it cannot, differentiable."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.numerics import spectral
from erlangen.numerics.precision import double
from erlangen.numerics.semi_lagrangian import carried, departures

TIME = 0.7


def waves(n):
    x, y = spectral.grid((n, n))
    return jnp.asarray(np.sin(x + 2 * y) + 0.5 * np.cos(3 * x) + np.sin(y))


def after(w, flow, fine=None, decay=1.0, time=TIME):
    """w one step later."""
    n, fine = flow[0].shape[1], fine or flow[0].shape[1:]
    moved = departures(flow, time, (spectral.TAU / n,) * 2)
    w_hat = spectral.transform(spectral.resample(w, fine))
    return spectral.inverse(carried(w_hat, moved, decay * jnp.ones(w_hat.shape), fine), fine)


def steady(n, vx, vy, source=0.0, path_steps=2):
    x, y = spectral.grid((n, n))
    fields = (f(x, y) if callable(f) else f for f in (vx, vy, source))
    return [jnp.asarray(np.stack([np.broadcast_to(f, (n, n)) for f in fields]))] * (2 * path_steps + 1)


def test_a_uniform_flow_carries_waves_with_the_fourth_order_of_splines():
    errors = []
    with double():
        for n in (32, 64):
            found = after(waves(n), steady(n, 0.9, -0.4))
            errors.append(float(jnp.abs(found - spectral.translate(waves(n), (0.9 * TIME, -0.4 * TIME))).max()))
    assert errors[1] < 1e-4 and 12 < errors[0] / errors[1] < 20


def test_a_shear_is_followed_with_the_second_order_of_linear_interpolation():
    errors = []
    with double():
        for n in (32, 64):
            x, _ = spectral.grid((n, n))
            found = after(jnp.asarray(np.sin(x) * np.ones(n)), steady(n, lambda x, y: np.sin(y), 0.3), fine=(128, 128))
            x, y = spectral.grid((128, 128))
            gone = (np.cos(y - 0.3 * TIME) - np.cos(y)) / 0.3  # integral of sin along the path
            errors.append(float(jnp.abs(found - np.sin(x - gone)).max()))
    assert errors[1] < 1e-3 and 2.5 < errors[0] / errors[1] < 5, errors


def test_a_flow_that_does_not_move_adds_the_source_and_lets_decay():
    with double():
        w = waves(24)
        found = after(w, steady(24, 0.0, 0.0, source=1.5), decay=0.8)
        np.testing.assert_allclose(found, 0.64 * w + 0.8 * TIME * 1.5, atol=1e-13)


def test_a_source_is_right_in_the_mean_along_a_path():
    """Linear between 8 points, a wave is 5 % too low; over a path of whole spacings nothing of that is left."""
    with double():
        n, time = 8, 2 * spectral.TAU / 8
        found = after(jnp.zeros((n, n)), steady(n, 0.0, 1.0, source=lambda x, y: np.cos(y), path_steps=8), time=time)
        _, y = spectral.grid((n, n))
        wanted = (np.sin(y) - np.sin(y - time)) * np.ones((n, 1))
        assert np.abs(found - wanted).max() < 0.01 * np.abs(wanted).max()


def test_more_than_a_box_in_one_step_wraps_around():
    with double():
        far = after(waves(32), steady(32, 3.0 + 5 * spectral.TAU / TIME, -40.0 * spectral.TAU / TIME))
        np.testing.assert_allclose(far, after(waves(32), steady(32, 3.0, 0.0)), atol=1e-11)


@pytest.mark.parametrize("shape", [(24, 24), (32, 32)], ids=str)
def test_it_moves_with_flow_and_field(shape):
    with double():
        flow = steady(24, lambda x, y: np.sin(y), lambda x, y: np.cos(2 * x), lambda x, y: np.sin(x + y))
        moved = [jnp.roll(f, (3, 6), (1, 2)) for f in flow]
        w, step = waves(24), np.asarray(shape) // 8
        found = after(jnp.roll(w, (3, 6), (0, 1)), moved, fine=shape)
        np.testing.assert_allclose(found, jnp.roll(after(w, flow, fine=shape), step * (1, 2), (0, 1)), atol=1e-12)


def test_gradient_against_finite_differences():
    with double():

        def outcome(a):
            flow = [a * f for f in steady(16, lambda x, y: np.sin(y), lambda x, y: np.cos(x), lambda x, y: np.sin(x))]
            return jnp.sum(after(waves(16), flow) ** 3)

        a, h = 0.83, 1e-6
        slope = (outcome(a + h) - outcome(a - h)) / (2 * h)
        np.testing.assert_allclose(jax.grad(outcome)(a), slope, rtol=2e-5)
