"""Methods: a way to answer, which tasks it accepts, and methods that are made from methods."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any, ClassVar

from jaxtyping import PRNGKeyArray

from ..core.errors import Invalid
from ..core.groups import Group
from ..core.systems import System
from .answers import Answer
from .parts import Budget, InItsFile, Session
from .tasks import Asked, GroundState, Supervised, Task, Variational


@dataclasses.dataclass(frozen=True)
class Signature:
    """What a method can answer: the kind of task, the container of its input (`System`: any), outputs that must be
    asked for (and no others, where `alone`), what is asked about a Hamiltonian, and the law on which the method builds.
    axes: what every output belongs to ("grid": fields alone; "": one value, or classes, for the whole).
    classes: whether it can say how likely classes are.
    """

    kind: type[Task]
    container: type[System]
    outputs: frozenset[str] = frozenset()
    asked: type[Asked] = GroundState
    law: type | None = None
    alone: bool = False
    axes: str | None = None
    classes: bool = False

    def mismatch(self, task: Task) -> str:
        """Why `task` is not accepted; empty where it is."""
        if not isinstance(task, self.kind):
            return f"needs a task of kind {self.kind.__name__}, {task.name()} is {kind_of(task)}"
        if not issubclass(task.container, self.container):
            return f"needs {self.container.__name__} as input, {task.name()} gives {task.container.__name__}"
        if isinstance(task, Variational) and not isinstance(task.asked, self.asked):
            return f"answers {self.asked.__name__}, {task.name()} asks for {type(task.asked).__name__}"
        if self.law and not isinstance(task.law, self.law):
            return f"builds on a law of kind {self.law.__name__}, of which {task.name()} has none"
        elsewhere = [q.name for q in task.outputs if self.axes is not None and q.axes != self.axes]
        if elsewhere:
            return f"answers with {f'values per {self.axes}' if self.axes else 'single values'}, {elsewhere} are none"
        named = [q.name for q in task.outputs if q.classes and not self.classes]
        if named:
            return f"answers with numbers, {named} are classes"
        missing = self.outputs - {q.name for q in task.outputs}
        if missing:
            return f"needs the outputs {sorted(missing)}"
        more = {q.name for q in task.outputs} - self.outputs if self.alone else ()
        return f"answers {sorted(self.outputs)} alone, {task.name()} asks for {sorted(more)} too" if more else ""


def kind_of(task: Task | type[Task]) -> str:
    """The kind of question that a task is: the nearest of its classes that says how answers are measured."""
    kinds = (task if isinstance(task, type) else type(task)).__mro__
    return next(k.__name__ for k in kinds if "measure" in vars(k) or k.__module__ == Task.__module__)


class Method(InItsFile, abc.ABC):
    """A way to answer. Subclasses are frozen dataclasses of at most eight settings; presets are named instances."""

    accepts: ClassVar[Signature | tuple[Signature, ...]]

    @classmethod
    def name(cls) -> str:
        """What it is called on the command line: the name of its file."""
        return cls.__module__.rsplit(".", 1)[-1]

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        """The kinds of group that every answer of this method keeps exactly."""
        return ()

    @property
    def continues(self) -> bool:
        """Whether a fit can begin from an earlier answer (`Session.start`)."""
        return False

    @abc.abstractmethod
    def fit(self, task: Any, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Any:
        """An answer to `task`, of the type that the task asks for, within `budget`. Same key and a budget in steps:
        same bits.
        """

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
    """A method made from one other method for the same question, of which it accepts and keeps what that accepts and
    keeps.
    """

    method: Method

    needs: ClassVar[tuple[type[Task], str]] = Supervised, "a task with input-output pairs"
    """The kind of tasks for which it can do something, in types and in words."""

    @property
    def accepts(self) -> Any:  # type: ignore[override]
        return self.method.accepts

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return self.method.symmetry

    @property
    def continues(self) -> bool:
        return self.method.continues

    def check(self, task: Task) -> None:
        """Raise `Invalid` where the method inside cannot answer `task`, or this wrapper has nothing to do there."""
        self.method.check(task)
        kind, words = self.needs
        if not isinstance(task, kind):
            raise Invalid(
                must=f"{self.name()} needs {words}",
                came=f"{task.name()}, of kind {kind_of(task)}",
                do=f"Run {task.name()} without --wrap {self.name()}.",
            )


class Derived(Method):
    """A method for one question made from a method for another: a potential that relaxes, vibrates, docks.

    Subclasses have a setting `method`, say which other question that answers, and what its answer is good for here.
    """

    method: Method

    @abc.abstractmethod
    def other(self, task: Any) -> Task:
        """The question that `method` is fitted to."""

    @abc.abstractmethod
    def derive(self, answer: Any, task: Any) -> Answer:
        """An answer to `task` from one to the other question."""

    def check(self, task: Task) -> None:
        """Raise `Invalid` where this method does not fit, or the method inside not to the other question."""
        super().check(task)
        self.method.check(self.other(task))

    def fit(self, task: Any, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Any:
        return self.derive(self.method.fit(self.other(task), budget, key=key, session=session), task)
