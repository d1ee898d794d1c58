"""Gray-Scott against its ordinary equation, its linear modes, its order and its symmetries."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from erlangen.core.errors import Invalid
from erlangen.numerics import spectral
from erlangen.numerics.precision import double
from erlangen.physics import reaction_diffusion
from erlangen.physics.random_fields import smooth_field

FEED, KILL = 0.05, 0.05
LAW = {"feed": FEED, "kill": KILL, "diffusion": (2e-4, 1e-4)}


def pattern(n: int = 32, seed: int = 0):
    """A state well inside what reacts, with long waves."""
    u, v = (smooth_field((n, n), modes=3, rms=0.1, dtype=jnp.float64, key=jax.random.key(seed + i)) for i in (0, 100))
    return jnp.stack([0.5 + u, 0.3 + v])


@functools.partial(jax.jit, static_argnames=("dt", "steps", "order", "dealiasing"))
def evolve(state, dt=10.0, steps=10, **settings):
    return reaction_diffusion.gray_scott(state, dt=dt, steps=steps, **(LAW | settings))[-1]


def test_uniform_fields_follow_the_ordinary_equation():
    def rate(_, y):
        u, v = y
        return [-u * v * v + FEED * (1 - u), u * v * v - (FEED + KILL) * v]

    exact = solve_ivp(rate, (0, 20), [0.6, 0.4], rtol=1e-12, atol=1e-13, method="DOP853").y[:, -1]
    with double():
        start = jnp.broadcast_to(jnp.asarray([0.6, 0.4])[:, None, None], (2, 8, 8))
        after = evolve(start, dt=20.0, steps=200)
        np.testing.assert_allclose(after, np.broadcast_to(exact[:, None, None], (2, 8, 8)), atol=1e-9)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_small_waves_on_uniform_states_follow_their_jacobian(number):
    u0, v0 = reaction_diffusion.uniform_states(FEED, KILL)[number]
    np.testing.assert_allclose([FEED * (1 - u0) - u0 * v0**2, u0 * v0**2 - (FEED + KILL) * v0], 0, atol=1e-15)
    k2 = (2 * np.pi) ** 2 * (1 + 4)
    diffusion = k2 * np.diag(LAW["diffusion"])
    jacobian = np.array([[-(v0**2) - FEED, -2 * u0 * v0], [v0**2, 2 * u0 * v0 - FEED - KILL]]) - diffusion
    with double():
        x, y = spectral.grid((16, 16), length=1.0)
        wave, small = np.cos(2 * np.pi * (x + 2 * y)), 1e-7
        start = jnp.stack([u0 + small * wave, v0 - 0.5 * small * wave])
        after = evolve(start, dt=5.0, steps=50)
        growth = expm(5.0 * jacobian) @ [1.0, -0.5]
        for field, rest, factor in zip(after, (u0, v0), growth):
            np.testing.assert_allclose((field - rest) / small, factor * wave, atol=1e-6)


def test_rate_matches_the_solver():
    with double():
        state = pattern()
        forward, back = (evolve(state, dt=dt, steps=1) for dt in (1e-2, -1e-2))
        law = reaction_diffusion.gray_scott_rate(state, **LAW)
        np.testing.assert_allclose((forward - back) / 2e-2, law, atol=1e-7)


@pytest.mark.parametrize(("order", "steps"), [(2, 32), (4, 16)])
def test_convergence_order(order, steps):
    with double():
        state = pattern()
        exact = evolve(state, steps=256)
        errors = [float(jnp.abs(evolve(state, steps=s, order=order) - exact).max()) for s in (steps, 2 * steps)]
        assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.3)


def test_convergence_in_space_is_spectral():
    """A drop that becomes a ring, on 24, 32 and 48 points against 96."""
    with double():

        def ring(n):
            x, y = spectral.grid((n, n), length=1.0)
            drop = np.exp((np.cos(2 * np.pi * x) + np.cos(2 * np.pi * y) - 2) / 0.8**2)
            start = jnp.stack([1 - drop / 2, jnp.asarray(drop / 4)])
            return evolve(start, dt=100.0, steps=100, feed=0.03, kill=0.06)[:, :: n // 8, :: n // 8]

        exact = ring(96)
        errors = [float(jnp.abs(ring(n) - exact).max()) for n in (24, 32, 48)]
        assert errors[0] > 8 * errors[1] > 64 * errors[2] and errors[2] < 1e-4


@pytest.mark.parametrize("rule", ["two-thirds", "three-halves"])
def test_the_cubic_term_does_not_alias(rule):
    """Galerkin truncation commutes with shifts by parts of the spacing, aliasing does not."""
    with double():
        state = jax.random.uniform(jax.random.key(3), (2, 18, 18), jnp.float64)  # every mode is there
        start = jnp.fft.irfft2(jnp.fft.rfft2(state) * spectral.dealiasing_mask((18, 18), rule), (18, 18))

        def move(state):
            return jnp.stack([spectral.translate(f, (0.013, -0.021), length=1.0) for f in state])

        after = move(evolve(start, dealiasing=rule))
        np.testing.assert_allclose(evolve(move(start), dealiasing=rule), after, atol=1e-13)


@pytest.mark.parametrize("dealiasing", ["two-thirds", "smooth", "none"])
def test_symmetries_of_the_square(dealiasing):
    with double():
        state = pattern(seed=1)
        moves = {
            "shift": lambda f: jnp.roll(f, (5, 11), (1, 2)),
            "reflection": lambda f: jnp.roll(jnp.flip(f, 1), 1, 1),
            "quarter turn": lambda f: jnp.roll(jnp.flip(jnp.swapaxes(f, 1, 2), 1), 1, 1),
        }
        after = evolve(state, dealiasing=dealiasing)
        for name, move in moves.items():
            moved = evolve(move(state), dealiasing=dealiasing)
            np.testing.assert_allclose(moved, move(after), atol=1e-13, err_msg=name)


def test_gradients():
    with double():
        state, direction = pattern(16), pattern(16, seed=7) - 0.4

        @jax.jit
        def loss(state, feed, kill, d_u):
            law = {"feed": feed, "kill": kill, "diffusion": (d_u, 1e-4)}
            return jnp.sum(jnp.cos(3 * reaction_diffusion.gray_scott(state, dt=5.0, steps=5, frames=2, **law)))

        at, h = (state, FEED, KILL, 2e-4), 1e-6
        found = jax.grad(loss, argnums=(0, 1, 2, 3))(*at)
        steps = [direction, 1.0, 1.0, 1e-2]
        for i, (gradient, step) in enumerate(zip(found, steps)):
            ahead, behind = (loss(*at[:i], at[i] + s * h * step, *at[i + 1 :]) for s in (1, -1))
            np.testing.assert_allclose(jnp.sum(gradient * step), (ahead - behind) / (2 * h), rtol=1e-6)


def test_steps_are_chosen_for_accuracy_and_refused_where_unstable():
    with double():
        state = pattern()
        chosen = reaction_diffusion.gray_scott(state, dt=10.0, **LAW)[0]
        exact = evolve(state, steps=200)
        assert float(jnp.abs(chosen - exact).max()) < 1e-4
        with pytest.raises(Invalid, match="time step must be stable"):
            reaction_diffusion.gray_scott(10 * state, dt=10.0, steps=1, **LAW)
        with pytest.raises(Invalid, match="steps must be given where the field is traced"):
            jax.jit(lambda s: reaction_diffusion.gray_scott(s, dt=10.0, **LAW))(state)


@pytest.mark.parametrize(
    ("settings", "must"),
    [
        ({"feed": 0.0}, "feed must be above zero"),
        ({"kill": -0.1}, "kill must be above zero"),
        ({"diffusion": (0.0, 1e-5)}, "diffusion_u must be above zero"),
        ({"diffusion": (1e-5, float("nan"))}, "diffusion_v must be above zero"),
        ({"dealiasing": "half"}, "de-aliasing rule must be a known name"),
    ],
)
def test_bad_coefficients(settings, must):
    with pytest.raises(Invalid, match=must):
        reaction_diffusion.gray_scott(jnp.ones((2, 8, 8)), dt=1.0, **(LAW | settings))


@pytest.mark.parametrize("shape", [(2, 8, 9), (2, 6, 6), (8, 8), (3, 8, 8), (1, 2, 8, 8)])
def test_bad_grids(shape):
    with pytest.raises(Invalid, match="lie on a square grid"):
        reaction_diffusion.gray_scott(jnp.ones(shape), dt=1.0, **LAW)


def test_odd_grids_work():
    with double():
        fine = pattern(63)
        coarse = jnp.stack([spectral.resample(f, (45, 45)) for f in fine])
        after = jnp.stack([spectral.resample(f, (45, 45)) for f in evolve(fine)])
        np.testing.assert_allclose(evolve(coarse), after, atol=1e-4)


def test_there_may_be_one_uniform_state_only():
    np.testing.assert_array_equal(reaction_diffusion.uniform_states(0.03, 0.08), [[1.0, 0.0]])
