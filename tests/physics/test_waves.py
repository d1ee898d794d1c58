"""Wave and pattern solvers against closed solutions, their invariants, their symmetries and their error messages."""

from __future__ import annotations

import functools
import inspect
import typing

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.numerics import spectral
from erlangen.numerics.precision import double
from erlangen.physics import fluids, waves
from erlangen.physics.random_fields import smooth_field

BOX = 40.0


def field(n: int = 64, rms: float = 0.7, modes: int = 4, seed: int = 0):
    return smooth_field((n,), modes=modes, rms=rms, dtype=jnp.float64, key=jax.random.key(seed))


compiled = functools.partial(jax.jit, static_argnames=("steps", "dt", "order"))


@compiled
def korteweg_de_vries(u, steps=40, **settings):
    return waves.korteweg_de_vries(u, **{"dt": 0.5, "steps": steps, "length": BOX} | settings)[-1]


@compiled
def kuramoto_sivashinsky(u, steps=10, **settings):
    return waves.kuramoto_sivashinsky(u, **{"dt": 0.5, "steps": steps, "length": BOX} | settings)[-1]


@compiled
def allen_cahn(u, steps=10, **settings):
    return waves.allen_cahn(u, **{"diffusion": 0.5, "dt": 0.5, "steps": steps, "length": BOX} | settings)[-1]


LAWS = [korteweg_de_vries, kuramoto_sivashinsky, allen_cahn]
ADVECTED = LAWS[:2]
BOTH_WAYS = LAWS[1:]


def each(laws):
    return pytest.mark.parametrize("law", laws, ids=lambda law: law.__name__)


def mirror(u):
    return jnp.roll(u[::-1], 1)


def test_transport_is_exact():
    with double():
        (x,) = spectral.grid((48,), length=10.0)
        k = 3 * 2 * np.pi / 10.0
        law = {"velocity": 0.7, "viscosity": 0.05, "dispersion": 0.2}
        states = waves.transport(jnp.asarray(np.sin(k * x) + 2), dt=3.0, frames=2, length=10.0, **law)
        for frame, t in enumerate((3.0, 6.0)):
            exact = 2 + np.exp(-0.05 * k**2 * t) * np.sin(k * x - (0.7 * k - 0.2 * k**3) * t)
            np.testing.assert_allclose(states[frame], exact, atol=1e-13)
        u = field(33)  # one mode after the other, and pure advection is a translation
        moved = waves.transport(u, dt=1.0, velocity=0.3)[0]
        np.testing.assert_allclose(moved, spectral.translate(u, (0.3,)), atol=1e-13)


def test_one_soliton_is_the_square_of_a_secant():
    x = np.linspace(-20, 20, 101)
    for c, dispersion in ((1.0, 1.0), (0.6, 0.25)):
        exact = 3 * c / np.cosh(np.sqrt(c / dispersion) / 2 * (x - 2.0 - c * 1.5)) ** 2
        found = waves.solitons(x, 1.5, speeds=[c], positions=[2.0], dispersion=dispersion)
        np.testing.assert_allclose(found, exact, atol=1e-13)


@pytest.mark.parametrize("n", [256, 255])
def test_korteweg_de_vries_carries_a_soliton(n):
    with double():
        (x,) = spectral.grid((n,), length=60.0)
        start, end = (waves.solitons(x - 20, t, speeds=[1.0], positions=[0.0]) for t in (0.0, 10.0))
        found = waves.korteweg_de_vries(jnp.asarray(start), dt=5.0, steps=1000, frames=2, length=60.0)[-1]
        np.testing.assert_allclose(found, end, atol=1e-8)


