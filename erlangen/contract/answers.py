"""Answers: what a method gives, by what can be asked of it.

    Answer ── Predictor          f(x) -> y                              Spread, Interval, Features, Tangents,
           │                                                            EnergySurface: f can more
           ├─ Sampler            y ~ p(y | x)                           Density: log p(y | x) too
           ├─ Minimiser          y(x) of lowest objective
           └─ QuantumState       log psi(s)                             Eigenstates, StatePath, StateFamily: several

Arrays of an answer are its leaves, all else is static. Each kind of question names the answer that it asks for
(`Task.answer`); what that must offer is said here, and nowhere else.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, Inexact, PRNGKeyArray, Shaped

from ..core.systems import System
from .parts import Outputs


class Answer(eqx.Module):
    """What a fit gives: pure functions of one sample."""

    def prepare(self, x: System) -> System:
        """`x` with what can be computed once per structure, outside of compiled code (lists of neighbours), as labels.

        Answers are the same with and without; a copy of `x` that is moved afterwards has to be prepared anew.
        """
        return x

    @property
    def bare(self) -> Answer:
        """The answer without what was put around it (intervals, spreads)."""
        return self


class Predictor(Answer):
    """A map from an input to outputs by name."""

    @abc.abstractmethod
    def __call__(self, x: System) -> Outputs:
        """Outputs for one input."""

    def path(self, x: System, steps: int, feed: Callable[[System, Outputs], System]) -> Outputs:
        """Outputs [steps, ...] after 1, 2, ... steps of an evolution: the answer to the answer, as `feed` makes it an
        input. An answer that keeps more on its way than its outputs tell has a path of its own.
        """

        def step(state: System, _: None) -> tuple[System, Outputs]:
            outputs = self(state)
            return feed(state, outputs), outputs

        return jax.lax.scan(step, x, None, length=steps)[1]


class Spread(Predictor):
    """A predictor that also knows how unsure it is, on a scale that is not calibrated."""

    @abc.abstractmethod
    def spread(self, x: System) -> Outputs:
        """Positive scale of the error of each output, shaped like the output."""


class Tangents(Predictor):
    """A predictor that can say how its outputs move along H directions of its parameters (its last layers)."""

    @abc.abstractmethod
    def tangents(self, x: System) -> Outputs:
        """Derivative of each output along the H directions: shaped like the output, with a last axis of H."""


class Features(Predictor):
    """A predictor that shows what its last layer sees: numbers from which a head can be learned."""

    @abc.abstractmethod
    def features(self, x: System) -> Outputs:
        """Invariant features of each output: shaped like the output, components of vectors as one, last axis of H."""


class EnergySurface(Predictor):
    """A predictor whose energy can be differentiated: what simulations need follows from it, asked for or not."""

    @abc.abstractmethod
    def mechanics(self, x: System) -> Outputs:
        """{"energy" [], "energies" [n] of the atoms, "forces" [n, 3], "stress" [3, 3]} from one pass."""


class Interval(Predictor):
    """A predictor with calibrated intervals at `level`."""

    level: eqx.AbstractVar[float]

    @abc.abstractmethod
    def interval(self, x: System) -> Mapping[str, tuple[Array, Array]]:
        """Lower and upper end of each output."""

    def around(self, x: System, centre: Outputs) -> Mapping[str, tuple[Array, Array]]:
        """The same where `centre`, the answer for `x`, is known already."""
        return self.interval(x)

    @property
    def levels(self) -> tuple[float, ...]:
        """All levels that it was calibrated at, ascending."""
        return (self.level,)

    def widening(self, x: System, level: float) -> Mapping[str, np.ndarray | float]:
        """How many times wider the intervals around the answer are at another of `levels`: output -> factor."""
        return {}


class Sampler(Answer):
    """A distribution p(y | x) from which independent samples can be drawn."""

    @abc.abstractmethod
    def sample(self, x: System, *, key: PRNGKeyArray) -> Outputs:
        """One draw of every output for the condition `x`."""


class Density(Sampler):
    """A sampler that also knows how likely a value is."""

    @abc.abstractmethod
    def log_prob(self, x: System, y: Outputs) -> Float[Array, ""]:
        """log p(y | x), normalised."""


class Minimiser(Answer):
    """A search: for the problem `x` the outputs that make its objective low, as far as the answer knows."""

    @abc.abstractmethod
    def minimise(self, x: System, *, key: PRNGKeyArray) -> Outputs:
        """The best outputs found for one problem; what they are worth, the task's own solver says."""


class QuantumState(Answer):
    """A state of a quantum system by its amplitudes, not normalised. Called on a configuration it answers
    {"log_psi": log psi(s)}.
    """

    @abc.abstractmethod
    def log_psi(self, configuration: Shaped[Array, "..."]) -> Inexact[Array, ""]:
        """Logarithm of the amplitude of one configuration; real for a positive psi, complex otherwise."""

    @abc.abstractmethod
    def __call__(self, x: System) -> Outputs:
        """{"log_psi": ...} of a configuration in its container."""

    @property
    def invariance(self) -> tuple[np.ndarray | None, bool]:
        """(site permutations [elements, sites] or None, spin flip): what leaves psi exactly as it is."""
        return None, False


@dataclasses.dataclass(frozen=True)
class Levels:
    """Levels of an answer, ascending, with one standard error each; gaps E_n - E_0 with theirs.

    r_hat: the worst agreement of the chains; n_samples: of each state, or of all walkers together; singular: samples
    without a local energy, left out; seconds: what measuring took.
    """

    energies: tuple[float, ...]
    errors: tuple[float, ...]
    gaps: tuple[float, ...]
    gap_errors: tuple[float, ...]
    r_hat: float
    n_samples: int
    singular: int
    seconds: float


class Eigenstates(Answer):
    """Several states of one law, the lowest ones."""

    states: eqx.AbstractVar[Sequence[QuantumState]]

    @abc.abstractmethod
    def levels(self, law: Any, *, samples: int, key: PRNGKeyArray) -> Levels:
        """Their energies under `law`, from fresh samples."""

    @abc.abstractmethod
    def __call__(self, x: System) -> Outputs:
        """{"amplitudes": [states]} of a configuration in its container."""


class StatePath(QuantumState):
    """A state that moves: `at(i)` at the i-th of the task's times; as a state it is the last of them.

    angles [times]: what the exact state may have moved away by, in radians, so far as the answer knows.
    """

    angles: eqx.AbstractVar[Float[Array, " times"]]

    @abc.abstractmethod
    def at(self, i: int) -> QuantumState:
        """The state at the i-th time."""


class StateFamily(Answer):
    """A state that takes the coupling of its law as a further input."""

    @abc.abstractmethod
    def at(self, coupling: Float[Array, ""] | float) -> QuantumState:
        """The state at one coupling."""

    @abc.abstractmethod
    def __call__(self, x: System) -> Outputs:
        """{"log_psi": ...} of a configuration at the coupling that its container carries."""
