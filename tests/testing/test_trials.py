"""Trials are exact solutions with the symmetries that they declare; rules for samplers and searches find faults."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from erlangen.contract import Density, Method, Minimiser, Optimisation, Sampling, Session, Signature, Supervised
from erlangen.core.groups import Shifts
from erlangen.core.systems import Field
from erlangen.testing import Case, ContractBroken, answer_checks, trials
from erlangen.testing.cases import concerned
from erlangen.testing.suite import PAIR_RULES, SUPERVISED_RULES

EVERY = [trial for trial in trials.trials() if isinstance(trial, Supervised)]


JUDGED = [(trial, rule) for trial in EVERY for rule in SUPERVISED_RULES if concerned(rule, trial)]


@pytest.mark.parametrize(("trial", "rule"), JUDGED, ids=[f"{t.name()}-{r.__name__}" for t, r in JUDGED])
def test_a_trial_keeps_the_rules_of_tasks(trial, rule):
    rule(trial)


def test_stress_is_the_derivative_by_strain():
    trial = trials.Stressed()
    x = trial.truth("test").inputs[0]
    way, h = np.array([[0.3, 0.2, -0.1], [0.2, -0.5, 0.4], [-0.1, 0.4, 0.2]]), 1e-5

    def strained(s):
        turn = np.eye(3) + s * h * way
        return trial.solve(x.replace(positions=x["positions"] @ turn, cell=x["cell"] @ turn))["energy"]

    slope = (strained(1) - strained(-1)) / (2 * h) / np.linalg.det(x["cell"])
    assert slope == pytest.approx(np.sum(trial.solve(x)["stress"] * way), rel=1e-7)


def derivative(u, order=1):
    k = 1j * np.fft.rfftfreq(len(u), 1 / len(u))
    return np.fft.irfft(k**order * np.fft.rfft(u), len(u))


def test_waves_on_the_line_solve_burgers():
    trial = trials.Line(n=64, dt=1e-4)
    before, now, after = (x["u"] for x in trial.path(np.random.default_rng(0))[:3])
    rate = trial.viscosity * derivative(now, 2) - now * derivative(now)
    np.testing.assert_allclose((after - before) / 2e-4, rate, atol=1e-6 * np.abs(rate).max())


def test_waves_on_the_torus_solve_the_law_that_the_trial_names():
    trial = trials.Torus(dt=1e-4)
    now, after = trial.path(np.random.default_rng(0))[:2]
    with jax.enable_x64(True):
        linear, nonlinear, _ = trial.law.equation(now)
        w_hat = jnp.fft.rfftn(now["w"])
        rate = np.fft.irfftn(np.asarray(linear * w_hat + nonlinear(w_hat)), now["w"].shape)
    np.testing.assert_allclose((after["w"] - now["w"]) / trial.dt, rate, atol=1e-3 * np.abs(rate).max())


def test_a_membrane_bends_under_its_load():
    trial = trials.Walls(n=129)
    samples = trial.truth("test")
    a, u, h = samples.inputs[0]["a"], samples.outputs["u"][0], 1 / 128
    curved = (u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1]) / h**2
    np.testing.assert_allclose(-curved, a[1:-1, 1:-1], atol=1e-3 * np.abs(a).max())
    assert np.abs(u[0]).max() < 1e-15


def test_a_sphere_that_turns_by_one_point_shifts_by_one():
    trial = trials.Sphere(angle=2 * np.pi / 16)
    now, after = trial.path(np.random.default_rng(0))[:2]
    for name in ("depth", "wind"):
        np.testing.assert_allclose(after[name], np.roll(now[name], 1, 0), atol=1e-12)


def test_density_is_carried_by_the_gas():
    trial = trials.Gas(n=64, dt=1e-5)
    before, now, after = trial.path(np.random.default_rng(0))[:3]
    rate = -now["velocity"] * 2 * np.pi * derivative(now["density"])
    np.testing.assert_allclose((after["density"] - before["density"]) / 2e-5, rate, atol=1e-6 * np.abs(rate).max())
    assert np.ptp(now["pressure"]) == np.ptp(now["velocity"]) == 0


class Normal(Density):
    """N(m, sigma^2), with one fault."""

    sigma: Array
    fault: str

    def sample(self, x, *, key):
        noise = jax.random.normal(jax.random.key(0) if self.fault == "stuck" else key, jnp.shape(x["m"]))
        return {"y": (x["m"] + self.sigma * noise) * (jnp.nan if self.fault == "nan" else 1)}

    def log_prob(self, x, y):
        weight = jnp.arange(8.0) if self.fault == "leaning" else 1.0
        return -jnp.sum(weight * (y["y"] - x["m"]) ** 2) / (2 * self.sigma**2) - 8 * jnp.log(self.sigma)


@dataclasses.dataclass(frozen=True)
class Fitted(Method):
    """The spread of the training draws."""

    fault: str = ""
    accepts: ClassVar = Signature(Sampling, Field)

    @property
    def symmetry(self):
        return (Shifts,)

    def fit(self, task, budget, *, key, session=Session()):
        train = task.truth("train")
        gaps = [y - x["m"] for x, y in zip(train.inputs, train.outputs["y"])]
        return Normal(jnp.asarray(np.std(gaps)), self.fault)


class Guess(Minimiser):
    share: Array
    fault: str

    def minimise(self, x, *, key):
        found = self.share * jnp.asarray(x["m"])
        return {"z": found} if self.fault == "missing" else {"y": found * (np.inf if self.fault == "infinite" else 1)}


@dataclasses.dataclass(frozen=True)
class Search(Method):
    fault: str = ""
    accepts: ClassVar = Signature(Optimisation, Field)

    def fit(self, task, budget, *, key, session=Session()):
        return Guess(jnp.asarray(1.0), self.fault)


@pytest.mark.parametrize("case", [Case(trials.Scatter(), Fitted()), Case(trials.Target(), Search())], ids=str)
def test_sound_samplers_and_searches_pass(case):
    rules = [rule for rule in PAIR_RULES if concerned(rule, case)]
    assert {rule.__name__ for rule in rules} & {"check_draws", "check_search"}
    for rule in rules:
        rule(case)


@pytest.mark.parametrize(
    ("case", "rule", "words"),
    [
        (Case(trials.Scatter(), Fitted("stuck")), answer_checks.check_draws, "another key must give another draw"),
        (Case(trials.Scatter(), Fitted("nan")), answer_checks.check_draws, "draws of y of .* must be finite"),
        (
            Case(trials.Scatter(), Fitted("leaning")),
            answer_checks.check_symmetry_of_density,
            "must keep shifts along x",
        ),
        (Case(trials.Target(), Search("infinite")), answer_checks.check_search, "objective of what .* must be finite"),
    ],
    ids=["stuck", "nan", "leaning", "infinite"],
)
def test_faulty_ones_are_named(case, rule, words):
    with pytest.raises(ContractBroken, match=words):
        rule(case)
