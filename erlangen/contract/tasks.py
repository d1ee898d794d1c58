"""Questions: a task and its kinds, by what their truth is (pairs, trajectories, a law, levels, two laws, a family)."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import numpy as np

from ..core.groups import Group
from ..core.quantity import Quantity
from ..core.systems import System
from .parts import Opponent, Outputs, Peer, Samples, Score, Shift, Split


class Task(abc.ABC):
    """A scientific problem: a map between spaces on which a group acts. Subclasses are frozen dataclasses of
    settings.
    """

    container: ClassVar[type[System]]
    inputs: ClassVar[tuple[Quantity, ...]]
    outputs: ClassVar[tuple[Quantity, ...]]
    peers: ClassVar[tuple[Peer, ...]] = ()
    budget: ClassVar[str] = "2m"
    toy: ClassVar[Mapping[str, Any]] = {}  # settings that make truth and fits a matter of seconds, for contract tests

    @classmethod
    def name(cls) -> str:
        """area/task, from where the file lies."""
        return cls.__module__.split("tasks.")[-1].replace(".", "/")

    @property
    @abc.abstractmethod
    def symmetry(self) -> tuple[Group, ...]:
        """The groups under which truth commutes (`Broken` ones are audited and shown, not demanded)."""

    @property
    def scores(self) -> tuple[Score, ...]:
        return ()

    @property
    def shifts(self) -> tuple[Shift, ...]:
        return ()

    @property
    def opponents(self) -> tuple[Opponent, ...]:
        return ()

    @property
    def sources(self) -> tuple[Any, ...]:
        """The user's own files that it reads (`data.sources.Source`): what they hold is part of a run's identity."""
        return ()

    def shifted(self, axis: str, value: Any) -> Self:
        """The same question moved along `axis`: by default the field of that name takes the value."""
        return dataclasses.replace(self, **{axis: value})  # type: ignore[type-var]

    @property
    def fields(self) -> dict[str, Any]:
        """The settings, as they go into the record."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}  # type: ignore[arg-type]


class Supervised(Task):
    """A task whose truth is a set of input-output pairs."""

    @abc.abstractmethod
    def truth(self, split: Split) -> Samples:
        """The samples of one split. The same settings give the same samples; splits are independent draws."""

    def solve(self, x: System) -> Outputs | None:
        """The reference solver for one input, in float64, where the task has one (audited for symmetry like a
        method).
        """
        return None

    def label_seconds(self) -> float:
        """What computing the training labels took, once, on this machine; 0 where they came from a file."""
        return 0.0

    def floor(self, count: int) -> Mapping[str, float]:
        """Score name -> error of the labels themselves (reference against a refined reference); empty where not
        known.
        """
        return {}


class Evolution(Supervised):
    """A supervised task whose outputs are the inputs one step later, so that a method can be rolled out."""

    time_unit: ClassVar[str] = "T"  # of dt; T: whatever goes with the other units

    @abc.abstractmethod
    def trajectories(self, split: Split) -> Samples:
        """Initial states, and outputs[name][i] of shape [steps, ...]: the true states after 1, 2, ... steps."""

    @abc.abstractmethod
    def feed(self, x: System, outputs: Outputs) -> System:
        """The next input: `x` with its state replaced by `outputs`."""

    def truth(self, split: Split) -> Samples:
        """Every step of every trajectory as one sample; `group` is the trajectory it comes from."""
        whole = self.trajectories(split)
        inputs, group, outputs = [], [], {name: [] for name in whole.outputs}
        for i, x in enumerate(whole.inputs):
            for k in range(len(next(iter(whole.outputs.values()))[i])):
                state = {name: values[i][k] for name, values in whole.outputs.items()}
                inputs.append(x)
                group.append(i)
                for name, value in state.items():
                    outputs[name].append(value)
                x = self.feed(x, state)
        return Samples(inputs, outputs, np.asarray(group))


