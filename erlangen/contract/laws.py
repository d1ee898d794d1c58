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

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact

from ..core.systems import System
from ..numerics import spectral

Modes = Complex[Array, "*modes"]
"""Coefficients of real fields: of ``rfftn`` on a periodic grid, of harmonics on a sphere."""


class Semilinear(abc.ABC):
    """An evolution whose stiff part is linear, one number for each coefficient of the state:

    d u_hat / dt = L u_hat + N(u_hat)

    u_hat are the coefficients (``rfftn``) of the input called `state` on a periodic grid, or of several, one after the
    other along a first axis; other inputs may be parameters. A law of another domain says in three methods what its
    coefficients are.
    """

    state: ClassVar[str | tuple[str, ...]]
    dt: float | ClassVar[float]  # time between input and output

    @property
    @abc.abstractmethod
    def substeps(self) -> int:
        """Stable steps of the fourth-order exponential rule in one dt, on the task's own grid."""

    @abc.abstractmethod
    def equation(self, x: System) -> tuple[Inexact[Array, "*modes"], Callable[[Modes], Modes], Any]:
        """(L, N, filter): what is cut from a state before it is stepped; for the parameters of `x`, on its grid."""

    def coefficients(self, x: System, dtype: Any) -> Modes:
        """u_hat of the state of `x`, computed in this precision."""
        if isinstance(self.state, str):
            return spectral.transform(jnp.asarray(x[self.state], dtype))
        return jax.vmap(spectral.transform)(jnp.stack([jnp.asarray(x[name], dtype) for name in self.state]))

    def fields_of(self, u_hat: Modes, x: System) -> tuple[Float[Array, "..."], ...]:
        """The outputs, in order, that coefficients on the grid of `x` stand for."""
        if isinstance(self.state, str):
            return (spectral.inverse(u_hat, np.shape(x[self.state])),)
        return tuple(spectral.inverse(u_hat, np.shape(x[self.state[0]])))

    def wavenumbers(self, x: System) -> Float[np.ndarray, "*modes"]:
        """|m| of every coefficient of one field, in units of the largest along an axis, at most 1."""
        grid = np.shape(x[self.state if isinstance(self.state, str) else self.state[0]])
        return np.minimum(np.sqrt(spectral.squared_wavenumber(grid)) / (min(grid) // 2), 1.0)


class Transport(Semilinear):
    """A scalar in the plane that is carried along by a flow, which it determines:

    D u / Dt = L u + s,     D / Dt = d / dt + v . grad,     s the input called `source`,  L real
    """

    state: ClassVar[str]
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
