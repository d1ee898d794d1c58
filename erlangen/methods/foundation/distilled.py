"""Distillation: a small potential that answers as a large one does, around the structures of a task.

    student = argmin  <loss on the labels of the teacher>      frames: training structures, strained and shaken

The teacher is a universal potential from a file (.nqx), or the answer of an earlier run (`--from RUN`). It labels as
many frames as are asked for, which takes no density functional theory; then it is not needed any more. The labels of
the task are used for one thing: the energies of isolated elements, since two theories differ in their zero. What the
student can be is what the teacher is: its errors are learned too. Good students: ace, in the time of its labels, for
one to three elements; painn. Hinton, Vinyals and Dean 2015, arXiv:1503.02531.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from ...contract import Budget, EnergySurface, Method, Predictor, Samples, Session, Signature, Split, Supervised
from ...core.errors import Invalid, within
from ...core.groups import Group, LatticeBasis, LatticeTranslations, Orthogonal, Permutations, Translations
from ...core.systems import Atoms
from ...nn.elements import Elements
from ..linear.ace import LinearExpansion
from ..message_passing._potential import Potential
from ..message_passing.mace import MACE
from ..message_passing.painn import PaiNN
from ._nequix import SUFFIX, load_universal

STUDENTS: Mapping[str, Method] = {
    "ace": LinearExpansion(),
    "mace": MACE(channels=16, density=2),
    "painn": PaiNN(channels=32),
}
HELD_OUT = 0.1  # of the frames, to judge the student's fit


class OfTeacher(Supervised):
    """Frames around those of another task with the labels of a teacher; two splits."""

    container = Atoms

    def __init__(self, task: Supervised, parts: dict[Split, Samples]):
        self.inputs, self.outputs, self.parts = task.inputs, task.outputs, parts  # type: ignore[misc]

    @property
    def symmetry(self) -> tuple[Group, ...]:
        return ()

    def truth(self, split: Split) -> Samples:
        return self.parts[split]


@dataclasses.dataclass(frozen=True)
class Distilled(Method):
    """A small potential fitted to the labels of a large one."""

    teacher: str = ""  # file of a universal potential (.nqx); without it the answer of --from RUN
    student: str = "ace"  # ace, mace or painn
    frames: int = 400  # that the teacher labels
    strain: float = 0.02  # of their cells: standard deviation of each component
    shaken: float = 0.08  # A: standard deviation of displacements at random, the largest

    accepts: ClassVar[Signature] = Signature(Supervised, Atoms, frozenset({"energy", "forces"}))

    def __post_init__(self):
        within(self, frames=(10, 10**6), strain=(-1e-9, 0.2), shaken=(0.0, 1.0))
        if self.student not in STUDENTS:
            raise Invalid(must=f"student is one of {list(STUDENTS)}", came=self.student, do="Write --student ace.")

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (Orthogonal, Translations, Permutations, LatticeBasis, LatticeTranslations)

    @property
    def continues(self) -> bool:
        """From a run: its answer is the teacher."""
        return not self.teacher

    def fit(self, task: Supervised, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Predictor:
        """Let the teacher label, fit the student to that; labelling is part of the time."""
        tick = time.perf_counter()
        teacher = self._teacher(session)
        draw, second = jax.random.split(key)
        seed = int(jax.random.randint(draw, (), 0, 2**31 - 1))
        with session.during(f"labels of the teacher for {self.frames} frames") as tell:
            whole = self._labelled(teacher, task, seed, tell)
        seconds = time.perf_counter() - tick
        session.labelled(self.teacher or "the earlier run", self.frames, seconds)
        held = max(int(HELD_OUT * self.frames), 1)
        order = np.random.default_rng(seed).permutation(self.frames)
        question = OfTeacher(task, {"train": whole.take(order[held:]), "validation": whole.take(order[:held])})
        left = budget if budget.seconds is None else Budget(seconds=max(budget.seconds - seconds, 0.1 * budget.seconds))
        inside = dataclasses.replace(session.inside("student"), start=None)
        student = STUDENTS[self.student].fit(question, left, key=second, session=inside)
        return _with_zero_of(student, task.truth("train"))

    def _teacher(self, session: Session) -> EnergySurface:
        if self.teacher:
            if not self.teacher.endswith(SUFFIX):
                raise Invalid(
                    must="a teacher is a universal potential in a file .nqx",
                    came=self.teacher,
                    do="Give such a file (erlangen data fetch nequix), or a run: --from RUN.",
                )
            return load_universal(self.teacher)
        found = session.start.bare if session.start else None
        if not isinstance(found, EnergySurface):
            raise Invalid(
                must="a teacher answers with energies that can be differentiated",
                came="no teacher" if found is None else type(found).__name__,
                do="Write --teacher FILE.nqx, or --from RUN with the run of a potential.",
            )
        return found

    def _labelled(self, teacher: EnergySurface, task: Supervised, seed: int, tell: Any) -> Samples:
        """Training structures in turn, each strained and shaken anew."""
        starts = task.truth("train").inputs
        names = [q.name for q in task.outputs]
        inputs: list[Any] = []
        labels: dict[str, list[Any]] = {name: [] for name in names}
        for i in range(self.frames):
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
            tell(i + 1, self.frames)
        return Samples(inputs, labels)


def moved(x: Any, strain: float, shaken: float, rng: np.random.Generator) -> Atoms:
    """Positions displaced at random, and of what is periodic the cell strained with them."""
    symmetric = np.triu(strain * rng.standard_normal((3, 3)))
    symmetric = symmetric + np.triu(symmetric, 1).T
    deformed = np.eye(3) + (symmetric if np.any(x["pbc"]) else 0.0)
    positions = np.asarray(x["positions"], float)
    positions = (positions + shaken * rng.standard_normal(positions.shape)) @ deformed
    return Atoms(positions, np.asarray(x["atomic_numbers"]), np.asarray(x["cell"], float) @ deformed, x["pbc"])


def _with_zero_of(student: Potential, train: Samples) -> Potential:
    """The student with the energies of the elements that fit the labels of the task best, given its interaction."""
    answer = jax.jit(lambda s, x: s.interaction(x))
    beyond = [float(answer(student, student.prepare(x))) for x in train.inputs]  # type: ignore[arg-type]
    rest = np.array([float(e) for e in train.outputs["energy"]]) - np.array(beyond)
    elements = Elements.from_counts([np.asarray(x["atomic_numbers"]) for x in train.inputs], rest)
    return dataclasses.replace(student, elements=elements)


small = Distilled(frames=20)
base = Distilled()
