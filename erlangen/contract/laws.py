"""Laws: what is known of the equation behind a task, as far as methods may build on it.

    task.law -> Semilinear | Transport | ConservationLaw | a Hamiltonian | None

A law is a value and no kind of question: a method that builds on one asks for it in its signature,
``Signature(Evolution, Field, law=Semilinear)``, and finds it at `task.law`. A task whose own settings are those of the
law may be the law itself: it derives from both and returns itself. A further law is a class of its own, anywhere.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from jaxtyping import Array, Complex, Float, Inexact

from ..core.systems import System

Modes = Complex[Array, "*modes"]
"""Coefficients of a real field on a periodic grid (``rfftn``)."""


class Semilinear(abc.ABC):
    """An evolution of one periodic field, of which other inputs may be parameters:

    d u_hat / dt = L u_hat + N(u_hat),     u_hat the coefficients (``rfftn``) of the input called `state`
    """

    state: ClassVar[str]
    dt: float | ClassVar[float]  # time between input and output

    @property
    @abc.abstractmethod
    def substeps(self) -> int:
        """Stable steps of the fourth-order exponential rule in one dt, on the task's own grid."""

    @abc.abstractmethod
    def equation(self, x: System) -> tuple[Inexact[Array, "*modes"], Callable[[Modes], Modes], Any]:
        """(L, N, filter): what is cut from a state before it is stepped; for the parameters of `x`, on its grid."""


class Transport(Semilinear):
    """A scalar in the plane that is carried along by a flow, which it determines:

    D u / Dt = L u + s,     D / Dt = d / dt + v . grad,     s the input called `source`,  L real
    """

    source: ClassVar[str]

    @abc.abstractmethod
    def dissipation(self, grid: tuple[int, int], length: float) -> Float[Array, "u v"]:
        """L of the law itself on any grid of a square of this side, without what a coarse solver adds to it."""

    @abc.abstractmethod
    def velocity(self, u_hat: Modes, grid: tuple[int, int], length: float) -> Float[Array, "2 x y"]:
        """v on `grid` points of a square of this side."""


class ConservationLaw(abc.ABC):
    """Averages over cells that change by fluxes at faces: an answer may choose the values on both sides of a face, and
    keeps what the law conserves whatever it chooses.
    """

    @abc.abstractmethod
    def cells(self, x: System, dtype: Any) -> Float[Array, "parts cells"]:
        """The conserved averages of a state."""

    @abc.abstractmethod
    def outputs_of(self, q: Float[Array, "parts cells"]) -> Mapping[str, Array]:
        """The outputs that averages stand for."""

    @abc.abstractmethod
    def steps_needed(self, x: System) -> int:
        """Stable steps in one dt from this state."""

    @abc.abstractmethod
    def moved(
        self, q: Float[Array, "parts cells"], reconstruct: Callable[..., Any], steps: int
    ) -> Float[Array, "parts cells"]:
        """The averages one dt later in at most `steps` steps, with the values at faces that `reconstruct` gives
        (`numerics.weno.Reconstruction`); differentiable.
        """
