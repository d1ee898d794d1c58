"""A shallow layer of fluid on a rotating sphere, in vorticity and divergence. Spherical harmonics, differentiable.

    zeta_t  = -div((zeta + f) v)                                              zeta = curl v,  delta = div v
    delta_t = curl((zeta + f) v) - Lap(Phi + Phi_s + |v|^2 / 2)                f = 2 Omega sin(latitude)
    Phi_t   = -div(Phi v)                                                     Phi = g h, h the depth;  Phi_s = g h_s

and, where asked for, nu Lap^2 of each. Products are taken on a Gauss grid on which they do not alias. Mass is kept
exactly, energy and potential enstrophy up to the truncation. Waves are not damped: the rule is the fourth-order one of
`exponential_integrators`, explicit but for the hyperviscosity, and the step is that of the fastest gravity wave.
Source: Williamson, Drake, Hack, Jakob and Swarztrauber 1992, doi:10.1016/S0021-9991(05)80016-6.

A state is the complex array [3, m, l] of (zeta, delta, Phi). SI units, but none is built in: a `Planet` sets them.
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from erlangen.core.arrays import AnyArray, Coefficient
from erlangen.core.errors import Invalid, within
from erlangen.numerics import exponential_integrators as etd
from erlangen.numerics.spherical_harmonics import Sphere
from erlangen.numerics.steps import checked_steps, is_traced

from .fluids import IMAGINARY_STABILITY, Semilinear

DAY = 86_400.0  # s


@dataclasses.dataclass(frozen=True)
class Planet:
    """The Earth, as Williamson et al. take it. tilt: of the axis of rotation, in radians, towards longitude 180."""

    radius: float = 6.37122e6  # a, m
    rotation: float = 7.292e-5  # Omega, 1/s
    gravity: float = 9.80616  # g, m/s^2
    tilt: float = 0.0

    def __post_init__(self):
        positive = (0.0, math.inf)
        within(self, radius=positive, gravity=positive, rotation=(-math.inf, math.inf), tilt=(-math.inf, math.inf))

    def axis_component(self, sphere: Sphere) -> Float[np.ndarray, "lon lat"]:
        """[lon, lat]: n . r, the sine of the latitude about the axis of rotation."""
        longitude, latitude = sphere.angles
        aside = np.cos(longitude) * np.cos(latitude) * math.sin(self.tilt)
        return np.sin(latitude) * math.cos(self.tilt) - aside

    def coriolis(self, sphere: Sphere) -> Float[np.ndarray, "lon lat"]:
        """[lon, lat]: f, in 1/s."""
        return 2 * self.rotation * self.axis_component(sphere)


class Weather(NamedTuple):
    """Depth in m, eastward and northward velocity in m/s, each [lon, lat]."""

    depth: Float[Array, "*any lon lat"]
    u: Float[Array, "*any lon lat"]
    v: Float[Array, "*any lon lat"]


def modes(weather: Weather, sphere: Sphere, planet: Planet) -> Complex[Array, "3 m l"]:
    """The state of given fields, cut at lmax. Velocities go by their vorticity and divergence: all that a flow has."""
    cosine = jnp.asarray(sphere.cos_latitude, weather.u.dtype)
    divergence, vorticity = sphere.divergence_and_curl(cosine * weather.u, cosine * weather.v)
    depth = sphere.analyse(weather.depth)
    return jnp.stack([vorticity / planet.radius, divergence / planet.radius, planet.gravity * depth])


def weather(state: Complex[Array, "*any 3 m l"], sphere: Sphere, planet: Planet) -> Weather:
    """The fields of a state on any points."""
    state = sphere.resized(state)
    cosine = jnp.asarray(sphere.cos_latitude, state.real.dtype)
    u, v = sphere.wind(state[..., 0, :, :], state[..., 1, :, :])
    depth = sphere.synthesise(state[..., 2, :, :]) / planet.gravity
    return Weather(depth, planet.radius * u / cosine, planet.radius * v / cosine)


def shallow_water_terms(
    sphere: Sphere, planet: Planet, *, viscosity: Coefficient = 0.0, bed: float | Float[AnyArray, "lon lat"] = 0.0
) -> Semilinear:
    """L = -nu (Laplacian)^2 and the rest as N; viscosity in m^4/s, bed: its height h_s in m, [lon, lat].

    The Laplacian of a tangent vector is l (l + 1) - 2 in its vorticity and divergence: solid rotation is not damped.
    """
    a, squared = planet.radius, 1 - sphere.mu**2
    f = planet.coriolis(sphere)
    low = np.stack([sphere.eigenvalues - 2, sphere.eigenvalues - 2, sphere.eigenvalues])
    low[:2, 0] = 0.0  # neither vorticity nor divergence has a mean

    def nonlinear(state: Array) -> Array:
        u, v = (a * component for component in sphere.wind(state[0], state[1]))  # times cos(latitude)
        vorticity, phi = sphere.synthesise(jnp.stack([state[0], state[2]]))
        absolute = vorticity + jnp.asarray(f, phi.dtype)
        energy = (u * u + v * v) / jnp.asarray(2 * squared, phi.dtype) + jnp.asarray(planet.gravity * bed, phi.dtype)
        fluxes = jnp.stack([absolute, phi])
        divergence, curl = sphere.divergence_and_curl(fluxes * u, fluxes * v)
        head = state[2] + sphere.analyse(energy)
        return jnp.stack([-divergence[0] / a, curl[0] / a - sphere.laplacian(head) / a**2, -divergence[1] / a])

    return Semilinear(-viscosity * (low**2 / a**4)[:, None, :], nonlinear)


def shallow_water(
    state: Complex[Array, "3 m l"],
    *,
    sphere: Sphere,
    planet: Planet,
    dt: float,
    steps: int | None = None,
    frames: int = 1,
    viscosity: Coefficient = 0.0,
    bed: float | Float[AnyArray, "lon lat"] = 0.0,
) -> Complex[Array, "frames 3 m l"]:
    """Shallow water on a rotating sphere: states at dt, 2 dt, ..., frames dt seconds.

    sphere: `spherical_harmonics.quadratic(lmax)`. With ``steps=None`` the step is the longest stable one for the given
    state, by `steps_needed`; inside ``jit``, ``vmap`` or ``grad``, where it is not known, ``steps`` must be given.
    Stable is not accurate where gravity waves count: take 4 times as many.
    Symmetries: rotations about the axis by any angle, the mirror at the equator, and rotations of all, axis included.
    Jets steepen: without hyperviscosity their energy piles up at lmax. Good values: 1e16 at T42, 1e15 at T85.
    """
    if state.shape != (3, sphere.lmax + 1, sphere.lmax + 1):
        raise Invalid(
            must=f"a state on this sphere has the shape {(3, sphere.lmax + 1, sphere.lmax + 1)}",
            came=f"{state.shape}",
            do="Make it with sphere.modes, or cut it with Sphere.resized; one sample at a time.",
        )
    if not is_traced(viscosity) and not viscosity >= 0:
        raise Invalid(must="viscosity must be zero or more", came=repr(viscosity), do="Short waves would grow.")
    least = None if is_traced(state) else steps_needed(sphere, planet, dt=dt, **_fastest(state, sphere, planet))
    steps = checked_steps(steps, least, least, dt)
    step = etd.etdrk4(*shallow_water_terms(sphere, planet, viscosity=viscosity, bed=bed), dt / steps)
    return etd.trajectory(step, state, frames=frames, substeps=steps)


def steps_needed(sphere: Sphere, planet: Planet, *, depth: float, speed: float, dt: float) -> int:
    """Fewest stable steps in dt seconds up to this depth and speed: (dt / steps) omega <= 2.5 with

    omega = sqrt(f^2 + g h k^2) + k |v|,   k = sqrt(lmax (lmax + 1)) / a.
    """
    k = math.sqrt(sphere.eigenvalues[-1]) / planet.radius
    omega = math.hypot(2 * planet.rotation, k * math.sqrt(planet.gravity * depth)) + k * speed
    return max(1, math.ceil(omega * abs(dt) / IMAGINARY_STABILITY[4]))


def balanced(
    vorticity: Complex[Array, "m l"], depth: Coefficient, sphere: Sphere, planet: Planet
) -> Complex[Array, "3 m l"]:
    """The state of this vorticity and mean depth without divergence and, at first, without gravity waves.

    delta = 0 and delta_t = 0:   Lap(Phi + |v|^2 / 2) = curl((zeta + f) v).   Over a flat bed.
    """
    state = jnp.stack([vorticity, jnp.zeros_like(vorticity), jnp.zeros_like(vorticity)])
    rate = shallow_water_terms(sphere, planet).nonlinear(state)[1]
    phi = planet.radius**2 * sphere.inverse_laplacian(rate)
    return state.at[2].set(phi.at[0, 0].set(planet.gravity * depth))


def _fastest(state: Complex[Array, "3 m l"], sphere: Sphere, planet: Planet) -> dict[str, float]:
    h, u, v = weather(state, sphere, planet)
    return {"depth": max(float(jnp.max(h)), 0.0), "speed": float(jnp.max(jnp.hypot(u, v)))}
