"""What all methods for a range of couplings share: what they accept, how one state is fitted, states as a stack.

psi(s; g) = psi_w(g)(s),      w(g) = sum_k c_k(g) w_k
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from erlangen.contract import Couplings, Method, Signature, Variational
from erlangen.core.errors import within
from erlangen.core.groups import Group, SiteSymmetry, SpinFlip
from erlangen.core.systems import SpinLattice
from erlangen.learn.variational import Conditioned, Settings, Wavefunction

from .lcn import LCN
from .rbm import RBM


class FamilyMethod(Method):
    """A method whose answer takes the coupling as an input, made from states of one network."""

    network: Literal["rbm", "lcn"]  # settings that every subclass declares
    size: int

    limits: ClassVar[Mapping[str, tuple[float, float]]] = {}  # of the settings that only this method has
    accepts: ClassVar[Signature] = Signature(Variational, SpinLattice, asked=Couplings)

    def __post_init__(self):
        within(self, size=(1, 1024), **self.limits)

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return SiteSymmetry, SpinFlip

    @property
    def single(self) -> RBM | LCN:
        """The method that fits the network to one law."""
        shared = {name: getattr(Settings.of(self), name) for name in ("samples", "rate", "shift", "full_sum")}
        return RBM(alpha=self.size, **shared) if self.network == "rbm" else LCN(channels=self.size, **shared)


class Stacked(Conditioned):
    """weights: w_0, w_1, ... stacked [k, ...], the parameters of psi_w; frame: all else of it."""

    weights: eqx.AbstractVar[PyTree]
    frame: eqx.AbstractVar[Wavefunction]

    @abc.abstractmethod
    def mixture(self, coupling: Float[Array, ""] | float) -> Float[Array, " k"]:
        """c_k at one coupling."""

    def at(self, coupling: Float[Array, ""] | float) -> Wavefunction:
        mixture = self.mixture(coupling)
        return eqx.combine(jax.tree.map(lambda w: jnp.tensordot(mixture, w, 1), self.weights), self.frame)
