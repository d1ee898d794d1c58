"""The best product state of spins: every spin points along its own unit vector n_i.

E(n) = sum_t c_t n^a1_i1 n^a2_i2 ...,        n_i = (sin t_i cos f_i, sin t_i sin f_i, cos t_i)
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int

from ..numerics.precision import double
from .spins import Hamiltonian


def product_state(law: Hamiltonian, *, starts: int = 8, seed: int = 0) -> tuple[float, Float[np.ndarray, "sites 3"]]:
    """(energy, unit vectors [sites, 3]) of the lowest of `starts` minimisations by L-BFGS from random directions, and
    of one from nearly parallel spins: from random ones domain walls stay.
    """
    from scipy.optimize import minimize

    rng = np.random.default_rng(seed)
    with double():
        energy = jax.jit(jax.value_and_grad(lambda angles: law.energy_of_product_state(_directions(angles))))

        def value(angles: np.ndarray) -> tuple[float, np.ndarray]:
            height, slope = energy(jnp.asarray(angles))
            return float(height), np.asarray(slope)

        guesses = [rng.uniform(0, 2 * np.pi, 2 * law.n_sites) for _ in range(starts)]
        guesses.append(rng.uniform(0, 2 * np.pi) + 0.1 * rng.standard_normal(2 * law.n_sites))
        found = [minimize(value, guess, jac=True) for guess in guesses]
        best = min(found, key=lambda result: result.fun)
        return float(best.fun), np.asarray(_directions(jnp.asarray(best.x)))


def precession(
    before: Hamiltonian, after: Hamiltonian, times: Sequence[float], *, tolerance: float = 1e-8
) -> Float[np.ndarray, "times sites 3"]:
    """[times, sites, 3]: the best product state of `before` as it moves under `after`, every spin in the mean field.

    dn_i/dt = 2 (dE/dn_i) x n_i        hbar = 1,  E of Pauli matrices: the TDVP of product states
    """
    from scipy.integrate import solve_ivp

    with double():
        start = product_state(before)[1]
        gradient = jax.jit(jax.grad(lambda n: after.energy_of_product_state(n)))

        def velocity(t: float, flat: np.ndarray) -> np.ndarray:
            n = flat.reshape(-1, 3)
            return 2 * np.cross(np.asarray(gradient(jnp.asarray(n))), n).ravel()

        span = (times[0], times[-1])
        found = solve_ivp(velocity, span, start.ravel(), t_eval=np.asarray(times), rtol=tolerance, atol=tolerance)
    return found.y.T.reshape(len(times), -1, 3)


def energies(law: Hamiltonian, directions: Float[np.ndarray, "times sites 3"]) -> Float[np.ndarray, " times"]:
    """[times] of the energy of the product states along `directions` [times, sites, 3]."""
    with double():
        return np.asarray(jax.vmap(law.energy_of_product_state)(jnp.asarray(directions)))


def amplitudes(
    directions: Float[np.ndarray, "sites 3"], spins: Int[np.ndarray, "n sites"]
) -> Complex[np.ndarray, " n"]:
    """[n] of <s|n>, normalised over all configurations [n, sites], of spins along `directions` [sites, 3].

    <+|n> = sqrt((1 + n_z) / 2),    <-|n> = sqrt((1 - n_z) / 2) e^(i phi),    tan phi = n_y / n_x
    """
    x, y, z = directions.T / np.linalg.norm(directions, axis=1)
    up = np.sqrt(np.maximum(1 + z, 0) / 2)
    down = np.sqrt(np.maximum(1 - z, 0) / 2) * np.exp(1j * np.arctan2(y, x))
    return np.prod(np.where(spins > 0, up, down), axis=1)


def _directions(angles: Float[Array, " two_sites"]) -> Float[Array, "sites 3"]:
    polar, around = angles.reshape(2, -1)
    sine = jnp.sin(polar)
    return jnp.stack([sine * jnp.cos(around), sine * jnp.sin(around), jnp.cos(polar)], axis=1)