def test_solitons_pass_through_each_other():
    with double():
        (x,) = spectral.grid((512,), length=100.0)
        two = {"speeds": [1.5, 0.5], "positions": [0.0, 15.0]}
        start, end = (waves.solitons(x - 30, t, **two) for t in (0.0, 25.0))
        assert start.argmax() < (end * (x < 80)).argmax() and start.max() == pytest.approx(4.5, abs=0.02)
        found = waves.korteweg_de_vries(jnp.asarray(start), dt=25.0, steps=4000, length=100.0)[0]
        np.testing.assert_allclose(found, end, atol=1e-6)
        back = waves.korteweg_de_vries(jnp.asarray(end), dt=-25.0, steps=2000, length=100.0)[0]
        np.testing.assert_allclose(back, start, atol=1e-5)


def test_soliton_error_falls_exponentially_with_the_grid():
    with double():
        errors = []
        for n in (48, 72, 96, 120):
            (x,) = spectral.grid((n,), length=60.0)
            start, end = (waves.solitons(x - 25, t, speeds=[0.5], positions=[0.0]) for t in (0.0, 4.0))
            found = waves.korteweg_de_vries(jnp.asarray(start), dt=4.0, steps=400, length=60.0)[0]
            errors.append(float(jnp.abs(found - end).max()))
        assert np.all(np.diff(np.log(errors)) < -2)  # a factor of 7 and more for every 24 points
        assert errors[-1] < 1e-5


def test_korteweg_de_vries_keeps_its_invariants():
    with double():
        u = field(128) + 0.4
        before, after = (
            waves.korteweg_de_vries_invariants(v, length=BOX) for v in (u, korteweg_de_vries(u, steps=400, dt=5.0))
        )
        np.testing.assert_allclose(after[0], before[0], atol=1e-15)
        np.testing.assert_allclose(after, before, atol=1e-7)


def test_allen_cahn_walls_stand_and_fronts_run():
    with double():
        (x,) = spectral.grid((512,), length=80.0)
        diffusion, rate = 0.5, 1.0
        width = np.sqrt(rate / (2 * diffusion))
        law = {"diffusion": diffusion, "rate": rate, "dt": 5.0, "steps": 400, "length": 80.0}
        walls = np.tanh((x - 20) * width) - np.tanh((x - 60) * width) - 1
        np.testing.assert_allclose(waves.allen_cahn(jnp.asarray(walls), **law)[0], walls, atol=1e-9)

        def front(t):  # u = 1 runs into u = 0 at the speed 3 sqrt(r D / 2)
            reach = 10 + 3 * np.sqrt(rate * diffusion / 2) * t
            return 0.5 * (np.tanh((x - 40 + reach) * width / 2) - np.tanh((x - 40 - reach) * width / 2))

        np.testing.assert_allclose(waves.allen_cahn(jnp.asarray(front(0.0)), **law)[0], front(5.0), atol=1e-7)


def test_allen_cahn_without_space_is_a_logistic_law():
    with double():
        u = waves.allen_cahn(jnp.full(16, 0.1), diffusion=1.0, rate=2.0, dt=1.5, steps=300)[0]
        np.testing.assert_allclose(u, 0.1 * np.exp(3) / np.sqrt(1 + 0.01 * (np.exp(6) - 1)), atol=1e-9)


def test_allen_cahn_energy_never_grows():
    with double():
        law = {"diffusion": 0.05, "rate": 2.0}
        states = waves.allen_cahn(field(128, rms=1.5), dt=0.1, frames=40, **law)
        energy = [float(waves.allen_cahn_energy(u, **law)) for u in states]
        assert np.all(np.diff(energy) < 1e-12)


def test_kuramoto_sivashinsky_grows_as_its_linear_part_and_saturates():
    with double():
        (x,) = spectral.grid((64,), length=BOX)
        k = 5 * 2 * np.pi / BOX
        small = 1e-7 * np.sin(k * x)
        for viscosity in (1.0, 0.7):
            grown = kuramoto_sivashinsky(jnp.asarray(small), dt=2.0, viscosity=viscosity)
            np.testing.assert_allclose(grown, np.exp(2 * (k**2 - viscosity * k**4)) * small, atol=1e-12)
        late = waves.kuramoto_sivashinsky(field(128), dt=1.0, frames=200, length=BOX)
        assert 2.0 < float(jnp.abs(late[50:]).max()) < waves.KS_SPEED
        np.testing.assert_allclose((late + 0.3).mean(axis=1), 0.3, atol=1e-13)


