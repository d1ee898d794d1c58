"""Answers: a method, which tasks it accepts, and what it gives: a pure function of one sample and what more it can."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import equinox as eqx
import jax
from jaxtyping import Array, PRNGKeyArray

from ..core.errors import Invalid
from ..core.groups import Group
from ..core.systems import System
from .parts import Budget, Outputs, Session
from .tasks import Supervised, Task


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

    def path(self, x: System, steps: int, feed: Callable[[System, Outputs], System]) -> Outputs:
        """Outputs [steps, ...] after 1, 2, ... steps of an evolution: the answer to the answer, as `feed` makes it an
        input. An answer that keeps more on its way than its outputs tell has a path of its own.
        """

        def step(state: System, _: None) -> tuple[System, Outputs]:
            outputs = self(state)
            return feed(state, outputs), outputs

        return jax.lax.scan(step, x, None, length=steps)[1]


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


@dataclasses.dataclass(frozen=True)
class Wrapper(Method):
    """A method made from one other method, of which it accepts and keeps what that accepts and keeps."""

    method: Method

    needs: ClassVar[tuple[type[Task], str]] = Supervised, "a task with input-output pairs"
    """The kind of tasks for which it can do something, in types and in words."""

    @property
    def accepts(self) -> Any:  # type: ignore[override]
        return self.method.accepts

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return self.method.symmetry

    def check(self, task: Task) -> None:
        """Raise `Invalid` where the method inside cannot answer `task`, or this wrapper has nothing to do there."""
        self.method.check(task)
        kind, words = self.needs
        if not isinstance(task, kind):
            raise Invalid(
                must=f"{self.name()} needs {words}",
                came=f"{task.name()}, of kind {type(task).__mro__[1].__name__}",
                do=f"Run {task.name()} without --wrap {self.name()}.",
            )
