"""The two halves of every result: a Task is a question, a Method is an answer, a Record is what came out.

A task states inputs, outputs, symmetry and where the truth comes from. A method says which tasks it accepts and turns
one into a `Fitted`: a pure function of one sample. Tasks and methods never see each other; `study` brings them
together.
"""

from __future__ import annotations

import abc
import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import equinox as eqx
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from .core.errors import Invalid
from .core.groups import Group
from .core.quantity import Quantity
from .core.systems import System

Split = Literal["train", "validation", "calibration", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "calibration", "test")
Outputs = Mapping[str, Array]


@dataclasses.dataclass(frozen=True)
class Samples:
    """Question-answer pairs, one by one: inputs[i] is a container, outputs[name][i] its true value.

    Systems may differ in size: packing into padded static shapes is the business of `learn.batching`.
    group[i]: which independent draw (trajectory, molecule) sample i belongs to; error bars resample whole groups.
    """

    inputs: Sequence[System]
    outputs: Mapping[str, Sequence[Any]]
    group: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, rows: Sequence[int] | np.ndarray) -> Samples:
        """The samples at `rows`, in that order."""
        rows = np.asarray(rows, int)
        group = None if self.group is None else np.asarray(self.group)[rows]
        return Samples(
            [self.inputs[i] for i in rows], {k: [v[i] for i in rows] for k, v in self.outputs.items()}, group
        )


@dataclasses.dataclass(frozen=True)
class Score:
    """A number that judges predictions against truth on held-out data.

    measure(predicted, true) -> non-negative value of one sample of the output `quantity`;
    the score is the mean over samples ("mean") or the root of it ("root", for mean squares), times `factor`.
    steps > 1: the map is applied that many times to its own output before it is judged (evolution tasks only).
    """

    name: str
    quantity: str
    measure: Callable[[Any, Any], Any]
    unit: str
    label: str = ""
    aggregate: Literal["mean", "root"] = "mean"
    factor: float = 1.0
    steps: int = 1
    lower_is_better: bool = True


@dataclasses.dataclass(frozen=True)
class Shift:
    """An axis along which the question is moved away from what was trained on: task.shifted(axis, value) for each
    value.

    `severity(value)`, where given, places a value on the horizontal axis (default: the value itself, or its position).
    """

    axis: str
    values: tuple[Any, ...]
    label: str = ""
    unit: str = ""


@dataclasses.dataclass(frozen=True)
class Peer:
    """A published number, with its source (DOI or arXiv id)."""

    name: str
    score: str
    value: float
    unit: str
    source: str


@dataclasses.dataclass(frozen=True)
class Opponent:
    """The classical solver that a practitioner would use, with a knob that trades cost for accuracy.

    solve(x, setting) -> outputs for one input; each of `settings` gives one point of the error-cost curve.
    """

    name: str
    knob: str
    settings: tuple[Any, ...]
    solve: Callable[[System, Any], Outputs]


@dataclasses.dataclass(frozen=True)
class Signature:
    """What a method can answer: the kind of task, the container of its input, and outputs that must be asked for."""

    kind: type[Task]
    container: type[System]
    outputs: frozenset[str] = frozenset()

    def mismatch(self, task: Task) -> str:
        """Why `task` is not accepted; empty where it is."""
        if not isinstance(task, self.kind):
            return f"needs a task of kind {self.kind.__name__}, {task.name()} is {type(task).__mro__[1].__name__}"
        if task.container is not self.container:
            return f"needs {self.container.__name__} as input, {task.name()} gives {task.container.__name__}"
        missing = self.outputs - {q.name for q in task.outputs}
        return f"needs the outputs {sorted(missing)}" if missing else ""