def test_kuramoto_sivashinsky_converges_exponentially_with_the_grid():
    with double():
        u = kuramoto_sivashinsky(field(192), dt=40.0, steps=800)
        fine = kuramoto_sivashinsky(u, steps=40)
        errors = []
        for n in (32, 48, 64, 80):
            coarse = kuramoto_sivashinsky(spectral.resample(u, (n,)), steps=40)
            errors.append(float(jnp.abs(spectral.resample(coarse, (192,)) - fine).max()))
        assert np.all(np.diff(np.log(errors)) < -1.5) and errors[-1] < 1e-3


@pytest.mark.parametrize(("law", "order"), [(korteweg_de_vries, 2), *((law, 4) for law in LAWS)])
def test_convergence_order(law, order):
    with double():
        u = field()
        exact = law(u, steps=2560)
        errors = [float(jnp.abs(law(u, steps=s, order=order) - exact).max()) for s in (80, 160)]
        assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.4)


@each(LAWS)
def test_shifts_by_any_distance(law):
    with double():
        u = field(48)
        after = law(spectral.translate(u, (1.234,), length=BOX))
        np.testing.assert_allclose(after, spectral.translate(law(u), (1.234,), length=BOX), atol=1e-12)


@each(ADVECTED)
def test_boosts_hold_at_any_step(law):
    with double():
        u = field(48)
        boosted = 1.7 + spectral.translate(law(u), (1.7 * 0.5,), length=BOX)
        np.testing.assert_allclose(law(u + 1.7), boosted, atol=1e-12)


@each(ADVECTED)
def test_the_mean_is_kept(law):
    with double():
        np.testing.assert_allclose(jnp.mean(law(field() + 0.3)), 0.3, atol=1e-15)


@each(BOTH_WAYS)
def test_reflections(law):
    with double():
        u = field(48) + 0.1
        sign = 1.0 if law is allen_cahn else -1.0
        np.testing.assert_allclose(law(sign * mirror(u)), sign * mirror(law(u)), atol=1e-12)
        if law is allen_cahn:
            np.testing.assert_allclose(law(-u), -law(u), atol=1e-12)


def test_korteweg_de_vries_runs_back_in_the_mirror():
    with double():
        u = field(48)
        forth = korteweg_de_vries(u, steps=400)
        np.testing.assert_allclose(
            mirror(korteweg_de_vries(mirror(forth), steps=400)), spectral.resample(u, (48,)), atol=1e-7
        )


def test_scaling():
    with double():
        u, s = field(48), 1.3
        scaled = waves.korteweg_de_vries(s**2 * u, dt=0.5 / s**3, steps=40, length=BOX / s)[0]
        np.testing.assert_allclose(scaled, s**2 * korteweg_de_vries(u), atol=1e-12)
        scaled = waves.kuramoto_sivashinsky(s * u, dt=0.5 / s**2, steps=10, length=BOX / s, viscosity=1 / s**2)[0]
        # u -> s u(s x, s^2 t) turns u_xxxx into s^2 u_xxxx: the viscosity is a length squared
        np.testing.assert_allclose(scaled, s * kuramoto_sivashinsky(u), atol=1e-12)


