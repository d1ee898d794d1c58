"""Shallow water on the sphere: published test cases, waves of known frequency, conservation, symmetries, order."""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from erlangen.core.errors import Invalid
from erlangen.numerics.precision import double
from erlangen.numerics.spherical_harmonics import Sphere, quadratic
from erlangen.physics import sphere as layer
from erlangen.physics.sphere import DAY, Planet, Weather
from tests.numerics.test_spherical_harmonics import coefficients, values

EARTH = Planet()


def invariants(state, sphere: Sphere, planet: Planet):
    """Means over the sphere of mass h, energy (h |v|^2 + g h^2) / 2 potential enstrophy (zeta + f)^2 / 2 h; flat bed.

    Energy of a layer at rest is most of it: compare changes with that of the motion.
    """
    h, u, v = layer.weather(state, sphere, planet)
    absolute = sphere.synthesise(sphere.resized(state)[..., 0, :, :]) + jnp.asarray(planet.coriolis(sphere), h.dtype)
    energy = (h * (u * u + v * v) + planet.gravity * h * h) / 2
    return jnp.stack([sphere.mean(q) for q in (h, energy, absolute**2 / (2 * h))], axis=-1)


def solid_rotation(sphere: Sphere, planet: Planet, *, speed: float, depth: float) -> Weather:
    """Test case 2 of Williamson et al.: a steady flow about the (tilted) axis, speed at its equator, depth there.

    g h = g h_0 - (a Omega u_0 + u_0^2 / 2) (n . r)^2.   Published: u_0 = 2 pi a / 12 days, g h_0 = 2.94e4 m^2/s^2.
    """
    longitude, latitude = sphere.angles
    sine = planet.axis_component(sphere)
    height = depth - (planet.radius * planet.rotation * speed + speed**2 / 2) * sine**2 / planet.gravity
    u = np.cos(latitude) * math.cos(planet.tilt) + np.cos(longitude) * np.sin(latitude) * math.sin(planet.tilt)
    v = -np.sin(longitude) * math.sin(planet.tilt) * np.ones_like(latitude)
    return Weather(height, speed * u, speed * v)


def rossby_haurwitz(
    sphere: Sphere, planet: Planet, *, wave: int = 4, omega: float = 7.848e-6, depth: float = 8e3
) -> Weather:
    """Test case 6 of Williamson et al.: a wave of four crests that travels eastward; omega = K, depth at the poles.

    psi = -a^2 omega sin(lat) + a^2 K cos^R(lat) sin(lat) cos(R lon), and the depth in balance with it.
    """
    a, rotation, r, k = planet.radius, planet.rotation, wave, omega
    longitude, latitude = sphere.angles
    c, s = np.cos(latitude), np.sin(latitude)
    u = a * omega * c + a * k * c ** (r - 1) * (r * s**2 - c**2) * np.cos(r * longitude)
    v = -a * k * r * c ** (r - 1) * s * np.sin(r * longitude)
    zonal = omega / 2 * (2 * rotation + omega) * c**2 + k**2 / 4 * c ** (2 * r - 2) * (
        (r + 1) * c**4 + (2 * r**2 - r - 2) * c**2 - 2 * r**2
    )
    once = 2 * (rotation + omega) * k / ((r + 1) * (r + 2)) * c**r * ((r**2 + 2 * r + 2) - (r + 1) ** 2 * c**2)
    twice = k**2 / 4 * c ** (2 * r) * ((r + 1) * c**2 - (r + 2))
    bulge = zonal + once * np.cos(r * longitude) + twice * np.cos(2 * r * longitude)
    return Weather(depth + a**2 * bulge / planet.gravity, u, v)


def unstable_jet(sphere: Sphere, planet: Planet, *, speed: float = 80.0, bump: float = 120.0):
    """A jet at 45 degrees north, in balance, mean depth 10 km, with a bump of the depth in m (Galewsky, Scott and
    Polvani 2004, doi:10.1111/j.1600-0870.2004.00071.x).

    u = u_max e_n^-1 exp(1 / ((phi - phi_0) (phi - phi_1))) between phi_0 = pi / 7 and phi_1 = pi / 2 - phi_0; it rolls
    up within six days.
    """
    longitude, latitude = sphere.angles
    low, high = math.pi / 7, math.pi / 2 - math.pi / 7
    inside = (latitude > low) & (latitude < high)
    well = np.where(inside, (latitude - low) * (latitude - high), -1.0)
    jet = np.where(inside, np.exp(1 / well + 4 / (high - low) ** 2), 0.0)
    u = jnp.asarray(speed * jet * np.ones_like(longitude))
    (vorticity, _, _) = modes(Weather(jnp.zeros_like(u), u, jnp.zeros_like(u)), sphere, planet)
    east = np.where(longitude > math.pi, longitude - 2 * math.pi, longitude)
    hill = bump * np.cos(latitude) * np.exp(-((3 * east) ** 2) - (15 * (math.pi / 4 - latitude)) ** 2)
    return layer.balanced(vorticity, 10e3, sphere, planet).at[2].add(planet.gravity * sphere.analyse(jnp.asarray(hill)))


