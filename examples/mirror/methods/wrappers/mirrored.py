"""Both mirror images of a field: an answer that keeps a reflection exactly, made from one that need not.

    f'(x) = (f(x) + R f(R x)) / 2,      R: x -> -x on a periodic grid, R R = 1

An average over a finite group commutes with it; it costs one evaluation for each element. Puny et al. 2022,
arXiv:2110.03336, eq. 1.
"""

from __future__ import annotations

import dataclasses

import equinox as eqx

from erlangen.contract import Predictor, Session, Wrapper
from erlangen.core.errors import Invalid
from erlangen.core.groups import Reflection, act
from erlangen.core.quantity import Quantity
from erlangen.core.systems import Field

MIRROR = Reflection()


class Both(Predictor):
    """The mean of an answer and of its mirror image."""

    inner: Predictor
    inputs: tuple[Quantity, ...] = eqx.field(static=True)
    outputs: tuple[Quantity, ...] = eqx.field(static=True)

    def __call__(self, x):
        straight, mirrored = self.inner(x), self.inner(act(MIRROR, 1, x, self.inputs))
        return {q.name: (straight[q.name] + MIRROR.act(1, q, mirrored[q.name])) / 2 for q in self.outputs}

    @property
    def bare(self):
        return self.inner.bare


@dataclasses.dataclass(frozen=True)
class Mirrored(Wrapper):
    """The method inside, asked twice."""

    @property
    def symmetry(self):
        return (*self.method.symmetry, Reflection)

    def check(self, task):
        super().check(task)
        if not issubclass(task.container, Field) or not any(isinstance(group, Reflection) for group in task.symmetry):
            raise Invalid(
                must="mirrored needs a question about fields that a reflection leaves as it is",
                came=f"{task.name()}, {task.container.__name__} under {[group.name for group in task.symmetry]}",
                do=f"Run {task.name()} without --wrap mirrored.",
            )

    def fit(self, task, budget, *, key, session=Session()):
        inner = self.method.fit(task, budget, key=key, session=session)
        return Both(inner, tuple(task.inputs), tuple(task.outputs))
