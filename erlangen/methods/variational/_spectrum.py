"""What all methods for excited states share: what they accept, and the machine with which a state begins.

    log phi(s) = sum_{g in K} sum_a log cosh( w_a . (g s) + b_a ),      w real or complex, b real

K: the unit element alone, or a group of one's choice.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int, PRNGKeyArray

from erlangen.contract import Method, Signature, Spectrum, Variational
from erlangen.core.errors import within
from erlangen.core.systems import SpinLattice
from erlangen.physics.spins import Hamiltonian

from .rbm import RestrictedBoltzmann


class SpectrumMethod(Method):
    """A method whose answer is several states, each made from a restricted Boltzmann machine."""

    alpha: int  # features: a setting that every subclass declares
    momentum: float = 0.0  # a setting of those that declare it

    limits: ClassVar[Mapping[str, tuple[float, float]]] = {}  # of the settings that only this method has
    accepts: ClassVar[Signature] = Signature(Variational, SpinLattice, asked=Spectrum)

    def __post_init__(self):
        within(self, alpha=(1, 256), momentum=(-1e-9, 1), **self.limits)


def free_machine(
    law: Hamiltonian,
    features: int,
    is_real: bool,
    *,
    group: Int[np.ndarray, "elements sites"] | None = None,
    biased: bool = True,
    key: PRNGKeyArray,
) -> RestrictedBoltzmann:
    """Random weights with which log phi varies by about one between configurations; even where not biased."""
    group = np.arange(law.n_sites)[None] if group is None else group
    spread = (law.n_sites * features * len(group)) ** -0.5
    psi = RestrictedBoltzmann.random(group, features, spread, None if is_real else spread, key=key)
    if not biased:
        return psi
    biases = math.sqrt(law.n_sites) * spread * jax.random.normal(jax.random.split(key, 3)[2], (features,), jnp.float64)
    return dataclasses.replace(psi, biases=biases)
