"""Distillation: the method inside learns to answer as a larger potential does, around the structures of a task.

    student = argmin  <loss on the labels of the teacher>      frames: training structures, strained and shaken

The teacher is a universal potential from a file (.nqx), or the answer of an earlier run (`--from RUN`); with neither,
the method inside is fitted to the task first and teaches itself, which shows what distilling alone costs. The teacher
labels as many frames as are asked for, which takes no density functional theory; then it is not needed any more. The
labels of the task serve for one thing: the energies of the elements, since two theories differ in their zero. What the
student can be is what the teacher is: its errors are learned too. A good student: ace, for one to three elements.
Hinton, Vinyals and Dean 2015, arXiv:1503.02531.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from erlangen.contract import (
    Budget,
    EnergySurface,
    Predictor,
    Resampled,
    Samples,
    Session,
    Split,
    Supervised,
    Task,
    Wrapper,
)
from erlangen.core.errors import Invalid, within
from erlangen.core.systems import Atoms
from erlangen.methods.foundation._nequix import SUFFIX, load_universal
from erlangen.methods.message_passing._potential import Potential
from erlangen.nn.elements import Elements

from ._potentials import check_potential

HELD_OUT = 0.1  # of the frames, to judge the student's fit


@dataclasses.dataclass(frozen=True)
class Distilled(Wrapper):
    """The method inside, fitted to the labels of a teacher."""

    teacher: str = ""  # file of a universal potential (.nqx); without it the answer of --from RUN
    frames: int = 0  # that the teacher labels; 0: two for each training structure
    strain: float = 0.02  # of their cells: standard deviation of each component
    shaken: float = 0.08  # A: standard deviation of displacements at random, the largest

    def __post_init__(self):
        within(self, frames=(0, 10**6), strain=(-1e-9, 0.2), shaken=(0.0, 1.0))
        if self.teacher and not self.teacher.endswith(SUFFIX):
            raise Invalid(
                must="a teacher is a universal potential in a file .nqx",
                came=self.teacher,
                do="Give such a file (erlangen data fetch nequix), or a run: --from RUN.",
            )

    @property
    def continues(self) -> bool:
        """From a run: its answer is the teacher."""
        return not self.teacher

    def check(self, task: Task) -> None:
        """Accept energies and forces of atoms."""
        super().check(task)
        check_potential(self, task)

    def fit(self, task: Any, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Predictor:
        """Let the teacher label, fit the student to that; labelling is part of the time."""
        first, draw, second = jax.random.split(key, 3)
        tick = time.perf_counter()
        teacher, budget = self._teacher(task, budget, first, session)
        seed, count = int(jax.random.randint(draw, (), 0, 2**31 - 1)), self.frames or 2 * len(task.truth("train"))
        labelling = time.perf_counter()
        with session.during(f"labels of the teacher for {count} frames") as tell:
            whole = self._labelled(teacher, task, count, seed, tell)
        session.labelled(self.teacher or "the teacher", count, time.perf_counter() - labelling)
        held = max(int(HELD_OUT * count), 1)
        order = np.random.default_rng(seed).permutation(count)
        parts: dict[Split, Samples] = {"train": whole.take(order[held:]), "validation": whole.take(order[:held])}
        question = Resampled(task, parts.__getitem__, symmetry=())
        if budget.seconds is not None:
            budget = Budget(seconds=max(budget.seconds - (time.perf_counter() - tick), 0.1 * budget.seconds))
        inside = dataclasses.replace(session.inside("student"), start=None)
        student = self.method.fit(question, budget, key=second, session=inside)
        return _with_zero_of(student, task.truth("train"))

    def _teacher(self, task: Any, budget: Budget, key: PRNGKeyArray, session: Session) -> tuple[EnergySurface, Budget]:
        """Whoever teaches, and the budget that the student is counted in."""
        if self.teacher:
            return load_universal(self.teacher), budget
        if session.start is None:
            session.say("no teacher was named: the method inside is fitted to the task first, and is it")
            half = budget.share(0.5)
            found: Any = self.method.fit(task, half, key=key, session=session.inside("teacher"))
            budget = budget if budget.seconds else half
        else:
            found = session.start.bare
        if not isinstance(found, EnergySurface):
            raise Invalid(
                must="a teacher answers with energies that can be differentiated",
                came=type(found).__name__,
                do="Write --teacher FILE.nqx, or --from RUN with the run of a potential.",
            )
        return found, budget

    def _labelled(self, teacher: EnergySurface, task: Supervised, count: int, seed: int, tell: Any) -> Samples:
        """Training structures in turn, each strained and shaken anew."""
        starts = task.truth("train").inputs
        names = [q.name for q in task.outputs]
        inputs: list[Any] = []
        labels: dict[str, list[Any]] = {name: [] for name in names}
        for i in range(count):
            rng = np.random.default_rng([seed, i])
            x = moved(starts[i % len(starts)], self.strain, rng.uniform(0.2, 1.0) * self.shaken, rng)
            found = teacher.mechanics(x)
            if not np.all(np.isfinite(found["forces"])):
                raise Invalid(
                    must="a teacher has finite forces for strained and shaken training structures",
                    came=f"NaN or infinity for one of {len(x.atomic_numbers)} atoms",
                    do="Take a teacher for these elements, or lower --strain and --shaken.",
                )
            inputs.append(x)
            for name in names:
                labels[name].append(np.asarray(found[name]))
            tell(i + 1, count)
        return Samples(inputs, labels)


def moved(x: Any, strain: float, shaken: float, rng: np.random.Generator) -> Atoms:
    """Positions displaced at random, and of what is periodic the cell strained with them."""
    symmetric = np.triu(strain * rng.standard_normal((3, 3)))
    symmetric = symmetric + np.triu(symmetric, 1).T
    deformed = np.eye(3) + (symmetric if np.any(x["pbc"]) else 0.0)
    positions = np.asarray(x["positions"], float)
    positions = (positions + shaken * rng.standard_normal(positions.shape)) @ deformed
    return Atoms(positions, np.asarray(x["atomic_numbers"]), np.asarray(x["cell"], float) @ deformed, x["pbc"])


def _with_zero_of(student: Any, train: Samples) -> Any:
    """The student with the energies of the elements that fit the labels of the task best, given its interaction."""
    if not isinstance(student, Potential):
        return student
    answer = jax.jit(lambda s, x: s.interaction(x))
    beyond = [float(answer(student, student.prepare(x))) for x in train.inputs]  # type: ignore[arg-type]
    rest = np.array([float(e) for e in train.outputs["energy"]]) - np.array(beyond)
    elements = Elements.from_counts([np.asarray(x["atomic_numbers"]) for x in train.inputs], rest)
    return dataclasses.replace(student, elements=elements)