@functools.partial(jax.jit, static_argnames=("lmax", "dt", "steps", "frames", "planet"))
def evolve(state, lmax, dt, steps, frames=1, planet=EARTH, **law):
    sphere = quadratic(lmax)
    return layer.shallow_water(state, sphere=sphere, planet=planet, dt=dt, steps=steps, frames=frames, **law)


def modes(fields: Weather, sphere: Sphere, planet: Planet = EARTH):
    return layer.modes(Weather(*map(jnp.asarray, np.broadcast_arrays(*fields))), sphere, planet)


def flow(lmax: int, cut: int = 5, speed: float = 30.0, seed: int = 0, planet: Planet = EARTH):
    """Random vorticity of degrees 1 to `cut` in balance, rms speed about `speed`, and some divergence."""
    sphere = quadratic(lmax)
    vorticity, divergence = (coefficients(cut, seed + i, least=1) for i in (0, 1))
    vorticity *= speed / planet.radius
    state = layer.balanced(sphere.resized(jnp.asarray(vorticity)), 5e3, sphere, planet)
    return state.at[1].set(sphere.resized(jnp.asarray(0.05 * speed / planet.radius * divergence)))


def difference(a, b) -> float:
    """Of two states: the largest of the three fields, relative to that of the second."""
    largest = functools.partial(jnp.max, axis=(-2, -1))
    return float(jnp.max(largest(jnp.abs(a - b)) / largest(jnp.abs(b))))


@pytest.mark.parametrize("tilt", [0.05, math.pi / 2])
def test_williamson_2_is_steady_for_five_days_at_t42(tilt):
    sphere, planet = quadratic(42), Planet(tilt=tilt)
    speed, depth = 2 * math.pi * planet.radius / (12 * DAY), 2.94e4 / planet.gravity
    with double():
        start = solid_rotation(sphere, planet, speed=speed, depth=depth)
        steps = layer.steps_needed(sphere, planet, depth=depth, speed=speed, dt=DAY)
        after = layer.weather(evolve(modes(start, sphere, planet), 42, DAY, steps, 5, planet)[-1], sphere, planet)
        np.testing.assert_allclose(after.depth, np.broadcast_to(start.depth, after.depth.shape), rtol=1e-10)
        for found, exact in ((after.u, start.u), (after.v, start.v)):
            np.testing.assert_allclose(found, np.broadcast_to(exact, found.shape), atol=1e-10 * speed)


def test_balance_is_the_published_depth_of_williamson_6():
    sphere = quadratic(42)
    with double():
        published = modes(rossby_haurwitz(sphere, EARTH), sphere)
        depth = published[2, 0, 0].real / EARTH.gravity
        balanced = layer.balanced(published[0], depth, sphere, EARTH)
        assert difference(balanced[2], published[2]) < 1e-13
        assert float(jnp.max(jnp.abs(published[1]))) < 1e-18  # no divergence


def test_williamson_6_converges_with_the_truncation():
    seen = quadratic(15)
    with double():

        def end(lmax):
            start = modes(rossby_haurwitz(quadratic(lmax), EARTH), quadratic(lmax))
            return np.stack(layer.weather(seen.resized(evolve(start, lmax, DAY / 4, 36)[0]), seen, EARTH))

        exact = end(42)
        errors = [np.max(np.abs(end(lmax) - exact) / np.std(exact, (1, 2))[:, None, None]) for lmax in (15, 23, 31)]
        assert errors[0] > 10 * errors[1] > 100 * errors[2] and errors[2] < 1e-5


def test_order_in_time():
    with double():
        start = flow(10)
        exact = evolve(start, 10, DAY / 4, 160)
        errors = [difference(evolve(start, 10, DAY / 4, steps), exact) for steps in (10, 20)]
        assert np.log2(errors[0] / errors[1]) == pytest.approx(4, abs=0.3)


