"""Random fields: stated variance and spectrum, the same function on every grid."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.numerics import spectral
from erlangen.numerics.precision import double
from erlangen.physics.random_fields import half_space, smooth_field


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_same_key_is_the_same_function_on_every_grid(dimensions):
    with double():
        coarse, fine = (
            smooth_field((n,) * dimensions, modes=3, dtype=jnp.float64, key=jax.random.key(0)) for n in (8, 16)
        )
        np.testing.assert_allclose(fine[(slice(None, None, 2),) * dimensions], coarse, atol=1e-13)


def test_variance_and_spectrum_are_as_stated():
    keys = jax.random.split(jax.random.key(1), 4000)
    fields = jax.vmap(lambda key: smooth_field((16,), modes=4, rms=0.5, decay=1.0, key=key))(keys)
    assert float(jnp.mean(fields**2)) == pytest.approx(0.25, rel=0.05)
    spectrum = jax.vmap(spectral.energy_spectrum)(fields).mean(axis=0)
    np.testing.assert_allclose(spectrum[2:5] / spectrum[1], 1 / np.array([4.0, 9.0, 16.0]), rtol=0.12)
    assert float(jnp.abs(fields.mean(axis=1)).max()) < 1e-6
    assert float(spectrum[5:].max()) < 1e-12


def test_half_space_holds_one_of_each_pair():
    waves = half_space(2, 3)
    both = {tuple(m) for m in waves} | {tuple(-m) for m in waves}
    assert len(both) == 2 * len(waves) == 28


def test_too_coarse_a_grid_is_refused():
    with pytest.raises(Invalid, match="resolve"):
        smooth_field((8,), modes=4, key=jax.random.key(0))
