"""The best product state of spins: every spin points along its own unit vector n_i.

E(n) = sum_t c_t n^a1_i1 n^a2_i2 ...,        n_i = (sin t_i cos f_i, sin t_i sin f_i, cos t_i)
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from ..numerics.precision import double
from .spins import Hamiltonian


def product_state(law: Hamiltonian, *, starts: int = 8, seed: int = 0) -> tuple[float, np.ndarray]:
    """(energy, unit vectors [sites, 3]) of the lowest of `starts` minimisations by L-BFGS from random directions."""
    from scipy.optimize import minimize

    rng = np.random.default_rng(seed)
    with double():
        energy = jax.jit(jax.value_and_grad(lambda angles: law.energy_of_product_state(_directions(angles))))

        def value(angles: np.ndarray) -> tuple[float, np.ndarray]:
            height, slope = energy(jnp.asarray(angles))
            return float(height), np.asarray(slope)

        found = [minimize(value, rng.uniform(0, 2 * np.pi, 2 * law.n_sites), jac=True) for _ in range(starts)]
        best = min(found, key=lambda result: result.fun)
        return float(best.fun), np.asarray(_directions(jnp.asarray(best.x)))


def _directions(angles: jax.Array) -> jax.Array:
    polar, around = angles.reshape(2, -1)
    sine = jnp.sin(polar)
    return jnp.stack([sine * jnp.cos(around), sine * jnp.sin(around), jnp.cos(polar)], axis=1)