@pytest.mark.parametrize(("l", "m"), [(1, 0), (4, 3), (10, 10)])
def test_gravity_waves_without_rotation(l, m):
    """Phi' = cos(omega t), omega^2 = g h l (l + 1) / a^2."""
    planet, depth, small = Planet(rotation=0.0), 1e3, 1e-6
    omega = math.sqrt(planet.gravity * depth * l * (l + 1)) / planet.radius
    with double():
        start = jnp.zeros((3, 11, 11), complex).at[2, 0, 0].set(planet.gravity * depth).at[2, m, l].set(small)
        after = evolve(start, 10, 1e5, 400, 1, planet)[0]
        np.testing.assert_allclose(after[2, m, l] / small, np.cos(omega * 1e5), atol=1e-6)
        rate = -small * omega * np.sin(omega * 1e5) / (planet.gravity * depth)  # Phi_t = -Phi_0 delta
        np.testing.assert_allclose(after[1, m, l], -rate, atol=1e-6 * small * omega / (planet.gravity * depth))


def test_rossby_waves_of_a_deep_layer_go_west():
    """zeta' = e^{i (m lon - omega t)}, omega = -2 Omega m / (l (l + 1)): with 1 / depth there is no divergence."""
    l, m, depth, small, time = 6, 4, 4e7, 1e-12, DAY / 4
    omega = -2 * EARTH.rotation * m / (l * (l + 1))
    with double():
        vorticity = jnp.zeros((11, 11), complex).at[m, l].set(small)
        start = layer.balanced(vorticity, depth, quadratic(10), EARTH)
        steps = layer.steps_needed(quadratic(10), EARTH, depth=depth, speed=0.0, dt=time)
        after = evolve(start, 10, time, 2 * steps)[0, 0, m, l]
        np.testing.assert_allclose(after / small, np.exp(-1j * omega * time), atol=5e-3)


def test_mass_is_kept_exactly_energy_and_enstrophy_nearly():
    sphere = quadratic(21)
    with double():
        start = modes(rossby_haurwitz(sphere, EARTH), sphere)
        states = jnp.concatenate([start[None], evolve(start, 21, DAY, 96, 2)])
        np.testing.assert_array_equal(states[:, :2, 0, 0], 0)
        np.testing.assert_array_equal(states[:, 2, 0, 0], start[2, 0, 0])
        _, energy, enstrophy = invariants(states, sphere, EARTH).T
        rest = EARTH.gravity * (start[2, 0, 0].real / EARTH.gravity) ** 2 / 2
        np.testing.assert_allclose(energy - energy[0], 0, atol=1e-6 * float(energy[0] - rest))
        np.testing.assert_allclose(enstrophy, enstrophy[0], rtol=1e-6)


def test_shifts_along_parallels_and_the_mirror_at_the_equator():
    with double():
        m, l = np.arange(16)[:, None], np.arange(16)
        turn, parity = np.exp(-0.3j * m), (-1.0) ** (l + m)
        moves = [turn * np.ones((3, 1, 1)), parity * np.array([-1.0, 1.0, 1.0])[:, None, None]]
        start = flow(15)
        after = evolve(start, 15, DAY / 4, 24)[0]
        for move in moves:
            assert difference(evolve(start * move, 15, DAY / 4, 24)[0], after * move) < 1e-12
        west = moves[1] * np.array([-1.0, 1.0, 1.0])[:, None, None]  # without the sign of the vorticity: no symmetry
        assert difference(evolve(start * west, 15, DAY / 4, 24)[0], after * west) > 1e-2


def test_turning_the_whole_sphere_with_its_axis_changes_nothing():
    tilt, sphere = 0.8, quadratic(12)
    longitude, latitude = sphere.angles
    x, y, z = np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)
    back_x, back_z = np.cos(tilt) * x + np.sin(tilt) * z, np.cos(tilt) * z - np.sin(tilt) * x  # from where a point came
    with double():

        def turned(state):
            points = np.arctan2(y, back_x), np.arcsin(np.clip(back_z, -1, 1))
            return jnp.stack([sphere.analyse(jnp.asarray(values(np.asarray(f), *points))) for f in state])

        start = flow(12)
        upright, tilted = (
            evolve(start, 12, DAY / 4, 24)[0],
            evolve(turned(start), 12, DAY / 4, 24, 1, Planet(tilt=tilt)),
        )
        assert difference(tilted[0], turned(upright)) < 1e-11


def test_fields_and_states_are_the_same():
    sphere, seen = quadratic(10), Sphere(10, 32, 24, "equiangular")
    with double():
        state = flow(10)
        for points in (sphere, seen):
            assert difference(layer.modes(layer.weather(state, points, EARTH), points, EARTH), state) < 1e-12


