"""What follows from an answer as a whole (`contract.Consequence`): its scores, its opponents, its pictures."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jaxtyping import PRNGKeyArray

from ...assess import metrics
from ...assess.rows import Estimate, SolverRow
from ...contract import Consequence, Predictor, Quantities, Samples, Score
from ..finished import Finished
from ..panels import Drawn


def measure(fit: Finished) -> dict[str, np.ndarray]:
    """Scores and opponents of every consequence into the record; returns the values of each case for paired
    comparisons. One that the answer cannot be asked for is left out, with a word.
    """
    arrays: dict[str, np.ndarray] = {}
    for i, one in enumerate(fit.task.consequences):
        answer, key = _able(fit.answer, one.needs), jax.random.fold_in(fit.key, i)
        if answer is None:
            fit.say(f"{one.name} is not judged: it takes an answer that is a {one.needs.__name__}")
            continue
        with fit.judging.part(one.name):
            true, tick = one.true(), time.perf_counter()
            found = one.derive(answer, key=key)
            fit.say(f"{one.name}: derived in {time.perf_counter() - tick:.1f} s")
            for score in one.scores:
                values, estimate = _judged(score, found, true, key)
                arrays[f"scores/{score.name}"] = values
                fit.record.scores.append(estimate)
            others = _opponents(fit, one, true)
            _draw(fit, one, {"truth": true, "answer": found, **others})
    return arrays


def _able(answer: Predictor, needs: type) -> Any:
    """The answer, or what is inside of intervals and spreads around it, that can do what is needed."""
    return next((one for one in (answer, answer.bare) if isinstance(one, needs)), None)


def _judged(score: Score, found: Quantities, true: Quantities, key: PRNGKeyArray) -> tuple[np.ndarray, Estimate]:
    cases = Samples([None] * len(true[score.quantity]), true)  # type: ignore[list-item]
    values = metrics.per_sample(score, found, cases)
    return values, metrics.estimate_of(score, values, key=key)


def _opponents(fit: Finished, one: Consequence, true: Quantities) -> dict[str, Quantities]:
    """What others give, with what it cost; those that fail are said and left out."""
    answered = {}
    for name, derive in one.opponents.items():
        tick = time.perf_counter()
        try:
            answered[name] = found = derive()
        except Exception as error:  # a foreign code may fail in any way
            fit.say(f"{name} is left out of {one.name}: {type(error).__name__}: {' '.join(str(error).split())}")
            continue
        seconds = time.perf_counter() - tick
        judged = [_judged(score, found, true, fit.key)[1] for score in one.scores if score.quantity in found]
        scores, errors = ({e.name: v for e, v in zip(judged, column)} for column in _columns(judged))
        fit.record.solvers.append(SolverRow(one.name, "by", name, seconds, scores, errors))
    return answered


def _columns(judged: list[Estimate]) -> tuple[list[float], list[float]]:
    return [one.value for one in judged], [one.error for one in judged]


def _draw(fit: Finished, one: Consequence, answered: Mapping[str, Quantities]) -> None:
    """The curves of the first case, of truth, answer and opponents."""
    for curve in one.curves:
        drawn: list[Drawn] = []
        for label, found in answered.items():
            if curve.x in found and curve.y in found:
                look = label if label in ("truth", "answer") else "solver"
                x, y = np.asarray(found[curve.x][0], float), np.asarray(found[curve.y][0], float)
                lines = y.reshape(len(x), -1).T
                drawn += [(label if k == 0 else "", look, {"x": x, "y": line}) for k, line in enumerate(lines)]
        fit.sheet.add("curve", f"{one.name}: {curve.title}", curve.title, curve.axes, *drawn, caption=curve.caption)
