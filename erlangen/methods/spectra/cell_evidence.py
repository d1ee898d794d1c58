"""Cells of all lattices as descriptors of a pattern, with a forest behind them that weighs their evidence.

    x: for each lattice the evidence of its best cell, its lines, misfit and volume; absences    (physics.cell_features)
    p(class) = mean over trees of the shares in the leaf of x,   numbers: mean of leaves, of logarithms if positive

Of a task that asks for a crystal system and the lengths a, b, c, p is the mean with the posterior of the lattices,
which needs no samples, and the lengths are those of the best cell in the likeliest system. Where an input `first` says
the angle of the first point [degree] the grid begins there. Peaks are searched and indexed outside of compiled code; no
gradient with respect to the pattern.
Extremely randomised trees: Geurts, Ernst and Wehenkel 2006, doi:10.1007/s10994-006-6226-1.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from erlangen.contract import Budget, Method, Outputs, Predictor, Samples, Session, Signature, Supervised, Task
from erlangen.core.detector_groups import Gain
from erlangen.core.errors import within
from erlangen.core.groups import Group
from erlangen.core.systems import Field, System
from erlangen.nn.forest import Forest
from erlangen.physics.cell_features import FEATURES, PER_LATTICE, describe
from erlangen.physics.diffraction import wavelengths
from erlangen.physics.random_crystals import SYSTEMS

from ._patterns import check_one_pattern

LENGTHS = ("a", "b", "c")
LEAST, PER_STEP = 24, 8  # patterns that are indexed whatever the budget; patterns for one step of a budget in steps
SIZE = FEATURES + 3 * len(SYSTEMS)


class Indexed(Predictor):
    """The trained answer."""

    forest: Forest
    outputs: tuple[tuple[str, int, bool], ...] = eqx.field(static=True)  # name, classes (0: a number), of a logarithm
    from_cells: bool = eqx.field(static=True)  # whether a, b, c are those of cells
    source: str = eqx.field(static=True)
    radiation: str = eqx.field(static=True)

    def __call__(self, x: System) -> Outputs:
        found = self._described(x)
        mean = jnp.mean(self.forest(found[:FEATURES]), 0)
        answers: dict[str, Array] = {}
        start = 0
        for name, classes, is_log in self.outputs:
            value = mean[start : start + max(classes, 1)]
            start += max(classes, 1)
            answers[name] = value / jnp.sum(value) if classes else (jnp.exp(value[0]) if is_log else value[0])
        if self.from_cells:
            posterior = found[1 : PER_LATTICE * len(SYSTEMS) : PER_LATTICE]
            answers["system"] = 0.5 * (answers["system"] + posterior / jnp.sum(posterior))
            rows = found[FEATURES:].reshape(len(SYSTEMS), 3)[jnp.argmax(answers["system"])]
            answers |= {name: rows[i] for i, name in enumerate(LENGTHS)}
        return answers

    def _described(self, x: System) -> Float[Array, " features"]:
        """Features and lengths, in single precision whatever the pattern came in."""
        step, radiation = float(x["spacing"][0]), self.radiation
        first = x["parameters"].get("first", step)

        def compute(y: Any, begin: Any) -> np.ndarray:
            y = np.asarray(y, float)
            y = y / max(float(y.max()), 1e-30)
            two_theta = float(begin) + step * np.arange(len(y))
            features, lengths = describe(two_theta, y, radiation)
            return np.concatenate([features, lengths.ravel()]).astype(np.float32)

        answer = jax.ShapeDtypeStruct((SIZE,), jnp.float32)
        given = jnp.asarray(x[self.source], jnp.float32), jnp.asarray(first, jnp.float32)
        return jax.pure_callback(compute, answer, *given, vmap_method="sequential")


@dataclasses.dataclass(frozen=True)
class CellEvidence(Method):
    """Indexing in every lattice, weighed by a forest."""

    trees: int = 300
    leaf: int = 2  # samples in a leaf, at least
    most: int = 1500  # training patterns that are indexed, if the budget allows
    radiation: str = "CuKa"

    accepts: ClassVar[Signature] = Signature(Supervised, Field, axes="", classes=True)

    def __post_init__(self):
        within(self, trees=(1, 10**4), leaf=(1, 10**4), most=(LEAST, 10**6))
        wavelengths(self.radiation)

    @property
    def symmetry(self) -> tuple[type[Group], ...]:
        return (Gain,)

    def check(self, task: Task) -> None:
        """Patterns of one axis."""
        super().check(task)
        check_one_pattern(self, task)

    def fit(self, task: Supervised, budget: Budget, *, key: PRNGKeyArray, session: Session = Session()) -> Indexed:
        from sklearn.ensemble import ExtraTreesRegressor

        train = task.truth("train")
        source = next(q.name for q in task.inputs if q.axes == "grid")
        outputs = tuple((q.name, len(q.classes), _is_positive(train, q)) for q in task.outputs)
        named = {name: classes for name, classes, _ in outputs}
        systems = next((q.classes for q in task.outputs if q.name == "system"), ())
        from_cells = tuple(systems) == SYSTEMS and set(LENGTHS) <= set(named)
        blank = Indexed(None, outputs, from_cells, source, self.radiation)  # type: ignore[arg-type]
        found = self._indexed(blank, train, budget, session)
        targets = np.concatenate([_column(train, *one)[: len(found)] for one in outputs], 1)
        seed = int(jax.random.randint(key, (), 0, 2**31 - 1))
        forest = ExtraTreesRegressor(self.trees, min_samples_leaf=self.leaf, max_features=0.4, random_state=seed)
        forest.fit(found, targets if targets.shape[1] > 1 else targets[:, 0])
        return dataclasses.replace(blank, forest=Forest.of(forest))

    def _indexed(self, blank: Indexed, train: Samples, budget: Budget, session: Session) -> np.ndarray:
        """Features of the first training patterns, as many as the budget allows."""
        most = min(self.most, len(train))
        if budget.steps:
            most = min(most, max(PER_STEP * budget.steps, LEAST))
        start, found = time.monotonic(), []
        with session.during("indexing training patterns") as tell:
            for i, x in enumerate(train.inputs[:most]):
                found.append(np.asarray(blank._described(x))[:FEATURES])
                tell(i + 1, most)
                if budget.seconds and i + 1 >= LEAST and time.monotonic() - start > 0.9 * budget.seconds:
                    break
        session.say(f"{len(found)} of {len(train)} training patterns were indexed")
        return np.array(found)


def _is_positive(samples: Samples, q: Any) -> bool:
    """Whether a number is fitted by its logarithm."""
    return not q.classes and bool(np.all(np.asarray(samples.outputs[q.name], float) > 0))


def _column(samples: Samples, name: str, classes: int, is_log: bool) -> np.ndarray:
    """Targets [samples, classes or 1]."""
    values = np.asarray(samples.outputs[name], float).reshape(len(samples), -1)
    return np.log(values) if is_log else values