def test_hyperviscosity_keeps_mass_and_solid_rotation():
    with double():
        start = flow(10).at[1].set(0.0)
        after = evolve(start, 10, DAY / 4, 20, viscosity=1e19)[0]
        plain = evolve(start, 10, DAY / 4, 20)[0]
        np.testing.assert_array_equal(after[2, 0, 0], start[2, 0, 0])
        assert float(jnp.sum(jnp.abs(after[0]) ** 2)) < 0.95 * float(jnp.sum(jnp.abs(plain[0]) ** 2))
        planet = Planet(rotation=1e-5)
        turning = modes(solid_rotation(quadratic(10), planet, speed=20.0, depth=5e3), quadratic(10), planet)
        kept = evolve(turning, 10, DAY / 24, 5, 1, planet, viscosity=1e19)[0]
        assert abs(kept[0, 0, 1] / turning[0, 0, 1] - 1) < 1e-3  # only by what the depth, which spreads, does to it


def test_a_hill_under_water_at_rest_moves_nothing():
    """h + h_s = constant, test case of every scheme with a bed."""
    sphere = quadratic(15)
    longitude, latitude = sphere.angles
    with double():
        bed = sphere.synthesise(sphere.analyse(jnp.asarray(500 * np.exp(3 * np.cos(latitude) * np.cos(longitude) - 3))))
        depth = sphere.analyse(5e3 - bed)
        start = jnp.stack([0 * depth, 0 * depth, EARTH.gravity * depth])
        after = layer.weather(evolve(start, 15, DAY / 4, 40, bed=bed)[0], sphere, EARTH)
        assert float(jnp.max(jnp.hypot(after.u, after.v))) < 1e-9


def test_the_jet_of_galewsky_is_balanced_until_it_is_disturbed():
    sphere = quadratic(63)
    with double():
        still, disturbed = (unstable_jet(sphere, EARTH, bump=b) for b in (0.0, 120.0))
        fields = layer.weather(still, sphere, EARTH)
        assert float(jnp.max(fields.u)) == pytest.approx(80, abs=1.5)
        assert float(jnp.min(fields.depth)) > 8.5e3
        depth = [layer.weather(evolve(s, 63, DAY / 4, 72)[0], sphere, EARTH).depth for s in (still, disturbed)]
        assert float(jnp.max(jnp.abs(depth[0] - fields.depth))) < 0.1
        assert float(jnp.max(jnp.abs(depth[1] - fields.depth))) > 10
        hill = layer.weather(disturbed, sphere, EARTH).depth - fields.depth
        assert float(jnp.max(hill)) == pytest.approx(120 * math.cos(math.pi / 4), rel=0.05)


def test_gradients():
    sphere = quadratic(6)
    with double():
        start = layer.weather(flow(6, 4), sphere, EARTH)
        push = Weather(*(jnp.cos(jnp.arange(f.size, dtype=f.dtype)).reshape(f.shape) for f in start))

        @jax.jit
        def loss(size, viscosity, height):
            fields = Weather(*(f + size * p for f, p in zip(start, push)))
            law = {"viscosity": viscosity, "bed": height * push.depth}
            after = evolve(layer.modes(fields, sphere, EARTH), 6, DAY / 8, 8, **law)
            return jnp.sum(jnp.stack(layer.weather(after[0], sphere, EARTH)) ** 2)

        at, steps = (0.1, 1e18, 50.0), (1e-3, 1e15, 1e-1)
        gradient = jax.grad(loss, argnums=(0, 1, 2))(*at)
        for i, h in enumerate(steps):
            ahead, behind = (loss(*at[:i], at[i] + s * h, *at[i + 1 :]) for s in (1, -1))
            np.testing.assert_allclose(gradient[i], (ahead - behind) / (2 * h), rtol=1e-5)


def test_steps_are_chosen_and_refused():
    sphere = quadratic(10)
    with double():
        start = flow(10)
        needed = layer.steps_needed(sphere, EARTH, depth=6e3, speed=80.0, dt=DAY)
        law = {"sphere": sphere, "planet": EARTH, "dt": DAY}
        chosen, exact = layer.shallow_water(start, **law)[0], evolve(start, 10, DAY, 8 * needed)[0]
        assert difference(chosen[0], exact[0]) < 0.05
        with pytest.raises(Invalid, match="time step must be stable"):
            layer.shallow_water(start, steps=2, **law)
        with pytest.raises(Invalid, match="a state on this sphere has the shape"):
            layer.shallow_water(start[:2], **law)
        with pytest.raises(Invalid, match="viscosity must be zero or more"):
            layer.shallow_water(start, viscosity=-1.0, **law)
        with pytest.raises(Invalid, match="radius must be above 0"):
            Planet(radius=0.0)


def test_single_precision_follows_double():
    with double():
        start = flow(10)
        exact = evolve(start, 10, DAY / 4, 12)[0]
    after = evolve(jnp.asarray(np.asarray(start), jnp.complex64), 10, DAY / 4, 12)[0]
    assert after.dtype == jnp.complex64
    np.testing.assert_allclose(after[0], exact[0], atol=1e-4 * np.max(np.abs(exact[0])))
