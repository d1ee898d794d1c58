"""The restricted Boltzmann machine of excited states: without symmetry, or with that of a group of one's choice.

log phi(s) = sum_{g in K} sum_a log cosh( w_a . (g s) + b_a ),      w real or complex, b real
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from erlangen.physics.spins import Hamiltonian

from .rbm import RestrictedBoltzmann


def free_machine(
    law: Hamiltonian,
    features: int,
    is_real: bool,
    *,
    group: np.ndarray | None = None,
    biased: bool = True,
    key: PRNGKeyArray,
) -> RestrictedBoltzmann:
    """Random weights with which log phi varies by about one between configurations; even where not biased."""
    group = np.arange(law.n_sites)[None] if group is None else group
    first, second, third = jax.random.split(key, 3)
    shape, spread = (features, law.n_sites), (law.n_sites * features * len(group)) ** -0.5
    weights = spread * jax.random.normal(first, shape, jnp.float64)
    phases = None if is_real else spread * jax.random.normal(second, shape, jnp.float64)
    biases = law.n_sites**0.5 * spread * jax.random.normal(third, (features,), jnp.float64) if biased else None
    return RestrictedBoltzmann(weights, phases, jnp.asarray(group), False, biases)
