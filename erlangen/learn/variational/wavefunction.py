"""What the variational engine asks of a wavefunction."""

from __future__ import annotations

import abc

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, PRNGKeyArray, Shaped

from ...contract import Outputs, QuantumState
from ...core.systems import SpinLattice
from ...numerics.precision import double
from ...physics.spins import Hamiltonian
from .natural_gradient import Factors


class Wavefunction(QuantumState):
    """An unnormalised amplitude psi(s) of spin configurations; its floating-point leaves are the parameters, all real.

    `log_psi` is real for a positive psi, complex otherwise. Called on a `SpinLattice` it answers {"log_psi": ...}.
    """

    def log_guide(self, spins: Shaped[Array, " sites"]) -> Float[Array, ""]:
        """log g, of what samples are drawn from (see `sampling`)."""
        return jnp.real(self.log_psi(spins))

    @property
    def guiding(self) -> Wavefunction:
        """The guiding wavefunction: this one, or a cheaper one close to it, whose guide samples are drawn from."""
        return self

    @property
    def sectors(self) -> tuple[str, ...]:
        """Titles of the symmetry sectors that the fit looked at; () where it has not chosen among them."""
        return ()

    def factors(self, spins: Shaped[Array, " sites"]) -> Factors | None:
        """d log psi / d theta of one configuration as an outer product, where all parameters are one dense layer."""
        return None

    def log_ratios(self, samples: Shaped[Array, "n sites"], law: Hamiltonian) -> Inexact[Array, "n moves"] | None:
        """log psi(s') - log psi(s), s' with the spins of law.flips reversed, where that is cheaper than amplitudes.

        Only exchanges of antiparallel spins count where the law conserves S_z; other entries may be anything.
        """
        return None

    def __call__(self, x: SpinLattice) -> Outputs:
        with double():
            return {"log_psi": self.log_psi(x.spins)}


class Plain(Wavefunction):
    """Any state of which no more is known than its amplitudes."""

    state: QuantumState

    def log_psi(self, spins: Shaped[Array, " sites"]) -> Inexact[Array, ""]:
        return self.state.log_psi(spins)

    @property
    def invariance(self) -> tuple[np.ndarray | None, bool]:
        return self.state.invariance


def wavefunction(state: QuantumState) -> Wavefunction:
    """`state` as the engine sees it."""
    return state if isinstance(state, Wavefunction) else Plain(state)


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
