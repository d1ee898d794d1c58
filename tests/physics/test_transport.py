"""A field carried by its own flow, on a grid of its own: what the law does to it there, nothing that a solver adds."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.core.systems import Field
from erlangen.numerics import spectral
from erlangen.numerics.exponential_integrators import etdrk4
from erlangen.numerics.precision import double
from erlangen.physics.transport import carried
from erlangen.tasks.continuum.kolmogorov import Kolmogorov
from erlangen.tasks.continuum.navier_stokes import LENGTH, NavierStokes


@pytest.mark.parametrize("wave", [3, 31])
def test_a_plane_wave_decays_as_the_law_says_even_at_the_end_of_the_spectrum(wave):
    """v . grad w = 0, so that w(t) = exp(-nu k^2 t) w(0); a solver on 64 points damps wave 31 by e^-32."""
    law = NavierStokes(viscosity=1e-5, n=64)
    y = np.arange(64) / 64 * LENGTH
    w = np.broadcast_to(np.cos(2 * math.pi * wave * y), (64, 64)).copy()
    x = Field({"w": w, "source": np.zeros((64, 64))}, (LENGTH / 64,) * 2)
    with double():

        def stepper(seen, steps):
            return etdrk4(*law.equation(seen)[:2], law.dt / steps)

        found = carried(law, x, 64, 64, 2, stepper, path_steps=2)
    for frame, time in zip(np.asarray(found), (1.0, 2.0)):
        decay = math.exp(-1e-5 * (2 * math.pi * wave / LENGTH) ** 2 * time)
        np.testing.assert_allclose(frame, decay * w, atol=1e-9)


def test_dissipation_is_the_linear_part_of_the_law_where_the_solver_adds_nothing():
    law = Kolmogorov(n=32)
    x = Field({"w": jnp.zeros((32, 32)), "source": jnp.zeros((32, 32))}, (spectral.TAU / 32,) * 2)
    np.testing.assert_allclose(law.dissipation((32, 32), spectral.TAU), law.equation(x)[0], atol=1e-12)
