"""What all methods share whose answer is one trial wavefunction: what they accept, and how its energy is made low.

A method of this family is one file: its amplitude, and a class that names its settings and makes that amplitude with
random weights. Settings that the engine has too (`learn.variational.Settings`) are handed on by their names.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import ClassVar, Generic, TypeVar

import jax
from jaxtyping import PRNGKeyArray

from erlangen.contract import Budget, Method, Session, Signature, Variational
from erlangen.core.errors import within
from erlangen.core.groups import Group, SiteSymmetry, SpinFlip
from erlangen.core.systems import SpinLattice
from erlangen.learn.starts import begun
from erlangen.learn.variational import Settings, Wavefunction, minimise, spin_problem
from erlangen.numerics.precision import double
from erlangen.physics.spins import Hamiltonian

W = TypeVar("W", bound=Wavefunction)


class Ansatz(Method, Generic[W]):
    """A method whose answer is a wavefunction of (nearly) lowest energy; it keeps the lattice and the spin flip."""

    samples: int  # per step: a setting that every subclass declares
    momentum: float = 0.0  # a setting of those that declare it

    limits: ClassVar[Mapping[str, tuple[float, float]]] = {}  # of the settings that only this method has
    n_keys: ClassVar[int] = 1  # that random weights are drawn with
    accepts: ClassVar[Signature] = Signature(Variational, SpinLattice)

    def __post_init__(self):
        within(self, momentum=(-1e-9, 1), **self.limits)

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return SiteSymmetry, SpinFlip

    @property
    def continues(self) -> bool:
        return True

    @abc.abstractmethod
    def amplitude(self, law: Hamiltonian, *keys: PRNGKeyArray) -> W:
        """The wavefunction with random weights, where a fit begins."""

    def fit(self, task: Variational, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> W:
        """The amplitude with parameters of lowest energy; session.start: an earlier state whose parameters it begins
        with.
        """
        *own, run = jax.random.split(key, self.n_keys + 1) if self.n_keys else (key,)
        with double():
            psi = begun(self.amplitude(task.law, *own), session.start)
        return minimise(psi, spin_problem(task.law), Settings.of(self), budget, key=run, session=session)
