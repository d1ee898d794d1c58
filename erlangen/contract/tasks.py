"""Questions: a task, and the five kinds of question there are.

    Supervised      pairs (x, y)                     f(x) = y ?
    Evolution       pairs in time                    the state one step later, and so on
    Sampling        draws of p(y | x)                new draws
    Variational     a Hamiltonian                    its ground state, levels, motion, states for a range of couplings
    Optimisation    an objective that is computed    argmin_y objective(x, y)

A kind says what truth is (its abstract methods), what an answer has to offer (`answer`) and which file measures it
(`measure`: ``measures/<measure>.py``). What is known of the equation is no kind but a law (`Task.law`).
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np

from ..core.groups import Group
from ..core.quantity import Quantity
from ..core.systems import System
from .answers import Answer, Eigenstates, Minimiser, Predictor, QuantumState, Sampler, StateFamily, StatePath
from .parts import Consequence, InItsFile, Outputs, PublishedResult, ReferenceSolver, Samples, Score, Shift, Split


class Task(InItsFile, abc.ABC):
    """A scientific problem: a map between spaces on which a group acts. Subclasses are frozen dataclasses of
    settings.
    """

    container: ClassVar[type[System]]
    inputs: ClassVar[tuple[Quantity, ...]]
    outputs: ClassVar[tuple[Quantity, ...]]
    published: ClassVar[tuple[PublishedResult, ...]] = ()
    budget: ClassVar[str] = "2m"
    toy: ClassVar[Mapping[str, Any]] = {}  # settings that make truth and fits a matter of seconds, for contract tests
    measure: ClassVar[str]  # the file that judges answers to this kind of question: measures/<measure>.py

    @classmethod
    def name(cls) -> str:
        """area/task, from where the file lies."""
        return cls.__module__.split("tasks.")[-1].replace(".", "/")

    @property
    @abc.abstractmethod
    def symmetry(self) -> tuple[Group, ...]:
        """The groups under which truth commutes (`Broken` ones are audited and shown, not demanded)."""

    @property
    def answer(self) -> type[Answer]:
        """What an answer has to be."""
        return Predictor

    @property
    def law(self) -> Any:
        """What is known of the equation (`contract.laws`, a Hamiltonian, ...); None where nothing is."""
        return None

    @property
    def scores(self) -> tuple[Score, ...]:
        """What answers are judged by, the one that decides first."""
        return ()

    @property
    def shifts(self) -> tuple[Shift, ...]:
        """Axes along which the question is moved away from what was trained on."""
        return ()

    @property
    def solvers(self) -> tuple[ReferenceSolver, ...]:
        """What a practitioner would use instead of a trained answer."""
        return ()

    @property
    def sources(self) -> tuple[Any, ...]:
        """The user's own files that it reads (`data.sources.Source`): what they hold is part of a run's identity."""
        return ()

    @property
    def pairs(self) -> Supervised | None:
        """The task as one with input-output pairs, where it is one."""
        return None

    def shifted(self, axis: str, value: Any) -> Self:
        """The same question moved along `axis`: by default the field of that name takes the value."""
        return dataclasses.replace(self, **{axis: value})  # type: ignore[type-var]

    @property
    def idle(self) -> frozenset[str]:
        """Settings that say nothing here, because others replace them (an own file, what is generated)."""
        return frozenset()

    @property
    def fields(self) -> dict[str, Any]:
        """The settings that say something, as they go into the record."""
        named = (f.name for f in dataclasses.fields(self))  # type: ignore[arg-type]
        return {name: getattr(self, name) for name in named if name not in self.idle}


class Supervised(Task):
    """A task whose truth is a set of input-output pairs."""

    measure = "supervised"

    @property
    def pairs(self) -> Supervised:
        return self

    @property
    def evolution(self) -> Evolution | None:
        """The task as one whose answers can be applied to themselves, where it is one."""
        return None

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

    @property
    def consequences(self) -> tuple[Consequence, ...]:
        """What follows from an answer as a whole, and is judged too."""
        return ()

    def floor(self, count: int) -> Mapping[str, float]:
        """Score name -> error of the labels themselves (reference against a refined reference); empty where not
        known.
        """
        return {}


class Resampled(Supervised):
    """The question of another task with samples of one's own, made once per split: what a fit within a fit is asked.

    symmetry, outputs: where they are not those of the task. sources: further files that the samples come from.
    """

    def __init__(
        self,
        task: Supervised,
        samples: Callable[[Split], Samples],
        *,
        symmetry: tuple[Group, ...] | None = None,
        outputs: tuple[Quantity, ...] | None = None,
        sources: tuple[Any, ...] = (),
    ):
        self.container, self.inputs = task.container, task.inputs  # type: ignore[misc]
        self.outputs = task.outputs if outputs is None else outputs  # type: ignore[misc]
        self._symmetry = task.symmetry if symmetry is None else symmetry
        self._sources, self._samples = (*task.sources, *sources), samples
        self._known: dict[Split, Samples] = {}

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return self._symmetry

    @property
    def sources(self) -> tuple[Any, ...]:
        return self._sources

    def truth(self, split: Split) -> Samples:
        if split not in self._known:
            self._known[split] = self._samples(split)
        return self._known[split]


class Evolution(Supervised):
    """A supervised task whose outputs are the inputs one step later, so that a method can be rolled out."""

    time_unit: ClassVar[str] = "T"  # of dt; T: whatever goes with the other units

    @property
    def evolution(self) -> Evolution:
        return self

    @abc.abstractmethod
    def trajectories(self, split: Split) -> Samples:
        """Initial states, and outputs[name][i] of shape [steps, ...]: the true states after 1, 2, ... steps."""

    @abc.abstractmethod
    def feed(self, x: System, outputs: Outputs) -> System:
        """The next input: `x` with its state replaced by `outputs`."""

    def path(self, x: System, frames: int) -> Outputs | None:
        """`frames` true states [frames, ...] from any state of one's own, on the grid and with the steps that it needs.

        None, where that is nothing but `solve` so many times.
        """
        return None

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


class Sampling(Task):
    """A task whose truth is draws of a distribution p(y | x); x may say nothing.

    A row of its samples is one draw; rows of one `group` are draws for one x (all rows where there is no group).
    """

    measure = "sampling"

    @property
    def answer(self) -> type[Answer]:
        return Sampler

    @abc.abstractmethod
    def truth(self, split: Split) -> Samples:
        """True draws of one split. The same settings give the same draws; splits are independent."""

    @property
    def draws(self) -> int:
        """How many draws are asked for each x; 0: as many as there are true ones."""
        return 0

    def label_seconds(self) -> float:
        """What computing the training draws took, once, on this machine; 0 where they came from a file."""
        return 0.0


class Optimisation(Task):
    """A task whose truth is an objective: find outputs that make it low. What was found is worth what `objective`,
    the task's own solver, says; what an answer claims itself counts for nothing.
    """

    measure = "optimisation"
    unit: ClassVar[str] = "1"  # of the objective

    @property
    def answer(self) -> type[Answer]:
        return Minimiser

    @abc.abstractmethod
    def problems(self, split: Split) -> Sequence[System]:
        """The problems of one split."""

    @abc.abstractmethod
    def objective(self, x: System, y: Outputs) -> float:
        """What outputs are worth, lower is better; infinite where they are not allowed."""

    def best(self, x: System) -> Outputs | None:
        """The best outputs known for a problem, where there are any."""
        return None


@dataclasses.dataclass(frozen=True)
class GroundState:
    """The state of lowest energy."""

    answer: ClassVar[type[Answer]] = QuantumState


@dataclasses.dataclass(frozen=True)
class Spectrum:
    """The lowest `states` levels, the ground state among them."""

    states: int
    answer: ClassVar[type[Answer]] = Eigenstates


@dataclasses.dataclass(frozen=True, eq=False)
class Quench:
    """How the ground state of the law `initial` moves under the law of the task.

    times: when it is looked at, rising from 0; observables: what is looked at then, by name: operators of the kind of
    the law, per site or bond.
    """

    initial: Any
    times: tuple[float, ...]
    observables: Mapping[str, Any]
    answer: ClassVar[type[Answer]] = StatePath


@dataclasses.dataclass(frozen=True, eq=False)
class Couplings:
    """Ground states of laws that differ by one coupling: fitted at the couplings `trained`, judged at `tested` ones
    in between. `member(coupling)` is the question at one coupling.
    """

    trained: tuple[float, ...]
    tested: tuple[float, ...]
    member: Callable[[float], Variational]
    answer: ClassVar[type[Answer]] = StateFamily


Asked = GroundState | Spectrum | Quench | Couplings
"""What may be asked about a Hamiltonian."""

A = TypeVar("A", bound=Asked)


class Variational(Task, Generic[A]):
    """A task that is a law only, the Hamiltonian; what is asked about it is a value, and its truth, where affordable,
    is `reference`.
    """

    measure = "variational"

    @property
    def answer(self) -> type[Answer]:
        return self.asked.answer

    @property
    @abc.abstractmethod
    def law(self) -> Any:
        """The Hamiltonian (`physics.spins.Hamiltonian` for lattices)."""

    @property
    def asked(self) -> A:
        """What is asked: by default the ground state."""
        return GroundState()  # type: ignore[return-value]

    @abc.abstractmethod
    def reference(self) -> Mapping[str, Any] | None:
        """What is known exactly, with "source" and "seconds"; None where that is out of reach.

        GroundState: "energy"; Spectrum: "energies" too, ascending; Quench: "observables" {name: [times]} and "state",
        exact or None; Couplings: each member has its own.
        """