@dataclasses.dataclass(frozen=True)
class Budget:
    """How long a fit may take: seconds of wall time, or steps (exactly repeatable), whichever is given."""

    seconds: float | None = None
    steps: int | None = None

    @classmethod
    def parse(cls, text: str | float | Budget) -> Budget:
        """Read "90s", "2m", "1h", "5000steps"; a bare number is seconds."""
        if isinstance(text, Budget):
            return text
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|m|h|steps?|)\s*", str(text))
        if not match or float(match[1]) <= 0:
            raise Invalid(
                must="a budget is a positive time or a number of steps",
                came=repr(text),
                do="Write 90s, 2m, 1h or 5000steps.",
            )
        number, unit = float(match[1]), match[2]
        if unit.startswith("step"):
            return cls(steps=int(number))
        return cls(seconds=number * {"": 1, "s": 1, "m": 60, "h": 3600}[unit])

    def share(self, fraction: float) -> Budget:
        """A part of it; at least one step."""
        seconds = None if self.seconds is None else fraction * self.seconds
        return Budget(seconds, None if self.steps is None else max(int(fraction * self.steps + 1e-6), 1))

    def __str__(self) -> str:
        return f"{self.steps}steps" if self.steps else f"{self.seconds:g}s"


@dataclasses.dataclass(frozen=True)
class Session:
    """Where a fit keeps its checkpoint and whom it tells.

    folder: None keeps nothing. resume: go on from the checkpoint in `folder` if there is one.
    say(message): one line for the user and the record. progress(step, total, figures): called now and then.
    """

    folder: Path | None = None
    resume: bool = False
    say: Callable[[str], None] = lambda message: None
    progress: Callable[[int, int, Mapping[str, float]], None] = lambda step, total, figures: None

    def inside(self, name: str) -> Session:
        """The same session for a part of the fit (one member of an ensemble), in a folder of its own."""
        return dataclasses.replace(self, folder=self.folder / name if self.folder else None)


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


class Fitted(eqx.Module):
    """An answer: a pure function of one sample, outputs by name. Arrays are its leaves, all else is static."""

    @abc.abstractmethod
    def __call__(self, x: System) -> Outputs:
        """Outputs for one input."""

    def prepare(self, x: System) -> System:
        """`x` with what can be computed once per structure, outside of compiled code (lists of neighbours), as labels.

        Answers are the same with and without; a copy of `x` that is moved afterwards has to be prepared anew.
        """
        return x


class Spread(Fitted):
    """An answer that also knows how unsure it is, on a scale that is not calibrated."""

    @abc.abstractmethod
    def spread(self, x: System) -> Outputs:
        """Positive scale of the error of each output, shaped like the output."""


class Linearised(Fitted):
    """An answer that can say how its outputs move along H directions of its parameters (its last layers)."""

    @abc.abstractmethod
    def tangents(self, x: System) -> Outputs:
        """Derivative of each output along the H directions: shaped like the output, with a last axis of H."""


class Featured(Fitted):
    """An answer that shows what its last layer sees: numbers from which a head can be learned."""

    @abc.abstractmethod
    def features(self, x: System) -> Outputs:
        """Invariant features of each output: shaped like the output, components of vectors as one, last axis of H."""


class Interval(Fitted):
    """An answer with calibrated intervals at `level`."""

    level: eqx.AbstractVar[float]

    @abc.abstractmethod
    def interval(self, x: System) -> Mapping[str, tuple[Array, Array]]:
        """Lower and upper end of each output."""


class Method(abc.ABC):
    """A way to answer. Subclasses are frozen dataclasses of at most eight settings; presets are named instances."""

    accepts: ClassVar[Signature | tuple[Signature, ...]]

    @classmethod
    def name(cls) -> str:
        return cls.__module__.rsplit(".", 1)[-1]

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        """The kinds of group that every answer of this method keeps exactly."""
        return ()

    @abc.abstractmethod
    def fit(self, task: Any, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Fitted:
        """Answer `task` within `budget`. Same key and a budget in steps: same bits."""

    def check(self, task: Task) -> None:
        """Raise `Invalid` where this method cannot answer `task`."""
        accepted = self.accepts if isinstance(self.accepts, tuple) else (self.accepts,)
        reasons = [one.mismatch(task) for one in accepted]
        if all(reasons):
            raise Invalid(
                must=f"method {self.name()} must accept the task {task.name()}",
                came=f"{self.name()} {'; or '.join(reasons)}",
                do=f"See which methods fit: erlangen show {task.name()}",
            )

    @property
    def fields(self) -> dict[str, Any]:
        """The settings, as they go into the record."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}  # type: ignore[arg-type]