@each(LAWS)
def test_gradients(law):
    name = {korteweg_de_vries: "dispersion", kuramoto_sivashinsky: "viscosity", allen_cahn: "diffusion"}[law]
    with double():
        u, direction = field(32), field(32, seed=1)

        def loss(u, coefficient):  # not compiled as a whole: phi functions of a traced coefficient are a large program
            return jnp.sum(jnp.cos(law.__wrapped__(u + 0.2, **{name: coefficient})))

        h, at = 1e-5, 0.8
        gradient = jax.grad(loss, argnums=(0, 1))(u, at)
        along = (loss(u + h * direction, at) - loss(u - h * direction, at)) / (2 * h)
        np.testing.assert_allclose(jnp.sum(gradient[0] * direction), along, rtol=1e-6)
        np.testing.assert_allclose(gradient[1], (loss(u, at + h) - loss(u, at - h)) / (2 * h), rtol=1e-6)


@each(LAWS)
def test_single_precision_follows_double(law):
    with double():
        high, u = law(field()), np.asarray(field(), np.float32)
    low = law(jnp.asarray(u))
    assert low.dtype == jnp.float32
    np.testing.assert_allclose(low, high, atol=2e-5)


@each(LAWS)
def test_chosen_steps_are_stable(law):
    with double():
        u = field(64, rms=1.0)
        after = law.__wrapped__(u, None, dt=4.0)
        assert float(jnp.abs(after - law(u, steps=800, dt=4.0)).max()) < 0.02


@each(LAWS)
def test_a_step_too_long_is_refused_with_the_longest_that_is_stable(law):
    with double():
        u = field(256, rms=2.0, modes=20)
        with pytest.raises(
            Invalid, match=r"stable; came: dt / steps = 20.*take at most 0\.\d+: steps >= (\d+)"
        ) as caught:
            law.__wrapped__(u, 1, dt=20.0)
        least = int(caught.value.do.split(">= ")[1].rstrip("."))
        law.__wrapped__(u, least, dt=20.0)
        with pytest.raises(Invalid, match="came: 0 steps"):
            law.__wrapped__(u, 0)


@each(LAWS)
def test_steps_must_be_given_where_the_field_is_not_known(law):
    with double(), pytest.raises(Invalid, match=r"traced.*steps_needed"):
        jax.vmap(lambda u: law(u, steps=None))(field()[None])


@each(LAWS)
def test_grids(law):
    with double():
        with pytest.raises(Invalid, match=r"8 points or more; came: shape \(6,\)"):
            law(jnp.zeros(6))
        with pytest.raises(Invalid, match="one axis"):
            law(jnp.zeros((16, 16)))
        odd, even = (law(spectral.resample(field(64), (n,)), steps=40) for n in (63, 64))
        np.testing.assert_allclose(spectral.resample(odd, (64,)), even, atol=1e-3)


def test_signs_of_coefficients():
    u = jnp.zeros(16)
    for value in (0.0, -1.0):
        with pytest.raises(Invalid, match="viscosity must be above zero"):
            waves.kuramoto_sivashinsky(u, viscosity=value, dt=0.1)
        with pytest.raises(Invalid, match="diffusion must be above zero"):
            waves.allen_cahn(u, diffusion=value, dt=0.1)
    with pytest.raises(Invalid, match="viscosity must be zero or more"):
        waves.transport(u, viscosity=-0.1, dt=0.1)
    waves.transport(u, viscosity=0.0, dt=0.1)


def test_a_user_can_choose_steps_outside_of_a_batch():
    with double():
        batch = jnp.stack([field(64, seed=i) for i in range(3)])
        speed = 2 * float(jnp.abs(batch).max())
        steps = fluids.steps_needed(64, speed=speed, dt=0.5, length=BOX)
        together = jax.vmap(lambda u: korteweg_de_vries(u, steps=steps))(batch)
        np.testing.assert_allclose(together[1], korteweg_de_vries(batch[1], steps=steps), atol=1e-12)


@pytest.mark.parametrize("name", [n for n, f in vars(waves).items() if inspect.isfunction(f)])
def test_types_of_arguments_exist(name):
    assert "return" in typing.get_type_hints(getattr(waves, name), include_extras=True)
