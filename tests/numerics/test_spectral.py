"""Fourier calculus against closed forms."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erlangen.core.errors import Invalid
from erlangen.numerics import spectral
from erlangen.numerics.precision import double


@pytest.mark.parametrize("shape", [(32,), (33,), (24, 20), (12, 14, 10)])
def test_derivatives_of_trigonometric_fields_are_exact(shape):
    with double():
        x = spectral.grid(shape, length=3.0)
        k = 2 * np.pi / 3.0
        field = jnp.asarray(np.prod(np.broadcast_arrays(*[np.sin(2 * k * xi + 0.3) for xi in x]), axis=0))
        for axis in range(len(shape)):
            rest = [np.sin(2 * k * xi + 0.3) for a, xi in enumerate(x) if a != axis]
            slope = 2 * k * np.cos(2 * k * x[axis] + 0.3)
            exact = np.prod(np.broadcast_arrays(slope, *rest), axis=0) if rest else slope
            np.testing.assert_allclose(spectral.derivative(field, axis=axis, length=3.0), exact, atol=1e-12)
            second = spectral.derivative(field, axis=axis, order=2, length=3.0)
            np.testing.assert_allclose(second, -((2 * k) ** 2) * field, atol=1e-11)


@settings(max_examples=20, deadline=None)
@given(st.floats(-10, 10), st.integers(9, 40))
def test_translation_by_any_distance_moves_the_function(distance, n):
    with double():
        (x,) = spectral.grid((n,))
        moved = spectral.translate(jnp.asarray(np.cos(3 * x) + np.sin(x)), (distance,))
        np.testing.assert_allclose(moved, np.cos(3 * (x - distance)) + np.sin(x - distance), atol=1e-12)


@pytest.mark.parametrize("shape", [(8,), (9,), (6, 8)])
def test_translation_by_whole_points_is_a_roll_of_any_field(shape):
    with double():
        u = jnp.asarray(np.random.default_rng(0).normal(size=shape))  # Nyquist mode included
        steps = tuple(range(1, len(shape) + 1))
        distance = tuple(2 * np.pi / n * k for n, k in zip(shape, steps, strict=True))
        np.testing.assert_allclose(
            spectral.translate(u, distance), jnp.roll(u, steps, tuple(range(len(shape)))), atol=1e-14
        )


@pytest.mark.parametrize(("old", "new"), [((16,), (24,)), ((24,), (15,)), ((16, 18), (32, 27)), ((32, 27), (14, 16))])
def test_resampling_a_resolved_field_is_evaluating_it(old, new):
    def field(shape):
        x = spectral.grid(shape)
        return sum(np.cos(3 * xi + 0.1) for xi in x) + np.prod(
            np.broadcast_arrays(*[np.sin(2 * xi) for xi in x]), axis=0
        )

    with double():
        np.testing.assert_allclose(spectral.resample(jnp.asarray(field(old)), new), field(new), atol=1e-12)


def test_two_thirds_rule_makes_products_exact():
    with double():
        n = 30
        mask = spectral.dealiasing_mask((n,), "two-thirds")
        kept = int(mask.sum()) - 1
        (x,) = spectral.grid((n,))
        square = jnp.asarray(np.cos(kept * x)) ** 2  # has modes 0 and 2 kept; the latter aliases to n - 2 kept
        assert kept == 9
        np.testing.assert_allclose(
            jnp.fft.rfft(square) * mask, np.where(np.arange(n // 2 + 1) == 0, n / 2, 0), atol=1e-12
        )
        assert spectral.dealiasing_mask((n,), "none").min() == 1.0
        smooth = spectral.dealiasing_mask((64,), "smooth")
        assert smooth[20] > 1 - 1e-5 and smooth[-1] < 1e-15


def test_energy_spectrum_sums_to_half_the_mean_square():
    with double():
        rng = np.random.default_rng(0)
        for shape in [(32,), (33,), (16, 18)]:
            u = jnp.asarray(rng.normal(size=shape))
            np.testing.assert_allclose(spectral.energy_spectrum(u).sum(), 0.5 * jnp.mean(u**2), rtol=1e-12)
        (x,) = spectral.grid((32,))
        np.testing.assert_allclose(spectral.energy_spectrum(jnp.asarray(np.cos(5 * x)))[5], 0.25, rtol=1e-12)


def test_bad_input_names_the_remedy():
    with pytest.raises(Invalid, match="two-thirds"):
        spectral.dealiasing_mask((8,), "two-third")  # type: ignore[arg-type]
    with pytest.raises(Invalid, match="number of axes"):
        spectral.resample(jnp.zeros((8,)), (8, 8))


@pytest.mark.parametrize(("fine", "coarse"), [((24,), (16,)), ((16,), (16,)), ((12,), (16,)), ((24, 40), (16, 20))])
def test_samples_are_the_values_of_the_same_function_at_other_points(fine, coarse):
    """Also of modes that the coarse grid cannot hold: the highest here is that of the fine one."""
    rng, modes = np.random.default_rng(0), [(n - 1) // 2 for n in fine]
    waves = [(rng.normal(size=2), [rng.integers(-m, m + 1) for m in modes]) for _ in range(9)]
    waves[0] = (waves[0][0], modes)

    def values(shape):
        x = spectral.grid(shape)
        return sum(a[0] * np.cos(sum(m * r for m, r in zip(k, x)) + a[1]) for a, k in waves)

    np.testing.assert_allclose(spectral.sample(jnp.asarray(values(fine)), coarse), values(coarse), atol=2e-5)
