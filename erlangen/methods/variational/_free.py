"""A restricted Boltzmann machine without any symmetry: the amplitude that excited states are made from.

log phi(s) = sum_a log cosh( w_a . s + b_a ),      w real or complex, b real
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from erlangen.physics.spins import Hamiltonian

from .rbm import RestrictedBoltzmann


def free_machine(law: Hamiltonian, features: int, is_real: bool, *, key: PRNGKeyArray) -> RestrictedBoltzmann:
    """Random weights with which log phi varies by about one between configurations."""
    first, second, third = jax.random.split(key, 3)
    shape, spread = (features, law.n_sites), (law.n_sites * features) ** -0.5
    weights = spread * jax.random.normal(first, shape, jnp.float64)
    phases = None if is_real else spread * jax.random.normal(second, shape, jnp.float64)
    # without biases phi would be even under the spin flip
    biases = law.n_sites**0.5 * spread * jax.random.normal(third, (features,), jnp.float64)
    return RestrictedBoltzmann(weights, phases, jnp.arange(law.n_sites)[None], False, biases)
