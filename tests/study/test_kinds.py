"""Kinds of question: sampling and optimisation are measured rightly, answers of another kind are refused."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from erlangen.assess import two_samples
from erlangen.contract import (
    Answer,
    Derived,
    Method,
    Minimiser,
    Optimisation,
    Predictor,
    ReferenceSolver,
    Sampler,
    Samples,
    Sampling,
    Score,
    Session,
    Shift,
    Signature,
    Supervised,
)
from erlangen.contract.tasks import Outputs
from erlangen.core.errors import Invalid
from erlangen.core.groups import Orthogonal
from erlangen.core.quantity import Quantity, vector
from erlangen.core.systems import Atoms, System
from erlangen.methods.baselines.empirical import Empirical
from erlangen.study.run import run

STEP = Quantity("step", "d", "A", "", vector, label="displacement")


def distance(drawn: list[Any], true: list[Any]) -> float:
    return max(two_samples.energy_distance(two_samples.columns(drawn), two_samples.columns(true)), 0.0)


def at(r: Any) -> Atoms:
    return Atoms(np.asarray(r, float)[None], np.array([1]))


@dataclasses.dataclass(frozen=True)
class Brownian(Sampling):
    """A step of length `size` from a place: y ~ N(r, size^2), the same law in every direction."""

    size: float = 1.0
    count: int = 200

    container: ClassVar = Atoms
    inputs: ClassVar = (Quantity("positions", "r", "A", "atoms", vector), Quantity("atomic_numbers", "Z", "1", "atoms"))
    outputs: ClassVar = (STEP,)

    @property
    def symmetry(self):
        return (Orthogonal(),)

    @property
    def scores(self):
        return (Score("energy_distance", "step", distance, "A", "energy distance", of_set=True),)

    @property
    def shifts(self):
        return (Shift("size", (2.0,)),)

    @property
    def solvers(self):
        def solve(x, count):
            rng = np.random.default_rng(5)
            return {"step": x["positions"][0] + self.size * rng.normal(size=(count, 3))}

        return (ReferenceSolver("exact law", "draws", (20, self.count), solve),)

    def truth(self, split):
        rng = np.random.default_rng(("train", "validation", "calibration", "test").index(split))
        places = rng.normal(size=(3, 3))
        rows = [(place, i) for i, place in enumerate(places) for _ in range(self.count)]
        draws = [place + self.size * rng.normal(size=3) for place, _ in rows]
        return Samples([at(place) for place, _ in rows], {"step": draws}, np.array([i for _, i in rows]))


class Gaussian(Sampler):
    size: Array
    along: Array  # what is added to every draw: an axis that the answer prefers

    def sample(self, x: System, *, key: Any) -> Outputs:
        r = jnp.asarray(x["positions"])[0]
        return {"step": r + self.size * jax.random.normal(key, (3,), r.dtype) + self.along}


@dataclasses.dataclass(frozen=True)
class Fitted(Method):
    size: float = 1.0
    along: float = 0.0

    accepts: ClassVar = Signature(Sampling, Atoms)

    @property
    def symmetry(self):
        return (Orthogonal,)

    def fit(self, task, budget, *, key, session=Session()):
        return Gaussian(jnp.float32(self.size), jnp.array([0.0, 0.0, self.along], jnp.float32))


@pytest.fixture(autouse=True)
def named(monkeypatch):
    """Classes of this file are found by their name, like those of any room."""
    for kind in (Brownian, Well, Steepness):
        monkeypatch.setattr(kind, "name", classmethod(lambda cls: f"test/{cls.__name__.lower()}"))


def test_a_sampler_with_the_true_law_scores_like_chance_and_one_that_knows_no_input_does_not(tmp_path):
    right = run(Brownian(), Fitted(), budget="1steps", runs=tmp_path, quiet=True).record
    wrong = run(Brownian(), Empirical(), budget="1steps", runs=tmp_path, quiet=True).record
    exact = next(row for row in right.solvers if row.setting == 200)
    assert right.scores[0].value < 3 * exact.scores["energy_distance"] + 0.02 < 0.2 < wrong.scores[0].value
    (covered,) = right.coverage
    assert abs(covered.coverage - 0.9) < 0.03 and covered.kind == "middle of the draws"
    assert right.shifts[0].scores[0].value > 5 * right.scores[0].value and right.scores[0].by.startswith("bootstrap")
    assert right.cost.query_seconds > 0 and right.data["samples"]["test"] == 600


def test_a_sampler_that_prefers_an_axis_is_caught_by_its_certificate(tmp_path):
    fair = run(Brownian(), Fitted(), budget="1steps", runs=tmp_path, quiet=True).record
    unfair = run(Brownian(), Fitted(along=1.5), budget="1steps", runs=tmp_path, quiet=True).record
    assert [row.error <= row.tolerance and row.declared for row in fair.symmetry] == [True]
    assert unfair.symmetry[0].error > 2 and any("step" in line for line in unfair.messages)


class Constant(Predictor):
    value: Array

    def __call__(self, x: System) -> Outputs:
        return {"step": self.value}


@dataclasses.dataclass(frozen=True)
class Predicts(Fitted):
    def fit(self, task, budget, *, key, session=Session()):
        return Constant(jnp.zeros(3))


def test_a_method_that_gives_no_samples_where_samples_are_asked_is_told(tmp_path):
    with pytest.raises(Invalid, match=r"\(Sampling\) is a Sampler; came: .*answered with Constant, a Predictor"):
        run(Brownian(), Predicts(), budget="1steps", runs=tmp_path, quiet=True)


@dataclasses.dataclass(frozen=True)
class Well(Optimisation):
    """The lowest place of a quadratic well around the origin, steepness k of each direction: y = 0, objective 0."""

    k: float = 2.0

    container: ClassVar = Atoms
    inputs: ClassVar = Brownian.inputs
    outputs: ClassVar = (STEP,)

    @property
    def symmetry(self):
        return (Orthogonal(),)

    @property
    def solvers(self):
        return (
            ReferenceSolver("damped steps", "steps", (1, 20), lambda x, n: {"step": -x["positions"][0] * (1 - 0.5**n)}),
        )

    def problems(self, split):
        rng = np.random.default_rng(("train", "validation", "calibration", "test").index(split))
        return [at(rng.normal(size=3)) for _ in range(6)]

    def objective(self, x, y):
        if not np.all(np.isfinite(y["step"])):
            return float("inf")
        return float(self.k * np.sum((np.asarray(x["positions"])[0] + np.asarray(y["step"])) ** 2))

    def best(self, x):
        return {"step": -np.asarray(x["positions"])[0]}


@dataclasses.dataclass(frozen=True)
class Steepness(Supervised):
    """Forces in the well: the question whose answer can be followed downhill."""

    k: float = 2.0

    container: ClassVar = Atoms
    inputs: ClassVar = Brownian.inputs
    outputs: ClassVar = (Quantity("force", "F", "eV/A", "", vector),)
    symmetry: ClassVar = (Orthogonal(),)
    scores: ClassVar = ()

    def truth(self, split):
        inputs = Well(self.k).problems(split)
        return Samples(inputs, {"force": [-2 * self.k * x["positions"][0] for x in inputs]})


class Linear(Predictor):
    matrix: Array

    def __call__(self, x: System) -> Outputs:
        return {"force": self.matrix @ jnp.asarray(x["positions"])[0].astype(self.matrix.dtype)}


@dataclasses.dataclass(frozen=True)
class LinearForces(Method):
    accepts: ClassVar = Signature(Supervised, Atoms, frozenset({"force"}))

    @property
    def symmetry(self):
        return (Orthogonal,)

    def fit(self, task, budget, *, key, session=Session()):
        train = task.truth("train")
        r = np.stack([x["positions"][0] for x in train.inputs])
        return Linear(jnp.asarray(np.linalg.lstsq(r, np.stack(train.outputs["force"]), rcond=None)[0].T))


class Downhill(Minimiser):
    force: Predictor
    rate: float

    def minimise(self, x: System, *, key: Any) -> Outputs:
        start = jnp.asarray(x["positions"])

        def step(r: Array, _: None) -> tuple[Array, None]:
            return r + self.rate * self.force(x.replace(positions=r))["force"], None

        end, _ = jax.lax.scan(step, start, None, length=200)
        return {"step": (end - start)[0]}


@dataclasses.dataclass(frozen=True)
class Relaxed(Derived):
    """A search made from forces."""

    method: Method = LinearForces()
    rate: float = 0.1

    accepts: ClassVar = Signature(Optimisation, Atoms)

    @property
    def symmetry(self):
        return self.method.symmetry

    def other(self, task):
        return Steepness(task.k)

    def derive(self, answer: Answer, task):
        return Downhill(answer, self.rate)


def test_a_method_for_forces_becomes_one_that_relaxes_and_its_end_points_are_judged_by_the_task(tmp_path):
    record = run(Well(), Relaxed(), budget="1steps", runs=tmp_path, quiet=True).record
    assert record.score("gap").value == pytest.approx(0, abs=1e-10) and record.score("allowed").value == 100
    assert all(row.error < row.tolerance and row.declared for row in record.symmetry)
    one, many = record.solvers
    assert one.scores["objective"] > 1e6 * many.scores["objective"] > 0
    stuck = run(Well(), Relaxed(rate=0.0), budget="1steps", runs=tmp_path, quiet=True).record
    starts = [2.0 * float(np.sum(x["positions"] ** 2)) for x in Well().problems("test")]
    assert stuck.score("gap").value == pytest.approx(np.mean(starts))


def test_a_search_that_diverges_is_not_averaged_away(tmp_path):
    record = run(Well(), Relaxed(rate=1e30), budget="1steps", runs=tmp_path, quiet=True).record
    assert [one.name for one in record.scores] == ["allowed"] and record.score("allowed").value == 0


def test_a_score_of_a_whole_set_is_one_number_with_a_bootstrap_bar(tmp_path):
    from erlangen.assess.metrics import estimate

    rng = np.random.default_rng(0)
    true = rng.normal(size=400)
    noisy = true + rng.normal(size=400)
    score = Score("correlation", "y", lambda p, t: float(np.corrcoef(p, t)[0, 1]), "1", of_set=True)
    samples = Samples([at(np.zeros(3))] * 400, {"y": list(true)})
    found = estimate(score, {"y": list(noisy)}, samples, key=jax.random.key(0))
    assert found.value == pytest.approx(0.5**0.5, abs=0.05)
    assert found.error == pytest.approx((1 - 0.5) / 400**0.5, rel=0.4)  # Fisher: (1 - rho^2) / sqrt(n)
