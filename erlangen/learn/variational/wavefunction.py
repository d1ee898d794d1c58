"""What the variational engine asks of a wavefunction."""

from __future__ import annotations

import abc

import jax
import numpy as np
from jaxtyping import Array, Inexact, PRNGKeyArray, Shaped

from ...contract import Fitted, Outputs
from ...core.systems import SpinLattice
from ...numerics.precision import double
from .natural_gradient import Factors


class Wavefunction(Fitted):
    """An unnormalised amplitude psi(s) of spin configurations; its floating-point leaves are the parameters, all real.

    `log_psi` is real for a positive psi, complex otherwise. Called on a `SpinLattice` it answers {"log_psi": ...}.
    """

    @abc.abstractmethod
    def log_psi(self, spins: Shaped[Array, " sites"]) -> Inexact[Array, ""]:
        """Logarithm of the amplitude of one configuration of +1/-1."""

    @property
    def invariance(self) -> tuple[np.ndarray | None, bool]:
        """(site permutations [elements, sites] or None, spin flip): what leaves psi exactly as it is."""
        return None, False

    def factors(self, spins: Shaped[Array, " sites"]) -> Factors | None:
        """d log psi / d theta of one configuration as an outer product, where all parameters are one dense layer."""
        return None

    def __call__(self, x: SpinLattice) -> Outputs:
        with double():
            return {"log_psi": self.log_psi(x.spins)}


class Autoregressive(Wavefunction):
    """A normalised amplitude, |psi(s)|^2 = prod_i p(s_i | s_1 ... s_{i-1}), of which independent samples can be drawn.

    The engine then needs no Markov chain.
    """

    @abc.abstractmethod
    def draw(self, key: PRNGKeyArray) -> Shaped[Array, " sites"]:
        """One configuration with probability |psi|^2."""

    def draws(self, count: int, key: PRNGKeyArray) -> Shaped[Array, "count sites"]:
        """`count` independent ones."""
        return jax.vmap(self.draw)(jax.random.split(key, count))