class Governed(Evolution):
    """An evolution whose equation is known, so that an answer may build on a coarse solver of its own grid.

    d u_hat / dt = L u_hat + N(u_hat),     u_hat the coefficients (``rfftn``) of the input called `state`
    """

    state: ClassVar[str]
    dt: float | ClassVar[float]  # time between input and output

    @property
    @abc.abstractmethod
    def substeps(self) -> int:
        """Stable steps of the fourth-order exponential rule in one dt, on the task's own grid."""

    @abc.abstractmethod
    def equation(self, x: System) -> tuple[Any, Any, Any]:
        """(L, N, filter): what is cut from a state before it is stepped; for the parameters of `x`, on its grid."""


class Transported(Governed):
    """A governed evolution of a scalar in the plane that is carried along by a flow, which it determines:

    D w / Dt = L w + s,     D / Dt = d / dt + v . grad
    """

    @abc.abstractmethod
    def carried(
        self, x: System, coarse: int, fine: int, frames: int, stepper: Callable[[System, int], Any], *, legs: int
    ) -> Outputs:
        """`frames` outputs in a row: the flow is found on `coarse` points per axis, the state carried along on `fine`.

        stepper(seen, m): a step of the coefficients, dt / m long, on the grid of `seen`, which is `x` on the coarse
        one. legs: steps along the paths in one dt.
        """


class Conservative(Evolution):
    """An evolution of averages over cells that change by fluxes at faces, by a law that is known: an answer may choose
    the values on both sides of a face, and keeps what the law conserves whatever it chooses.
    """

    @abc.abstractmethod
    def cells(self, x: System, dtype: Any) -> Any:
        """[parts, cells] of the conserved averages."""

    @abc.abstractmethod
    def answer(self, q: Any) -> Outputs:
        """The outputs that averages stand for."""

    @abc.abstractmethod
    def steps_needed(self, x: System) -> int:
        """Stable steps in one dt from this state."""

    @abc.abstractmethod
    def moved(self, q: Any, reconstruct: Any, steps: int) -> Any:
        """The averages one dt later in at most `steps` steps, with the values at faces that `reconstruct` gives
        (`numerics.weno.Reconstruction`); differentiable.
        """


class Variational(Task):
    """A task that is a law only: find the ground state of `hamiltonian`; its truth, where affordable, is
    `reference`.
    """

    @property
    @abc.abstractmethod
    def hamiltonian(self) -> Any:
        """The law (`physics.spins.Hamiltonian` for lattices)."""

    @abc.abstractmethod
    def reference(self) -> Mapping[str, Any] | None:
        """{"energy", "source", "seconds"} of the exact ground state, or None where it is out of reach."""


class Family(Task):
    """Laws that differ by one coupling: the answer is a state that takes the coupling as a further input.

    It may be fitted at the couplings `trained`, is judged at others in between, `tested`, and as a shift beyond them.
    """

    @property
    @abc.abstractmethod
    def trained(self) -> tuple[float, ...]:
        """Couplings that a fit may look at."""

    @property
    @abc.abstractmethod
    def tested(self) -> tuple[float, ...]:
        """Couplings of the same range at which the answer is judged."""

    @abc.abstractmethod
    def member(self, coupling: float) -> Variational:
        """The law at one coupling."""


class Levels(Variational):
    """A law of which the lowest `states` levels are asked for; `reference` then has their "energies" too, ascending."""

    states: int


class Dynamical(Task):
    """A task that is two laws: the ground state of `initial` moves under `hamiltonian`."""

    @property
    @abc.abstractmethod
    def initial(self) -> Any:
        """The law before (as `Variational.hamiltonian`)."""

    @property
    @abc.abstractmethod
    def hamiltonian(self) -> Any:
        """The law from time 0 on."""

    @property
    @abc.abstractmethod
    def times(self) -> tuple[float, ...]:
        """When the state is looked at: rising, the first is 0."""

    @property
    @abc.abstractmethod
    def observables(self) -> Mapping[str, Any]:
        """What is looked at then, by name: operators of the kind of `hamiltonian`, per site or bond."""

    @abc.abstractmethod
    def reference(self) -> Mapping[str, Any] | None:
        """{"source", "seconds", "observables": {name: [times]}, "state": exact one or None}; None out of reach."""
