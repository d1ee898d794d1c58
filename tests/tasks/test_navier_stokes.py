"""The Navier-Stokes twin: its recipe, its portions, and its solver against a refined truth."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.assess.metrics import relative_l2
from erlangen.core.errors import Invalid
from erlangen.numerics import spectral
from erlangen.numerics.precision import double
from erlangen.physics import fluids
from erlangen.physics.random_fields import elliptic_field
from erlangen.tasks.continuum.navier_stokes import LENGTH, NavierStokes, source

KEY = jax.random.key(5)
SMALL = NavierStokes(**NavierStokes.toy)


def test_initial_fields_have_the_stated_covariance():
    law = {"modes": 3, "variance": 2.0, "tau": 7.0, "alpha": 2.5, "length": 0.5}
    with double():
        draw = jax.jit(jax.vmap(lambda key: elliptic_field((8, 8), **law, dtype=jnp.float64, key=key)))
        fields = np.asarray(draw(jax.random.split(jax.random.key(0), 4000)))
    coefficients = np.fft.fft2(fields) / 64
    for m in ((1, 0), (1, 2), (0, 3)):
        k2 = (2 * np.pi / 0.5) ** 2 * (m[0] ** 2 + m[1] ** 2)
        expected = 2.0 * (k2 + 49) ** -2.5 / 0.5**2
        assert np.mean(np.abs(coefficients[:, m[0], m[1]]) ** 2) == pytest.approx(expected, rel=0.08)
    assert np.abs(coefficients[:, 0, 0]).max() < 1e-12


def test_the_force_is_a_single_wave_of_the_published_size():
    spectrum = np.asarray(spectral.energy_spectrum(jnp.asarray(source(16))))
    assert spectrum[1] == pytest.approx(0.01 / 2, rel=1e-5)  # mean square 0.1^2, wave (1, 1): shell round(sqrt 2) = 1
    assert np.delete(spectrum, 1).max() < 1e-12


def test_states_are_those_of_a_refined_solution():
    path = SMALL.trajectories("test")
    states = np.stack([path.inputs[0]["w"], *path.outputs["w_next"][0]])
    assert len(path) == SMALL.held and states.shape == (SMALL.horizon + 1, SMALL.n, SMALL.n)
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(SMALL.seed), 3), 0)  # the fourth split, first row
    law = {"modes": SMALL.fine // 4, "variance": 2 * 7.0**3, "tau": 7.0, "alpha": 2.5, "length": LENGTH}
    with double():
        w = elliptic_field((SMALL.fine,) * 2, **law, dtype=jnp.float32, key=key).astype(jnp.float64)
        flow = {"viscosity": SMALL.viscosity, "source": source(96), "length": LENGTH, "dt": 1.0, "steps": 80}
        true = fluids.vorticity(spectral.resample(w, (96, 96)), frames=SMALL.start + SMALL.horizon, **flow)
    assert relative_l2(states, true[SMALL.start - 1 :, ::6, ::6]) < 1e-3


def test_more_trajectories_keep_the_first_ones():
    more = dataclasses.replace(SMALL, count=SMALL.count + 3)
    first, all_of_them = SMALL.trajectories("train"), more.trajectories("train")
    assert len(all_of_them) == SMALL.count + 3
    np.testing.assert_array_equal(all_of_them.outputs["w_next"][0], first.outputs["w_next"][0])
    assert more.label_seconds() > SMALL.label_seconds() > 0


def test_a_finer_solver_is_nearer_to_the_truth():
    samples = dataclasses.replace(SMALL, viscosity=1e-4, fine=64).truth("test")
    x, true = samples.inputs[5], samples.outputs["w_next"][5]
    errors = [relative_l2(SMALL.shifted("viscosity", 1e-4).solve_on(x, n)["w_next"], true) for n in (8, 12, 32)]
    assert errors[0] > errors[1] > errors[2]


def test_the_given_equation_is_the_law_on_fields_that_the_grid_resolves():
    with double():
        w = elliptic_field((32, 32), modes=4, variance=700.0, tau=7.0, alpha=2.5, length=LENGTH, dtype=float, key=KEY)
        x = SMALL.trajectories("test").inputs[0].replace(w=w, source=source(32))
        linear, nonlinear, _ = SMALL.equation(x)
        w_hat = spectral.transform(w)
        rate = spectral.inverse(linear * w_hat + nonlinear(w_hat), (32, 32))
        true = fluids.vorticity_rate(w, viscosity=SMALL.viscosity, source=source(32), length=LENGTH)
    np.testing.assert_allclose(rate, true, atol=1e-8 * float(jnp.abs(true).max()))


def test_grids_that_do_not_hold_each_other_are_refused():
    with pytest.raises(Invalid, match="Take fine = 64"):
        NavierStokes(n=32, fine=80)
    with pytest.raises(Invalid, match="viscosity"):
        NavierStokes(viscosity=0.0)


def test_the_path_of_the_solver_on_the_given_grid_is_its_steps():
    x, solver = SMALL.truth("test").inputs[0], SMALL.solvers[0]
    path = solver.path(x, SMALL.n, 2)["w_next"]
    first = solver.solve(x, SMALL.n)
    second = solver.solve(SMALL.feed(x, first), SMALL.n)
    for state, step in zip(path, (first, second)):
        assert relative_l2(state, step["w_next"]) < 1e-5
