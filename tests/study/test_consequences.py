"""What follows from an answer as a whole: scores, opponents, a picture; what cannot be asked is said and left out."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from erlangen import registry
from erlangen.assess.metrics import absolute
from erlangen.contract import Consequence, Curve, Predictor, Score
from erlangen.numerics.mechanics import Surface
from erlangen.study.run import run

TIMES = np.arange(3.0)


def _decay(rates: list[float]) -> dict[str, list[np.ndarray]]:
    return {"time": [TIMES] * len(rates), "decay": [np.exp(-rate * TIMES) for rate in rates]}


def _fails() -> dict[str, list[np.ndarray]]:
    raise RuntimeError("no licence")


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    one = Consequence(
        "decay",
        needs=Predictor,
        derive=lambda answer, key: _decay([1.1, 2.0]),
        true=lambda: _decay([1.0, 2.0]),
        scores=(Score("decay_error", "decay", absolute, "1", factor=100),),
        curves=(Curve("Decay", "time", "decay", (("time", "s"), ("amplitude", "1"))),),
        opponents={"slower": lambda: _decay([0.5, 2.0]), "foreign": _fails},
    )
    other = Consequence("forces", Surface, derive=lambda answer, key: {}, true=dict, scores=())
    burgers = registry.load_task("continuum/burgers")

    class Followed(burgers):
        """Burgers, and what follows."""

        consequences: ClassVar = (one, other)

        @classmethod
        def name(cls) -> str:
            return "continuum/burgers"

    task = Followed(n=16, viscosity=0.2, count=50, horizon=3)
    return run(task, "persistence", runs=tmp_path_factory.mktemp("runs"), quiet=True)


def test_scores_of_cases_are_in_the_record_with_their_error(done):
    score = done.record.score("decay_error")
    gap = 100 * np.mean(np.abs(np.exp(-1.1 * TIMES) - np.exp(-TIMES)))
    assert score.value == pytest.approx(gap / 2) and score.error > 0
    with np.load(done.folder / "arrays.npz") as arrays:
        assert arrays["scores/decay_error"].tolist() == pytest.approx([gap / 100, 0.0])


def test_opponents_are_judged_and_those_that_fail_are_said(done):
    (row,) = [row for row in done.record.solvers if row.name == "decay"]
    assert row.setting == "slower" and row.scores["decay_error"] > done.record.score("decay_error").value
    said = " ".join(done.record.messages)
    assert "foreign is left out of decay: RuntimeError: no licence" in said
    assert "forces is not judged: it takes an answer that is a Surface" in said


def test_truth_answer_and_opponents_are_drawn(done):
    (panel,) = [panel for panel in done.record.panels if panel.title == "Decay"]
    assert [(one.label, one.look) for one in panel.series] == [
        ("truth", "truth"),
        ("answer", "answer"),
        ("slower", "solver"),
    ]
